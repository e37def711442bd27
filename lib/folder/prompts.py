"""A file of prompts: CSV or JSON Lines, one row for each picture, any option as a column."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lib.translation import _

PICTURE = "picture"
_TRUE, _FALSE = ("true", "yes", "1"), ("false", "no", "0")
_DELIMITERS = ",;\t"
_MOST_TOLD = 20
Kinds = Mapping[str, type]
"""The columns that a file may have, each with the type of its values."""


class BadPrompts(ValueError):
    """The file cannot be used; `problems` names everything that is wrong, a sentence each."""

    def __init__(self, problems: Sequence[str]) -> None:
        told = list(problems[:_MOST_TOLD])
        if len(problems) > _MOST_TOLD:
            told.append(_("… and {count} more.").format(count=len(problems) - _MOST_TOLD))
        super().__init__(" ".join(told))
        self.problems = told


@dataclass(frozen=True)
class Row:
    """What one row says: its line in the file, the picture's name, and the options that it sets."""

    line: int
    picture: str
    values: Mapping[str, Any]


def read_prompts(path: Path, kinds: Kinds) -> list[Row]:
    """The rows of a file; what ends in .jsonl or .ndjson is JSON Lines. Raises OSError or BadPrompts.

    A cell that is empty, or null, leaves an option as it is for the whole run.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise BadPrompts([_("{file} is not in UTF-8. Save it so.").format(file=path.name)]) from None
    is_json = path.suffix.lower() in (".jsonl", ".ndjson")
    problems: list[str] = []
    found = _json_lines(text, problems) if is_json else _csv_lines(text, problems)
    strange: set[str] = set()
    rows = [row for line, cells in found if (row := _row(line, cells, kinds, problems, strange))]
    problems += _twice(rows)
    if not rows and not problems:
        problems.append(_("{file} has no rows.").format(file=path.name))
    if problems:
        raise BadPrompts(problems)
    return rows


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
            problems.append(_("Line {line}: this is no JSON object.").format(line=number))


def _csv_lines(text: str, problems: list[str]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Rows by the names in the first one, whose delimiter is a comma, a semicolon or a tab."""
    head = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    names: list[str] = []
    try:
        for cells in reader:
            if not names:
                names = [cell.strip() for cell in cells]
            elif len(cells) > len(names):
                told = _("Line {line}: it has {count} cells, and there are {columns} columns.")
                problems.append(told.format(line=reader.line_num, count=len(cells), columns=len(names)))
            elif any(cells):
                yield reader.line_num, dict(zip(names, cells, strict=False))
    except csv.Error as error:
        problems.append(_("Line {line}: it cannot be read ({reason}).").format(line=reader.line_num, reason=error))


def _row(line: int, cells: Mapping[str, Any], kinds: Kinds, problems: list[str], strange: set[str]) -> Row | None:
    """A row's values; None where something is wrong with it. A column in `strange` was told of before."""
    values: dict[str, Any] = {}
    known = {PICTURE: str, **kinds}
    before = len(problems)
    for written, cell in cells.items():
        name = written.strip().replace("_", "-").lower()
        if name not in known:
            if name not in strange:
                told = _("Line {line}: there is no option “{name}”.")
                problems.append(told.format(line=line, name=written))
                strange.add(name)
        elif cell is not None and cell != "":
            _take(values, name, cell, known[name], line, problems)
    picture = values.pop(PICTURE, "")
    if not picture and len(problems) == before:
        problems.append(_("Line {line}: the column “picture” is missing or empty.").format(line=line))
    return Row(line, picture.replace("\\", "/"), values) if len(problems) == before else None


def _take(values: dict[str, Any], name: str, cell: Any, kind: type, line: int, problems: list[str]) -> None:
    try:
        values[name] = _converted(cell, kind)
    except (ValueError, TypeError, OverflowError):
        told = _("Line {line}: {name} cannot be {value}.")
        problems.append(told.format(line=line, name=name, value=repr(cell)[:60]))


def _converted(cell: Any, kind: type) -> Any:
    """A cell as a value of this type; JSON's own objects and lists become the JSON text that such an option takes."""
    if kind is str:
        return json.dumps(cell, ensure_ascii=False) if isinstance(cell, dict | list) else _text(cell)
    if isinstance(cell, str):
        cell = cell.strip()
        if kind is bool:
            return _switch(cell.lower())
        return kind(cell)
    if isinstance(cell, bool) is not (kind is bool) or not isinstance(cell, int | float):
        raise ValueError
    if kind is int and cell != int(cell):
        raise ValueError
    return kind(cell)


def _text(cell: Any) -> str:
    """Numbers are texts for options such as context and size; true and false are not."""
    if isinstance(cell, bool):
        raise ValueError
    text = str(cell)
    text.encode()
    if "\0" in text:
        raise ValueError
    return text


def _switch(text: str) -> bool:
    if text not in (*_TRUE, *_FALSE):
        raise ValueError
    return text in _TRUE


def _twice(rows: Sequence[Row]) -> Iterator[str]:
    first: dict[str, int] = {}
    for row in rows:
        if row.picture in first:
            told = _("Line {line}: {picture} is in line {first} already; a picture has one row.")
            yield told.format(line=row.line, picture=row.picture, first=first[row.picture])
        else:
            first[row.picture] = row.line
