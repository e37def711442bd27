"""Where the pictures of a folder run stand: waiting, exported, at the endpoint, answered."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lib.folder.output import OutputFolder
from lib.folder.output_names import OutputNames
from lib.folder.source import has_changed
from lib.folder.state import DONE, Next, RunState, judge
from lib.job import Job
from plugin.folder.arguments import Item, Run
from plugin.folder.job import Answer


@dataclass
class Flight:
    """A picture under way: its result's name, its job once there is one.

    `over` says that its request is answered. `was_done` says that an earlier run had finished it. `source` is the
    picture that was sent; `is_other` says that the file is another one now.
    """

    item: Item
    output: str
    maybe_job: Job | None = None
    over: bool = False
    was_done: bool = False
    source: Any = None
    is_other: bool = False

    @property
    def job(self) -> Job:
        """The job; only asked for where there is one."""
        if self.maybe_job is None:
            raise LookupError(self.item.picture)
        return self.maybe_job


@dataclass
class Queues:
    """Where each picture stands; one is in one of them. `watched` are with a worker of an earlier run."""

    waiting: deque[Flight] = field(default_factory=deque)
    exported: deque[Flight] = field(default_factory=deque)
    out: dict[str, Flight] = field(default_factory=dict)
    watched: list[Flight] = field(default_factory=list)
    answered: deque[tuple[Flight, Answer]] = field(default_factory=deque)

    def __bool__(self) -> bool:
        return bool(self.waiting or self.exported or self.out or self.watched or self.answered)

    @property
    def asking(self) -> int:
        """How many requests are at the endpoint now."""
        return sum(not flight.over for flight in self.out.values()) + len(self.watched)


def output_names(run: Run, state: RunState, out: OutputFolder) -> OutputNames:
    """The names that results can have beside those which earlier runs have chosen."""
    lines = filter(None, map(state.last, state.pictures()))
    return OutputNames(run.out, (item.picture for item in run.items), [line["output"] for line in lines], out.is_free)


def flights(run: Run, state: RunState, names: OutputNames) -> Iterator[Flight]:
    """Every picture as earlier runs have left it; those that are done have no job any more."""
    for item in run.items:
        last, ending = state.last(item.picture), run.ending(item)
        # Another output-format may be asked for than last time.
        is_same = last is not None and last["output"].endswith(ending)
        flight = Flight(item, last["output"] if last and is_same else names.choose(item.picture, ending))
        if last:
            flight.source = last.get("source")
            flight.is_other = has_changed(run.path(item), flight.source)
        if last and last.get("state") == DONE:
            flight.was_done = True
            there = all(os.path.exists(run.out / name) for name in last.get("outputs", ()))  # noqa: PTH110 - Path's raises
            if there and not flight.is_other:
                yield flight
                continue
        if last and last.get("job"):
            flight.maybe_job = Job(Path(last["job"]))
        yield flight


def judged(flight: Flight, retry_unknown: bool) -> Next:
    """What is to be done about a picture that has a job, by what the job's folder tells."""
    return judge(flight.job.folder, was_done=flight.was_done, retry_unknown=retry_unknown)
