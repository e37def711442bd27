"""GIMP in German and Chinese: menus, windows and errors speak its language. Screenshots are left to be looked at."""

import re

import pytest

from lib.installer import private_gimp
from lib.installer.catalogues import read
from lib.translation import LOCALE
from tests.gimp.screen import OUTPUT

CHINESE_FONT = "fonts-wqy-microhei"
SCREEN = (1600, 1000)
# A locale by any name that is not "C" lets gettext work; its numbers and dates do not matter here.
LOCALES = ("de_DE", "en_US", "zh_CN")


def in_one(minor, language):
    return pytest.param(language, marks=pytest.mark.one_gimp(minor))


@pytest.fixture(scope="module")
def home(installed, tmp_path_factory):
    """A configuration folder of its own with the installed plug-in, and the locales that a small system has not."""
    if installed.private:
        private_gimp.add(installed.private, [CHINESE_FONT])
    folder = tmp_path_factory.mktemp(f"languages-{installed.minor}")
    (folder / "GIMP").mkdir()
    (folder / "GIMP" / "plug-ins").symlink_to(installed.config / "plug-ins")
    (folder / "locales").mkdir()
    for name in LOCALES:
        (folder / "locales" / f"{name}.UTF-8").symlink_to("/usr/lib/locale/C.utf8")
    return folder


@pytest.fixture(scope="module", params=(in_one("3.2", "de"), in_one("3.0", "zh_CN")))
def window(installed, home, environment, request):
    """GIMP with this language chosen in its preferences, after another one in the same configuration folder."""
    settings = (installed.config / "gimprc").read_text()
    (home / "GIMP" / "gimprc").write_text(f'{settings}(language "{request.param}")\n')
    variables = {
        **environment, "GENERATIVE_EDIT_PROVIDER": "custom", "LANG": "en_US.UTF-8", "LC_ALL": "en_US.UTF-8",
        "LOCPATH": str(home / "locales"),
    }  # fmt: skip
    with installed.start(home, environment=variables, window=SCREEN, config=home / "GIMP", accessible=True) as running:
        running.wait_for_window("GNU|GIMP")
        running.language = request.param
        yield running


@pytest.fixture(scope="module")
def said(window):
    """English to what is said for it."""
    return {entry.text: entry.translations[0] for entry in read(LOCALE / f"{window.language}.po")[1:]}


def test_gimp_is_told_the_procedures_in_its_language(window, said):
    for name, label in (("generative-edit", "_Edit with Prompt…"), ("generative-edit-extend", "E_xtend Canvas…")):
        words = window.call("languages.words_of", name=name)
        assert words["label"] == said[label]
        assert words["blurb"] in said.values()
        timeout = [said["_Timeout"], said["Seconds for the whole request, 0 or more; 0: 600"]]
        assert words["arguments"]["timeout"] == timeout


def test_errors_come_in_its_language_from_every_side(window, said, endpoint):
    """The plug-in's own, the engine's by way of the worker, and the client's about an endpoint."""
    image = window.call("edits.show", case="ellipse")
    done = window.call("edits.edit_shown", image_id=image, n=11, provider="local")
    message = said["{name} {value}: must be {least} to {most}."]
    assert message.format(name="n", value=11, least=0, most=10) in done["error"]
    done = window.call("edits.edit_shown", image_id=image, prompt="a dog that plays the piano", provider="local")
    text = "The built-in engine does not understand “{words}”."
    assert said[text].partition("{")[0] in done["error"]
    endpoint.behave("refuse")
    done = window.call("edits.edit_shown", image_id=image, prompt="x", provider="custom")
    hint = "Change the prompt, the image or the options; the same request will be refused again."
    assert said[hint] in done["error"]


@pytest.mark.parametrize(
    ("entry", "title"),
    [
        ("_Edit with Prompt…", "Edit with Prompt – {image}"),
        ("E_xtend Canvas…", "Extend Canvas – {image}"),
        ("_Settings…", "Generative Edit Settings"),
        ("_History…", "Generative Edit: History"),
    ],
)
def test_no_english_is_left_in_its_windows(window, said, entry, title):
    window.call("edits.show", case="ellipse")
    window.settle()
    title = said[title].partition("{")[0].strip(" –")
    window.call("languages.activate", entry=said[entry].replace("_", ""))
    window.wait_for_window(title)
    window.settle()
    name = re.sub(r"\W+", "-", plain(entry)).lower()
    window.screenshot(OUTPUT / f"{window.language}-{name}-{window.gimp.minor}.png")
    texts = window.call("accessibility.texts", title=title)
    english = {plain(one) for one, translated in said.items() if plain(one) != plain(translated)}
    assert [text for text in texts if plain(text) in english] == []
    assert any(plain(text) in {plain(translated) for translated in said.values()} for text in texts)
    window.keys("key", "Escape")
    window.settle()


def test_the_menu(window, said):
    window.call("edits.show", case="ellipse")
    window.settle()
    window.keys("key", "alt+r")
    window.settle()
    window.keys("key", "Up", "Right")
    window.settle()
    window.screenshot(OUTPUT / f"{window.language}-menu-{window.gimp.minor}.png")
    window.keys("key", "Escape", "Escape", "Escape")


def plain(text):
    """A label as it is read: no mnemonic, no colon."""
    return re.sub(r"\(_\w\)|_", "", text).rstrip("…:： ")
