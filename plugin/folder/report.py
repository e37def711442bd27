"""The report of a folder run: report.csv and report.jsonl with a line for each picture, and a summary sentence."""

from __future__ import annotations

import csv
import json
import secrets
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lib.api.text import join_parts, sentence
from lib.storage.file_identity import describe_file, readable_name
from lib.translation import _, ngettext
from plugin.folder.output import OutputFolder
from plugin.folder.pictures import Skipped
from plugin.folder.state import DONE, FAILED, UNKNOWN

NOT_STARTED, UNDER_WAY, SKIPPED = "not-started", "under-way", "skipped"
OTHER_SETTINGS, UNUSED_MASK = "other-settings", "unused-mask"
COLUMNS = (
    "picture", "status", "outputs", "cost", "request_ids", "provider", "model", "seconds", "message", "job",
)  # fmt: skip
"""The columns of both files. `cost` is in US dollars, empty if unknown."""
Line = Mapping[str, Any]


@dataclass
class Summary:
    """The number of pictures by status, and the cost of the finished ones; `earlier` were done by other runs."""

    counts: Counter[str] = field(default_factory=Counter)
    earlier: int = 0
    cost: float = 0.0
    unknown_costs: int = 0
    table: str = ""
    objects: str = ""
    """The names of the two files."""
    unused_mask: str = ""
    """The first mask without a picture."""

    def count(self, line: Line) -> None:
        """Count the line of one picture."""
        self.counts[line["status"]] += 1
        if line["status"] == DONE:
            self.cost += line["cost"] or 0.0
            self.unknown_costs += line["cost"] is None
        elif line["status"] == UNUSED_MASK:
            self.unused_mask = self.unused_mask or line["picture"]

    @property
    def is_complete(self) -> bool:
        """Whether every picture is done, apart from those left out."""
        return self.counts[DONE] == self.pictures

    @property
    def pictures(self) -> int:
        """The number of pictures to edit."""
        return self.counts.total() - self.counts[SKIPPED] - self.counts[UNUSED_MASK]

    @property
    def hints(self) -> list[str]:
        """Sentences about unexpected outcomes of the run, and what to do about them."""
        hints = []
        if self.counts[OTHER_SETTINGS]:
            hints.append(_("To edit those again, choose another output folder, or delete or rename their results."))
        elif self.earlier and self.earlier == self.pictures:
            hints.append(
                _("All pictures were already edited by an earlier run with the same settings. Nothing was sent.")
            )
        if self.counts[UNUSED_MASK]:
            message = ngettext(
                "{count} mask belongs to no picture: {mask}.",
                "{count} masks belong to no picture, such as {mask}.",
                self.counts[UNUSED_MASK],
            )
            hints.append(message.format(count=self.counts[UNUSED_MASK], mask=readable_name(self.unused_mask)))
        return hints

    def __str__(self) -> str:
        counts = self.counts
        message = ngettext("{done} of {count} picture is done", "{done} of {count} pictures are done", self.pictures)
        parts = [message.format(done=counts[DONE], count=self.pictures)]
        if self.earlier:
            parts.append(_("{count} of them by another run").format(count=self.earlier))
        if counts[OTHER_SETTINGS]:
            parts.append(other_settings(counts[OTHER_SETTINGS]))
        if counts[FAILED]:
            parts.append(_("{count} failed").format(count=counts[FAILED]))
        if counts[UNKNOWN]:
            message = _("{count} unknown, may have been billed (retry-unknown sends them again)")
            parts.append(message.format(count=counts[UNKNOWN]))
        if counts[UNDER_WAY]:
            parts.append(_("{count} in progress").format(count=counts[UNDER_WAY]))
        if counts[NOT_STARTED]:
            parts.append(_("{count} not started").format(count=counts[NOT_STARTED]))
        if counts[SKIPPED]:
            parts.append(_("{count} skipped").format(count=counts[SKIPPED]))
        if self.cost:
            more = _(" plus unknown costs") if self.unknown_costs else ""
            parts.append(f"${self.cost:.2f}{more}")
        return sentence(join_parts(parts))


def other_settings(count: int) -> str:
    """Return a phrase with the number of pictures that were done with other settings."""
    return _("{count} done earlier with other settings").format(count=count)


def other_settings_reason() -> str:
    """Return the message for a picture that was done with other settings."""
    return _(
        "An earlier run edited it with other settings. To edit it again, choose another output folder, or delete or "
        "rename its result."
    )


def report_line(picture: str, last: Line | None) -> dict[str, Any]:
    """Return the report's line about a picture, from its last line in the run's state (None: never started)."""
    last = last or {}
    line = {name: last.get(name) for name in COLUMNS}
    line |= {"picture": picture, "status": last.get("state") or (UNDER_WAY if last.get("job") else NOT_STARTED)}
    line["outputs"] = last.get("outputs") or []
    line["request_ids"] = last.get("request_ids") or []
    return line


def skipped_line(skipped: Skipped) -> dict[str, Any]:
    """Return the report's line about a skipped file; one that cannot be read counts as failed."""
    status = FAILED if skipped.unreadable else UNUSED_MASK if skipped.is_mask else SKIPPED
    return report_line(skipped.name, {"state": status, "message": skipped.reason})


def write_report(out: OutputFolder, lines: Iterable[Line], earlier: int = 0) -> Summary:
    """Write both files atomically; raise OSError. `earlier` pictures were done by other runs."""
    summary = Summary(earlier=earlier)
    table_part, objects_part = (out.unfinished(secrets.token_hex(8), ending) for ending in (".csv", ".jsonl"))
    with ExitStack() as stack:
        # Spreadsheets recognize UTF-8 by the byte order mark.
        table_file = stack.enter_context(
            table_part.open("w", encoding="utf-8-sig", errors="backslashreplace", newline="")
        )
        objects = stack.enter_context(objects_part.open("w", encoding="utf-8", errors="backslashreplace"))
        table = csv.DictWriter(table_file, COLUMNS)
        table.writeheader()
        for line in lines:
            summary.count(line)
            table.writerow({name: _cell(value) for name, value in line.items()})
            objects.write(json.dumps(line, ensure_ascii=False) + "\n")
    summary.table, summary.objects = _place(out, table_part, objects_part)
    return summary


def read_objects(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a report.jsonl; raise OSError."""
    # Not with `splitlines`, which also splits at characters that a file's name may contain.
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def _place(out: OutputFolder, table: Path, objects: Path) -> list[str]:
    """Give both files the first names that no foreign file has; return the names."""
    number = 1
    while True:
        stem = "report" if number == 1 else f"report-{number}"
        parts = {f"{stem}.csv": table, f"{stem}.jsonl": objects}
        if all(map(out.is_free, parts)):
            out.state.add_files([describe_file(part, name) for name, part in parts.items()])
            if out.place_all(parts):
                return list(parts)
        number += 1


def _cell(value: Any) -> Any:
    """Return a cell of the table; text that a spreadsheet would run as a formula is prefixed with an apostrophe."""
    if isinstance(value, list):
        value = " ".join(value)
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@") else value
