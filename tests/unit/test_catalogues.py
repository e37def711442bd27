"""Everything that a user may read is marked, translated into every language, and translated rightly."""

import ast
import re
import string

import pytest

from lib.api.request import EditRequest
from lib.installer.catalogues import CatalogueEntry, read
from lib.translation import LOCALE
from tests.tools import catalogues
from tests.unit.unmarked import in_source

LANGUAGES = sorted(catalogues.PLURALS)
MODULES = [path.relative_to(catalogues.CHECKOUT).as_posix() for path in catalogues.sources()]
# Names of the API have underscores that are no mnemonics.
_FIELDS = sorted({name for name in EditRequest.__dataclass_fields__ if "_" in name} | {"num_inference_steps"})
_ENDS = str.maketrans("：。；！？，（）", ":.;!?,()")


def translations(language):
    return read(LOCALE / f"{language}.po")[1:]


def test_everything_is_collected_and_translated():
    assert catalogues.check(catalogues.collect()) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_keep_placeholders_mnemonics_and_punctuation(language):
    done = [message for message in translations(language) if message.is_translated]
    assert [problem for message in done if (problem := wrong(message))] == []


@pytest.mark.parametrize("name", MODULES)
def test_no_text_for_a_user_is_unmarked(name):
    source = (catalogues.CHECKOUT / name).read_text()
    assert [f"{name}:{line}: {text}" for line, text in in_source(source, name)] == []


@pytest.mark.parametrize("name", ["lib/imaging/result.py", "plugin/ui/activity.py", "plugin/worker/progress.py"])
def test_what_the_built_in_engine_shows_somebody_with_a_selection_is_in_the_words_of_gimp(name):
    messages = catalogues.in_module((catalogues.CHECKOUT / name).read_text())
    of_others = {
        "Cancelled. Nothing was billed.",
        "Cancelled. The request had already been sent and may have been billed.",
    }
    displayed = {message.text for message in messages} - of_others
    assert [text for text in displayed if re.search(r"\b(endpoint|mask|bill)", text, re.IGNORECASE)] == []


@pytest.mark.parametrize("name", MODULES)
def test_only_whole_texts_are_marked(name):
    """`_(f"…")` is never found in a catalogue, and a `_` that is assigned hides the function."""
    tree = ast.parse((catalogues.CHECKOUT / name).read_text())
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == "lib.translation"]
    for node in ast.walk(tree):
        if catalogues.is_mark(node):
            assert not any(isinstance(part, (ast.JoinedStr, ast.BinOp)) for part in node.args), node.lineno
        if imports and isinstance(node, ast.Name) and node.id == "_":
            assert isinstance(node.ctx, ast.Load), f"line {node.lineno} hides gettext's _"


@pytest.mark.parametrize(
    ("source", "is_unmarked"),
    [
        ('raise EditFailed("The disk is full. Make room.")', True),
        ('raise EditFailed(_("The disk is full. Make room."))', False),
        ('told = f"{count} pictures would be sent"', True),
        ('told = _("{count} pictures would be sent").format(count=count)', False),
        ('ngettext("one picture", "{n} pictures", n)', False),
        ('button.set_label("Generate")', True),
        ('Gtk.Label(label="Generate")', True),
        ('Gtk.Button.new_with_mnemonic("_Generate")', True),
        ('button.set_name("generate")', False),
        ('def f():\n    """Says how it is done."""', False),
        ("format = \"R'G'B'A u8\"", False),
    ],
)
def test_the_search_for_unmarked_texts_finds_them(source, is_unmarked):
    assert bool(list(in_source(source, "plugin/panel.py"))) is is_unmarked


@pytest.mark.parametrize(
    ("one", "many", "said"),
    [
        ("{count} of {n}", "", ["{count} von {m}"]),
        ("${most:g} at most", "", ["höchstens ${most}"]),
        ("{n} job", "{n} jobs", ["{n} Auftrag", "Aufträge"]),
        ("_Generate", "", ["Erzeugen"]),
        ("_Generate…", "", ["_Erzeugen"]),
        ("Try again.", "", ["Noch einmal"]),
        ("It was billed; ", "", ["Es wurde berechnet;"]),
    ],
)
def test_a_wrong_translation_is_found(one, many, said):
    assert wrong(CatalogueEntry(one, many, said))


def test_what_is_missing_from_a_catalogue_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(catalogues, "LOCALE", tmp_path)
    monkeypatch.setattr(catalogues, "TEMPLATE", tmp_path / "generative-edit.pot")
    monkeypatch.setattr(catalogues, "PLURALS", {"de": "nplurals=2; plural=(n != 1);"})
    sure, unsure, new = (
        CatalogueEntry("a", translations=["A"]),
        CatalogueEntry("b", translations=["B"], flags=["fuzzy"]),
        CatalogueEntry("c"),
    )
    (tmp_path / "generative-edit.pot").write_text(catalogues.written([catalogues.header("", ""), sure, unsure]))
    (tmp_path / "de.po").write_text(catalogues.written([catalogues.header("de", ""), sure, unsure]))
    assert catalogues.check([sure, unsure, new]) == [
        "generative-edit.pot is out of date: run python3 tests/tools/catalogues.py",
        "de: 'b' is not translated",
        "de: 'c' is not translated",
    ]


def wrong(message) -> str:
    """What a translation does not keep of its message; "" where all is well."""
    original = message.plural or message.text
    for number, text in enumerate(message.translations):
        # The first of several forms may say "one picture" without its number.
        shorter = fields(message.text) if number == 0 and len(message.translations) > 1 else fields(original)
        if fields(text) not in (fields(original), shorter):
            return f"{text!r} has not the placeholders of {original!r}"
        if mnemonics(text) != mnemonics(original):
            return f"{text!r} has not the mnemonic of {original!r}"
        if ending(text) != ending(original):
            return f"{text!r} does not end as {original!r}"
    return ""


def fields(text):
    """The placeholders, with how they are formatted."""
    return sorted((name, spec, conversion) for _text, name, spec, conversion in string.Formatter().parse(text) if name)


def mnemonics(text):
    for name in _FIELDS:
        text = text.replace(name, "")
    text = re.sub(r"[A-Z]{2,}(_[A-Z]+)+", "", text)
    return len(re.findall(r"_(?=\w)", text))


def ending(text):
    """The last sign if it is one that counts, whatever the script, and the spaces around."""
    text = re.sub(r"\(_\w\)", "", text).translate(_ENDS).replace("\u00a0", " ")
    mark = re.search(r"[.…:;!?]?$", text.strip())[0]
    return mark, text.startswith(" "), text.endswith(" ")
