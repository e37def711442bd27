"""Let the worker do a task, and insert its results: `edit` and `run` for scripts, `JobRun` for windows."""

from __future__ import annotations

import contextlib
import json
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from gi.repository import Gegl, Gimp, GLib

from lib.api.text import sentences
from lib.jobs import stored_data
from lib.jobs.history_record import printable
from lib.jobs.job import FRAME, PROFILE, SELECTION, UNCLIPPED, Job
from lib.translation import _
from plugin.edit.options import Options
from plugin.edit.record import layer_record
from plugin.edit.task import Task, prepare, write_job
from plugin.errors import EditCancelled, EditFailed, explain
from plugin.pixels import insert
from plugin.pixels.colour_space import ResultPixels
from plugin.worker.process import FINAL, LOG, Event, OnEvent, Worker

if TYPE_CHECKING:
    from plugin.edit.draft import Draft

Progress = Callable[[Event], None]
End = TypeVar("End")
_ListenerEnd = TypeVar("_ListenerEnd", contravariant=True)


@dataclass(frozen=True)
class Outcome:
    """The result of an edit: the new layers as a procedure returns them, and the report."""

    values: Gimp.ValueArray
    report: dict[str, Any]


def edit(image: Gimp.Image, layers: Sequence[Gimp.Layer], options: Options, python: str, progress: Progress) -> Outcome:
    """Edit the first layer (or what is visible) within the selection, with the other layers as references.

    Raises BadArguments, EditFailed or EditCancelled; the image is then as it was.
    """
    return run(image, prepare(image, layers, options), options, python, progress)


def run(image: Gimp.Image, task: Task, options: Options, python: str, progress: Progress) -> Outcome:
    """Run a task to its end; raise EditFailed or EditCancelled, with the image as it was."""
    stopwatch = _Stopwatch()
    job = Job.new()
    final: Event = {}
    try:
        worker = Worker(python, job.path(LOG))
        try:
            # This takes a tenth of a second, while the worker is busy with its imports.
            Gegl.init(None)
            progress({"event": "stage", "name": "export"})
            write_job(job, task, options)
            stopwatch.end_stage("export")
            final = worker.run(job, progress)
            stopwatch.end_stage("worker")
        finally:
            worker.close()
        _raise_unless_done(job, final)
        try:
            outcome = insert_done(image, task, options, job, final)
        except (GLib.Error, OSError) as error:
            raise EditFailed(insertion_error_message(error, job.folder)) from error
        stopwatch.end_stage("insert")
    finally:
        forget_unsent(job, final)
    outcome.report["seconds"].update(stopwatch.seconds)
    return outcome


class Listener(Protocol[_ListenerEnd]):
    """Receives the progress of a job, and finally its end."""

    def on_progress(self, event: Event) -> None: ...

    def on_end(self, end: _ListenerEnd) -> None: ...


class JobStarter(Protocol):
    """Starts and cancels jobs: a worker, or a window's worker, which is restarted when it has ended."""

    def start(self, job: Job, on_event: OnEvent) -> None: ...

    def cancel(self, job: Job) -> None: ...


class JobRun(ABC, Generic[End]):
    """One draft that the worker edits while GIMP stays usable; subclasses decide what happens to its results.

    It has a new job, or else `job`.
    """

    def __init__(self, draft: Draft, worker: JobStarter, listener: Listener[End], job: Job | None = None) -> None:
        self.draft = draft
        self.job = job or Job.new()
        self.was_cancelled = False
        self._has_ended = False
        self._worker = worker
        self._listener = listener

    def start(self) -> None:
        """Export, then send; the listener receives what follows. Raises EditFailed or OSError."""
        self.export()
        self.send()

    def export(self) -> None:
        """Write the job's files from the image as it is now; raise EditFailed or OSError."""
        self._report({"event": "stage", "name": "export"})
        Gegl.init(None)
        try:
            write_job(self.job, self._task(), self.draft.options, interactive=True)
        except BaseException:
            forget_unsent(self.job, {})
            raise

    def send(self) -> None:
        """Let the worker send the exported job; the listener receives what follows. Raises EditFailed."""
        self._worker.start(self.job, self._on_event)

    def cancel(self) -> None:
        """Cancel the job; it ends within half a second."""
        self.was_cancelled = True
        self._worker.cancel(self.job)

    def _report(self, event: Event) -> None:
        """Pass an event on to the listener."""
        self._listener.on_progress(event)

    def _task(self) -> Task:
        """Return the task to export."""
        return self.draft.task

    @abstractmethod
    def _preview(self, event: Event) -> None:
        """Show a preview."""

    @abstractmethod
    def _done(self, event: Event) -> End:
        """Insert or offer the results; may raise OSError."""

    @abstractmethod
    def _cancelled(self) -> End:
        """Return the end of a job that the user cancelled."""

    @abstractmethod
    def _failed(self, error: Event) -> End:
        """Return the end of a job that failed."""

    def _on_event(self, event: Event) -> None:
        if self._has_ended:  # its cancellation was reported before the worker had ended it
            if event["event"] in FINAL:
                forget_pixels(self.job, event)
                forget_unsent(self.job, event)
            return
        if event["event"] == "partial":
            with contextlib.suppress(OSError):  # a preview that is lost must not make the edit fail
                self._preview(event)
        if event["event"] not in FINAL:
            self._report(event)
            return
        self._has_ended = True
        try:
            # A result that arrives after a cancel is not inserted.
            is_accepted = event["event"] == "done" and not self.was_cancelled
            end = self._done(event) if is_accepted else self._not_done(event)
        except Exception as error:  # noqa: BLE001 - the main loop's edge: the window would wait forever
            end = self._failed(self._not_inserted(error))
        forget_unsent(self.job, event)
        self._listener.on_end(end)

    def _not_inserted(self, error: Exception) -> Event:
        """Return the event of a failed insertion: the result is in the job folder, and must not be paid for twice."""
        message = explain_not_inserted(error, self.job.folder)
        return {"event": "error", "message": message, "maybe_billed": self.job.maybe_billed}

    def _not_done(self, event: Event) -> End:
        self.job.mark_notified()
        forget_pixels(self.job, event)
        # A worker that is killed because of the cancel ends with an error.
        if self.was_cancelled or event["event"] == "cancelled":
            return self._cancelled()
        return self._failed(event)


def insert_done(
    image: Gimp.Image, task: Task, options: Options, job: Job, final: Mapping[str, Any], *, masked: bool = True
) -> Outcome:
    """Insert the results of a job's last event; raise OSError where they cannot be read."""
    report = dict(final["report"])
    results = insert.ResultLayers(
        pictures=[result_pixels(job, stored) for stored in final["layers"]],
        mask=layer_mask(job, final["layer_mask"]) if masked else None,
        name=insert.layer_name(options.request["prompt"]),
        record=layer_record(options, report, task.sources),
        own_masks=own_masks(job, final.get("layer_masks", ())) if masked else (),
    )
    cut_from = task.edited if final.get("cut_out") else None
    values = insert.insert_results(image, results, replace(task.place, cut_from=cut_from))
    forget_pixels(job, final)
    job.mark_inserted()
    report["job"] = str(job.folder)
    return Outcome(values, report)


def result_pixels(job: Job, stored: stored_data.StoredData) -> ResultPixels:
    """Return the pixels of a layer that the worker made, in the space that the job's picture was sent in.

    Raises OSError if they were deleted.
    """
    rgba, unclipped = stored_data.read(job, stored), stored_data.unclipped_path(job, stored)
    floats = unclipped.read_bytes() if unclipped and unclipped.exists() else None
    profile = job.path(PROFILE)
    return ResultPixels(rgba, floats, profile.read_bytes() if profile.exists() else None)


def layer_mask(job: Job, stored: stored_data.StoredData | None) -> insert.Mask:
    """Return the layer mask that the worker made; without one, the selection as it was exported."""
    if stored:
        return stored_data.read(job, stored)
    path = job.path(SELECTION)
    return path.read_bytes() if path.exists() else None


def own_masks(job: Job, stored: Sequence[stored_data.StoredData | None]) -> list[insert.Mask]:
    """Return the layer mask of each result that has one of its own."""
    return [None if each is None else stored_data.read(job, each) for each in stored]


def forget_unsent(job: Job, final: Mapping[str, Any]) -> None:
    """Delete the folder of a job whose request was never sent: the user has everything that is in it.

    It stays where the last event refers the user to its log. Files that cannot be deleted stay too: on Windows the
    worker's open log cannot be, and that must not hide why the job failed.
    """
    if job.was_sent or (final.get("see_log") and job.path(LOG).exists()):
        return
    job.release()
    with contextlib.suppress(OSError):
        for path in job.folder.iterdir():
            with contextlib.suppress(OSError):
                path.unlink()
        job.folder.rmdir()


def forget_pixels(job: Job, final: Mapping[str, Any]) -> None:
    """Delete the raw pixels of a job; the answer that they were made from stays."""
    for stored in (*final.get("layers", ()), final.get("layer_mask"), *final.get("layer_masks", ())):
        if stored:
            stored_data.delete(job, stored)
    forget_frame(job)


def forget_frame(job: Job) -> None:
    """Delete what a job has of the frame's own pixels, which nothing needs once its results are chosen."""
    for name in (FRAME, UNCLIPPED):
        stored_data.delete(job, name)


def error_text(error: Event) -> str:
    """Return an error event's text for the user: what happened, what to do, and whether it may have been billed."""
    texts = [error["message"], error.get("hint") or ""]
    if error.get("maybe_billed") and "code" not in error:
        # An error of the client says so itself.
        texts.append(_("It may have been billed."))
    return sentences(*texts)


def insertion_error_message(error: GLib.Error | OSError, folder: Path) -> str:
    """Return a sentence on why a result was not inserted, and on where it is: in the job's folder."""
    message = _("The result cannot be inserted: {reason}. It is in {folder}.")
    reason = error.message.strip().rstrip(".") if isinstance(error, GLib.Error) else error.strerror or error
    return message.format(reason=reason, folder=printable(str(folder)))


def explain_not_inserted(error: Exception, folder: Path) -> str:
    """Return the text for the user on any error that kept a job's result from being inserted."""
    if isinstance(error, (GLib.Error, OSError)):
        return insertion_error_message(error, folder)
    return explain(error)


def report_text(report: Mapping[str, Any]) -> str:
    """Return the report as the procedure returns it."""
    return json.dumps(report, ensure_ascii=False)


class _Stopwatch:
    """Measures the seconds of each stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.monotonic()

    def end_stage(self, name: str) -> None:
        now = time.monotonic()
        self.seconds[name] = round(now - self._last, 3)
        self._last = now


def _raise_unless_done(job: Job, final: Event) -> None:
    if final["event"] == "done":
        return
    job.mark_notified()
    if final["event"] == "cancelled":
        raise EditCancelled
    raise EditFailed(error_text(final))
