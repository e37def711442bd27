"""Settings… in a real window: keys, connections, custom providers, old and broken files, and where no key may be."""

import json
import signal
import stat
import time
from datetime import date
from pathlib import Path

import pytest

from tests.gimp import accessibility, screen
from tests.gimp.screen import OUTPUT, activate, choose, click, texts
from tests.waiting import wait_until

TITLE = "Generative Edit Settings"
KEY = "sk-canary-right-7f3a"
WRONG = "sk-canary-wrong-7f3a"


# Nothing here depends on GIMP's version.
pytestmark = pytest.mark.one_gimp("3.0")


@pytest.fixture(scope="module")
def window(desktop):
    """A GIMP without an image, and without a key among its variables."""
    desktop.clear()
    desktop.renew({})
    return desktop


@pytest.fixture
def write_settings(window):
    """Deletes the settings; returns a function that writes a file of settings."""
    window.data.mkdir(parents=True, exist_ok=True)
    for path in window.data.glob("*.json*"):
        path.unlink()

    def write(content):
        (window.data / "settings.json").write_text(content if isinstance(content, str) else json.dumps(content))

    return write


@pytest.fixture
def mine(write_settings, endpoint):
    """A custom provider at the test's endpoint, set as the default."""
    entry = {"title": "My Server", "like": "openai", "base_url": endpoint.url, "model": "gpt-image-2"}
    write_settings({"version": 1, "provider": "mine", "providers": {"mine": entry}})
    endpoint.key, endpoint.listing, endpoint.models = KEY, "list", ["gpt-image-2", "gpt-text-9"]
    yield endpoint
    endpoint.key = None


def stored(window):
    return json.loads((window.data / "settings.json").read_text())


def open_window(window):
    """Opens Settings from the menu, with no image open."""
    choose(window, "Settings…", TITLE)
    window.settle()


def close_window(window):
    window.keys("key", "alt+c")
    wait_until(lambda: not any(TITLE in (name or "") for name in window.call("accessibility.windows")))


def wait_for_text(window, text, title=TITLE):
    screen.wait_for_text(window, text, title)


def enter(window, mnemonic, text):
    """Replace the text of a field."""
    window.keys("key", mnemonic)
    window.keys("key", "ctrl+a")
    window.keys("type", text)


def shoot(window, name):
    window.settle()
    window.screenshot(OUTPUT / f"settings-{name}-{window.gimp.minor}.png")


def test_a_wrong_key_is_reported_and_the_right_one_is_stored(window, mine):
    open_window(window)
    wait_for_text(window, "There is no key for 127.0.0.1")
    window.keys("key", "alt+t")
    wait_for_text(window, "needs a key, but there is none")
    enter(window, "alt+k", WRONG)
    shoot(window, "key-hidden")
    window.keys("key", "alt+s")
    wait_for_text(window, "unencrypted: your user account, and any program it runs, can read it")
    window.keys("key", "alt+t")
    wait_for_text(window, "doesn't accept the key")
    shoot(window, "key-wrong")
    enter(window, "alt+k", KEY)
    window.keys("key", "alt+t")
    wait_for_text(window, "accepts the key")
    wait_for_text(window, "not stored yet")
    window.keys("key", "alt+s")
    wait_until(lambda: KEY in (window.data / "keys.json").read_text())
    window.keys("key", "alt+t")
    wait_for_text(window, "“gpt-image-2” is among them")
    shoot(window, "key-right")
    close_window(window)
    open_window(window)
    wait_for_text(window, f"“gpt-image-2” is among them. Tested on {date.today().isoformat()}.")
    wait_for_text(window, f"Its models on {date.today().isoformat()}: gpt-image-2, gpt-text-9.")
    shoot(window, "last-test")
    assert mine.looked_up[-1] == ("/v1/models", KEY)
    assert stat.S_IMODE((window.data / "keys.json").stat().st_mode) == 0o600
    assert_only_in_the_key_file(window)
    window.keys("key", "alt+f")
    wait_for_text(window, "There is no key for 127.0.0.1")
    close_window(window)
    assert KEY not in (window.data / "keys.json").read_text()
    wait_until(lambda: not window.processes("lib.worker"))
    assert_nowhere(window)


def test_a_killed_worker_is_restarted(window, mine):
    open_window(window)
    wait_for_text(window, "There is no key for 127.0.0.1")
    window.kill(signal.SIGKILL, "lib.worker")
    wait_until(lambda: not window.processes("lib.worker"))
    window.keys("key", "alt+t")
    wait_for_text(window, "needs a key, but there is none")
    close_window(window)


def assert_only_in_the_key_file(window):
    paths = files_with(window, (KEY, WRONG))
    assert paths == {window.data / "keys.json"}, paths
    assert window.processes("lib.worker"), "the worker runs while the window is open"
    assert_in_no_process()


def assert_nowhere(window):
    assert files_with(window, (KEY, WRONG)) == set()
    assert_in_no_process()


def files_with(window, secrets):
    """Return the files of this run and of GIMP's configuration that contain one of the secrets."""
    folders = (window.work, window.gimp.config)
    paths = [path for folder in folders for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return {path for path in paths if any(secret.encode() in path.read_bytes() for secret in secrets)}


def assert_in_no_process():
    """Check that no process has one of this test's keys on its command line or in its environment."""
    for name in ("cmdline", "environ"):
        for path in Path("/proc").glob(f"[0-9]*/{name}"):
            try:
                content = path.read_bytes()
            except OSError:
                continue
            assert not any(secret.encode() in content for secret in (KEY, WRONG)), path


def test_an_old_file_is_read_and_upgraded(window, write_settings):
    write_settings({"provider": "openai", "confirm-above": 1.5, "history-days": 9, "something-else": [1]})
    open_window(window)
    window.keys("key", "alt+d")
    wait_for_text(window, "1.50")
    enter(window, "alt+g", "7")
    shoot(window, "defaults")
    close_window(window)
    assert stored(window) == {
        "version": 1, "provider": "openai", "confirm_above": 1.5, "history_days": 9, "something_else": [1], "grow": 7,
    }  # fmt: skip


def test_a_broken_file_is_reported_once_and_set_aside(window, write_settings):
    write_settings('{"provider": "openai", "mod')
    open_window(window)
    wait_for_text(window, "was renamed to settings.json.broken-1")
    shoot(window, "broken")
    assert accessibility.check(window, TITLE)
    close_window(window)
    assert (window.data / "settings.json.broken-1").read_text() == '{"provider": "openai", "mod'
    open_window(window)
    assert not any("renamed" in text for text in window.call("accessibility.texts", title=TITLE))
    close_window(window)


def test_a_provider_is_added_edited_and_removed(window, mine):
    open_window(window)
    window.keys("key", "alt+a")
    activate(window, "Add Provider")
    enter(window, "alt+t", "Studio")
    enter(window, "alt+a", "studio.example/v1")
    window.keys("key", "Return")
    wait_for_text(window, "must start with http", "Add Provider")
    enter(window, "alt+a", "https://studio.example:port/v1")
    window.keys("key", "Return")
    wait_for_text(window, "the port must be a number from 1 to 65535", "Add Provider")
    shoot(window, "form")
    assert accessibility.check(window, "Add Provider")
    enter(window, "alt+a", "https://studio.example/v1")
    window.keys("key", "Return")
    wait_until(lambda: "studio" in stored(window)["providers"])
    wait_for_text(window, "https://studio.example/v1, like Any other server")
    window.keys("key", "alt+e")
    activate(window, "Edit Provider")
    enter(window, "alt+m", "flux")
    window.keys("key", "Return")
    wait_until(lambda: stored(window)["providers"]["studio"]["model"] == "flux")
    shoot(window, "own")
    window.keys("key", "alt+r")
    window.settle()
    shoot(window, "remove")
    window.keys("key", "alt+r")
    wait_until(lambda: list(stored(window)["providers"]) == ["mine"])
    close_window(window)


def test_models_are_listed_and_one_is_selected(window, mine):
    open_window(window)
    enter(window, "alt+k", KEY)
    window.keys("key", "alt+s")
    wait_for_text(window, "unencrypted")
    window.keys("key", "alt+d")
    window.keys("key", "alt+l")
    wait_for_text(window, "press Down in the field")
    window.keys("key", "Down")
    shoot(window, "models")
    wait_until(lambda: stored(window).get("model") == "gpt-image-2")
    close_window(window)


def test_a_model_that_has_ended_says_so_with_a_button_for_its_successor(window, write_settings):
    write_settings({"version": 1, "provider": "openai", "model": "gpt-image-1"})
    open_window(window)
    window.keys("key", "alt+d")
    wait_for_text(window, "gpt-image-1 ended on 2026-10-23; use gpt-image-2 instead.")
    shoot(window, "model-ended")
    click(window, "Use gpt-image-2", TITLE)
    wait_until(lambda: stored(window).get("model") == "gpt-image-2")
    assert "ended on" not in texts(window, TITLE)
    close_window(window)


def test_two_open_windows_do_not_undo_each_other(window, write_settings):
    write_settings({"version": 1, "feather": 3})
    open_window(window)
    main = window.keys("search", "--onlyvisible", "--name", "GNU Image Manipulation Program").split()[0]
    window.keys("windowactivate", "--sync", main)
    open_window(window)
    first, second = wait_until(lambda: two_windows(window))
    for which, mnemonic, number in ((first, "alt+g", "5"), (second, "alt+f", "4"), (first, "alt+a", "2")):
        window.keys("windowactivate", "--sync", which)
        window.keys("key", "alt+d")
        enter(window, mnemonic, number)
        window.keys("key", "Tab")
        time.sleep(1)
    window.keys("windowactivate", "--sync", second)
    wait_for_text(window, "2.00")
    shoot(window, "twice")
    for which in (first, second):
        window.keys("windowactivate", "--sync", which)
        window.keys("key", "alt+c")
        time.sleep(1)
    saved = stored(window)
    assert (saved["grow"], saved["feather"], saved["confirm_above"]) == (5, 4.0, 2.0)


def two_windows(window):
    windows = window.keys("search", "--onlyvisible", "--name", TITLE).split()
    return windows if len(windows) == 2 else None


def test_every_control_has_a_name_and_is_reached_by_tab(window, mine):
    spent = {"openai": {"dollars": 1.234, "edits": 7, "unknown": 0}, "mine": {"dollars": 0, "edits": 0, "unknown": 2}}
    months = {time.strftime("%Y-%m"): spent}
    (window.data / "spending.json").write_text(json.dumps({"version": 1, "months": months}))
    open_window(window)
    # The button to forget a key is enabled once the worker has answered.
    wait_for_text(window, "There is no key for 127.0.0.1")
    pages = {"alt+v": "Key", "alt+d": "Model", "alt+o": "Spent this month", "alt+y": "Log Prompts"}
    for mnemonic, control in pages.items():
        window.keys("key", mnemonic)
        shoot(window, f"page-{mnemonic[-1]}")
        order = accessibility.check(window, TITLE)
        assert control in order and {"Help", "Close", "Settings"} <= set(order)
    window.keys("key", "alt+o")
    wait_for_text(window, "This month: $1.23 and 2 edits of unknown cost")
    close_window(window)


def test_a_script_cannot_open_the_settings(gimp):
    for mode in ("NONINTERACTIVE", "INTERACTIVE"):
        done = gimp.call("settings.run", mode=mode)
        assert done["status"] == "calling-error" and "opens a window" in done["error"], mode
