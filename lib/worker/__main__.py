"""The worker process, `python -m lib.worker LOG`: reads messages from stdin and writes events to stdout.

Each message and event is a line with one JSON object.

In:  {"do": "edit", "job": FOLDER} · {"do": "cancel", "job": FOLDER}, without a job: cancel all of them ·
     {"do": "withdraw"}: send nothing more, as at Ctrl-C, but receive and save the outstanding answers ·
     {"do": NAME, "id": NUMBER, …} for a name in `lib.worker.requests.REQUESTS`
Out: {"event": "stage" | "notice" | "retry" | "progress" | "partial" | "result", "job": FOLDER, …} while a job runs, and
     at its end {"event": "done", "layers": […], "report": {…}}, {"event": "error", "message", "hint", …} or
     {"event": "cancelled"}, each with its job · {"event": "answer", "id": NUMBER, …} for a request

Each job and each request runs in its own thread. The process ends when its input ends. If jobs are running then, GIMP
has quit: their outstanding answers are received and saved first, and events that can't be delivered are dropped.
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
from lib.worker import bundled_packages

if TYPE_CHECKING:
    from lib.worker.edit_job import EditJob

ROOT = Path(__file__).absolute().parent.parent.parent
VENDOR = ROOT / "vendor"
WHEELS = ROOT / "wheels"
STAMP = ROOT / "stamp.json"


Emit = Callable[[Mapping[str, Any]], None]


class Events:
    """Writes events to the plug-in, from any thread; drops them once the plug-in is gone."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def __call__(self, event: Mapping[str, Any]) -> None:
        """Send an event immediately."""
        with self._lock:
            try:
                self._stream.write(encode_line(event))
                self._stream.flush()
            except OSError:
                # GIMP has quit. The job goes on, to save what was paid for; its remaining events are discarded.
                null_device = os.open(os.devnull, os.O_WRONLY)
                os.dup2(null_device, self._stream.fileno())
                os.close(null_device)


def take_over_output(log: Path) -> BinaryIO:
    """Return a private copy of stdout for the events; redirect this process's stdout and stderr to the file `log`."""
    events = os.fdopen(os.dup(1), "wb")
    try:
        log_file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError:
        # The disk may be full: the job's own error message says so.
        log_file = os.open(os.devnull, os.O_WRONLY)
    os.dup2(log_file, 2)
    os.dup2(2, 1)
    os.close(log_file)
    return events


def python_problem() -> str | None:
    """Return a sentence if the packages in vendor/ were installed for another version of Python, else None."""
    if not STAMP.exists():
        return None
    expected = json.loads(STAMP.read_text(encoding="utf-8"))["python_version"]
    actual = f"{sys.version_info.major}.{sys.version_info.minor}"
    if expected in (actual, ""):  # "": the installation has packages for several versions
        return None
    message = _("The packages were installed for Python {expected}, but this is Python {actual}.")
    return message.format(expected=expected, actual=actual)


class WorkerServer:
    """Runs jobs and requests in threads, so that they can be cancelled meanwhile."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._running: dict[str, EditJob] = {}
        self._threads: list[threading.Thread] = []
        self._withdrawn = False

    def handle(self, message: Mapping[str, Any]) -> None:
        """Handle one message from the plug-in."""
        if message["do"] == "edit":
            self._edit(message["job"])
        elif message["do"] == "cancel":
            self._cancel(message.get("job"))
        elif message["do"] == "withdraw":
            self.withdraw()
        else:
            self._start(self._answer, message)

    def withdraw(self) -> None:
        """Stop sending requests, from any thread; outstanding answers are still received and saved."""
        self._withdrawn = True
        for job in list(self._running.values()):
            job.withdraw()

    def finish(self) -> None:
        """Wait for all jobs and requests."""
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
            last_event = self._running[folder].run()
        except Exception:  # noqa: BLE001 - the process's edge: whatever failed, the plug-in waits for a last event
            traceback.print_exc()
            last_event = unexpected_error(Job(Path(folder)))
        del self._running[folder]
        self._emit({**last_event, "job": folder})
        retention.tidy_when_due()

    def _answer(self, message: Mapping[str, Any]) -> None:
        from lib.worker.requests import answer

        try:
            response = answer(message)
        except Exception:  # noqa: BLE001 - the process's edge, as above
            traceback.print_exc()
            response = {"error": unexpected_error(None)}
        self._emit({**response, "event": "answer", "id": message["id"]})


def unexpected_error(job: Job | None) -> dict[str, Any]:
    """Return the last event after an unexpected exception, whose traceback is in the log.

    It doesn't suggest to try again if the job was sent and may have been billed.
    """
    hint = _("Try again. Details are in worker.log.")
    if job and job.was_sent:
        hint = _("Anything that was received is in {folder}. Details are in worker.log.").format(folder=job.folder)
    return {
        "event": "error", "message": _("The worker failed unexpectedly."), "hint": hint,
        "maybe_billed": bool(job and job.maybe_billed), "see_log": True,
    }  # fmt: skip


def _withdraw_at_signal(worker: WorkerServer, signals: "SimpleQueue[int]") -> None:
    """Wait for a signal in a thread: a signal handler may interrupt code that holds the locks needed here."""
    signals.get()
    worker.withdraw()


def main(arguments: list[str]) -> int:
    """Handle messages until the input ends, then wait for the outstanding jobs and requests."""
    signals: SimpleQueue[int] = SimpleQueue()
    for name in ("SIGINT", "SIGHUP"):
        # A terminal sends them to all of its processes, but outstanding answers must still be saved.
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda number, _frame: signals.put(number))
    emit = Events(take_over_output(Path(arguments[0])))
    problem = python_problem()
    if problem:
        emit({"event": "error", "message": problem, "hint": _("Run install.py again.")})
        return 1
    try:
        vendor = bundled_packages.unpack(WHEELS) if WHEELS.is_dir() else VENDOR
    except OSError as error:
        message = _("Couldn't unpack the packages: {reason}.").format(reason=error.strerror or error)
        emit({"event": "error", "message": message, "hint": _("Free some disk space, then try again.")})
        return 1
    sys.path.insert(0, str(vendor))
    # Import it now, while the plug-in is still exporting the picture.
    import lib.worker.edit_job  # noqa: F401

    worker = WorkerServer(emit)
    threading.Thread(target=_withdraw_at_signal, args=(worker, signals), daemon=True).start()
    for line in sys.stdin.buffer:
        worker.handle(decode_line(line))
    worker.finish()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
