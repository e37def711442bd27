"""The peak memory of the plug-in and its worker while an edit runs in a GIMP under test."""

import threading
from pathlib import Path


class Peaks:
    """Watches the two processes in a `with`; `mb` has the peak of each, in megabytes."""

    NAMES = {"plug-in": "generative-edit.py", "worker": "lib.worker"}

    def __init__(self, running):
        self.mark = f"GENERATIVE_EDIT_DRIVER={running.port}".encode()
        self.mb = dict.fromkeys(self.NAMES, 0.0)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _watch(self):
        seen = {}
        while not self._over.wait(0.01):
            for folder in Path("/proc").glob("[0-9]*"):
                if folder not in seen:
                    seen[folder] = self._name(folder)
                if seen[folder]:
                    self._read(folder, seen[folder])

    def _name(self, folder):
        try:
            if self.mark not in (folder / "environ").read_bytes().split(b"\0"):
                return None
            words = (folder / "cmdline").read_bytes()
        except OSError:
            return None
        return next((name for name, part in self.NAMES.items() if part.encode() in words), None)

    def _read(self, folder, name):
        try:
            lines = (folder / "status").read_text().splitlines()
        except OSError:
            return
        peak = [int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")]
        self.mb[name] = max([self.mb[name], *peak])
