"""Run a folder: exports, requests, insertions and the saving of results overlap.

GIMP is only called from the main thread, one step at a time between the worker's events. A request slot is free again
as soon as the endpoint has answered; by then the next job is already exported. Other runs may share the output folder:
a run takes a picture before it does anything for it, and leaves those of other runs alone until these have ended.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from gi.repository import Gegl, Gimp, GLib

from lib.jobs import history
from lib.jobs.job import Job
from lib.translation import _
from plugin.errors import BadArguments, EditFailed
from plugin.folder.arguments import InputPicture, RunSpec
from plugin.folder.items import FolderItem, Queues, load_item, load_items, next_step_of, output_names
from plugin.folder.job import (
    PICTURE_REPLACED,
    Inserting,
    JobResult,
    delete_result,
    export,
    finish_files,
    result_of_earlier_run,
    write_results,
)
from plugin.folder.leases import Leases
from plugin.folder.loop import Loop
from plugin.folder.open_pictures import OpenPictures
from plugin.folder.output import OutputFolder
from plugin.folder.own_results import OWN_FOLDER
from plugin.folder.resume import NextStep, endpoint_error, is_unknown
from plugin.folder.run_log import RunLog
from plugin.folder.saving import PendingFile
from plugin.folder.source import describe_source
from plugin.folder.state import UNKNOWN, NewerVersion, RunState
from plugin.worker.process import FINAL, LOG, Event, Worker

_EXPORTED_AHEAD = 2
_ELSEWHERE_SECONDS = 2.0
_MAX_DEATHS, _MAX_DEATHS_OF_ITEM = 3, 2
_PICTURE_ERRORS = (EditFailed, BadArguments, GLib.Error, OSError, ValueError)


ELSEWHERE = "elsewhere"
"""The stage of a picture that another run edits."""
OnItem = Callable[[FolderItem, Event], None]
"""Called with each event of an item: its stages, the worker's events, and finally {"event": "end", "state": …}."""


def newer_version_message(out: Path) -> str:
    """Return the message for an output folder that a newer version uses or has used."""
    message = _(
        "{folder} was used by a newer version of Generative Edit. Update Generative Edit, or choose another folder."
    )
    return message.format(folder=out)


class FolderRun:
    """One run.

    `on_item` is called with each event of a picture, `on_tick` twice a second, and `on_inserted` with each image that
    has just got its results, before they are saved. `only` limits the run to the pictures of these names; the report
    has all of them.
    """

    def __init__(
        self,
        spec: RunSpec,
        state: RunState,
        leases: Leases,
        python: str,
        on_item: OnItem = lambda item, event: None,
        only: Collection[str] | None = None,
    ) -> None:
        self.spec = spec
        self._out, self._state, self._leases = OutputFolder(spec.out, state), state, leases
        self._on_item = on_item
        self.log = RunLog(spec, self._out, self._on_item_end)
        self.stop_reason = ""
        self.on_tick: Callable[[], None] = lambda: None
        self.on_inserted: Callable[[Gimp.Image], None] = lambda image: None
        self._is_held = self._is_finishing = self._is_stopped = False
        self._python = python
        self._worker: Worker | None = None
        self._queues = Queues()
        self._pictures = OpenPictures()
        self._loop = Loop(self._step, self._tick)
        self._worker_deaths = 0
        self._looked_elsewhere = 0.0
        self._names = output_names(spec, state, self._out)
        for item in load_items(spec, state, self._names):
            if only is None or item.picture.name in only:
                self._enqueue(item)
        queues = self._queues
        self.log.start_clock(len(queues.waiting) + len(queues.watched) + len(queues.elsewhere))

    @property
    def unsent(self) -> list[InputPicture]:
        """The pictures whose requests are still to be sent."""
        return [item.picture for item in self._queues.waiting if not item.maybe_job]

    @property
    def request_count(self) -> int:
        """The number of requests that the endpoint has not answered yet."""
        return self._queues.request_count

    def work(self) -> None:
        """Edit all pictures, or as many as possible; raise any unexpected error of a callback."""
        Gegl.init(None)
        if not self._leases.others():
            self._out.delete_unfinished()
        if not self._is_stopped:
            self._loop.work()
        for item in self._queues.exported:
            self._withdraw(item)
        if self._worker:
            self._worker.close()
        self._pictures.close_all()
        self._loop.raise_failure()

    def hold(self) -> None:
        """Send no more requests; may be called from any thread."""
        self._is_held = True

    def resume(self) -> None:
        """Send requests again after `hold`."""
        self._is_held = False
        self._send()
        self._loop.kick()

    def finish(self) -> None:
        """Send no more requests, and end when the results of those in progress are saved."""
        self._is_finishing = True
        self.hold()
        self._loop.kick()

    def stop(self, reason: str) -> None:
        """Send nothing more and end; the worker stores pending results, which the next run collects."""
        self.stop_reason = self.stop_reason or reason
        self._is_stopped = True
        self.hold()
        if self._worker:
            self._worker.withdraw()
        self._loop.stop()

    def _enqueue(self, item: FolderItem) -> None:
        """Put an item into the queue that its job's folder, if it has one, requires."""
        queues = self._queues
        if not item.maybe_job:
            if item.was_done:
                self.log.count_earlier(item)
            else:
                queues.waiting.append(item)
            return
        if not self._claim(item):
            return
        step = next_step_of(item, self.spec.retry_unknown)
        if item.is_replaced and step in (NextStep.WATCH, NextStep.COLLECT, NextStep.REPORT_LOST):
            self.log.refuse(item, _(PICTURE_REPLACED))
        elif step is NextStep.REPORT_LOST:
            message = _(
                "Its result and its job folder have been deleted. To edit and pay for it again, remove its lines from "
                "{file}."
            )
            self.log.record_failure(item, {"message": message.format(file="run.jsonl")})
        elif step is NextStep.REPORT_UNKNOWN:
            message = _("The request was sent and may have been billed, but no response arrived.")
            self.log.record_failure(item, endpoint_error(item.job.folder) or {"message": message}, UNKNOWN)
        elif step is NextStep.SEND and item.worker_deaths >= _MAX_DEATHS_OF_ITEM:
            self.log.record_failure(item, {"message": _("The worker process ended unexpectedly.")})
        elif step is NextStep.WATCH or (step is NextStep.WITHDRAW and not self.log.withdraw(item)):
            queues.watched.append(item)
        else:
            if step is NextStep.SEND:
                item.maybe_job = None
            queues.waiting.append(item)

    def _claim(self, item: FolderItem) -> bool:
        """Take a picture for this run; return False if another run has it, or had it since the item was loaded."""
        name = item.picture.name
        if self._leases.holds(name):
            return True
        if not self._leases.claim(name):
            self._queues.elsewhere.append(item)
            self._on_item(item, {"event": "stage", "name": ELSEWHERE})
            return False
        try:
            self._state.refresh()
        except NewerVersion:
            raise EditFailed(newer_version_message(self.spec.out)) from None
        if self._state.place(name) == item.place:
            return True
        self._on_change_elsewhere(item)
        return False

    def _on_change_elsewhere(self, item: FolderItem) -> None:
        """Count a picture that another run has finished, or continue where that run left off."""
        line = self._state.last(item.picture.name) or {}
        item = load_item(self.spec, self._state, item.picture, lambda: item.output)
        if "state" in line:
            self.log.count_end_elsewhere(item, line)
        else:
            self._enqueue(item)

    def _on_item_end(self, item: FolderItem, fields: Mapping[str, Any]) -> None:
        self._leases.release(item.picture.name)
        self._on_item(item, {"event": "end", **fields})

    def _step(self) -> bool:
        """Read or save one picture; return False if there is nothing to do now.

        Request slots are filled first, unless too many results are waiting to be saved.
        """
        queues, concurrency = self._queues, self.spec.concurrency
        has_space = len(queues.exported) < _EXPORTED_AHEAD and len(queues.sent) < 2 * concurrency
        can_start = bool(queues.waiting) and has_space and not self._is_held
        if queues.answered and (not can_start or len(queues.answered) > concurrency):
            self._save(*queues.answered.popleft())
        elif can_start:
            self._start(queues.waiting.popleft())
        else:
            if not queues or (self._is_finishing and not queues.sent and not queues.answered):
                self._loop.stop()
            return False
        return True

    def _start(self, item: FolderItem) -> None:
        """Export a picture; if the response to an earlier run's request has arrived, request its layers instead."""
        if not self._claim(item):
            return
        if item.maybe_job:
            self._ask(item, "layers", lambda response: self._on_layers(item, response), job=str(item.job.folder))
            return
        self._live_worker()  # its imports overlap with the export
        item.maybe_job = Job.new()
        item.source, item.is_replaced = describe_source(self.spec.path(item.picture)), False
        item.was_done = False
        item.request = item.sent_request = self.spec.request_digest(item.picture)
        item.sent_to = self.spec.provider(item.picture)
        self.log.record_start(item)
        self._on_item(item, {"event": "stage", "name": "export"})
        try:
            export(self.spec, item.picture, item.job, self._pictures)
        except _PICTURE_ERRORS as error:
            if self._withdraw(item):
                self._record_exception(item, error)
            return
        self._queues.exported.append(item)
        self._send()

    def _send(self) -> None:
        """Send exported jobs as far as request slots are free."""
        queues = self._queues
        while queues.exported and queues.request_count < self.spec.concurrency and not self._is_held:
            item = queues.exported.popleft()
            # A run that takes a picture over reads the state afterwards. If this computer sleeps or loses its network
            # around this line, either the loss of the lease is noticed here, or the line is noticed there.
            if self._leases.holds(item.picture.name):
                self.log.record_sending(item)
            if not self._leases.holds(item.picture.name):
                self._give_up(item)
                continue
            queues.sent[str(item.job.folder)] = item
            self._live_worker().start(
                item.job, self._loop.guarded(lambda event, item=item: self._on_event(item, event))
            )

    def _withdraw(self, item: FolderItem) -> bool:
        """Withdraw an item that was not sent; return False if another run has taken it, and may have sent it."""
        if self._leases.holds(item.picture.name):
            self.log.withdraw(item)
            return True
        self._give_up(item)
        return False

    def _give_up(self, item: FolderItem) -> None:
        """Delete the job of a picture that another run has taken before it was sent."""
        item.job.release()
        with contextlib.suppress(OSError):
            history.delete(item.job.folder)
        item.maybe_job = None
        self._queues.elsewhere.append(item)

    def _ask(self, item: FolderItem, do: str, on_response: Callable[[Event], None], **values: Any) -> None:
        """Request something from the worker about an item that is not at the endpoint."""
        folder = str(item.job.folder)
        item.is_answered, self._queues.sent[folder] = True, item

        def handle(response: Event) -> None:
            del self._queues.sent[folder]
            self._loop.kick()
            if "error" in response and self._worker and self._worker.ended:
                self._on_worker_death(item)
            else:
                on_response(response)

        self._live_worker().ask(do, self._loop.guarded(handle), **values)

    def _live_worker(self) -> Worker:
        if self._worker is None or self._worker.ended:
            self._worker = Worker(self._python, self.spec.out / OWN_FOLDER / LOG)
        return self._worker

    def _on_event(self, item: FolderItem, event: Event) -> None:
        self._on_item(item, event)
        if event["event"] == "stage" and event["name"] == "fit":
            item.is_answered = True
        elif event["event"] not in FINAL:
            return
        else:
            del self._queues.sent[str(item.job.folder)]
            self._on_final_event(item, event)
        self._send()
        self._loop.kick()

    def _on_final_event(self, item: FolderItem, event: Event) -> None:
        if event["event"] == "done":
            self._queues.answered.append((item, JobResult.of(event, event["report"])))
        elif event["event"] == "cancelled":
            self.log.withdraw(item)  # `stop` came before it was sent
        elif self._worker and self._worker.ended:
            self._on_worker_death(item)
        elif is_unknown(item.job.folder):
            self._record_failure(item, event, UNKNOWN)
        else:
            self._record_failure(item, event)

    def _on_layers(self, item: FolderItem, response: Event) -> None:
        """Handle the layers of a result whose run ended before it arrived."""
        if "error" in response:
            self.log.record_failure(item, response["error"])
            return
        self._queues.answered.append((item, result_of_earlier_run(item.job, response)))

    def _on_worker_death(self, item: FolderItem) -> None:
        """Continue with a new worker, as the job's folder requires; stop the run if workers keep dying."""
        self._worker_deaths += 1
        if self._worker_deaths > _MAX_DEATHS * self.spec.concurrency:
            log = self.spec.out / OWN_FOLDER / LOG
            self.stop(_("The worker process keeps ending unexpectedly. See {log}.").format(log=log))
        item.is_answered = False
        item.worker_deaths += 1
        self._pictures.close(self.spec.path(item.picture))
        self._enqueue(item)

    def _save(self, item: FolderItem, result: JobResult) -> None:
        """Insert a result and save it; the worker encodes the file while the next picture is opened."""
        self._on_item(item, {"event": "stage", "name": "save"})
        inserting = Inserting(self._out, self._pictures, self.on_inserted)
        try:
            pending = write_results(self.spec, item.picture, inserting, item.job, result, item.source)
        except _PICTURE_ERRORS as error:
            self._record_exception(item, error)
            return
        requests = [file.request for file in pending if file.request]
        if requests:
            self._ask(
                item,
                "write-pictures",
                lambda response: self._on_encoded(item, result, pending, response),
                pictures=requests,
            )
        else:
            self._on_encoded(item, result, pending, {})

    def _on_encoded(self, item: FolderItem, result: JobResult, pending: list[PendingFile], response: Event) -> None:
        """Complete the files of a result, and let the worker check that they can be opened."""
        if "error" in response:
            self._record_failure(item, response["error"])
            return
        try:
            finish_files(self.spec, item.picture, pending, self._pictures)
        except _PICTURE_ERRORS as error:
            self._record_exception(item, error)
            return
        self._ask(
            item,
            "check-pictures",
            lambda response: self._on_checked(item, result, pending, response),
            pictures=[file.check_request for file in pending],
        )

    def _on_checked(self, item: FolderItem, result: JobResult, pending: list[PendingFile], response: Event) -> None:
        """Give the checked files their names."""
        if "error" in response:
            self._record_failure(item, response["error"])
            return
        try:
            files = self.log.place_results(item, [file.part for file in pending], response["files"], self._names)
        except OSError as error:
            self._record_exception(item, error)
            return
        delete_result(item.job, result)
        self.log.record_success(item, files, result.report)
        self._worker_deaths = 0

    def _record_exception(self, item: FolderItem, error: Exception) -> None:
        self._pictures.close(self.spec.path(item.picture))
        self.log.record_exception(item, error)
        self._stop_if_aborted()

    def _record_failure(self, item: FolderItem, error: Mapping[str, Any], *state: str) -> None:
        self._pictures.close(self.spec.path(item.picture))
        self.log.record_failure(item, error, *state, may_recur=True)
        self._stop_if_aborted()

    def _stop_if_aborted(self) -> None:
        if self.log.abort_reason:
            self.stop(self.log.abort_reason)

    def _tick(self) -> None:
        """Check the requests of an earlier run's worker and the other runs, which send this process no events."""
        queues = self._queues
        watched, queues.watched = queues.watched, []
        for item in watched:
            self._enqueue(item)
        if time.monotonic() - self._looked_elsewhere > _ELSEWHERE_SECONDS:
            self._looked_elsewhere = time.monotonic()
            elsewhere, queues.elsewhere = queues.elsewhere, []
            for item in elsewhere:
                if self._claim(item):
                    self._enqueue(item)
        self._send()
        self._loop.kick()
        self.on_tick()
