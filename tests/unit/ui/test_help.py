"""The help: what the windows open is there, and what it says of files and options is so."""

import re
from pathlib import Path

from lib.endpoint.engine.prompt import parse_prompt
from lib.settings import last_used, prompts, recipes, settings, spending, window_state
from plugin.edit.arguments import EDIT_ARGUMENTS
from plugin.folder.arguments import FOLDER_ARGUMENTS, MASKS
from plugin.folder.report import OTHER_SETTINGS
from tests.systems import DATA_HOME

CHECKOUT = Path(__file__).absolute().parents[3]
HELP = CHECKOUT / "plugin" / "help"
PAGES = {path.name: path.read_text(encoding="utf-8") for path in HELP.glob("*.html")}
PAGE, FOLDERS = PAGES["index.html"], PAGES["folders.html"]
SECTIONS = set(re.findall(r'<h2 id="([\w-]+)">', PAGE))


def test_every_link_and_picture_is_there():
    assert set(re.findall(r'href="#([\w-]+)"', PAGE)) == SECTIONS
    pictures = re.findall(r'<img src="([^"]+)" alt="[^"]{20,}"', PAGE)
    assert sorted([*pictures, *PAGES, "help.css"]) == sorted(path.name for path in HELP.iterdir())
    assert sum(path.stat().st_size for path in HELP.iterdir()) < 600_000


def test_every_page_can_be_reached_and_leads_back():
    linked = {name for text in PAGES.values() for name in re.findall(r'href="([\w-]+\.html)"', text)}
    assert linked == set(PAGES)
    for name, text in PAGES.items():
        assert '<link rel="stylesheet" href="help.css">' in text, name
        assert name == "index.html" or '<a href="index.html">' in text, name


def test_every_help_button_opens_a_section():
    opened = {
        name
        for path in (CHECKOUT / "plugin").rglob("*.py")
        for name in re.findall(r'add_help_button\(\S+, "([\w-]+)"\)', path.read_text(encoding="utf-8"))
    }
    assert opened and opened <= SECTIONS


def test_what_it_says_of_folder_runs_is_so():
    names = {argument.name for argument in FOLDER_ARGUMENTS}
    options = set(re.findall(r"<code>([a-z]+-[a-z]+)</code>", FOLDERS)) - {"gimp-console", OTHER_SETTINGS}
    assert options == {"max-cost", "output-format", "prompts-file", "retry-unknown"} and options <= names
    assert {*re.findall(r"#:([a-z-]+)", FOLDERS), "concurrency", "mask", "pattern"} <= names
    masks = re.findall(r"<tr><td><code>([a-z]+)</code></td>", FOLDERS)
    assert masks == ["file", "selection", "alpha"] and {*masks, "none"} < set(MASKS)


def test_scripts_are_told_of_every_procedure():
    listed = set(re.findall(r"<code>(generative-edit[a-z-]*)</code>", PAGES["scripts.html"]))
    entries = (CHECKOUT / "plugin/procedures/entries.py").read_text(encoding="utf-8")
    registered = re.findall(r'^    "(generative-edit[a-z-]*)": \w+\(', entries, re.MULTILINE)
    assert listed == {*registered, "generative-edit-folder", "generative-edit-select-subject"}


def test_what_it_says_is_so(tmp_path, monkeypatch):
    monkeypatch.setenv(DATA_HOME, str(tmp_path))
    prompts.remember("x")
    settings.change(confirm_above=1.0)
    spending.add("openai", 0.1)
    last_used.remember("openai", "")
    recipes.save("x", {"prompt": "x"})
    window_state.remember_group("size", True)
    paths = [settings.jobs_folder(), settings.key_file(), *tmp_path.rglob("*.json")]
    for name in (path.name for path in paths):
        assert f"<code>{name}</code>" in PAGE
    scripts = PAGES["scripts.html"]
    assert "<code>max-cost</code>" in scripts and "max-cost" in {argument.name for argument in EDIT_ARGUMENTS}
    engine = PAGE[PAGE.index('id="built-in"') :].partition("</p>")[0]
    listed = " ".join(engine.split()).partition("no model:")[2].partition("; in English")[0]
    for phrase in re.split(r",|·|</?i>", listed):
        if phrase.strip() and phrase.strip() not in ("several pictures",):
            assert parse_prompt(phrase.strip())
