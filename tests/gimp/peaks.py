"""The memory of the plug-in and its worker in a GIMP under test."""

import threading
from pathlib import Path

NAMES = {"plug-in": "generative-edit.py", "worker": "lib.worker"}


class Memory:
    """The two processes of a running GIMP, as the system sees them."""

    def __init__(self, running):
        self._mark = f"GENERATIVE_EDIT_DRIVER={running.port}".encode()
        self._ours = {}

    def megabytes(self, field="VmRSS"):
        """Of each of the two that is there: what it has now, or "VmHWM", the most that it ever had."""
        peaks = {}
        for folder in Path("/proc").glob("[0-9]*"):
            if folder not in self._ours:
                self._ours[folder] = self._is_ours(folder)
            name = self._name(folder) if self._ours[folder] else None
            if name:
                peaks[name] = max(peaks.get(name, 0.0), _read(folder, field))
        return peaks

    def _is_ours(self, folder):
        try:
            return self._mark in (folder / "environ").read_bytes().split(b"\0")
        except OSError:
            return False

    def _name(self, folder):
        """Asked each time: a process that has just been forked still has its parent's command line."""
        try:
            words = (folder / "cmdline").read_bytes()
        except OSError:
            return None
        return next((name for name, part in NAMES.items() if part.encode() in words), None)


class Peaks:
    """Watches the two processes in a `with`; `mb` has the peak of each, in megabytes."""

    def __init__(self, running):
        self.mb = dict.fromkeys(NAMES, 0.0)
        self._memory = Memory(running)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _watch(self):
        while not self._over.wait(0.01):
            for name, peak in self._memory.megabytes("VmHWM").items():
                self.mb[name] = max(self.mb[name], peak)


def _read(folder, field):
    try:
        lines = (folder / "status").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) / 1024 for line in lines if line.startswith(field))
