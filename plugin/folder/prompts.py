"""Reads a prompts file: CSV or JSON Lines, one row for each picture, any option as a column."""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lib.storage.file_identity import readable_name
from lib.translation import _

PICTURE = "picture"
# Spreadsheets write true and false in the user's language.
_TRUE = ("true", "yes", "1", "wahr", "ja", "vrai", "oui", "verdadero", "sí", "是", "真")
_FALSE = ("false", "no", "0", "falsch", "nein", "faux", "non", "falso", "否", "假")
_DELIMITERS = ",;\t"
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
_SPREADSHEETS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # .xlsx, .ods and .numbers are ZIP files; .xls is older
# Not "1,000", which is a thousand in locales with a decimal point, and is refused.
_DECIMAL_COMMA = re.compile(r"[+-]?(?:0*,\d+|\d+,(?!\d{3}$)\d+)")
_MAX_PROBLEMS = 20
_MAX_EXCERPT = 60
Kinds = Mapping[str, type]
"""The columns that a file may have, each with the type of its values."""


class BadPrompts(ValueError):
    """The prompts file cannot be used; `problems` has a sentence for each problem."""

    def __init__(self, problems: Sequence[str]) -> None:
        listed = list(problems[:_MAX_PROBLEMS])
        if len(problems) > _MAX_PROBLEMS:
            listed.append(_("… and {count} more.").format(count=len(problems) - _MAX_PROBLEMS))
        super().__init__(" ".join(listed))
        self.problems = listed


@dataclass(frozen=True)
class Row:
    """One row: its line in the file, the picture's name as written, and the options that it sets."""

    line: int
    picture: str
    values: Mapping[str, Any]


def read_prompts(path: Path, kinds: Kinds) -> list[Row]:
    """Return the rows of a file, JSON Lines if it ends in .jsonl or .ndjson; raise OSError or BadPrompts.

    An empty cell, or null, leaves an option as it is for the whole run.
    """
    text = _read_text(path)
    is_json = path.suffix.lower() in (".jsonl", ".ndjson")
    problems: list[str] = []
    lines = _json_lines(text, problems) if is_json else _csv_lines(text, problems)
    unknown: set[str] = set()
    rows = [row for line, cells in lines if (row := _row(line, cells, kinds, problems, unknown))]
    problems += _repeated_pictures(rows)
    if not rows and not problems:
        problems.append(_("{file} has no rows.").format(file=path.name))
    if problems:
        raise BadPrompts(problems)
    return rows


def _read_text(path: Path) -> str:
    """Return a file's text, in UTF-8 or in UTF-16 as spreadsheets write it; raise OSError or BadPrompts."""
    data = path.read_bytes()
    if data.startswith(_SPREADSHEETS):
        raise BadPrompts([_("{file} is a spreadsheet. Save it as CSV, in UTF-8.").format(file=path.name)])
    try:
        return data.decode(_encoding(data))
    except UnicodeDecodeError:
        raise BadPrompts([_("{file} is not in UTF-8. Save it as UTF-8.").format(file=path.name)]) from None


def _encoding(data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if data[1:2] == b"\0" and data[:1] != b"\0":
        return "utf-16-le"
    return "utf-16-be" if data[:1] == b"\0" and data[1:2] not in (b"", b"\0") else "utf-8-sig"


def _json_lines(text: str, problems: list[str]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, dict):
            yield number, value
        else:
            problems.append(_("Line {line}: this is not a JSON object.").format(line=number))


def _csv_lines(text: str, problems: list[str]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield rows keyed by the header, the first line that is not empty; Excel may name the separator before it."""
    text, skipped, delimiter = _table(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    names: list[str] = []
    end = 0
    try:
        for cells in reader:
            # The row starts at the line after the previous row: a quoted cell may have several lines.
            line, end = skipped + end + 1, reader.line_num
            if not any(cell.strip() for cell in cells):
                continue
            if not names:
                names = [cell.strip() for cell in cells]
                if PICTURE not in map(_option_name, names):
                    problems.append(_no_picture_column(line, names))
                    return
                problems += _repeated_columns(line, names)
            elif any(cell.strip() for cell in cells[len(names) :]):
                problem = _("Line {line}: it has {count} cells, but there are {columns} columns.")
                problems.append(problem.format(line=line, count=len(cells), columns=len(names)))
            else:
                # An empty cell in a column without a name is ignored.
                yield line, {name: cell for name, cell in zip(names, cells, strict=False) if name or cell.strip()}
    except csv.Error as error:
        problem = _("Line {line}: it cannot be read ({reason}).")
        problems.append(problem.format(line=skipped + end + 1, reason=error))


def _table(text: str) -> tuple[str, int, str]:
    """Return the table, the number of lines before it, and the delimiter of its cells."""
    lines = text.splitlines(keepends=True)
    skipped = next((number for number, line in enumerate(lines) if line.strip()), 0)
    head = lines[skipped] if lines else ""
    if match := _SEPARATOR_LINE.fullmatch(head):
        return "".join(lines[skipped + 1 :]), skipped + 1, match[1]
    return "".join(lines[skipped:]), skipped, max(_DELIMITERS, key=lambda each: _fitness(head, each))


def _fitness(head: str, delimiter: str) -> tuple[bool, int]:
    """Return how well a delimiter fits: a column “picture” counts most, then the number of columns."""
    try:
        cells = next(csv.reader([head], delimiter=delimiter), [])
    except csv.Error:
        return False, 0
    return PICTURE in map(_option_name, cells), len(cells)


def _option_name(column: str) -> str:
    return column.strip().replace("_", "-").lower()


def _no_picture_column(line: int, names: Sequence[str]) -> str:
    message = _(
        "Line {line}: no column is called “picture” ({names}). Give that name to the column with the file names."
    )
    return message.format(line=line, names=", ".join(f"“{name}”" for name in names if name)[:_MAX_EXCERPT])


def _repeated_columns(line: int, names: Sequence[str]) -> Iterator[str]:
    counts = Counter(_option_name(name) for name in names if name)
    for name, count in counts.items():
        if count > 1:
            yield _("Line {line}: {count} columns are called “{name}”.").format(line=line, count=count, name=name)


def _row(line: int, cells: Mapping[str, Any], kinds: Kinds, problems: list[str], unknown: set[str]) -> Row | None:
    """Return a row, or None after adding its problems; a column in `unknown` has been reported before."""
    values: dict[str, Any] = {}
    kinds_by_name = {PICTURE: str, **kinds}
    before = len(problems)
    for written, cell in cells.items():
        name = _option_name(written)
        if not name:
            problem = _("Line {line}: {value} is in a column without a name. Name the column, or empty the cell.")
            problems.append(problem.format(line=line, value=repr(cell)[:_MAX_EXCERPT]))
        elif name not in kinds_by_name:
            if name not in unknown:
                problem = _("Line {line}: there is no option “{name}”.")
                problems.append(problem.format(line=line, name=written))
                unknown.add(name)
        elif cell is not None and cell != "":
            _set_value(values, name, cell, kinds_by_name[name], line, problems)
    picture = values.pop(PICTURE, "")
    if not picture.strip() and len(problems) == before:
        problems.append(_("Line {line}: the column “picture” is missing or empty.").format(line=line))
    return Row(line, picture, values) if len(problems) == before else None


def _set_value(values: dict[str, Any], name: str, cell: Any, kind: type, line: int, problems: list[str]) -> None:
    try:
        values[name] = _converted(cell, kind)
    except (ValueError, TypeError, OverflowError):
        problem = _("Line {line}: {name} cannot be {value}.")
        problems.append(problem.format(line=line, name=name, value=repr(cell)[:_MAX_EXCERPT]))


def _converted(cell: Any, kind: type) -> Any:
    """Return a cell as a value of a type; JSON objects and lists become JSON text, as such options expect."""
    if kind is str:
        return json.dumps(cell, ensure_ascii=False) if isinstance(cell, dict | list) else _text(cell)
    if isinstance(cell, str):
        cell = cell.strip()
        if kind is bool:
            return _parse_bool(cell.lower())
        if kind is float and _DECIMAL_COMMA.fullmatch(cell):
            cell = cell.replace(",", ".")
        return kind(cell)
    if isinstance(cell, bool) is not (kind is bool) or not isinstance(cell, int | float):
        raise ValueError
    if kind is int and cell != int(cell):
        raise ValueError
    return kind(cell)


def _text(cell: Any) -> str:
    """Return a text or a number as text, for options such as context and size; raise ValueError for true or false."""
    if isinstance(cell, bool):
        raise ValueError
    text = str(cell)
    text.encode()
    if "\0" in text:
        raise ValueError
    return text


def _parse_bool(text: str) -> bool:
    if text not in (*_TRUE, *_FALSE):
        raise ValueError
    return text in _TRUE


def _repeated_pictures(rows: Sequence[Row]) -> Iterator[str]:
    first: dict[str, int] = {}
    for row in rows:
        if row.picture in first:
            problem = _("Line {line}: {picture} is already in line {first}. Give each picture only one row.")
            yield problem.format(line=row.line, picture=readable_name(row.picture), first=first[row.picture])
        else:
            first[row.picture] = row.line
