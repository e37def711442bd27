"""How a folder run gets on: a line on the terminal, and GIMP's own progress."""

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

_BETWEEN_LINES = {True: 0.5, False: 10.0}


class RunProgress:
    """Tells of a run while it lasts: in place where somebody looks at a terminal, else a line now and then."""

    def __init__(self, folder_run: FolderRun) -> None:
        self._run = folder_run
        self._is_terminal = sys.stderr.isatty()
        self._last = ("", 0.0)

    def __enter__(self) -> RunProgress:
        Gimp.progress_init(_("Editing a folder"))
        self._run.on_look = self._run.ledger.on_end = self._tell
        self._tell()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run.on_look = self._run.ledger.on_end = lambda: None
        self._write(self._words(), last=True)
        Gimp.progress_end()

    def _tell(self) -> None:
        words, now = self._words(), time.monotonic()
        if words == self._last[0] or now - self._last[1] < _BETWEEN_LINES[self._is_terminal]:
            return
        self._last = words, now
        self._write(words)
        Gimp.progress_set_text(words)
        Gimp.progress_update(self._run.ledger.time_left.share)

    def _write(self, words: str, last: bool = False) -> None:
        start, end = ("\r\033[K", "\n" if last else "") if self._is_terminal else ("", "\n")
        sys.stderr.write(f"{start}{words}{end}")
        sys.stderr.flush()

    def _words(self) -> str:
        counts = self._run.ledger.counts
        told = [_("{done} of {count} done").format(done=counts[DONE], count=len(self._run.run.items))]
        if counts[OTHER_SETTINGS]:
            told.append(other_settings(counts[OTHER_SETTINGS]))
        if counts[FAILED]:
            told.append(_("{count} failed").format(count=counts[FAILED]))
        if counts[UNKNOWN]:
            told.append(_("{count} unknown").format(count=counts[UNKNOWN]))
        told.append(_("{count} requests under way").format(count=self._run.under_way))
        return ", ".join(filter(None, [*told, time_left_text(self._run.ledger.time_left.seconds())]))
