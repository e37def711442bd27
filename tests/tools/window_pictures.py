"""Takes a picture of every window and state, to be looked at: in several sizes, themes, languages and directions.

    python3 tests/run.py --python tests/tools/window_pictures.py [NAME ...]

NAME is one of the looks below; without any, all are taken. The pictures are in tests/output/looks.
"""

import json
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

CHECKOUT = Path(__file__).absolute().parents[2]
sys.path.insert(0, str(CHECKOUT))

from PIL import Image

from lib.installer.catalogues import read
from lib.translation import LOCALE
from tests.gimp.endpoint import TestEndpoint
from tests.gimp.harness import GimpUnderTest
from tests.gimp.screen import OUTPUT
from tests.waiting import wait_until

PANEL, HISTORY, FOLDER = "Edit with Prompt – {image}", "Generative Edit: History", "Edit Folder"
SETTINGS, EXTEND, WELCOME = "Generative Edit Settings", "Extend Canvas – {image}", "Welcome to Generative Edit"
GROUPS = ("images", "size", "area", "result", "more")
RIGHT_TO_LEFT = """
import sys
if any("generative-edit" in word for word in sys.argv + getattr(sys, "orig_argv", [])):
    import gi
    gi.require_version("Gtk", "3.0")
    from gi.repository import Gtk
    Gtk.Widget.set_default_direction(Gtk.TextDirection.RTL)
    Gtk.Widget.set_default_direction = lambda *_direction: None
"""


@dataclass
class Look:
    """How the windows look: the screen, the colours, the language, and what else the desktop sets."""

    screen: tuple = (1280, 720)
    colours: str = "dark"
    language: str = "en"
    environment: dict = field(default_factory=dict)
    font: str = ""
    right_to_left: bool = False
    rc: str = ""


LOOKS = {
    "dark": Look(),
    "light": Look(colours="light"),
    "large-de": Look((1920, 1080), language="de"),
    "small-de": Look(language="de", colours="light"),
    "small-zh": Look(language="zh_CN"),
    "large-zh": Look((1920, 1080), language="zh_CN", colours="light"),
    "double": Look((2560, 1440), environment={"GDK_SCALE": "2"}),
    "right-to-left": Look(right_to_left=True),
    "high-contrast": Look(rc='(theme "System")', environment={"GTK_THEME": "HighContrast"}, colours="light"),
    "large-fonts": Look(font="Sans 15"),
}


def main():
    gimp = GimpUnderTest.find("3.2")
    done = gimp.install()
    if done.returncode:
        sys.exit(done.stderr)
    for name in sys.argv[1:] or LOOKS:
        with tempfile.TemporaryDirectory() as work:
            take(gimp, LOOKS[name], Path(work), OUTPUT / "looks" / name)


def take(gimp, look, work, folder):
    """Take all pictures of one look."""
    shutil.rmtree(folder, ignore_errors=True)
    settings = (gimp.config / "gimprc").read_text()
    (work / "GIMP").mkdir()
    (work / "GIMP" / "plug-ins").symlink_to(gimp.config / "plug-ins")
    (work / "GIMP" / "interpreters").symlink_to(gimp.config / "interpreters")
    extra = f'{look.rc}\n(theme-color-scheme {look.colours})\n(language "{look.language}")\n'
    (work / "GIMP" / "gimprc").write_text(settings + extra)
    (work / "locales").mkdir()
    for locale in ("de_DE", "en_US", "zh_CN"):
        (work / "locales" / f"{locale}.UTF-8").symlink_to("/usr/lib/locale/C.utf8")
    if look.font:
        (work / ".config" / "gtk-3.0").mkdir(parents=True)
        (work / ".config" / "gtk-3.0" / "settings.ini").write_text(f"[Settings]\ngtk-font-name={look.font}\n")
    variables = {"LANG": "en_US.UTF-8", "LC_ALL": "en_US.UTF-8", "LOCPATH": str(work / "locales"), **look.environment}
    endpoint = TestEndpoint()
    plug_in = {"OPENAI_BASE_URL": endpoint.url, "OPENAI_API_KEY": "sk-looks", "GENERATIVE_EDIT_PROVIDER": "custom"}
    if look.right_to_left:
        (work / "sitecustomize").mkdir()
        (work / "sitecustomize" / "sitecustomize.py").write_text(RIGHT_TO_LEFT)
        plug_in["PYTHONPATH"] = str(work / "sitecustomize")
    try:
        with gimp.start(
            work, environment=variables, window=look.screen, config=work / "GIMP", accessible=True
        ) as window:
            window.wait_for_window("GIMP|GNU")
            Pictures(window, endpoint, look, folder, plug_in).take_all()
    finally:
        endpoint.close()


class Pictures:
    """Drives the windows of one look from state to state."""

    def __init__(self, window, endpoint, look, folder, plug_in):
        self._plug_in = plug_in
        self._window, self._endpoint, self._folder = window, endpoint, folder
        catalogue = [] if look.language == "en" else read(LOCALE / f"{look.language}.po")[1:]
        self._translations = {entry.text: entry.translations[0] for entry in catalogue}
        self._count = 0

    def take_all(self):
        for part in (self.first_time, self.panel, self.history, self.settings, self.extend, self.edit_folder):
            try:
                part()
            except AssertionError as error:
                self.shoot("not-taken")
                print(f"{self._folder.name}, {part.__name__}: {str(error)[:300]}", flush=True)
                self._window.clear()

    def first_time(self):
        window = self._window
        window.renew({name: text for name, text in self._plug_in.items() if name == "PYTHONPATH"}, welcome=True)
        window.call("edits.show", case="ellipse")
        window.settle()
        self.open("_Edit with Prompt…", WELCOME)
        self.shoot("first-time")
        window.keys("key", "Escape")
        self.wait(PANEL)
        self.shoot("panel-engine")
        window.keys("key", "Escape")
        window.settle()

    def panel(self):
        window, endpoint = self._window, self._endpoint
        window.renew(self._plug_in)
        self.open("_Edit with Prompt…", PANEL)
        self.shoot("panel-empty")
        self.click(PANEL, "_Recipes")
        self.shoot("recipes")
        window.keys("key", "Escape")
        endpoint.behave("held")
        for prompt in ("a fishing boat with a red sail", "a lighthouse", "nothing but calm water"):
            self.ask_for(prompt)
            wait_until(lambda prompt=prompt: prompt in self.texts(PANEL), "the edit is listed")
        self.shoot("panel-queue")
        window.keys("key", "Escape")
        time.sleep(1)
        self.shoot("close-question")
        window.keys("key", "Escape")
        endpoint.behaviour = "variations"
        endpoint.release.set()
        time.sleep(3)
        self.shoot("panel-results")
        endpoint.behave("refuse_at_length")
        self.ask_for("a pirate flag")
        time.sleep(4)
        self.shoot("panel-error")
        window.keys("key", "Escape")
        self.open_groups()
        self.open("_Edit with Prompt…", PANEL)
        self.shoot("panel-groups")
        window.keys("key", "Escape")
        window.settle()

    def open_groups(self):
        wait_until(lambda: self.name(PANEL) not in self.titles(), "the panel closes")
        states = self._window.data / "windows.json"
        data = json.loads(states.read_text())
        states.write_text(json.dumps(data | {"groups": {**data.get("groups", {}), **dict.fromkeys(GROUPS, True)}}))

    def history(self):
        window = self._window
        window.call("edits.close_all")
        window.call("edits.show", case="plain")
        window.settle()
        self.open("_History…", HISTORY)
        self.shoot("history")
        left, top, *_size = window.call("accessibility.extent", title=self.name(HISTORY))
        window.keys("mousemove", str(left + 230), str(top + 170), "click", "1")  # the first one has failed
        window.settle()
        window.keys("mousemove", str(left + 240), str(top + 180))
        self.shoot("history-before", move=False)
        self.click(HISTORY, "_Insert")
        time.sleep(1)
        self.shoot("history-placement")
        window.keys("key", "Escape")
        self.click(HISTORY, "_Delete…")
        time.sleep(1)
        self.shoot("history-delete")
        window.keys("key", "Escape")
        window.settle()
        window.keys("key", "Escape")
        window.settle()

    def settings(self):
        self.open("_Settings…", SETTINGS)
        for page in ("Pro_viders and Keys", "_Defaults", "C_ost", "Histor_y and Log"):
            self.click(SETTINGS, page)
            self.shoot("settings-" + page.replace("_", "").partition(" ")[0].lower())
        self._window.keys("key", "Escape")
        self._window.settle()

    def extend(self):
        self._window.call("edits.show", case="ellipse")
        self._window.settle()
        self.open("E_xtend Canvas…", EXTEND)
        self.shoot("extend")
        self._window.keys("key", "Escape")
        self._window.settle()

    def edit_folder(self):
        window, work = self._window, self._window.work
        self.open("Edit _Folder…", FOLDER)
        self.shoot("folder-empty")
        window.keys("key", "Escape")
        window.settle()
        (work / "in").mkdir()
        (work / "out").mkdir()
        for number in range(12):
            colours = (40 + 12 * number, 160, 200 - 9 * number)
            Image.new("RGB", (640, 480), colours).save(work / "in" / f"harbour {number + 1:02}.jpg")
        mask = Image.new("L", (640, 480))
        mask.paste(255, (200, 100, 400, 300))
        mask.save(work / "in" / "harbour 01.mask.png")
        last = {"version": 1, "input_folder": str(work / "in"), "output_folder": str(work / "out")}
        (window.data / "last-used.json").write_text(json.dumps(last))
        self._endpoint.behave("refuse_at_length")
        self.open("Edit _Folder…", FOLDER)
        self.shoot("folder-filled")
        self._endpoint.behave("held")
        window.keys("key", "ctrl+Return")
        time.sleep(1)
        self.shoot("folder-question")
        window.keys("key", "Return")
        time.sleep(3)
        self.shoot("folder-running")
        self._endpoint.behaviour = "refuse_at_length"
        self._endpoint.release.set()
        time.sleep(8)
        self.shoot("folder-done")
        window.keys("key", "Escape")
        window.settle()

    def name(self, text):
        """The text in the look's language, up to its first placeholder and without its mnemonic."""
        words = self._translations.get(text, text).partition("{")[0].strip(" –")
        return words.partition("(_")[0] + words.partition("(_")[2].partition(")")[2] if "(_" in words else words

    def label(self, text):
        return self.name(text).replace("_", "")

    def open(self, entry, title):
        self._window.call("languages.activate", entry=self._translations.get(entry, entry).replace("_", ""))
        self.wait(title)

    def wait(self, title):
        self._window.wait_for_window(self.name(title))
        self._window.settle()

    def titles(self):
        return " ".join(filter(None, self._window.call("accessibility.windows")))

    def texts(self, title):
        return " ".join(self._window.call("accessibility.texts", title=self.name(title)))

    def click(self, title, control):
        names = (self.label(control), self._translations.get(control, control).replace("_", ""))
        present = [
            one["name"] or one["label"] for one in self._window.call("accessibility.controls", title=self.name(title))
        ]
        name = next(name for name in names if name in present)
        place = self._window.call("accessibility.place", title=self.name(title), name=name)
        self._window.keys("mousemove", *map(str, place), "click", "1")
        self._window.settle()

    def ask_for(self, prompt):
        """Type another prompt, which has the keyboard when the panel opens, and generate."""
        name = self.label("Prompt")
        wait_until(
            lambda: self._window.call("accessibility.focus", title=self.name(PANEL), name=name), "the prompt", 20
        )
        self._window.keys("key", "ctrl+a")
        self._window.keys("type", prompt)
        self._window.settle()
        self._window.keys("key", "ctrl+Return")

    def shoot(self, name, *, move=True):
        if move:
            self._window.keys("mousemove", "1", "1")
        self._window.settle()
        self._count += 1
        self._window.screenshot(self._folder / f"{self._count:02}-{name}.png")


if __name__ == "__main__":
    main()
