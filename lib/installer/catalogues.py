"""Compile the translations, `lib/locale/LANGUAGE.po`, to the .mo files that gettext reads.

The parser and compiler are our own (gettext's manual, "PO Files" and "MO Files"), as install.py uses only the
standard library, and gettext's tools are not on every machine.
"""

import json
import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from lib.translation import DOMAIN

_MAGIC = 0x950412DE
_HEADER_BYTES = 28
_PART = re.compile(r'(msgid|msgid_plural|msgstr|msgstr\[(\d)\]) (".*")')


@dataclass
class CatalogueEntry:
    """One entry: the English text and its plural form if it has one, the translations, and the comments.

    `references` are the files that use it, `note` is for the translator, `flags` are gettext's ("fuzzy": needs review).
    """

    text: str = ""
    plural: str = ""
    translations: list[str] = field(default_factory=list)
    references: list[str] = field(default_factory=list)
    note: str = ""
    flags: list[str] = field(default_factory=list)

    @property
    def key(self) -> tuple[str, str]:
        """The entry's identity: its singular and plural text."""
        return self.text, self.plural

    @property
    def is_translated(self) -> bool:
        """Whether the translation is complete and reviewed."""
        return bool(self.translations) and all(self.translations) and "fuzzy" not in self.flags


def read(path: Path) -> list[CatalogueEntry]:
    """Return the entries of a .po or .pot file, its header first; raise ValueError for a line that is not PO syntax."""
    entries = [CatalogueEntry()]
    part = ""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        match = _PART.fullmatch(line)
        if not line:
            entries.append(CatalogueEntry())
        elif line.startswith("#"):
            _read_comment(entries[-1], line)
        elif match:
            part = match[1]
            _add(entries[-1], part, match[3])
        elif line.startswith('"'):
            _add(entries[-1], part, line)
        else:
            raise ValueError(f"{path.name}, line {number}: {line}")
    return [entry for entry in entries if entry.translations]


def compile_all(folder: Path) -> None:
    """Compile every .po file of a folder into `LANGUAGE/LC_MESSAGES/generative-edit.mo` beside it."""
    for path in sorted(folder.glob("*.po")):
        target = compiled(path)
        content = compile_entries(read(path))
        if not target.exists() or target.read_bytes() != content:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)


def compiled(path: Path) -> Path:
    """Return the path at which gettext looks for the compiled form of a .po file."""
    return path.parent / path.stem / "LC_MESSAGES" / f"{DOMAIN}.mo"


def missing(folder: Path) -> list[str]:
    """Return the languages whose .po file is not compiled."""
    return [path.stem for path in sorted(folder.glob("*.po")) if not compiled(path).exists()]


def compile_entries(entries: Iterable[CatalogueEntry]) -> bytes:
    """Return the .mo file of all translated entries: two sorted tables of lengths and offsets, then the texts."""
    texts = {
        "\0".join(filter(None, entry.key)).encode(): "\0".join(entry.translations).encode()
        for entry in entries
        if entry.is_translated
    }
    keys = sorted(texts)
    start = _HEADER_BYTES + 16 * len(keys)
    header = struct.pack("<7I", _MAGIC, 0, len(keys), _HEADER_BYTES, _HEADER_BYTES + 8 * len(keys), 0, start)
    tables, content = bytearray(), bytearray()
    for text in [*keys, *(texts[key] for key in keys)]:
        tables += struct.pack("<2I", len(text), start + len(content))
        content += text + b"\0"
    return header + bytes(tables + content)


def _read_comment(entry: CatalogueEntry, line: str) -> None:
    if line.startswith("#:"):
        entry.references += line[2:].split()
    elif line.startswith("#,"):
        entry.flags += [flag.strip() for flag in line[2:].split(",")]
    elif line.startswith("#."):
        entry.note = f"{entry.note} {line[2:].strip()}".strip()


def _add(entry: CatalogueEntry, part: str, quoted: str) -> None:
    text = json.loads(quoted)  # the escapes of PO files that occur in texts are those of JSON
    if part == "msgid":
        entry.text += text
    elif part == "msgid_plural":
        entry.plural += text
    else:
        number = int(part[7:-1]) if part.endswith("]") else 0
        entry.translations += [""] * (number + 1 - len(entry.translations))
        entry.translations[number] += text
