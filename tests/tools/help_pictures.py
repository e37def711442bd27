"""Takes the help's pictures from the real windows, in GIMP 3.2, with the built-in engine.

    python3 tests/run.py --python tests/tools/help_pictures.py

The picture that is edited is GIMP's own splash image, as in the README.
"""

import shutil
import sys
import tempfile
from pathlib import Path

CHECKOUT = Path(__file__).absolute().parents[2]
sys.path.insert(0, str(CHECKOUT))

from tests.gimp.harness import GimpUnderTest
from tests.gimp.screen import MAIN, PANEL, activate, can_be_used, choose, click, open_panel, texts
from tests.waiting import wait_until

HELP = CHECKOUT / "plugin" / "help"
SCREEN = (1280, 800)


def main():
    gimp = GimpUnderTest.find("3.2")
    done = gimp.install()
    if done.returncode:
        sys.exit(done.stderr)
    shutil.rmtree(gimp.config / "plug-in-settings", ignore_errors=True)  # the last values of a test
    with tempfile.TemporaryDirectory() as work, _started(gimp, work) as window:
        window.wait_for_window(MAIN)
        image = window.call("edits.show", case="ellipse")
        window.settle()
        edit(window, image)
        extend(window)
        keep_window(window, "History…", "Generative Edit: History", "history")
        keep_window(window, "Settings…", "Generative Edit Settings", "settings")
    print("\n".join(f"{path.name}: {path.stat().st_size // 1000} kB" for path in sorted(HELP.glob("*.webp"))))


def _started(gimp, work):
    """GIMP with the plug-in as it is after its first window."""
    return gimp.start(work, environment={"GENERATIVE_EDIT_PROVIDER": "local"}, window=SCREEN, accessible=True)


def edit(window, image):
    open_panel(window, image)
    click(window, "Prompt")
    window.keys("type", "remove")
    wait_until(lambda: can_be_used(window, "Generate"), "Generate can be clicked")
    keep(screen_picture(window), "first-edit")
    window.keys("key", "ctrl+Return")
    wait_until(lambda: "1 result" in texts(window), "the result")
    keep(screen_picture(window), "result")
    click(window, "Keep")
    window.settle()
    close(window, PANEL)


def extend(window):
    choose(window, "Extend Canvas…", "Extend Canvas")
    window.settle()
    window.keys("key", "alt+f")
    window.keys("key", "ctrl+a")
    window.keys("type", "400")
    window.keys("key", "Tab")
    keep(cut(window, "Extend Canvas"), "extending")
    close(window, "Extend Canvas")


def keep_window(window, entry, title, name):
    choose(window, entry, title)
    keep(cut(window, title), name)
    close(window, title)


def close(window, title):
    activate(window, title)
    window.keys("key", "Escape")
    wait_until(lambda: title not in " ".join(window.call("accessibility.windows")), f"{title} closes")


def cut(window, title):
    """A picture of one window."""
    left, top, width, height = window.call("accessibility.extent", title=title)
    return screen_picture(window).crop((left, top, left + width, top + height))


def screen_picture(window):
    """What is on the screen, the mouse out of the way, without what is beside GIMP's windows."""
    window.keys("mousemove", "0", str(SCREEN[1] - 1))
    picture = window.settle()
    return picture.crop(picture.getbbox())


def keep(picture, name):
    picture.convert("RGB").save(HELP / f"{name}.webp", quality=80, method=6)


if __name__ == "__main__":
    main()
