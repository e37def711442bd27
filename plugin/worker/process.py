"""The worker as the plug-in sees it: a child process whose lines are read on the GLib main loop."""

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

ROOT = Path(__file__).absolute().parent.parent.parent
LOG = "worker.log"
FINAL = ("done", "error", "cancelled")
_SECONDS_BEFORE_KILL = 0.25  # so that all is over within half a second, on a busy machine too
# GIMP points these at its own libraries and modules, which are not the worker's.
_GIMPS_OWN_VARIABLES = (
    "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_LIBRARY_PATH", "GI_TYPELIB_PATH",
    "GIMP3_DIRECTORY", "GIMP3_PLUGINDIR", "GEGL_PATH", "BABL_PATH",
)  # fmt: skip

Event = dict[str, Any]
OnEvent = Callable[[Event], None]


class Worker:
    """A running `lib.worker`; start it before the export, so that its imports overlap with it.

    Raises EditFailed where it cannot be started.
    """

    def __init__(self, python: str, log: Path) -> None:
        environment = [f"{k}={v}" for k, v in os.environ.items() if k not in _GIMPS_OWN_VARIABLES]
        launcher = Gio.SubprocessLauncher.new(Gio.SubprocessFlags.STDIN_PIPE | Gio.SubprocessFlags.STDOUT_PIPE)
        launcher.set_cwd(str(ROOT))
        launcher.set_environ(environment)
        try:
            self._process = launcher.spawnv([python, "-s", "-E", "-m", "lib.worker", str(log)])
        except GLib.Error as error:
            message = _("The worker cannot be started: {reason}. Run install.py again.")
            raise EditFailed(message.format(reason=error.message)) from None
        self._input = expect(Gio.OutputStream, self._process.get_stdin_pipe())
        self._lines = Gio.DataInputStream.new(expect(Gio.InputStream, self._process.get_stdout_pipe()))
        self._log = log
        self._jobs: dict[str, OnEvent] = {}
        self._requests: dict[int, OnEvent] = {}
        self._asked = 0
        self._end: Event | None = None
        self._read_next()

    @property
    def ended(self) -> bool:
        """Whether nothing can be asked of it any more."""
        return self._end is not None

    @property
    def is_running(self) -> bool:
        """Whether its process is there; `ended` comes later, once its last line has been read."""
        return not self.ended and self._process.get_identifier() is not None

    def start(self, job: Job, on_event: OnEvent) -> None:
        """Starts a job whose export is complete; its last event is done, error or cancelled."""
        if self._end:
            GLib.idle_add(on_event, self._end)
            return
        self._jobs[str(job.folder)] = on_event
        self._send({"do": "edit", "job": str(job.folder)})

    def run(self, job: Job, on_event: OnEvent) -> Event:
        """Runs one job to its end; returns its last event."""
        loop = GLib.MainLoop()
        final: Event = {}

        def heard(event: Event) -> None:
            if event["event"] not in FINAL:
                on_event(event)
                return
            final.update(event)
            loop.quit()

        self.start(job, heard)
        loop.run()
        return final

    def ask(self, do: str, on_answer: OnEvent, **values: Any) -> None:
        """Asks for something besides an edit; `on_answer` gets one object, with "error" in it where it failed."""
        if self._end:
            GLib.idle_add(on_answer, {"error": self._end})
            return
        self._asked += 1
        self._requests[self._asked] = on_answer
        self._send({**values, "do": do, "id": self._asked})

    def cancel(self, job: Job) -> None:
        """Asks the worker to stop a job, and kills it if that takes long, which closes the connection."""
        self._send({"do": "cancel", "job": str(job.folder)})
        GLib.timeout_add(int(_SECONDS_BEFORE_KILL * 1000), self._kill_unless_ended, str(job.folder))

    def withdraw(self) -> None:
        """Asks the worker to send nothing more; what is on its way it finishes and writes down."""
        self._send({"do": "withdraw"})

    def close(self) -> None:
        """Ends the worker: with its input closed it leaves by itself once nothing is outstanding."""
        self._input.close(None)

    def _kill_unless_ended(self, folder: str) -> bool:
        if folder in self._jobs:
            self._process.force_exit()
        return GLib.SOURCE_REMOVE

    def _send(self, message: Event) -> None:
        try:
            self._input.write_all(encode_line(message), None)
        except GLib.Error as error:
            # A worker that has died is noticed by the end of its output, with its own sentence.
            sys.stderr.write(f"generative-edit: {error.message}\n")

    def _read_next(self) -> None:
        self._lines.read_line_async(GLib.PRIORITY_DEFAULT, None, self._on_line)

    def _on_line(self, stream: Gio.DataInputStream, result: Gio.AsyncResult) -> None:
        try:
            line, _length = stream.read_line_finish(result)
            event = decode_line(bytes(line or b""))
        except (GLib.Error, ValueError):
            # The output has ended (an empty line, or none at all), or it is not the worker's.
            self._tell_of_the_end(_ended(self._log))
            return
        if event["event"] != "answer" and "job" not in event:
            # The worker cannot work at all.
            self._tell_of_the_end(event)
            return
        try:
            self._hand_on(event)
        finally:
            self._read_next()

    def _hand_on(self, event: Event) -> None:
        if event["event"] == "answer":
            on_event = self._requests.pop(event["id"])
        elif event["event"] in FINAL:
            on_event = self._jobs.pop(event["job"])
        else:
            on_event = self._jobs[event["job"]]
        on_event(event)

    def _tell_of_the_end(self, error: Event) -> None:
        """Gives everything outstanding its last event: nothing more will come."""
        self._end = self._end or error
        jobs, self._jobs = self._jobs, {}
        requests, self._requests = self._requests, {}
        for folder, on_event in jobs.items():
            on_event({**error, **_what_is_left(Job(Path(folder)), error)})
        for on_answer in requests.values():
            on_answer({"error": error})


def _ended(log: Path) -> Event:
    return {
        "event": "error",
        "message": _("The worker process ended before it had answered."),
        "hint": _("See {log}; then try again or run install.py again.").format(log=log),
        "see_log": True,
    }


def _what_is_left(job: Job, error: Event) -> Event:
    """What of the worker's end differs for a job: one whose request had left is not to be tried again."""
    try:
        if job.has_result or job.has_answer:
            kept = _("What had arrived is kept in {folder}; insert it from Filters ▸ Generative Edit ▸ History….")
            return {"maybe_billed": not job.is_free, "hint": kept.format(folder=job.folder)}
    except OSError:
        pass  # the folder has gone, or can't be listed: nothing is known of an answer
    if job.was_sent and error.get("see_log"):
        return {"maybe_billed": job.maybe_billed, "hint": _("The details are in worker.log.")}
    return {"maybe_billed": job.maybe_billed}
