"""The worker as a child process, whose output is read on the GLib main loop."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gi.repository import Gio, GLib

from lib.jobs.job import Job, decode_line, encode_line
from lib.translation import _
from plugin.errors import EditFailed
from plugin.expect import expect
from plugin.worker.environment import worker_environment

ROOT = Path(__file__).absolute().parent.parent.parent
LOG = "worker.log"
FINAL = ("done", "error", "cancelled")
_SECONDS_BEFORE_KILL = 0.25  # a cancelled edit ends within half a second, even on a busy machine

Event = dict[str, Any]
OnEvent = Callable[[Event], None]


class Worker:
    """A running `lib.worker`; create it before the export, so that the worker's imports overlap with the export.

    Raises EditFailed if it cannot be started.
    """

    def __init__(self, python: str, log: Path) -> None:
        environment = [f"{name}={value}" for name, value in worker_environment(os.environ).items()]
        launcher = Gio.SubprocessLauncher.new(Gio.SubprocessFlags.STDIN_PIPE | Gio.SubprocessFlags.STDOUT_PIPE)
        launcher.set_cwd(str(ROOT))
        launcher.set_environ(environment)
        try:
            self._process = launcher.spawnv([python, "-s", "-E", "-m", "lib.worker", str(log)])
        except GLib.Error as error:
            message = _("Couldn't start the worker process: {reason}. Run install.py again.")
            raise EditFailed(message.format(reason=error.message)) from None
        self._input = expect(Gio.OutputStream, self._process.get_stdin_pipe())
        self._lines = Gio.DataInputStream.new(expect(Gio.InputStream, self._process.get_stdout_pipe()))
        self._log = log
        self._jobs: dict[str, OnEvent] = {}
        self._requests: dict[int, OnEvent] = {}
        self._last_id = 0
        self._end: Event | None = None
        self._read_next()

    @property
    def ended(self) -> bool:
        """Whether the worker accepts no more requests."""
        return self._end is not None

    @property
    def is_running(self) -> bool:
        """Whether its process exists; `ended` only becomes true once its last line has been read."""
        return not self.ended and self._process.get_identifier() is not None

    def start(self, job: Job, on_event: OnEvent) -> None:
        """Start a job whose export is complete; its last event is done, error or cancelled."""
        if self._end:
            GLib.idle_add(on_event, self._end)
            return
        self._jobs[str(job.folder)] = on_event
        self._send({"do": "edit", "job": str(job.folder)})

    def run(self, job: Job, on_event: OnEvent) -> Event:
        """Run one job to its end and return its last event."""
        loop = GLib.MainLoop()
        final: Event = {}

        def handle(event: Event) -> None:
            if event["event"] not in FINAL:
                on_event(event)
                return
            final.update(event)
            loop.quit()

        self.start(job, handle)
        loop.run()
        return final

    def ask(self, do: str, on_answer: OnEvent, **values: Any) -> None:
        """Send a request other than an edit; `on_answer` gets the response, with "error" in it if it failed."""
        if self._end:
            GLib.idle_add(on_answer, {"error": self._end})
            return
        self._last_id += 1
        self._requests[self._last_id] = on_answer
        self._send({**values, "do": do, "id": self._last_id})

    def cancel(self, job: Job) -> None:
        """Cancel a job, which ends within half a second.

        If that takes longer, kill the worker, which closes the connection. A worker that is busy with other jobs, too,
        is left to end the job, which is reported as cancelled before its own last event.
        """
        self._send({"do": "cancel", "job": str(job.folder)})
        GLib.timeout_add(int(_SECONDS_BEFORE_KILL * 1000), self._kill_unless_ended, str(job.folder))

    def withdraw(self) -> None:
        """Have the worker send nothing more; it still stores the results of requests in progress."""
        self._send({"do": "withdraw"})

    def close(self) -> None:
        """Close the worker's input: it exits once no job is in progress."""
        self._input.close(None)

    def _kill_unless_ended(self, folder: str) -> bool:
        if self._jobs.keys() == {folder}:
            self._process.force_exit()
        elif on_event := self._jobs.get(folder):
            on_event({"event": "cancelled", "job": folder})
        return GLib.SOURCE_REMOVE

    def _send(self, message: Event) -> None:
        try:
            self._input.write_all(encode_line(message), None)
        except GLib.Error as error:
            # The end of a worker that has died is handled when its output ends.
            sys.stderr.write(f"generative-edit: {error.message}\n")

    def _read_next(self) -> None:
        self._lines.read_line_async(GLib.PRIORITY_DEFAULT, None, self._on_line)

    def _on_line(self, stream: Gio.DataInputStream, result: Gio.AsyncResult) -> None:
        try:
            line, _length = stream.read_line_finish(result)
            event = decode_line(bytes(line or b""))
        except (GLib.Error, ValueError):
            # The output has ended (an empty line, or none at all), or it is not from the worker.
            self._finish_all(_unexpected_end(self._log))
            return
        if event["event"] != "answer" and "job" not in event:
            # The worker could not start.
            self._finish_all(event)
            return
        try:
            self._dispatch(event)
        finally:
            self._read_next()

    def _dispatch(self, event: Event) -> None:
        if event["event"] == "answer":
            on_event = self._requests.pop(event["id"])
        elif event["event"] in FINAL:
            on_event = self._jobs.pop(event["job"])
        else:
            on_event = self._jobs[event["job"]]
        on_event(event)

    def _finish_all(self, error: Event) -> None:
        """Send all pending jobs and requests their last event, since the worker has ended."""
        self._end = self._end or error
        jobs, self._jobs = self._jobs, {}
        requests, self._requests = self._requests, {}
        for folder, on_event in jobs.items():
            on_event({**error, **_job_error(Job(Path(folder)), error)})
        for on_answer in requests.values():
            on_answer({"error": error})


def _unexpected_end(log: Path) -> Event:
    return {
        "event": "error",
        "message": _("The worker process ended unexpectedly."),
        "hint": _("Try again, or run install.py again. Details are in {log}.").format(log=log),
        "see_log": True,
    }


def _job_error(job: Job, error: Event) -> Event:
    """Return the fields of the worker's last event that depend on the job: it may have been billed already."""
    try:
        if job.has_result or job.has_answer:
            hint = _("The result is stored in {folder}. Insert it with Filters ▸ Generative Edit ▸ History.")
            return {"maybe_billed": not job.is_free, "hint": hint.format(folder=job.folder)}
    except OSError:
        pass  # the folder was deleted, or cannot be listed
    if job.was_sent and error.get("see_log"):
        return {"maybe_billed": job.maybe_billed, "hint": _("Details are in worker.log.")}
    return {"maybe_billed": job.maybe_billed}
