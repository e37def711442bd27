"""The log of a folder run: how each picture ended, written down as it happens, and the report about all of them."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gi.repository import GLib

from lib.api.text import sentences
from lib.storage.file_identity import File
from lib.translation import _
from plugin.edit.run import insertion_error_message
from plugin.errors import file_error_message
from plugin.folder.arguments import RunSpec
from plugin.folder.estimates import TimeLeft
from plugin.folder.items import FolderItem
from plugin.folder.job_history import RetainedJobs
from plugin.folder.output import OutputFolder
from plugin.folder.output_names import OutputNames, preferred_name, variation_names
from plugin.folder.report import OTHER_SETTINGS, Summary, other_settings_reason, report_line, skipped_line, write_report
from plugin.folder.resume import withdraw
from plugin.folder.state import DONE, FAILED, NewerVersion

_MAX_SAME_ERRORS = 10


class RunLog:
    """The run's state on disk, the number of pictures by how they ended, and the time left.

    `on_item_end` is called with each item that ends and the fields of its line, `on_end` after it. `abort_reason` is
    set once many pictures in a row have failed with the same error, so that the rest would fail too.
    """

    def __init__(
        self, spec: RunSpec, out: OutputFolder, on_item_end: Callable[[FolderItem, Mapping[str, Any]], None]
    ) -> None:
        self._on_item_end = on_item_end
        self.counts: Counter[str] = Counter()
        self.time_left = TimeLeft(0, time.monotonic())
        self.abort_reason = ""
        self.on_end: Callable[[], None] = lambda: None
        self._spec, self._out, self._state = spec, out, out.state
        self._retained = RetainedJobs()
        self._same_error, self._same_errors = "", 0
        self._refusals: dict[str, str] = {}
        self._other_settings: set[str] = set()
        self._earlier = 0

    def start_clock(self, count: int) -> None:
        """Start to estimate the time left for a number of pictures."""
        self.time_left = TimeLeft(count, time.monotonic())

    def record_start(self, item: FolderItem) -> None:
        """Record an item before its job's folder is written; raise OSError."""
        self._state.add(item.picture.name, **_fields(item), sent=False)

    def record_sending(self, item: FolderItem) -> None:
        """Record an item before its request can be sent; raise OSError."""
        self._state.add(item.picture.name, **_fields(item))

    def place_results(
        self, item: FolderItem, parts: Sequence[Path], files: Sequence[File], names: OutputNames
    ) -> list[str]:
        """Rename the finished files of an item to the names of its results, and return these; raise OSError.

        They are recorded first, so that a run that is killed here recognizes its own files later.
        """
        ending = self._spec.ending(item.picture)
        while True:
            results = variation_names(item.output, len(parts))
            if all(map(self._out.is_free, results)):
                described = [{**file, "name": name} for file, name in zip(files, results, strict=True)]
                self._state.add(item.picture.name, **_fields(item), files=described)
                if self._out.place_all(dict(zip(results, parts, strict=True))):
                    return results
            item.output = names.choose(item.picture.name, ending, len(parts))

    def count_earlier(self, item: FolderItem) -> None:
        """Count a picture that another run finished."""
        if item.has_other_settings:
            self._other_settings.add(item.picture.name)
            self.counts[OTHER_SETTINGS] += 1
        else:
            self._earlier += 1
            self.counts[DONE] += 1

    def count_end_elsewhere(self, item: FolderItem, line: Mapping[str, Any]) -> None:
        """Count a picture that another run has ended since this one began, by its last line."""
        if line["state"] == DONE:
            self.count_earlier(item)
        else:
            self.counts[line["state"]] += 1
        self.time_left.end(time.monotonic())
        self._on_item_end(item, {**line, "cost": 0.0})

    def record_success(self, item: FolderItem, files: list[str], report: Mapping[str, Any]) -> None:
        """Record that the results of an item are saved, whether from this run's request or an earlier one's."""
        if item.has_other_settings:
            self._other_settings.add(item.picture.name)
        fields = {name: report.get(name) for name in ("cost", "request_ids", "provider", "model")}
        fields["provider"] = fields["provider"] or item.sent_to
        fields["seconds"] = report.get("seconds", {}).get("request")
        fields["message"] = sentences(*self._notes(item, report))
        self._record_end(item, state=DONE, outputs=files, **fields)
        item.job.mark_inserted()
        self._retained.add(item.job.folder)
        self._same_error, self._same_errors = "", 0

    def record_failure(
        self, item: FolderItem, error: Mapping[str, Any], state: str = FAILED, *, may_recur: bool = False
    ) -> None:
        """Record that an item has no result; `may_recur` means that the next item may fail with the same error."""
        message = sentences(error.get("message"), error.get("hint"))
        request_ids = [error["request_id"]] if error.get("request_id") else []
        self._record_end(item, state=state, message=message, request_ids=request_ids)
        if item.maybe_job:
            item.job.release()
        if not may_recur:
            return
        self._same_errors = self._same_errors + 1 if message == self._same_error else 1
        self._same_error = message
        if self._same_errors >= _MAX_SAME_ERRORS:
            reason = _("Stopped after {count} pictures in a row failed with the same error: {message}")
            self.abort_reason = reason.format(count=_MAX_SAME_ERRORS, message=message)

    def record_exception(self, item: FolderItem, error: Exception) -> None:
        """Record that a picture could not be read, or its result could not be saved."""
        message = getattr(error, "message", None) or str(error)
        if isinstance(error, (GLib.Error, OSError)) and item.maybe_job and item.job.has_result:
            message = insertion_error_message(error, item.job.folder)
        elif isinstance(error, OSError):
            message = file_error_message(error)
        self.record_failure(item, {"message": message}, may_recur=isinstance(error, OSError))

    def refuse(self, item: FolderItem, message: str) -> None:
        """Count a picture as failed in this run only: its lines in the state stay as they are for the next one."""
        self._refusals[item.picture.name] = message
        self.counts[FAILED] += 1
        self._on_item_end(item, {"state": FAILED, "message": message})

    def withdraw(self, item: FolderItem) -> bool:
        """Withdraw an item that was not sent; return False if the worker of an earlier run has it."""
        if not withdraw(self._state, item.picture.name, item.output, item.job):
            return False
        item.maybe_job = None
        return True

    def write_report(self) -> Summary:
        """Write the report about all pictures as they are now; raise OSError."""
        with contextlib.suppress(NewerVersion):  # the run has ended because of that
            self._state.refresh()
        return write_report(self._out, self._report_lines(), self._earlier)

    def _notes(self, item: FolderItem, report: Mapping[str, Any]) -> list[str]:
        notes = list(report.get("notes", ()))
        name = preferred_name(item.picture.name, self._spec.ending(item.picture))
        if name != item.output and not self._out.is_free(name):
            note = _("{file} already exists and was not replaced; the result is {output}.")
            notes.append(note.format(file=name, output=item.output))
        return notes

    def _report_lines(self) -> Iterator[dict[str, Any]]:
        for picture in self._spec.pictures:
            message = self._refusals.get(picture.name)
            last = {"state": FAILED, "message": message} if message else self._state.last(picture.name)
            if last and picture.name in self._other_settings:
                last |= {"state": OTHER_SETTINGS, "message": other_settings_reason()}
            yield report_line(picture.name, last)
        yield from map(skipped_line, self._spec.skipped)

    def _record_end(self, item: FolderItem, **fields: Any) -> None:
        self._state.add(item.picture.name, **{**_fields(item), **fields})
        self.counts[OTHER_SETTINGS if item.picture.name in self._other_settings else fields["state"]] += 1
        self.time_left.end(time.monotonic())
        self._on_item_end(item, fields)
        self.on_end()


def _fields(item: FolderItem) -> dict[str, Any]:
    """Return the fields that every line about an item has."""
    return {
        "output": item.output,
        "job": str(item.job.folder) if item.maybe_job else None,
        "source": item.source,
        "request": item.sent_request,
        "provider": item.sent_to,
    }
