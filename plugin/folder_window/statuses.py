"""How far each picture is: as earlier runs left it, and as the events of the current run change it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lib.translation import _
from plugin.folder.items import FolderItem
from plugin.folder.own_results import OWN_FOLDER
from plugin.folder.run import ELSEWHERE
from plugin.folder.state import DONE, FAILED, UNKNOWN, Line, read_lines
from plugin.ui.activity import stage_texts
from plugin.worker.process import Event

INTERRUPTED = "interrupted"


@dataclass(frozen=True)
class Status:
    """How far a picture is.

    `state`: "" (not started), "interrupted", "done", "failed" or "unknown". `stage` is what happens to it now, for the
    user. `cost` is in US dollars, None if unknown. `outputs` are the names of its results.
    """

    state: str = ""
    stage: str = ""
    message: str = ""
    cost: float | None = None
    outputs: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The status for the user, in a few words."""
        if self.stage:
            return self.stage
        texts = {
            "": "",
            INTERRUPTED: _("interrupted"),
            DONE: _("done"),
            FAILED: _("failed"),
            UNKNOWN: _("unknown, may have been billed"),
        }
        text = texts[self.state]
        return f"{text} · ${self.cost:.2f}" if self.state == DONE and self.cost else text


class Statuses:
    """The status of each picture of a run, by name; `cost` is what the current run has spent, in US dollars."""

    def __init__(self) -> None:
        self.cost = 0.0
        self.has_unknown_cost = False
        self._by_name: dict[str, Status] = {}
        self._ended: dict[str, Status] = {}

    def load(self, out: Path | None) -> None:
        """Read how far earlier runs in an output folder got."""
        lines = read_lines(out / OWN_FOLDER) if out else {}
        self._by_name = {name: _of_line(line) for name, line in lines.items()}

    def start_run(self) -> None:
        """Forget what the previous run has spent."""
        self.cost, self.has_unknown_cost, self._ended = 0.0, False, {}

    def of(self, name: str) -> Status:
        """Return the status of a picture."""
        return self._by_name.get(name, Status())

    def counts(self, names: Iterable[str]) -> Counter[str]:
        """Return how many of these pictures are in each state."""
        return Counter(self.of(name).state for name in names)

    def follow(self, item: FolderItem, event: Event) -> bool:
        """Follow an event of a run; return whether the status of the picture has changed."""
        name, before = item.picture.name, self.of(item.picture.name)
        if event["event"] == "end":
            after = self._ended[name] = _of_line(event)
            if after.state in (DONE, UNKNOWN):
                self.cost += after.cost or 0.0
                self.has_unknown_cost |= after.cost is None
        else:
            after = replace(before, stage=_stage_text(event) or before.stage)
        self._by_name[name] = after
        return after != before

    def end_run(self, out: Path) -> None:
        """Read what the run has written down; how pictures ended in it counts."""
        self.load(out)
        self._by_name |= self._ended


def _of_line(line: Line | Mapping[str, Any]) -> Status:
    """Return the status in a line of the run's state; a request without an end was interrupted."""
    state = line.get("state") or (INTERRUPTED if line.get("job") else "")
    outputs = tuple(line.get("outputs") or ())
    return Status(state, "", line.get("message") or "", line.get("cost"), outputs)


def _stage_text(event: Event) -> str:
    if event["event"] == "stage":
        texts = {**stage_texts(), "save": _("Saving the result"), ELSEWHERE: _("In another run")}
        return texts[event["name"]]
    return str(event["text"]) if event["event"] == "retry" else ""
