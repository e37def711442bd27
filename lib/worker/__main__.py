"""The worker process: `python -m lib.worker LOG` reads one JSON object a line, runs jobs, answers one object a line.

In:  {"do": "edit", "job": FOLDER} · {"do": "cancel", "job": FOLDER}, without a job: all of them ·
     {"do": "withdraw"}: nothing more is sent, as at Ctrl-C; what is on its way is answered and kept ·
     {"do": NAME, "id": NUMBER, …} for a name in `lib.worker.requests.REQUESTS`
Out: {"event": "stage" | "notice" | "retry" | "progress" | "partial" | "result", "job": FOLDER, …} while a job runs, and
     at its end {"event": "done", "layers": […], "report": {…}}, {"event": "error", "message", "hint", …} or
     {"event": "cancelled"}, each with its job · {"event": "answer", "id": NUMBER, …} for a request

Jobs and requests run in threads of their own. End of input before a job ends the process. After it, it means that GIMP
has gone: the requests that are out are finished and written down, then the process ends; that nobody reads its events
any more is no error.
"""

import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, BinaryIO

from lib.jobs.job import Job, decode_line, encode_line
from lib.translation import _

if TYPE_CHECKING:
    from lib.worker.edit_job import EditJob

ROOT = Path(__file__).absolute().parent.parent.parent
VENDOR = ROOT / "vendor"
STAMP = ROOT / "stamp.json"


Emit = Callable[[Mapping[str, Any]], None]


class Events:
    """Writes events to the plug-in; from any thread, and without complaint once nobody reads them."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def __call__(self, event: Mapping[str, Any]) -> None:
        """Sends one event at once."""
        with self._lock:
            try:
                self._stream.write(encode_line(event))
                self._stream.flush()
            except OSError:
                # GIMP has gone. What was paid for is still to be written down; what is left here to write goes nowhere.
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, self._stream.fileno())
                os.close(nowhere)


def take_over_output(log: Path) -> BinaryIO:
    """Keeps a private copy of stdout for the events, and lets every other print of this process go to `log`."""
    events = os.fdopen(os.dup(1), "wb")
    try:
        log_file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError:
        # A full disk ends in a sentence, and not here.
        log_file = os.open(os.devnull, os.O_WRONLY)
    os.dup2(log_file, 2)
    os.dup2(2, 1)
    os.close(log_file)
    return events


def wrong_python() -> str | None:
    """Why the packages in vendor/ are not for this Python, or None where they are (or where there is no vendor/)."""
    if not STAMP.exists():
        return None
    wanted = json.loads(STAMP.read_text(encoding="utf-8"))["python_version"]
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    return (
        None
        if here == wanted
        else _("The packages were installed for Python {wanted}, and this is Python {here}.").format(
            wanted=wanted, here=here
        )
    )


class WorkerServer:
    """Runs jobs and requests in threads, so that a cancel is heard meanwhile."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._running: dict[str, EditJob] = {}
        self._threads: list[threading.Thread] = []
        self._withdrawn = False

    def handle(self, message: Mapping[str, Any]) -> None:
        """Does what one line asks for."""
        if message["do"] == "edit":
            self._edit(message["job"])
        elif message["do"] == "cancel":
            self._cancel(message.get("job"))
        elif message["do"] == "withdraw":
            self.withdraw()
        else:
            self._start(self._answer, message)

    def withdraw(self) -> None:
        """Lets nothing more be sent, from any thread; what is on its way is answered and written down."""
        self._withdrawn = True
        for job in list(self._running.values()):
            job.withdraw()

    def finish(self) -> None:
        """Waits until nothing is outstanding."""
        for thread in self._threads:
            thread.join()

    def _edit(self, folder: str) -> None:
        from lib.worker.edit_job import EditJob

        job = self._running[folder] = EditJob(Job(Path(folder)), lambda event: self._emit({**event, "job": folder}))
        if self._withdrawn:
            job.withdraw()
        self._start(self._run, folder)

    def _cancel(self, folder: str | None) -> None:
        for name, job in list(self._running.items()):
            if folder in (None, name):
                job.cancel()

    def _start(self, work: Callable[[Any], None], subject: object) -> None:
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        thread = threading.Thread(target=work, args=(subject,))
        self._threads.append(thread)
        thread.start()

    def _run(self, folder: str) -> None:
        from lib.jobs import retention

        try:
            final = self._running[folder].run()
        except Exception:  # noqa: BLE001 - the process's edge: whatever it was, the plug-in must hear of an end
            traceback.print_exc()
            final = unexpected_error(Job(Path(folder)))
        del self._running[folder]
        self._emit({**final, "job": folder})
        retention.tidy_when_due()

    def _answer(self, message: Mapping[str, Any]) -> None:
        from lib.worker.requests import answer

        try:
            told = answer(message)
        except Exception:  # noqa: BLE001 - the same edge
            traceback.print_exc()
            told = {"error": unexpected_error(None)}
        self._emit({**told, "event": "answer", "id": message["id"]})


def unexpected_error(job: Job | None) -> dict[str, Any]:
    """The last event where something failed that nobody foresaw; the details are in the log.

    A job whose request had left is not to be tried again: what had arrived is in its folder.
    """
    hint = _("Try again; the details are in worker.log.")
    if job and job.was_sent:
        hint = _("What had arrived is kept in {folder}; the details are in worker.log.").format(folder=job.folder)
    return {
        "event": "error", "message": _("The worker failed unexpectedly."), "hint": hint,
        "maybe_billed": bool(job and job.maybe_billed), "see_log": True,
    }  # fmt: skip


def _withdraw_at_signal(worker: WorkerServer, signals: "SimpleQueue[int]") -> None:
    """Waits in a thread: a signal's handler interrupts code that may hold the locks that this needs."""
    signals.get()
    worker.withdraw()


def main(arguments: list[str]) -> int:
    """Reads lines until the input ends, then waits for what is outstanding."""
    signals: SimpleQueue[int] = SimpleQueue()
    for name in ("SIGINT", "SIGHUP"):
        # A terminal sends them to all of its processes: what was sent is still to be written down.
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda number, _frame: signals.put(number))
    emit = Events(take_over_output(Path(arguments[0])))
    problem = wrong_python()
    if problem:
        emit({"event": "error", "message": problem, "hint": _("Run install.py again.")})
        return 1
    sys.path.insert(0, str(VENDOR))
    # Loaded now, while the plug-in still exports.
    import lib.worker.edit_job  # noqa: F401

    worker = WorkerServer(emit)
    threading.Thread(target=_withdraw_at_signal, args=(worker, signals), daemon=True).start()
    for line in sys.stdin.buffer:
        worker.handle(decode_line(line))
    worker.finish()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
