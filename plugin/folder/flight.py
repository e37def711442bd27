"""Where the pictures of a folder run stand: waiting, exported, at the endpoint, answered."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lib.jobs.job import Job
from plugin.folder.arguments import Item, Run
from plugin.folder.job import Answer
from plugin.folder.output import OutputFolder
from plugin.folder.output_names import OutputNames
from plugin.folder.source import has_changed
from plugin.folder.state import Next, Progress, RunState, judge, progress_of


@dataclass
class Flight:
    """A picture under way: its result's name, its job once there is one.

    `over` says that its request is answered. `was_done` says that an earlier run had finished it. `source` is the
    picture that was sent; `is_other` says that the file is another one now. `request` stands for what is asked of it
    now, `sent_request` for what its job was asked; None where that was not noted. `sent_to` is the job's provider.
    `deaths` counts the workers that died with it.
    """

    item: Item
    output: str
    maybe_job: Job | None = None
    over: bool = False
    was_done: bool = False
    source: Any = None
    is_other: bool = False
    request: str = ""
    sent_request: str | None = None
    sent_to: str | None = None
    deaths: int = 0

    @property
    def has_other_settings(self) -> bool:
        """Whether its job was asked something else than is asked now."""
        return self.sent_request is not None and self.sent_request != self.request

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
    taken = [line["output"] for line in lines if "output" in line]
    return OutputNames(run.out, (item.picture for item in run.items), taken, out.is_free)


def flights(run: Run, state: RunState, names: OutputNames) -> Iterator[Flight]:
    """Every picture as earlier runs have left it; those that are done have no job any more."""
    for item in run.items:
        last, ending = state.last(item.picture), run.ending(item)
        if last is None:
            yield Flight(item, names.choose(item.picture, ending))
            continue
        output = last.get("output", "")
        if not output.endswith(ending):
            # It has none yet, or another output-format was asked for last time.
            output = names.choose(item.picture, ending)
        flight = Flight(item, output, source=last.get("source"), request=run.request_digest(item))
        flight.sent_request, flight.sent_to = last.get("request"), last.get("provider")
        flight.is_other = has_changed(run.path(item), flight.source)
        progress = progress_of(last, run.out, has_other_settings=flight.has_other_settings)
        flight.was_done = progress in (Progress.DONE, Progress.RESULT_GONE)
        if progress is not Progress.TO_DO and not (progress is Progress.DONE and not flight.is_other):
            flight.maybe_job = Job(Path(last.get("job", "")))
        yield flight


def judged(flight: Flight, retry_unknown: bool) -> Next:
    """What is to be done about a picture that has a job, by what the job's folder tells."""
    is_free = flight.sent_to == "local"
    return judge(flight.job.folder, was_done=flight.was_done, retry_unknown=retry_unknown, is_free=is_free)
