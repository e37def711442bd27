"""What is written down of a folder run: each picture's end, as it happens, and the report of all."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gi.repository import GLib

from lib.api.text import sentences
from lib.storage.file_identity import File
from lib.translation import _
from plugin.edit.run import of_a_result
from plugin.errors import of_a_file
from plugin.folder.arguments import Run
from plugin.folder.estimates import TimeLeft
from plugin.folder.flight import Flight
from plugin.folder.job_history import RetainedJobs
from plugin.folder.output import OutputFolder
from plugin.folder.output_names import OutputNames, preferred_name, variation_names
from plugin.folder.report import OTHER_SETTINGS, Summary, other_settings_reason, report_line, skipped_line, write_report
from plugin.folder.state import DONE, FAILED, withdraw

_MOST_ALIKE = 10


class Ledger:
    """The run's state on disk, how many pictures ended how, and the time left.

    `on_end` is called after each picture. `hopeless` says why the rest is not worth a try, once many in a row have
    failed alike.
    """

    def __init__(self, run: Run, out: OutputFolder) -> None:
        self.counts: Counter[str] = Counter()
        self.time_left = TimeLeft(0, time.monotonic())
        self.hopeless = ""
        self.on_end: Callable[[], None] = lambda: None
        self._run, self._out, self._state = run, out, out.state
        self._kept = RetainedJobs()
        self._alike = ("", 0)
        self._refused: dict[str, str] = {}
        self._other_settings: set[str] = set()
        self._earlier = 0

    def begin(self, count: int) -> None:
        """Starts the clock: so many pictures are to be done."""
        self.time_left = TimeLeft(count, time.monotonic())

    def begun(self, flight: Flight) -> None:
        """Before a picture's request can be sent; raises OSError."""
        self._state.add(flight.item.picture, **_facts(flight))

    def place(self, flight: Flight, parts: Sequence[Path], files: Sequence[File], names: OutputNames) -> list[str]:
        """Gives a picture's results their names, which it returns; raises OSError.

        They are written down before, so that a run that is killed here knows its own files again.
        """
        ending = self._run.ending(flight.item)
        while True:
            results = variation_names(flight.output, len(parts))
            if all(map(self._out.is_free, results)):
                listed = [{**file, "name": name} for file, name in zip(files, results, strict=True)]
                self._state.add(flight.item.picture, **_facts(flight), files=listed)
                if self._out.place_all(dict(zip(results, parts, strict=True))):
                    return results
            flight.output = names.choose(flight.item.picture, ending, len(parts))

    def was_done(self, flight: Flight) -> None:
        """Counts a picture that an earlier run has finished."""
        if flight.has_other_settings:
            self._other_settings.add(flight.item.picture)
            self.counts[OTHER_SETTINGS] += 1
        else:
            self._earlier += 1
            self.counts[DONE] += 1

    def done(self, flight: Flight, files: list[str], report: Mapping[str, Any]) -> None:
        """A picture's result is in its files; it may be the answer that an earlier run has asked for."""
        if flight.has_other_settings:
            self._other_settings.add(flight.item.picture)
        facts = {name: report.get(name) for name in ("cost", "request_ids", "provider", "model")}
        facts["provider"] = facts["provider"] or flight.sent_to
        facts["seconds"] = report.get("seconds", {}).get("request")
        facts["message"] = sentences(*self._notes(flight, report))
        self._end(flight, state=DONE, outputs=files, **facts)
        flight.job.mark_inserted()
        self._kept.add(flight.job.folder)
        self._alike = ("", 0)

    def failed(self, flight: Flight, told: Mapping[str, Any], state: str = FAILED, *, alike: bool = False) -> None:
        """A picture has no result. `alike` says that what happened may well happen to the next one too."""
        message = sentences(told.get("message"), told.get("hint"))
        request_ids = [told["request_id"]] if told.get("request_id") else []
        self._end(flight, state=state, message=message, request_ids=request_ids)
        if flight.maybe_job:
            flight.job.release()
        if not alike:
            return
        self._alike = (message, self._alike[1] + 1 if self._alike[0] == message else 1)
        if self._alike[1] >= _MOST_ALIKE:
            reason = _("{count} pictures in a row failed alike, and the rest was not tried: {message}")
            self.hopeless = reason.format(count=_MOST_ALIKE, message=message)

    def refused(self, flight: Flight, message: str) -> None:
        """A picture that only this run leaves alone: its lines stay as they are for the next one."""
        self._refused[flight.item.picture] = message
        self.counts[FAILED] += 1

    def spoilt(self, flight: Flight, error: Exception) -> None:
        """A picture cannot be read, or its result cannot be written."""
        words = getattr(error, "message", None) or str(error)
        if isinstance(error, (GLib.Error, OSError)) and flight.maybe_job and flight.job.has_result:
            words = of_a_result(error, flight.job.folder)
        elif isinstance(error, OSError):
            words = of_a_file(error)
        self.failed(flight, {"message": words}, alike=isinstance(error, OSError))

    def withdraw(self, flight: Flight) -> bool:
        """Takes back what was not sent; False where an earlier run's worker has it."""
        if not withdraw(self._state, flight.item.picture, flight.output, flight.job):
            return False
        flight.maybe_job = None
        return True

    def report(self) -> Summary:
        """Writes the report of all pictures as it stands; raises OSError."""
        return write_report(self._out, self._lines(), self._earlier)

    def _notes(self, flight: Flight, report: Mapping[str, Any]) -> list[str]:
        notes = list(report.get("notes", ()))
        name = preferred_name(flight.item.picture, self._run.ending(flight.item))
        if name != flight.output and not self._out.is_free(name):
            told = _("{file} already existed and was kept; the result is {output}.")
            notes.append(told.format(file=name, output=flight.output))
        return notes

    def _lines(self) -> Iterator[dict[str, Any]]:
        for item in self._run.items:
            message = self._refused.get(item.picture)
            last = {"state": FAILED, "message": message} if message else self._state.last(item.picture)
            if last and item.picture in self._other_settings:
                last |= {"state": OTHER_SETTINGS, "message": other_settings_reason()}
            yield report_line(item.picture, last)
        yield from map(skipped_line, self._run.skipped)

    def _end(self, flight: Flight, **facts: Any) -> None:
        self._state.add(flight.item.picture, **{**_facts(flight), **facts})
        self.counts[OTHER_SETTINGS if flight.item.picture in self._other_settings else facts["state"]] += 1
        self.time_left.end(time.monotonic())
        self.on_end()


def _facts(flight: Flight) -> dict[str, Any]:
    """What every line says of a picture."""
    job = str(flight.job.folder) if flight.maybe_job else None
    return {
        "output": flight.output,
        "job": job,
        "source": flight.source,
        "request": flight.sent_request,
        "provider": flight.sent_to,
    }
