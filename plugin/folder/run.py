"""Runs a folder: exports, requests, insertions and the writing of results overlap.

GIMP is only asked from the main thread, one step at a time between the worker's events. A slot is free again as soon as
a request is answered; the next job lies exported by then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gi.repository import Gegl, GLib

from lib.jobs.job import Job
from lib.translation import _
from plugin.errors import BadArguments, EditFailed
from plugin.folder.arguments import Item, Run
from plugin.folder.flight import Flight, Queues, flights, judged, output_names
from plugin.folder.job import (
    OTHER_PICTURE,
    Answer,
    earlier_answer,
    export,
    finish,
    forget_answer,
    write_results,
)
from plugin.folder.ledger import Ledger
from plugin.folder.loop import Loop
from plugin.folder.open_pictures import OpenPictures
from plugin.folder.output import OutputFolder
from plugin.folder.own_results import OWN_FOLDER
from plugin.folder.saving import Written
from plugin.folder.source import describe_source
from plugin.folder.state import UNKNOWN, Next, RunState, answer_of, is_unknown
from plugin.worker.process import FINAL, LOG, Event, Worker

_EXPORTED_AHEAD = 2
_MOST_DEATHS, _MOST_DEATHS_OF_ONE = 3, 2
_BAD_PICTURE = (EditFailed, BadArguments, GLib.Error, OSError, ValueError)


class FolderRun:
    """One run; `on_look` is called twice a second."""

    def __init__(self, run: Run, state: RunState, python: str) -> None:
        self.run = run
        self._out = OutputFolder(run.out, state)
        self.ledger = Ledger(run, self._out)
        self.stopped_by = ""
        self.on_look: Callable[[], None] = lambda: None
        self._held = False
        self._python = python
        self._worker: Worker | None = None
        self._queues = Queues()
        self._pictures = OpenPictures()
        self._loop = Loop(self._step, self._look)
        self._deaths = 0
        self._names = output_names(run, state, self._out)
        for flight in flights(run, state, self._names):
            self._place(flight)
        self.ledger.begin(len(self._queues.waiting) + len(self._queues.watched))

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
        self._out.forget_unfinished()
        self._loop.work()
        for flight in self._queues.exported:
            self.ledger.withdraw(flight)
        if self._worker:
            self._worker.close()
        self._pictures.close_all()
        self._loop.raise_failure()

    def hold(self) -> None:
        """Lets no more requests begin, from any thread."""
        self._held = True

    def stop(self, why: str) -> None:
        """Sends nothing more; what is under way is written down by the worker, and collected by the next run."""
        self.stopped_by = self.stopped_by or why
        self.hold()
        if self._worker:
            self._worker.withdraw()
        self._loop.stop()

    def _place(self, flight: Flight) -> None:
        """Puts a picture into the queue that its job's folder, if it has one, says."""
        queues = self._queues
        if not flight.maybe_job:
            if flight.was_done:
                self.ledger.was_done(flight)
            else:
                queues.waiting.append(flight)
            return
        following = judged(flight, self.run.retry_unknown)
        if flight.is_other and following in (Next.WATCH, Next.COLLECT, Next.TELL_GONE):
            self.ledger.refused(flight, _(OTHER_PICTURE))
        elif following is Next.TELL_GONE:
            told = _(
                "It was done, but its result and its job have gone. Take its lines out of {file} to pay for it again."
            )
            self.ledger.failed(flight, {"message": told.format(file="run.jsonl")})
        elif following is Next.TELL_UNKNOWN:
            told = _("Its request was sent and may have been billed; an answer did not arrive.")
            self.ledger.failed(flight, answer_of(flight.job.folder) or {"message": told}, UNKNOWN)
        elif following is Next.SEND and flight.deaths >= _MOST_DEATHS_OF_ONE:
            self.ledger.failed(flight, {"message": _("The worker process ended before it had answered.")})
        elif following is Next.WATCH or (following is Next.WITHDRAW and not self.ledger.withdraw(flight)):
            queues.watched.append(flight)
        else:
            if following is Next.SEND:
                flight.maybe_job = None
            queues.waiting.append(flight)

    def _step(self) -> bool:
        """Reads or writes one picture, if any can be; slots are filled first, unless results pile up."""
        queues, at_once = self._queues, self.run.concurrency
        room = len(queues.exported) < _EXPORTED_AHEAD and len(queues.out) < 2 * at_once
        begin = bool(queues.waiting) and room and not self._held
        if queues.answered and (not begin or len(queues.answered) > at_once):
            self._finish(*queues.answered.popleft())
        elif begin:
            self._begin(queues.waiting.popleft())
        else:
            if not queues:
                self._loop.stop()
            return False
        return True

    def _begin(self, flight: Flight) -> None:
        """Exports a picture; where its answer is there already, asks for its layers."""
        if flight.maybe_job:
            self._ask(flight, "layers", lambda told: self._collected(flight, told), job=str(flight.job.folder))
            return
        self._live_worker()  # its imports overlap with the export
        flight.maybe_job = Job.new()
        flight.source, flight.is_other = describe_source(self.run.path(flight.item)), False
        flight.was_done = False
        flight.request = flight.sent_request = self.run.request_digest(flight.item)
        flight.sent_to = self.run.provider(flight.item)
        self.ledger.begun(flight)
        try:
            export(self.run, flight.item, flight.job, self._pictures)
        except _BAD_PICTURE as error:
            self.ledger.withdraw(flight)
            self._spoilt(flight, error)
            return
        self._queues.exported.append(flight)
        self._send()

    def _send(self) -> None:
        """Sends what is exported, as far as slots are free."""
        queues = self._queues
        while queues.exported and queues.asking < self.run.concurrency and not self._held:
            flight = queues.exported.popleft()
            queues.out[str(flight.job.folder)] = flight
            self._live_worker().start(
                flight.job, self._loop.guarded(lambda event, flight=flight: self._heard(flight, event))
            )

    def _ask(self, flight: Flight, do: str, on_answer: Callable[[Event], None], **values: Any) -> None:
        """Asks the worker for something about a picture that is not at the endpoint."""
        folder = str(flight.job.folder)
        flight.over, self._queues.out[folder] = True, flight

        def answered(told: Event) -> None:
            del self._queues.out[folder]
            self._loop.kick()
            if "error" in told and self._worker and self._worker.ended:
                self._worker_died(flight)
            else:
                on_answer(told)

        self._live_worker().ask(do, self._loop.guarded(answered), **values)

    def _live_worker(self) -> Worker:
        if self._worker is None or self._worker.ended:
            self._worker = Worker(self._python, self.run.out / OWN_FOLDER / LOG)
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
        self._loop.kick()

    def _ended(self, flight: Flight, event: Event) -> None:
        if event["event"] == "done":
            self._queues.answered.append((flight, Answer(event["layers"], event["layer_mask"], event["report"])))
        elif event["event"] == "cancelled":
            self.ledger.withdraw(flight)  # `stop` came before it was sent
        elif self._worker and self._worker.ended:
            self._worker_died(flight)
        elif is_unknown(flight.job.folder):
            self._failed(flight, event, UNKNOWN)
        else:
            self._failed(flight, event)

    def _collected(self, flight: Flight, told: Event) -> None:
        """An answer that an earlier run did not wait for."""
        if "error" in told:
            self.ledger.failed(flight, told["error"])
            return
        self._queues.answered.append((flight, earlier_answer(flight.job, told)))

    def _worker_died(self, flight: Flight) -> None:
        """What the job's folder says counts; the rest gets a new worker, unless that helps nobody."""
        self._deaths += 1
        if self._deaths > _MOST_DEATHS * self.run.concurrency:
            log = self.run.out / OWN_FOLDER / LOG
            self.stop(_("The worker process ends again and again; see {log}.").format(log=log))
        flight.over = False
        flight.deaths += 1
        self._pictures.close(self.run.path(flight.item))
        self._place(flight)

    def _finish(self, flight: Flight, answer: Answer) -> None:
        """Inserts an answer and writes the result; the worker encodes it while the next picture is opened."""
        try:
            written = write_results(self.run, flight.item, self._out, flight.job, answer, self._pictures, flight.source)
        except _BAD_PICTURE as error:
            self._spoilt(flight, error)
            return
        asked = [each.asked for each in written if each.asked]
        if asked:
            self._ask(
                flight, "write-pictures", lambda told: self._written(flight, answer, written, told), pictures=asked
            )
        else:
            self._written(flight, answer, written, {})

    def _written(self, flight: Flight, answer: Answer, written: list[Written], told: Event) -> None:
        """The result is in its file, which the worker opens again, or it is not."""
        if "error" in told:
            self._failed(flight, told["error"])
            return
        try:
            finish(self.run, flight.item, written, self._pictures)
        except _BAD_PICTURE as error:
            self._spoilt(flight, error)
            return
        checked = [each.checked for each in written]
        self._ask(flight, "check-pictures", lambda told: self._checked(flight, answer, written, told), pictures=checked)

    def _checked(self, flight: Flight, answer: Answer, written: list[Written], told: Event) -> None:
        """The result can be read, and gets its name."""
        if "error" in told:
            self._failed(flight, told["error"])
            return
        try:
            files = self.ledger.place(flight, [each.part for each in written], told["files"], self._names)
        except OSError as error:
            self._spoilt(flight, error)
            return
        forget_answer(flight.job, answer)
        self.ledger.done(flight, files, answer.report)
        self._deaths = 0

    def _spoilt(self, flight: Flight, error: Exception) -> None:
        self._pictures.close(self.run.path(flight.item))
        self.ledger.spoilt(flight, error)
        self._stop_where_hopeless()

    def _failed(self, flight: Flight, told: Mapping[str, Any], *state: str) -> None:
        self._pictures.close(self.run.path(flight.item))
        self.ledger.failed(flight, told, *state, alike=True)
        self._stop_where_hopeless()

    def _stop_where_hopeless(self) -> None:
        if self.ledger.hopeless:
            self.stop(self.ledger.hopeless)

    def _look(self) -> None:
        """Looks after the requests of an earlier run's worker, which nobody tells us of."""
        watched, self._queues.watched = self._queues.watched, []
        for flight in watched:
            self._place(flight)
        self._send()
        self._loop.kick()
        self.on_look()
