"""The translations: `lib/locale/LANGUAGE.po` as people write them, compiled to what gettext reads.

Our own reader and compiler of both formats (gettext's manual, "PO Files" and "MO Files"), as install.py has the
standard library only, and neither gettext's tools nor a package of their kind is on every machine.
"""

import ast
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
    """One entry: the English text (`many` where a number decides the form), what is said for it, and the comments.

    `places` are the files that have it, `note` is for the translator, `flags` are gettext's ("fuzzy": not sure yet).
    """

    one: str = ""
    many: str = ""
    said: list[str] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    note: str = ""
    flags: list[str] = field(default_factory=list)

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from others."""
        return self.one, self.many

    @property
    def done(self) -> bool:
        """Whether it is translated for certain."""
        return bool(self.said) and all(self.said) and "fuzzy" not in self.flags


def read(path: Path) -> list[CatalogueEntry]:
    """The entries of a .po or .pot file, the first is its header; raises ValueError, naming a line that is no PO."""
    found = [CatalogueEntry()]
    part = ""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        part_of_line = _PART.fullmatch(line)
        if not line:
            found.append(CatalogueEntry())
        elif line.startswith("#"):
            _read_comment(found[-1], line)
        elif part_of_line:
            part = part_of_line[1]
            _add(found[-1], part, part_of_line[3])
        elif line.startswith('"'):
            _add(found[-1], part, line)
        else:
            raise ValueError(f"{path.name}, line {number}: {line}")
    return [message for message in found if message.said]


def compile_all(folder: Path) -> None:
    """Compiles every .po file of a folder into `LANGUAGE/LC_MESSAGES/generative-edit.mo` beside it."""
    for path in sorted(folder.glob("*.po")):
        target = compiled(path)
        content = compile_messages(read(path))
        if not target.exists() or target.read_bytes() != content:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)


def compiled(path: Path) -> Path:
    """Where gettext looks for the compiled form of a .po file."""
    return path.parent / path.stem / "LC_MESSAGES" / f"{DOMAIN}.mo"


def missing(folder: Path) -> list[str]:
    """The languages that have a .po file and are not compiled."""
    return [path.stem for path in sorted(folder.glob("*.po")) if not compiled(path).exists()]


def compile_messages(messages: Iterable[CatalogueEntry]) -> bytes:
    """The .mo file of all messages that are translated: two sorted tables of lengths and offsets, then the texts."""
    texts = {
        "\0".join(filter(None, message.key)).encode(): "\0".join(message.said).encode()
        for message in messages
        if message.done
    }
    keys = sorted(texts)
    start = _HEADER_BYTES + 16 * len(keys)
    header = struct.pack("<7I", _MAGIC, 0, len(keys), _HEADER_BYTES, _HEADER_BYTES + 8 * len(keys), 0, start)
    tables, content = b"", b""
    for text in [*keys, *(texts[key] for key in keys)]:
        tables += struct.pack("<2I", len(text), start + len(content))
        content += text + b"\0"
    return header + tables + content


def _read_comment(message: CatalogueEntry, line: str) -> None:
    if line.startswith("#:"):
        message.places += line[2:].split()
    elif line.startswith("#,"):
        message.flags += [flag.strip() for flag in line[2:].split(",")]
    elif line.startswith("#."):
        message.note = f"{message.note} {line[2:].strip()}".strip()


def _add(message: CatalogueEntry, part: str, quoted: str) -> None:
    text = ast.literal_eval(quoted)
    if part == "msgid":
        message.one += text
    elif part == "msgid_plural":
        message.many += text
    else:
        number = int(part[7:-1]) if part.endswith("]") else 0
        message.said += [""] * (number + 1 - len(message.said))
        message.said[number] += text
