"""The worker as the plug-in sees it: a child process whose lines are read on the GLib main loop."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gi.repository import Gio, GLib

from lib.job import Job, decode_line, encode_line

ROOT = Path(__file__).absolute().parent.parent
LOG = "worker.log"
_FINAL = ("done", "error", "cancelled")
_SECONDS_BEFORE_KILL = 0.5
# GIMP points these at its own libraries and modules, which are not the worker's.
_GIMPS_OWN_VARIABLES = (
    "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_LIBRARY_PATH", "GI_TYPELIB_PATH",
    "GIMP3_DIRECTORY", "GIMP3_PLUGINDIR", "GEGL_PATH", "BABL_PATH",
)  # fmt: skip

Event = dict[str, Any]


class Worker:
    """A running `lib.worker`; start it before the export, so that its imports overlap with it."""

    def __init__(self, python: str, log: Path) -> None:
        environment = [f"{k}={v}" for k, v in os.environ.items() if k not in _GIMPS_OWN_VARIABLES]
        launcher = Gio.SubprocessLauncher.new(Gio.SubprocessFlags.STDIN_PIPE | Gio.SubprocessFlags.STDOUT_PIPE)
        launcher.set_cwd(str(ROOT))
        launcher.set_environ(environment)
        self._process = launcher.spawnv([python, "-s", "-E", "-m", "lib.worker", str(log)])
        self._input = self._process.get_stdin_pipe()
        self._lines = Gio.DataInputStream.new(self._process.get_stdout_pipe())
        self._loop = GLib.MainLoop()
        self._final: Event | None = None

    def run(self, job: Job, on_event: Callable[[Event], None]) -> Event:
        """Runs one job whose export is complete; returns its last event: done, error or cancelled."""
        self._on_event = on_event
        self._send({"do": "edit", "job": str(job.folder)})
        self._read_next()
        self._loop.run()
        return self._final or {
            "event": "error",
            "message": "The worker process ended before it had answered.",
            "hint": f"See {job.path(LOG)}; then try again or run install.py again.",
        }

    def cancel(self) -> None:
        """Asks the worker to stop, and kills it half a second later, which closes the connection."""
        self._send({"do": "cancel"})
        GLib.timeout_add(int(_SECONDS_BEFORE_KILL * 1000), self._kill)

    def close(self) -> None:
        """Ends the worker: with its input closed it leaves by itself once nothing is outstanding."""
        self._input.close(None)

    def _kill(self) -> bool:
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
            event = decode_line(bytes(line))
        except (GLib.Error, TypeError, ValueError):
            # The output has ended (an empty line, or none at all), or it is not the worker's.
            self._loop.quit()
            return
        if event.get("event") in _FINAL:
            self._final = event
            self._loop.quit()
            return
        self._on_event(event)
        self._read_next()
