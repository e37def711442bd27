"""The end of a folder run: report.csv and report.jsonl, a line for each picture, and the run in one sentence."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lib.folder.state import DONE, FAILED, UNKNOWN
from lib.translation import _, ngettext

NOT_STARTED, UNDER_WAY = "not-started", "under-way"
COLUMNS = (
    "picture", "status", "outputs", "cost", "request_ids", "provider", "model", "seconds", "message", "job",
)  # fmt: skip
"""What both files say of a picture. `cost` is in US dollars, empty where it is not known."""
Line = Mapping[str, Any]


@dataclass
class Summary:
    """How many pictures ended how, and what those that are done have cost."""

    counts: Counter[str] = field(default_factory=Counter)
    cost: float = 0.0
    unknown_costs: int = 0

    def count(self, line: Line) -> None:
        """Counts one picture's line."""
        self.counts[line["status"]] += 1
        if line["status"] == DONE:
            self.cost += line["cost"] or 0.0
            self.unknown_costs += line["cost"] is None

    @property
    def whole(self) -> bool:
        """Whether every picture is done."""
        return self.counts[DONE] == self.counts.total()

    def __str__(self) -> str:
        counts = self.counts
        told = ngettext("{done} of {count} picture is done", "{done} of {count} pictures are done", counts.total())
        parts = [told.format(done=counts[DONE], count=counts.total())]
        if counts[FAILED]:
            parts.append(_("{count} failed").format(count=counts[FAILED]))
        if counts[UNKNOWN]:
            told = _("{count} unknown, may have been billed (retry-unknown sends them again)")
            parts.append(told.format(count=counts[UNKNOWN]))
        if counts[UNDER_WAY]:
            parts.append(_("{count} under way").format(count=counts[UNDER_WAY]))
        if counts[NOT_STARTED]:
            parts.append(_("{count} not started").format(count=counts[NOT_STARTED]))
        if self.cost:
            more = _(" and what is not known") if self.unknown_costs else ""
            parts.append(f"${self.cost:.2f}{more}")
        return ", ".join(parts) + "."


def report_line(picture: str, last: Line | None) -> dict[str, Any]:
    """What the report says of a picture, from its last line in the run's state (None: never begun)."""
    last = last or {}
    told = {name: last.get(name) for name in COLUMNS}
    told |= {"picture": picture, "status": last.get("state") or (UNDER_WAY if last.get("job") else NOT_STARTED)}
    told["outputs"] = last.get("outputs") or []
    told["request_ids"] = last.get("request_ids") or []
    return told


def write_report(folder: Path, lines: Iterable[Line]) -> Summary:
    """Writes both files, each whole or not at all; raises OSError."""
    summary = Summary()
    parts = [folder / f".report.{ending}.part" for ending in ("csv", "jsonl")]
    with ExitStack() as stack:
        # The mark at the start is what spreadsheets know UTF-8 by.
        table_file = stack.enter_context(parts[0].open("w", encoding="utf-8-sig", errors="replace", newline=""))
        objects = stack.enter_context(parts[1].open("w", encoding="utf-8", errors="backslashreplace"))
        table = csv.DictWriter(table_file, COLUMNS)
        table.writeheader()
        for line in lines:
            summary.count(line)
            table.writerow({name: _cell(value) for name, value in line.items()})
            objects.write(json.dumps(line, ensure_ascii=False) + "\n")
    for part in parts:
        part.replace(folder / part.name.removeprefix(".").removesuffix(".part"))
    return summary


def _cell(value: Any) -> Any:
    """A cell of the table. A text that a spreadsheet would take for a formula gets a mark before it."""
    if isinstance(value, list):
        value = " ".join(value)
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@") else value
