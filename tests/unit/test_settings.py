"""What is remembered: each change alone, checked, and whatever is in the file never in the way."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lib.settings import custom_providers as own_providers
from lib.settings import settings
from lib.settings.settings import Settings
from tests.systems import DATA_HOME, is_private

CHECKOUT = Path(__file__).absolute().parents[2]
MINE = {"title": "Mine", "like": "vllm-omni", "base_url": "https://mine.example/v1", "model": "flux"}


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    monkeypatch.setenv(DATA_HOME, str(tmp_path))
    return settings.data_folder()


def write(data, content):
    data.mkdir(exist_ok=True)
    (data / "settings.json").write_text(content if isinstance(content, str) else json.dumps(content))


def stored(data):
    return json.loads((data / "settings.json").read_text())


def test_nothing_set_is_the_defaults_and_writes_nothing(data):
    assert settings.load() == Settings() and settings.problem() == ""
    assert (settings.load().confirm_above, settings.load().log_prompts) == (0.25, False)
    assert not (data / "settings.json").exists()


def test_a_change_is_that_field_alone_and_is_kept(data):
    settings.change(provider="openai", confirm_above=1)
    assert settings.change(feather=2.5) == Settings(provider="openai", confirm_above=1.0, feather=2.5)
    assert stored(data) == {"version": 1, "provider": "openai", "confirm_above": 1.0, "feather": 2.5}
    assert is_private(data / "settings.json") and is_private(data)


BAD = {
    "provider": [1, None, "a\nb", "x" * 201], "model": [{}], "confirm_above": [-1, "0.25", True, 1e300, float("nan")],
    "context": ["wide", "-3", "1234567", 5], "feather": [-0.1, None, 501], "grow": [1.5, -1, float("inf"), 501],
    "history_days": [-1, "30", 10**400], "history_megabytes": [None, False], "log_prompts": [1, "true"],
    "confirmed": ["openai", [1]],
}  # fmt: skip
BAD_VALUES = [(name, value) for name, values in BAD.items() for value in values]


@pytest.mark.parametrize(("name", "value"), BAD_VALUES)
def test_a_value_that_cannot_be_is_refused_and_in_a_file_it_is_the_default(data, name, value):
    with pytest.raises(ValueError, match=name):
        settings.change(**{name: value})
    write(data, {"version": 1, "provider": "openai", "grow": 3, name: value})
    expected = {"provider": "openai", "grow": 3, name: getattr(Settings(), name)}
    assert settings.load() == Settings(**expected)
    assert name in settings.problem()


def test_there_is_a_check_for_every_field():
    assert set(BAD) | {"providers"} == set(Settings.__dataclass_fields__)
    with pytest.raises(ValueError, match="colour"):
        settings.change(colour="red")


def test_a_broken_file_is_the_defaults_is_told_of_and_kept(data):
    write(data, '{"provider": "openai", ')
    assert settings.load() == Settings()
    assert "settings.json.broken-1" in settings.problem()
    assert (data / "settings.json.broken-1").read_text() == '{"provider": "openai", '
    settings.acknowledge()
    assert settings.problem() == ""


def test_a_newer_versions_unknown_keys_are_kept(data):
    write(data, {"version": 7, "model": "m", "theme": {"dark": True}, "providers": {"Odd Name": 1, "mine": MINE}})
    settings.change(model="n")
    settings.keep_provider("other", {**MINE, "base_url": "https://other.example/v1"})
    now = stored(data)
    assert now["version"] == 7 and now["theme"] == {"dark": True} and now["model"] == "n"
    assert set(now["providers"]) == {"Odd Name", "mine", "other"} and now["providers"]["mine"] == MINE


def test_an_older_file_without_a_version_is_taken_over(data):
    write(data, {"provider": "openai", "confirm-above": 2, "history-days": 9})
    assert settings.load() == Settings(provider="openai", confirm_above=2.0, history_days=9)
    settings.change(grow=1)
    assert stored(data) == {"version": 1, "provider": "openai", "confirm_above": 2, "history_days": 9, "grow": 1}


def test_two_processes_that_change_different_fields_both_win():
    program = (
        "import sys; from lib.settings import settings\n"
        "for number in range(60): settings.change(**{sys.argv[1]: number}); settings.confirm(f'{sys.argv[1]}-{number}')"
    )
    words = [[sys.executable, "-c", program, name] for name in ("grow", "history_days")]
    started = [subprocess.Popen(command, cwd=CHECKOUT) for command in words]
    assert [process.wait(60) for process in started] == [0, 0]
    now = settings.load()
    assert (now.grow, now.history_days, len(now.confirmed)) == (59, 59, 120)


def test_a_folder_that_cannot_be_made_is_the_defaults_and_a_sentence(tmp_path, monkeypatch):
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    monkeypatch.setenv(DATA_HOME, str(in_the_way))
    assert settings.load() == Settings() and "cannot be made" in settings.problem()
    assert settings.provider("openai").title == "OpenAI"
    with pytest.raises(OSError, match="Not a directory"):
        settings.change(grow=1)


def test_an_own_provider_has_its_address_over_a_built_in_dialect(monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "https://elsewhere.example/v1")
    settings.keep_provider("mine", {**MINE, "like": "openai"})
    found = settings.provider("mine")
    assert (found.name, found.title, found.default_model, found.needs_key) == ("mine", "Mine", "flux", True)
    assert found.resolve_url(None, os.environ) == "https://mine.example/v1", "the environment's is for the built-in one"
    assert found.key_variables == () and settings.provider("openai").default_model == "gpt-image-2"
    assert settings.provider_names()[-1] == "mine"


def test_an_api_version_is_the_users(monkeypatch):
    entry = {"title": "", "like": "azure", "base_url": "https://a.example/openai/v1", "api_version": "2026-01-01"}
    settings.keep_provider("work", entry)
    assert set(settings.provider("work").api_versions.values()) == {"2026-01-01"}
    assert settings.provider("work").title == "work"
    settings.keep_provider("work", {**entry, "api_version": ""})
    assert settings.provider("work").api_versions == settings.provider("azure").api_versions


@pytest.mark.parametrize(("name", "changes", "said"), [
    ("openai", {}, "built in"), ("My Server", {}, "named"), ("", {}, "named"), (None, {}, "named"),
    ("../x", {}, "named"), ("x", {"like": "local"}, "like one of"), ("x", {"like": "nobody"}, "like one of"),
    ("x", {"base_url": "ftp://a"}, "http"), ("x", {"base_url": ""}, "base URL"), ("x", {"base_url": 3}, "base_url"),
    ("x", {"base_url": "https://me:secret@a.example/v1"}, "password"), ("x", {"base_url": "http://a:port"}, "port"),
    ("x", {"base_url": "http://[a/v1"}, "brackets"), ("x", {"base_url": "http://a b/v1"}, "spaces"),
    ("x", {"title": "a\nb"}, "title"),
    ("x", {"model": "m" * 300}, "model"), ("x", {"api_version": "1&key=x"}, "API version"),
])  # fmt: skip
def test_an_own_provider_that_cannot_be_is_refused_and_in_a_file_left_out(data, name, changes, said):
    with pytest.raises(ValueError, match=said):
        settings.keep_provider(name, MINE | changes)
    write(data, {"version": 1, "providers": {str(name): MINE | changes, "good": MINE}})
    if isinstance(name, str):
        assert list(settings.load().providers) == ["good"] and said in settings.problem()


def test_an_unknown_provider_is_told_with_the_names_that_there_are():
    settings.keep_provider("mine", MINE)
    with pytest.raises(ValueError, match=r"“nobody”.*openai.*mine"):
        settings.provider("nobody")


def test_a_built_in_name_can_never_be_taken_over(data):
    write(data, {"version": 1, "providers": {"openai": MINE}})
    assert settings.provider("openai").base_url == "https://api.openai.com/v1"


def test_a_provider_that_moves_or_goes_is_confirmed_again():
    settings.keep_provider("mine", MINE)
    settings.change(provider="mine", model="flux")
    assert settings.confirm("mine").confirmed == ("mine",)
    assert settings.keep_provider("mine", {**MINE, "title": "New"}).confirmed == ("mine",)
    assert settings.keep_provider("mine", {**MINE, "base_url": "https://moved.example/v1"}).confirmed == ()
    settings.confirm("mine")
    now = settings.forget_provider("mine")
    assert (now.confirmed, now.providers, now.provider, now.model) == ((), {}, "", "")


def test_a_new_name_is_made_of_the_title_and_is_free():
    assert own_providers.new_name("My Server!", {}) == "my-server"
    assert own_providers.new_name("My Server", {"my-server": 1}) == "my-server-2"
    assert own_providers.new_name("OpenAI", {}) == "openai-2"
    assert own_providers.new_name("服务器", {}) == "provider"
