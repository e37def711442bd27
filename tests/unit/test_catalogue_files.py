"""Catalogues are read, compiled and installed: what gettext then says is what the .po file says."""

import gettext
import shutil

import pytest

from lib import translation
from lib.installer import catalogues, doctor
from lib.installer.catalogues import CatalogueEntry
from lib.installer.installation import Installation
from tests.tools.catalogues import PLURALS, header, written

PLURAL = "nplurals=2; plural=(n != 1);"
MESSAGES = [
    CatalogueEntry("Generate", translations=["Erzeugen"]),
    CatalogueEntry("not yet", translations=[""]),
    CatalogueEntry("perhaps", translations=["vielleicht"], flags=["fuzzy"]),
    CatalogueEntry("{n} result", "{n} results", translations=["{n} Ergebnis", "{n} Ergebnisse"]),
    CatalogueEntry('a "quoted"\nline\t\\ …', translations=['eine "zitierte"\nZeile\t\\ …']),
]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "de.po").write_text(written([header("de", PLURAL), *MESSAGES]), encoding="utf-8")
    return tmp_path


def test_what_was_written_is_read_again(folder):
    read = catalogues.read(folder / "de.po")
    assert [(message.key, message.translations, message.flags) for message in read[1:]] == [
        (message.key, message.translations, message.flags) for message in MESSAGES
    ]


def test_gettext_reads_what_was_compiled(folder):
    catalogues.compile_all(folder)
    said = gettext.translation(translation.DOMAIN, folder, ["de"])
    assert said.gettext("Generate") == "Erzeugen"
    assert [said.ngettext("{n} result", "{n} results", n) for n in (0, 1, 2)] == [
        "{n} Ergebnisse", "{n} Ergebnis", "{n} Ergebnisse",
    ]  # fmt: skip
    assert said.gettext('a "quoted"\nline\t\\ …') == 'eine "zitierte"\nZeile\t\\ …'


@pytest.mark.parametrize("message", ["not yet", "perhaps"])
def test_what_is_not_translated_or_not_sure_stays_english(folder, message):
    catalogues.compile_all(folder)
    assert gettext.translation(translation.DOMAIN, folder, ["de"]).gettext(message) == message


def test_a_line_that_is_no_po_is_named(tmp_path):
    (tmp_path / "de.po").write_text('msgid "a"\nmsgstr b\n')
    with pytest.raises(ValueError, match="de.po, line 2: msgstr b"):
        catalogues.read(tmp_path / "de.po")


def test_a_damaged_catalogue_leaves_english(folder, monkeypatch):
    catalogues.compile_all(folder)
    catalogues.compiled(folder / "de.po").write_bytes(b"no catalogue")
    monkeypatch.setattr(translation, "LOCALE", folder)
    translation.use(["de"])
    assert translation._("Generate") == "Generate"


def test_an_installation_speaks_every_language_that_has_a_catalogue(machine):
    place = Installation(machine / "GIMP")
    place.install()
    locale = place.folder / "lib" / "locale"
    languages = {path.stem for path in locale.glob("*.po")}
    assert languages == set(PLURALS)
    assert not catalogues.missing(locale)
    assert str(doctor._examine_languages(place)) == f"✓ Languages: {', '.join(['en', *sorted(PLURALS)])}"


def test_the_doctor_names_a_language_that_is_not_compiled(machine):
    place = Installation(machine / "GIMP")
    place.install()
    shutil.rmtree(place.folder / "lib" / "locale" / "fr")
    assert str(doctor._examine_languages(place)) == "✗ Languages: not compiled: fr → run: python3 install.py"
