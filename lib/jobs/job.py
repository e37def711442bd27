"""One job's folder, and the lines that pass between the plug-in and its worker.

The folder is what the two processes share, and afterwards the history. lib/README.md lists its files, and which process
writes each of them when.
"""

import contextlib
import json
import os
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lib.settings import settings
from lib.storage.file_lock import locked, locked_where_possible

VERSION = 1
SELECTION = "selection.raw"
LAYER_MASK = "layer-mask.raw"
SENT = "sent.json"
LOCK = "running.lock"
HELD = "plug-in.lock"
INSERTED = "inserted"
NOTIFIED = "told"
_FRESH_SECONDS = 3_600.0
_LOCK_TRIES, _LOCK_PAUSE = 20, 0.05


class Job:
    """A job folder; writing is atomic (a temporary name, then a rename), so that a reader never sees half a file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._held = contextlib.ExitStack()

    @classmethod
    def new(cls) -> "Job":
        """An empty folder in the user's data folder, named by time so that a listing is in order.

        It is held by this process until `mark_inserted`, `release` or the process's end.
        """
        name = f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}"
        folder = settings.jobs_folder() / name
        folder.mkdir(mode=0o700)
        job = cls(folder)
        try:
            job._held.enter_context(locked_where_possible(job.path(HELD)))
        except OSError:
            folder.rmdir()
            raise
        return job

    def path(self, name: str) -> Path:
        """A file of this job."""
        return self.folder / name

    def write(self, name: str, data: bytes, *, durable: bool = False) -> Path:
        """Writes a file of this job, whole or not at all; raises OSError where the disk refuses.

        `durable` waits until the disk has it: for what was paid for.
        """
        target = self.path(name)
        partial = self.path(f".{name}.part")
        try:
            with partial.open("wb") as file:
                file.write(data)
                if durable:
                    file.flush()
                    os.fsync(file.fileno())
            partial.replace(target)
        except OSError:
            with contextlib.suppress(OSError):
                partial.unlink()
            raise
        return target

    def write_json(self, name: str, data: Mapping[str, Any], *, durable: bool = False) -> Path:
        """Writes a JSON file of this job."""
        text = json.dumps(data, ensure_ascii=False, indent=1)
        # Half a character, as answers may hold, is written as JSON escapes it.
        return self.write(name, text.encode("utf-8", "backslashreplace"), durable=durable)

    def read_json(self, name: str) -> dict[str, Any]:
        """Reads a JSON object of this job; raises OSError or ValueError where there is none."""
        data = json.loads(self.path(name).read_bytes())
        if not isinstance(data, dict):
            raise ValueError(f"{name} of job {self.folder.name} is not an object")
        return data

    @contextmanager
    def running(self) -> Iterator[bool]:
        """Marks the job as worked on; gives False where another process does. Raises OSError on a full disk."""
        for _turn in range(_LOCK_TRIES):
            with locked_where_possible(self.path(LOCK)) as free:
                if free:
                    yield True
                    return
            # Whoever lists the history takes it for a moment.
            time.sleep(_LOCK_PAUSE)
        yield False

    @property
    def was_sent(self) -> bool:
        """Whether the request had left."""
        return self.path(SENT).exists()

    @property
    def is_free(self) -> bool:
        """Whether it is for the built-in engine, which bills nothing."""
        try:
            return bool(self.read_json("job.json").get("provider") == "local")
        except (OSError, ValueError, RecursionError):
            return False

    @property
    def maybe_billed(self) -> bool:
        """Whether the request had left for somebody who may bill it."""
        return self.was_sent and not self.is_free

    @property
    def has_result(self) -> bool:
        """Whether a picture was returned: it is on disk, whether it was inserted or not."""
        return any(self.folder.glob("result-*"))

    @property
    def has_answer(self) -> bool:
        """Whether an answer arrived that is kept as it came."""
        return any(path.stat().st_size for path in self.folder.glob("answer-*.body"))

    def mark_notified(self) -> None:
        """Remembers that the user knows what became of it; where the disk refuses, it is told again."""
        with contextlib.suppress(OSError):
            self.path(NOTIFIED).touch()

    def mark_inserted(self) -> None:
        """Remembers that the layers are in GIMP. Where the disk refuses, the history merely offers them once more."""
        with contextlib.suppress(OSError):
            self.path(INSERTED).touch()
        self.release()

    def release(self) -> None:
        """Says that this process waits for the job no longer."""
        self._held.close()


def is_running(folder: Path) -> bool:
    """Whether a worker, of any GIMP, works on this job now."""
    return _is_locked(folder / LOCK)


def is_held(folder: Path) -> bool:
    """Whether a plug-in, of any GIMP, waits for this job or offers its results."""
    return _is_locked(folder / HELD)


def _is_locked(path: Path) -> bool:
    try:
        changed = path.stat().st_mtime
    except OSError:
        return False
    try:
        with locked(path) as free:
            return not free
    except OSError:
        # A file system without locks: an hour is longer than any request.
        return time.time() - changed < _FRESH_SECONDS


def encode_line(message: Mapping[str, Any]) -> bytes:
    """A message as one line of JSON; non-ASCII is escaped, so that no locale can spoil it."""
    return json.dumps(message).encode("ascii") + b"\n"


def decode_line(line: bytes | str) -> dict[str, Any]:
    """A line of JSON as a message; raises ValueError where it is no object."""
    message = json.loads(line)
    if not isinstance(message, dict):
        raise ValueError("a line between plug-in and worker must be a JSON object")
    return message
