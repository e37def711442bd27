"""Ctrl+C: GIMP's core exits at once, so a thread of ours writes the report and says how to continue.

The terminal sends the signal to GIMP, to this process and to the worker. No request is sent afterwards: the worker
stores the results of those in progress and ends, and the next run collects them.
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
    """Stop the run cleanly at SIGINT and SIGTERM; yield a function that returns whether it was stopped."""
    receiver, sender = socket.socketpair()
    sender.setblocking(False)
    stopped = threading.Event()

    def wake_thread(*_signal: object) -> None:
        with contextlib.suppress(OSError):
            sender.send(b"\0")

    previous = {number: signal.signal(number, wake_thread) for number in _SIGNALS}
    # Set once GLib's loop runs, since the loop sets a wake-up descriptor of its own when it starts.
    GLib.idle_add(lambda: signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False) and False)
    thread = threading.Thread(target=_wait, args=(receiver, folder_run, stopped), daemon=True)
    thread.start()
    try:
        yield stopped.is_set
    finally:
        signal.set_wakeup_fd(-1)
        for number, handler in previous.items():
            signal.signal(number, handler)
        sender.close()
        thread.join()
        receiver.close()


def _wait(signals: socket.socket, folder_run: FolderRun, stopped: threading.Event) -> None:
    if not signals.recv(1):
        return
    stopped.set()
    folder_run.hold()
    message = _(
        "Stopped. {count} requests are in progress; their results will be kept. Run the same command again to continue."
    )
    sys.stderr.write(f"\n{message.format(count=folder_run.request_count)}\n")
    sys.stderr.flush()
    with contextlib.suppress(OSError):
        folder_run.log.write_report()
    GLib.idle_add(folder_run.stop, "")
