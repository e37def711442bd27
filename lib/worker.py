"""The worker process: `python -m lib.worker LOG` reads one JSON object a line, runs jobs, answers one object a line.

In:  {"do": "edit", "job": FOLDER} · {"do": "cancel"}
Out: {"event": "stage" | "notice" | "retry" | "progress" | "partial" | "result", …} while a job runs, and at its end
     {"event": "done", "layers": […], "report": {…}}, {"event": "error", "message", "hint", …} or {"event": "cancelled"}

End of input before a job ends the process. After it, it means that GIMP has gone: the request that is out is finished
and written down, then the process ends; that nobody reads its events any more is no error.
"""

import json
import os
import sys
import threading
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from lib.job import Job, decode_line, encode_line

if TYPE_CHECKING:
    from lib.edit_job import EditJob

ROOT = Path(__file__).absolute().parent.parent
VENDOR = ROOT / "vendor"
STAMP = ROOT / "stamp.json"


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
            except (OSError, ValueError):
                # GIMP has gone. What was paid for is still to be written down.
                return


def take_over_output(log: Path) -> BinaryIO:
    """Keeps a private copy of stdout for the events, and lets every other print of this process go to `log`."""
    events = os.fdopen(os.dup(1), "wb")
    log_file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
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
    return None if here == wanted else f"The packages were installed for Python {wanted}, and this is Python {here}."


class Worker:
    """Runs one job at a time in a thread, so that a cancel is heard meanwhile."""

    def __init__(self, emit: Events) -> None:
        self._emit = emit
        self._running: EditJob | None = None
        self._thread: threading.Thread | None = None

    def handle(self, message: Mapping[str, Any]) -> None:
        """Does what one line asks for."""
        if message.get("do") == "edit":
            self._start(Job(Path(message["job"])))
        elif message.get("do") == "cancel" and self._running:
            self._running.cancel()

    def finish(self) -> None:
        """Waits until nothing is outstanding."""
        if self._thread:
            self._thread.join()

    def _start(self, job: Job) -> None:
        from lib.edit_job import EditJob

        self._running = EditJob(job, self._emit)
        self._thread = threading.Thread(target=self._run, args=(self._running,))
        self._thread.start()

    def _run(self, edit_job: "EditJob") -> None:
        try:
            self._emit(edit_job.run())
        except Exception:  # noqa: BLE001 - the process's edge: whatever it was, the plug-in must hear of an end
            traceback.print_exc()
            self._emit(unexpected_error())


def unexpected_error() -> dict[str, Any]:
    """The last event where something failed that nobody foresaw; the details are in the log."""
    return {
        "event": "error",
        "message": "The worker failed unexpectedly.",
        "hint": "Try again; the details are in worker.log in the job's folder.",
    }


def main(arguments: list[str]) -> int:
    """Reads lines until the input ends, then waits for what is outstanding."""
    emit = Events(take_over_output(Path(arguments[0])))
    problem = wrong_python()
    if problem:
        emit({"event": "error", "message": problem, "hint": "Run install.py again."})
        return 1
    sys.path.insert(0, str(VENDOR))
    # Loaded now, while the plug-in still exports.
    import lib.edit_job  # noqa: F401

    worker = Worker(emit)
    for line in sys.stdin.buffer:
        worker.handle(decode_line(line))
    worker.finish()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
