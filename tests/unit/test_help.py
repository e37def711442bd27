"""The help: what the windows open is there, and what it says of files and options is so."""

import re
from pathlib import Path

from lib.endpoint.engine.prompt import understand
from lib.settings import prompts, settings
from plugin.edit.arguments import EDIT_ARGUMENTS
from plugin.folder.arguments import FOLDER_ARGUMENTS
from tests.systems import DATA_HOME

CHECKOUT = Path(__file__).absolute().parents[2]
PAGE = (CHECKOUT / "plugin/help/index.html").read_text(encoding="utf-8")
SECTIONS = set(re.findall(r'<h2 id="([\w-]+)">', PAGE))


def test_every_link_and_picture_is_there():
    assert set(re.findall(r'href="#([\w-]+)"', PAGE)) == SECTIONS
    shown = re.findall(r'<img src="([^"]+)" alt="[^"]{20,}"', PAGE)
    assert sorted([*shown, "index.html"]) == sorted(path.name for path in (CHECKOUT / "plugin/help").iterdir())
    assert sum(path.stat().st_size for path in (CHECKOUT / "plugin/help").iterdir()) < 600_000


def test_every_help_button_opens_a_section():
    opened = {
        name
        for path in (CHECKOUT / "plugin").rglob("*.py")
        for name in re.findall(r'give_help\(\S+, "([\w-]+)"\)', path.read_text(encoding="utf-8"))
    }
    assert opened and opened <= SECTIONS


def test_what_it_says_of_folder_runs_is_so():
    names = {argument.name for argument in FOLDER_ARGUMENTS}
    batch = PAGE[PAGE.index('id="batch"') :].partition("<h2")[0]
    options = set(re.findall(r"<code>([a-z]+-[a-z]+)</code>", batch))
    assert options == {"max-cost", "prompts-file", "retry-unknown"} and options <= names


def test_what_it_says_is_so(tmp_path, monkeypatch):
    monkeypatch.setenv(DATA_HOME, str(tmp_path))
    prompts.remember("x")
    settings.change(confirm_above=1.0)
    kept = [settings.jobs_folder(), settings.key_file(), *tmp_path.rglob("*.json")]
    for name in (path.name for path in kept):
        assert f"<code>{name}</code>" in PAGE
    assert "<code>max-cost</code>" in PAGE and "max-cost" in {argument.name for argument in EDIT_ARGUMENTS}
    engine = PAGE[PAGE.index('id="built-in"') :].partition("</p>")[0]
    listed = " ".join(engine.split()).partition("no model:")[2].partition("; in English")[0]
    for phrase in re.split(r",|·|</?i>", listed):
        if phrase.strip() and phrase.strip() not in ("several pictures",):
            assert understand(phrase.strip())
