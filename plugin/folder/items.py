"""The pictures of a folder run on their way: waiting, exported, at the endpoint, answered."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from lib.jobs.job import Job
from plugin.folder.arguments import InputPicture, RunSpec
from plugin.folder.job import JobResult
from plugin.folder.output import OutputFolder
from plugin.folder.output_names import OutputNames
from plugin.folder.resume import NextStep, Progress, find_job, next_step, progress_of
from plugin.folder.source import has_changed
from plugin.folder.state import Place, RunState


@dataclass
class FolderItem:
    """A picture on its way: the name of its result, and its job once it has one.

    `is_answered`: the endpoint has responded, so that the item no longer takes up a request slot.
    `was_done`: an earlier run finished it.
    `source`: the file that was sent, as `describe_source` describes it; `is_replaced`: the file has changed since.
    `request`, `sent_request`: digests of the current settings and of those that the job was sent with; None if the
    state does not say.
    `sent_to`: the provider that the job was sent to. `was_sent`: the job may have been sent.
    `place`: where the state's line is from which the item was loaded.
    `worker_deaths`: how many workers died with it.
    """

    picture: InputPicture
    output: str
    maybe_job: Job | None = None
    is_answered: bool = False
    was_done: bool = False
    source: Any = None
    is_replaced: bool = False
    request: str = ""
    sent_request: str | None = None
    sent_to: str | None = None
    was_sent: bool = True
    place: Place | None = None
    worker_deaths: int = 0

    @property
    def has_other_settings(self) -> bool:
        """Whether its job was sent with other settings than those of this run."""
        return self.sent_request is not None and self.sent_request != self.request

    @property
    def job(self) -> Job:
        """The job; raise LookupError if the item has none."""
        if self.maybe_job is None:
            raise LookupError(self.picture.name)
        return self.maybe_job


@dataclass
class Queues:
    """The stages of a run; an item is in one of them.

    `sent` maps job folders to the items that the worker is busy with; `watched` are with the worker of an earlier run,
    `elsewhere` with another run that shares the output folder.
    """

    waiting: deque[FolderItem] = field(default_factory=deque)
    exported: deque[FolderItem] = field(default_factory=deque)
    sent: dict[str, FolderItem] = field(default_factory=dict)
    watched: list[FolderItem] = field(default_factory=list)
    elsewhere: list[FolderItem] = field(default_factory=list)
    answered: deque[tuple[FolderItem, JobResult]] = field(default_factory=deque)

    def __bool__(self) -> bool:
        return bool(self.waiting or self.exported or self.sent or self.watched or self.elsewhere or self.answered)

    @property
    def request_count(self) -> int:
        """The number of requests that the endpoint has not answered yet."""
        return sum(not item.is_answered for item in self.sent.values()) + len(self.watched)


def output_names(spec: RunSpec, state: RunState, out: OutputFolder) -> OutputNames:
    """Return the source of names for results, aware of the names that earlier runs have used."""
    lines = filter(None, map(state.last, state.pictures()))
    taken = [line["output"] for line in lines if "output" in line]
    return OutputNames(spec.out, (picture.name for picture in spec.pictures), taken, out.is_free)


def load_items(spec: RunSpec, state: RunState, names: OutputNames) -> Iterator[FolderItem]:
    """Yield every picture as earlier runs left it; a finished one has no job."""
    for picture in spec.pictures:
        yield load_item(spec, state, picture, partial(names.choose, picture.name, spec.ending(picture)))


def load_item(spec: RunSpec, state: RunState, picture: InputPicture, new_name: Callable[[], str]) -> FolderItem:
    """Return a picture as the last line about it says; `new_name` returns a name for its result if there is none."""
    last, ending = state.last(picture.name), spec.ending(picture)
    if last is None:
        return FolderItem(picture, new_name())
    output = last.get("output", "")
    if not output.endswith(ending):
        # There is none yet, or the output-format has changed since the last run.
        output = new_name()
    item = FolderItem(picture, output, source=last.get("source"), request=spec.request_digest(picture))
    item.sent_request, item.sent_to = last.get("request"), last.get("provider")
    item.was_sent, item.place = last.get("sent", True), state.place(picture.name)
    item.is_replaced = has_changed(spec.path(picture), item.source)
    progress = progress_of(last, spec.out, has_other_settings=item.has_other_settings)
    item.was_done = progress in (Progress.DONE, Progress.RESULT_MISSING)
    if progress is not Progress.TO_DO and not (progress is Progress.DONE and not item.is_replaced):
        item.maybe_job = find_job(last.get("job", ""))
    return item


def next_step_of(item: FolderItem, retry_unknown: bool) -> NextStep:
    """Return what to do about an item that has a job."""
    return next_step(
        item.job.folder,
        was_done=item.was_done,
        retry_unknown=retry_unknown,
        is_free=item.sent_to == "local",
        was_sent=item.was_sent,
    )
