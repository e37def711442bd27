"""Ctrl-C: GIMP's core ends at once then, so a thread of ours writes the report and says how to go on.

The terminal sends the signal to GIMP, to this process and to the worker. Nothing is sent after it: the worker finishes
what is on its way, writes that down and ends, and the next run collects it.
"""

from __future__ import annotations

import contextlib
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from gi.repository import GLib

from lib.translation import _
from plugin.folder.run import FolderRun

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stopped_by_signal(folder_run: FolderRun) -> Iterator[Callable[[], bool]]:
    """Stops the run cleanly at SIGINT and SIGTERM while it lasts; gives a function that says whether that happened."""
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    stopped = threading.Event()

    def tell(*_signal: object) -> None:
        with contextlib.suppress(OSError):
            theirs.send(b"\0")

    before = {number: signal.signal(number, tell) for number in _SIGNALS}
    # Once GLib's loop runs: it sets a wake-up of its own when it starts.
    GLib.idle_add(lambda: signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False) and False)
    thread = threading.Thread(target=_wait, args=(ours, folder_run, stopped), daemon=True)
    thread.start()
    try:
        yield stopped.is_set
    finally:
        signal.set_wakeup_fd(-1)
        for number, handler in before.items():
            signal.signal(number, handler)
        theirs.close()
        thread.join()
        ours.close()


def _wait(signals: socket.socket, folder_run: FolderRun, stopped: threading.Event) -> None:
    if not signals.recv(1):
        return
    stopped.set()
    folder_run.hold()
    told = _("Stopped. {count} requests are under way: their answers are kept. The same command goes on from here.")
    sys.stderr.write(f"\n{told.format(count=folder_run.under_way)}\n")
    sys.stderr.flush()
    with contextlib.suppress(OSError):
        folder_run.ledger.report()
    GLib.idle_add(folder_run.stop, "")
