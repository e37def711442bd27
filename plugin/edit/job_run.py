"""One job at the worker while GIMP and the window go on: from the export to its end, or to a cancel."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from typing import Generic, Protocol, TypeVar

from gi.repository import Gegl

from lib.jobs.job import Job
from plugin.edit.draft import Draft
from plugin.edit.task import Task, explain_not_inserted, forget_pixels, forget_unsent, write_job
from plugin.worker.process import FINAL, Event, Worker

End = TypeVar("End")
_Told = TypeVar("_Told", contravariant=True)


class Listener(Protocol[_Told]):
    """Whoever is told of the progress, and once of the end."""

    def on_progress(self, event: Event) -> None: ...

    def on_end(self, end: _Told) -> None: ...


class JobRun(ABC, Generic[End]):
    """Runs one draft; what comes of it is the subclass's."""

    def __init__(self, draft: Draft, worker: Worker, listener: Listener[End]) -> None:
        self.draft = draft
        self.job = Job.new()
        self.was_cancelled = False
        self._worker = worker
        self._listener = listener

    def start(self) -> None:
        """Exports, then sends; what happens next is told to the listener. Raises EditFailed or OSError."""
        self._listener.on_progress({"event": "stage", "name": "export"})
        Gegl.init(None)
        try:
            write_job(self.job, self._task(), self.draft.options, interactive=True)
        except BaseException:
            forget_unsent(self.job, {})
            raise
        self._worker.start(self.job, self._heard)

    def cancel(self) -> None:
        """Stops it; the listener is told of the end within half a second."""
        self.was_cancelled = True
        self._worker.cancel(self.job)

    def _task(self) -> Task:
        """What is exported and sent."""
        return self.draft.task

    @abstractmethod
    def _preview(self, event: Event) -> None:
        """Shows a preview."""

    @abstractmethod
    def _done(self, event: Event) -> End:
        """Takes the results; may raise OSError."""

    @abstractmethod
    def _cancelled(self) -> End:
        """The end of what the user stopped."""

    @abstractmethod
    def _failed(self, error: Event) -> End:
        """The end of what went wrong."""

    def _heard(self, event: Event) -> None:
        if event["event"] == "partial":
            with contextlib.suppress(OSError):  # an edit is worth more than one of its previews
                self._preview(event)
        if event["event"] not in FINAL:
            self._listener.on_progress(event)
            return
        try:
            # An answer that comes after a cancel is not wanted any more.
            wanted = event["event"] == "done" and not self.was_cancelled
            end = self._done(event) if wanted else self._stopped(event)
        except Exception as error:  # noqa: BLE001 - the main loop's edge: the window would wait for an end for ever
            end = self._failed(self._not_inserted(error))
        forget_unsent(self.job, event)
        self._listener.on_end(end)

    def _not_inserted(self, error: Exception) -> Event:
        """The event of an error on the way into GIMP: what arrived is kept, and must not be paid for twice."""
        message = explain_not_inserted(error, self.job.folder)
        return {"event": "error", "message": message, "maybe_billed": self.job.maybe_billed}

    def _stopped(self, event: Event) -> End:
        self.job.mark_notified()
        forget_pixels(self.job, event)
        # A worker that was killed after the cancel has ended as it was told.
        if self.was_cancelled or event["event"] == "cancelled":
            return self._cancelled()
        return self._failed(event)
