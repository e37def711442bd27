#!/usr/bin/env python3
"""Collect what is to be translated and bring the catalogues in lib/locale up to date.

python3 tests/tools/catalogues.py           write generative-edit.pot, update every .po, compile them for this checkout
python3 tests/tools/catalogues.py --check   list what is out of date or not translated; exit with 1 if there is any

The messages are read from the syntax tree, with the standard library alone: the rules are ours (`_`, `ngettext`, `N_`,
values of JSON files), the tests use the same tree to find what nobody marked, and xgettext is not on every machine.
"""

import ast
import json
import sys
from collections.abc import Iterator
from pathlib import Path

CHECKOUT = Path(__file__).absolute().parents[2]
sys.path.insert(0, str(CHECKOUT))

from lib.installer.catalogues import CatalogueEntry, compile_all, read
from lib.translation import DOMAIN, LOCALE

TEMPLATE = LOCALE / f"{DOMAIN}.pot"
MARKS = {"_": 1, "N_": 1, "ngettext": 2}
# install.py speaks English, like the tools of its kind.
NOT_TRANSLATED = CHECKOUT / "lib" / "installer"
# The values of JSON files that are shown: a file, and the keys whose texts count, at any depth below them.
DATA = {
    "lib/api/providers.json": ("title", "ignored", "rejected"),
    "lib/settings/recipes.json": ("title", "fields"),
}
HEADER = (
    "Project-Id-Version: generative-edit\n"
    "Language: {language}\n"
    "MIME-Version: 1.0\n"
    "Content-Type: text/plain; charset=UTF-8\n"
    "Content-Transfer-Encoding: 8bit\n"
    "Plural-Forms: {plural}\n"
)
PLURALS = {
    "de": "nplurals=2; plural=(n != 1);",
    "es": "nplurals=2; plural=(n != 1);",
    "fr": "nplurals=2; plural=(n > 1);",
    "zh_CN": "nplurals=1; plural=0;",
}


def main(arguments):
    entries = collect()
    if "--check" in arguments:
        problems = check(entries)
        print("\n".join(problems) or "All is translated.")
        return int(bool(problems))
    LOCALE.mkdir(exist_ok=True)
    template = written([header("", "nplurals=INTEGER; plural=EXPRESSION;"), *entries])
    TEMPLATE.write_text(template, encoding="utf-8", newline="\n")
    for language, plural in PLURALS.items():
        path = LOCALE / f"{language}.po"
        messages = merged(entries, read(path) if path.exists() else [], int(plural[9]))
        path.write_text(written([header(language, plural), *messages]), encoding="utf-8", newline="\n")
        untranslated = sum(not message.is_translated for message in messages)
        print(f"{path.name}: {untranslated} of {len(messages)} not translated")
    compile_all(LOCALE)
    return 0


def check(entries):
    """Return what is out of date or not translated: in the template, and in each language."""
    problems = []
    order = [message.key for message in read(TEMPLATE)[1:]] if TEMPLATE.exists() else []
    if order != [message.key for message in entries]:
        problems.append(f"{TEMPLATE.name} is out of date: run python3 tests/tools/catalogues.py")
    for language in PLURALS:
        said = {message.key: message for message in read(LOCALE / f"{language}.po")}
        for message in entries:
            if message.key not in said or not said[message.key].is_translated:
                problems.append(f"{language}: {message.text!r} is not translated")
    return problems


def sources() -> list[Path]:
    """The modules whose texts a user may see."""
    paths = [path for part in ("lib", "plugin") for path in sorted((CHECKOUT / part).rglob("*.py"))]
    return [path for path in paths if NOT_TRANSLATED not in path.parents]


def collect() -> list[CatalogueEntry]:
    """Every message of the modules and the data files, once, in the order of the files."""
    entries: dict[tuple[str, str], CatalogueEntry] = {}
    for path in sources():
        for message in in_module(path.read_text(encoding="utf-8")):
            _note(entries, message, path.relative_to(CHECKOUT).as_posix())
    for name, keys in DATA.items():
        for text in in_data(json.loads((CHECKOUT / name).read_text(encoding="utf-8")), keys):
            _note(entries, CatalogueEntry(text), name)
    return list(entries.values())


def in_module(source: str) -> Iterator[CatalogueEntry]:
    """The marked messages of a module, with the comment above them that begins with "Translators:"."""
    lines = source.splitlines()
    calls = [node for node in ast.walk(ast.parse(source)) if is_mark(node)]
    for call in sorted(calls, key=lambda node: (node.lineno, node.col_offset)):
        texts = [argument.value for argument in call.args[: MARKS[call.func.id]] if isinstance(argument, ast.Constant)]
        if texts:
            yield CatalogueEntry(*texts, note=_comment_above(lines, call.lineno - 1))


def is_mark(node: ast.AST) -> bool:
    """Whether this is a call of one of gettext's functions."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MARKS


def in_data(value, keys, counts=False) -> Iterator[str]:
    """The texts below the keys."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from in_data(inner, keys, counts or key in keys)
    elif isinstance(value, list):
        for inner in value:
            yield from in_data(inner, keys, counts)
    elif counts and isinstance(value, str):
        yield value


def merged(entries, existing, forms) -> list[CatalogueEntry]:
    """Return the entries with their existing translations; translations that no entry uses are dropped."""
    by_key = {message.key: message for message in existing}
    result = []
    for message in entries:
        old = by_key.get(message.key, CatalogueEntry())
        empty = [""] * (forms if message.plural else 1)
        flags = [*message.flags, *(["fuzzy"] if "fuzzy" in old.flags else [])]
        translations = old.translations or empty
        result.append(
            CatalogueEntry(message.text, message.plural, translations, message.references, message.note, flags)
        )
    return result


def header(language: str, plural: str) -> CatalogueEntry:
    return CatalogueEntry(translations=[HEADER.format(language=language, plural=plural)])


def written(messages) -> str:
    """The text of a .po file; a .pot's messages have nothing said."""
    return "\n".join("\n".join(_entry(message)) + "\n" for message in messages)


def _entry(message: CatalogueEntry) -> Iterator[str]:
    if message.note:
        yield f"#. {message.note}"
    if message.references:
        yield f"#: {' '.join(message.references)}"
    if message.flags:
        yield f"#, {', '.join(message.flags)}"
    yield from _quoted("msgid", message.text)
    if message.plural:
        yield from _quoted("msgid_plural", message.plural)
        for number, text in enumerate(message.translations or ["", ""]):
            yield from _quoted(f"msgstr[{number}]", text)
    else:
        yield from _quoted("msgstr", message.translations[0] if message.translations else "")


def _quoted(part: str, text: str) -> Iterator[str]:
    """One line; one for each line of a text that has several."""
    lines = text.splitlines(keepends=True)
    pieces = ["", *lines] if len(lines) > 1 else [text]
    for index, piece in enumerate(pieces):
        escaped = piece.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
        yield f'{part} "{escaped}"' if index == 0 else f'"{escaped}"'


def _note(entries, message, place):
    first = entries.setdefault(message.key, message)
    if place not in first.references:
        first.references.append(place)
    first.note = first.note or message.note
    if "{" in message.text + message.plural and "python-brace-format" not in first.flags:
        first.flags.append("python-brace-format")


def _comment_above(lines, index) -> str:
    """The comment right above a line, if it is for translators; the mark may be inside a longer statement."""
    comments = []
    while index and lines[index - 1].strip().startswith("#"):
        index -= 1
        comments.insert(0, lines[index].strip(" #"))
    text = " ".join(comments)
    return text.removeprefix("Translators:").strip() if text.startswith("Translators:") else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
