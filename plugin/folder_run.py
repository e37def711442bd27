"""Runs a folder: exports, requests and insertions overlap, and what is known of each picture is written down at once.

GIMP is only asked from the main thread, one step at a time between the worker's events. A slot is free again as soon as
a request is answered; the next job lies exported by then.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from gi.repository import Gegl, GLib

from lib.folder_history import Kept
from lib.folder_pictures import OWN_FOLDER
from lib.folder_progress import TimeLeft
from lib.folder_report import Summary, report_line, write_report
from lib.folder_state import DONE, FAILED, UNKNOWN, Next, RunState, abandon, answer_of, is_unknown
from lib.job import Job
from lib.translation import _
from plugin.arguments import BadArguments
from plugin.folder_arguments import Item, Run
from plugin.folder_flight import Flight, Queues, flights, judged
from plugin.folder_job import Answer, export, finish
from plugin.procedure_parts import of_a_file
from plugin.task import EditFailed
from plugin.worker_process import FINAL, LOG, Event, Worker

_EXPORTED_AHEAD = 2
_LOOK_SECONDS = 0.5
_MOST_ALIKE = 10
_MOST_DEATHS = 3
_BAD_PICTURE = (EditFailed, BadArguments, GLib.Error, OSError, ValueError)


class FolderRun:
    """One run; `on_progress` is called after each picture, and twice a second."""

    def __init__(self, run: Run, state: RunState, python: str) -> None:
        self.run = run
        self.counts: Counter[str] = Counter()
        self.stopped_by = ""
        self.on_progress: Callable[[], None] = lambda: None
        self._state = state
        self._python = python
        self._worker: Worker | None = None
        self._queues = Queues()
        self._loop = GLib.MainLoop()
        self._step_source = 0
        self._broken: BaseException | None = None
        self._alike = ("", 0)
        self._deaths = 0
        self._kept = Kept()
        self.time_left = TimeLeft(0, time.monotonic())
        for flight in flights(run, state):
            self._place(flight)
        self.time_left = TimeLeft(len(self._queues.waiting) + len(self._queues.watched), time.monotonic())

    @property
    def to_send(self) -> list[Item]:
        """The pictures whose requests are still to be made."""
        return [flight.item for flight in self._queues.waiting if not flight.maybe_job]

    @property
    def under_way(self) -> int:
        """How many requests are at the endpoint now."""
        return self._queues.asking

    def work(self) -> None:
        """Does all pictures, or as many as it can; raises what nobody foresaw."""
        Gegl.init(None)
        looking = GLib.timeout_add(int(_LOOK_SECONDS * 1000), self._guarded(self._look))
        self._kick()
        self._loop.run()
        GLib.source_remove(looking)
        for flight in self._queues.exported:
            self._forget_unsent(flight)
        if self._worker:
            self._worker.close()
        if self._broken:
            raise self._broken

    def stop(self, why: str) -> None:
        """Sends nothing more; what is under way is written down by the worker, and collected by the next run."""
        self.stopped_by = self.stopped_by or why
        self._loop.quit()

    def report(self) -> Summary:
        """Writes the report of all pictures as it stands; raises OSError."""
        return write_report(self.run.out, self._report_lines())

    def _report_lines(self) -> Iterator[dict[str, Any]]:
        for item in self.run.items:
            yield report_line(item.picture, self._state.last(item.picture))

    def _place(self, flight: Flight) -> None:
        """Puts a picture into the queue that its job's folder, if it has one, says."""
        if not flight.maybe_job:
            if flight.was_done:
                self.counts[DONE] += 1
            else:
                self._queues.waiting.append(flight)
            return
        following = judged(flight, self.run.retry_unknown)
        if following is Next.WATCH:
            self._queues.watched.append(flight)
        elif following is Next.TELL_GONE:
            told = _(
                "It was done, but its result and its job have gone. Take its lines out of {file} to pay for it again."
            )
            self._fail(flight, FAILED, {"message": told.format(file="run.jsonl")})
        elif following is Next.TELL_UNKNOWN:
            told = _("Its request was sent and may have been billed; an answer did not arrive.")
            self._fail(flight, UNKNOWN, answer_of(flight.job.folder) or {"message": told})
        else:
            if following is Next.SEND:
                flight.maybe_job = None
            self._queues.waiting.append(flight)

    def _kick(self) -> None:
        if not self._step_source:
            self._step_source = GLib.idle_add(self._guarded(self._step))

    def _guarded(self, work: Callable[..., Any]) -> Callable[..., Any]:
        """A callback whose failure ends the run: GLib would only print it."""

        def callback(*arguments: Any) -> Any:
            try:
                return work(*arguments)
            except BaseException as error:  # noqa: BLE001 - raised again by `work`
                self._broken = self._broken or error
                self._loop.quit()
                return GLib.SOURCE_REMOVE

        return callback

    def _step(self) -> bool:
        """One picture read or written. Slots at the endpoint are filled first, unless results pile up."""
        queues, at_once = self._queues, self.run.concurrency
        room = len(queues.exported) < _EXPORTED_AHEAD and len(queues.out) < 2 * at_once
        begin = bool(queues.waiting) and room
        if queues.answered and (not begin or len(queues.answered) > at_once):
            self._finish(queues.answered.popleft())
        elif begin:
            self._begin(queues.waiting.popleft())
        else:
            self._step_source = 0
            if not queues:
                self._loop.quit()
            return GLib.SOURCE_REMOVE
        return GLib.SOURCE_CONTINUE

    def _begin(self, flight: Flight) -> None:
        """Exports a picture; where its answer is there already, asks for its layers."""
        if flight.maybe_job:
            folder = str(flight.job.folder)
            flight.over = True
            self._queues.out[folder] = flight
            self._live_worker().ask("layers", self._guarded(lambda told: self._collected(flight, told)), job=folder)
            return
        self._live_worker()  # its imports overlap with the export
        flight.maybe_job = Job.new()
        self._state.add(flight.item.picture, output=flight.output, job=str(flight.job.folder))
        try:
            export(self.run, flight.item, flight.job)
        except _BAD_PICTURE as error:
            self._forget_unsent(flight)
            flight.maybe_job = None
            self._fail(flight, FAILED, {"message": _words(error)}, alike=isinstance(error, OSError))
            return
        self._queues.exported.append(flight)
        self._send()

    def _send(self) -> None:
        """Sends what is exported, as far as slots are free."""
        queues = self._queues
        while queues.exported and queues.asking < self.run.concurrency and not self.stopped_by:
            flight = queues.exported.popleft()
            queues.out[str(flight.job.folder)] = flight
            self._live_worker().start(
                flight.job, self._guarded(lambda event, flight=flight: self._heard(flight, event))
            )

    def _live_worker(self) -> Worker:
        if self._worker is None or self._worker.ended:
            try:
                self._worker = Worker(self._python, self.run.out / OWN_FOLDER / LOG)
            except GLib.Error as error:
                told = _("The worker cannot be started: {reason}. Run install.py again.")
                raise EditFailed(told.format(reason=error.message)) from None
        return self._worker

    def _heard(self, flight: Flight, event: Event) -> None:
        if event["event"] == "stage" and event["name"] == "fit":
            flight.over = True
        elif event["event"] not in FINAL:
            return
        else:
            del self._queues.out[str(flight.job.folder)]
            self._ended(flight, event)
        self._send()
        self._kick()

    def _ended(self, flight: Flight, event: Event) -> None:
        if event["event"] == "done":
            self._answer(flight, event["layers"], event["layer_mask"], event["report"])
        elif self._worker and self._worker.ended:
            self._worker_died(flight)
        else:
            unknown = is_unknown(flight.job.folder)
            self._fail(flight, UNKNOWN if unknown else FAILED, event, alike=True)

    def _collected(self, flight: Flight, told: Event) -> None:
        """An answer that an earlier run did not wait for."""
        del self._queues.out[str(flight.job.folder)]
        if "error" not in told:
            with contextlib.suppress(OSError, TypeError):
                flight.job.path(told["original"]).unlink()
            self._answer(flight, told["layers"], told["layer_mask"], _report_of(flight.job))
        elif self._worker and self._worker.ended:
            self._worker_died(flight)
        else:
            self._fail(flight, FAILED, told["error"])
        self._kick()

    def _answer(self, flight: Flight, layers: list[Any], mask: Any, report: Mapping[str, Any]) -> None:
        flight.answer, flight.over = Answer(layers, mask, report), True
        self._queues.answered.append(flight)

    def _worker_died(self, flight: Flight) -> None:
        """What the job's folder says counts; the rest gets a new worker, unless that helps nobody."""
        self._deaths += 1
        if self._deaths > _MOST_DEATHS * self.run.concurrency:
            log = self.run.out / OWN_FOLDER / LOG
            self.stop(_("The worker process ends again and again; see {log}.").format(log=log))
        flight.over = False
        self._place(flight)

    def _finish(self, flight: Flight) -> None:
        if flight.answer is None:
            raise LookupError(flight.item.picture)
        report, job = flight.answer.report, flight.job
        try:
            files = finish(self.run, flight.item, flight.output, job, flight.answer)
        except _BAD_PICTURE as error:
            self._fail(flight, FAILED, {"message": _words(error)}, alike=isinstance(error, OSError))
            return
        facts = {name: report.get(name) for name in ("cost", "request_ids", "provider", "model")}
        facts |= {"seconds": report.get("seconds", {}).get("request"), "message": " ".join(report.get("notes", ()))}
        self._write_down(flight, state=DONE, outputs=files, **facts)
        job.mark_inserted()
        self._kept.add(job.folder)
        self._alike, self._deaths = ("", 0), 0

    def _fail(self, flight: Flight, state: str, told: Mapping[str, Any], *, alike: bool = False) -> None:
        """Writes down that a picture has no result; where many in a row fail alike, the run ends."""
        message = " ".join(filter(None, (told.get("message"), told.get("hint"))))
        request_ids = [told["request_id"]] if told.get("request_id") else []
        self._write_down(flight, state=state, message=message, request_ids=request_ids)
        if flight.maybe_job:
            flight.job.release()
        if not alike:
            return
        self._alike = (message, self._alike[1] + 1 if self._alike[0] == message else 1)
        if self._alike[1] >= _MOST_ALIKE:
            reason = _("{count} pictures in a row failed alike, and the rest was not tried: {message}")
            self.stop(reason.format(count=_MOST_ALIKE, message=message))

    def _write_down(self, flight: Flight, **facts: Any) -> None:
        job = str(flight.job.folder) if flight.maybe_job else None
        self._state.add(flight.item.picture, output=flight.output, job=job, **facts)
        self.counts[facts["state"]] += 1
        self.time_left.end(time.monotonic())
        self.on_progress()

    def _look(self) -> bool:
        """Looks after the requests of an earlier run's worker, which nobody tells us of."""
        watched, self._queues.watched = self._queues.watched, []
        for flight in watched:
            self._place(flight)
        self._send()
        self._kick()
        self.on_progress()
        return GLib.SOURCE_CONTINUE

    def _forget_unsent(self, flight: Flight) -> None:
        flight.job.release()
        abandon(flight.job.folder)


def _report_of(job: Job) -> dict[str, Any]:
    """What the worker wrote down of a job; of one that was cut off in the end, only the request's ids."""
    for name in ("report.json", "response.json"):
        with contextlib.suppress(OSError, ValueError):
            return job.read_json(name)
    return {}


def _words(error: BaseException) -> str:
    if isinstance(error, OSError):
        return of_a_file(error)
    return getattr(error, "message", None) or str(error)
