"""Shows the progress of a folder run, on the terminal and in GIMP."""

from __future__ import annotations

import sys
import time
from types import TracebackType

from gi.repository import Gimp

from lib.translation import _
from plugin.folder.estimates import time_left_text
from plugin.folder.report import OTHER_SETTINGS, other_settings
from plugin.folder.run import FolderRun
from plugin.folder.state import DONE, FAILED, UNKNOWN

_SECONDS_BETWEEN_LINES = {True: 0.5, False: 10.0}


class RunProgress:
    """Shows the progress while the run lasts: one updated line on a terminal, else a new line now and then."""

    def __init__(self, folder_run: FolderRun) -> None:
        self._run = folder_run
        self._is_terminal = sys.stderr.isatty()
        self._last = ("", 0.0)

    def __enter__(self) -> RunProgress:
        Gimp.progress_init(_("Editing a folder"))
        self._run.on_tick = self._run.log.on_end = self._update
        self._update()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run.on_tick = self._run.log.on_end = lambda: None
        self._write(self._text(), last=True)
        Gimp.progress_end()

    def _update(self) -> None:
        text, now = self._text(), time.monotonic()
        if text == self._last[0] or now - self._last[1] < _SECONDS_BETWEEN_LINES[self._is_terminal]:
            return
        self._last = text, now
        self._write(text)
        Gimp.progress_set_text(text)
        Gimp.progress_update(self._run.log.time_left.share)

    def _write(self, text: str, last: bool = False) -> None:
        start, end = ("\r\033[K", "\n" if last else "") if self._is_terminal else ("", "\n")
        sys.stderr.write(f"{start}{text}{end}")
        sys.stderr.flush()

    def _text(self) -> str:
        return ", ".join(filter(None, [*count_texts(self._run), time_left_text(self._run.log.time_left.seconds())]))


def count_texts(folder_run: FolderRun) -> list[str]:
    """Return how many pictures of a run have ended in each way, and how many requests are in progress."""
    counts = folder_run.log.counts
    parts = [_("{done} of {count} done").format(done=counts[DONE], count=len(folder_run.spec.pictures))]
    if counts[OTHER_SETTINGS]:
        parts.append(other_settings(counts[OTHER_SETTINGS]))
    if counts[FAILED]:
        parts.append(_("{count} failed").format(count=counts[FAILED]))
    if counts[UNKNOWN]:
        parts.append(_("{count} unknown").format(count=counts[UNKNOWN]))
    parts.append(_("{count} requests in progress").format(count=folder_run.request_count))
    return parts
