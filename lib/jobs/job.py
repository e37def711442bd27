"""One job's folder, and the JSON lines that pass between the plug-in and its worker.

The two processes share the folder; afterwards it is the job's entry in the history. lib/README.md lists its files, and
which process writes each of them when.
"""

import contextlib
import json
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lib.settings import settings
from lib.storage import atomic_file
from lib.storage.file_lock import locked, locked_where_possible

VERSION = 1
SELECTION = "selection.raw"
LAYER_MASK = "layer-mask.raw"
FRAME = "frame.raw"
UNCLIPPED = "unclipped.raw"
PROFILE = "profile.icc"
SENT = "sent.json"
WORKER_LOCK = "running.lock"
PLUG_IN_LOCK = "plug-in.lock"
INSERTED = "inserted"
STARRED = "starred"
NOTIFIED = "told"
_LONGEST_REQUEST_SECONDS = 3_600.0
_LOCK_ATTEMPTS, _LOCK_PAUSE = 20, 0.05


class Job:
    """A job folder. Files are written under a temporary name and renamed, so that a reader never sees half of one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._plug_in_lock = contextlib.ExitStack()

    @classmethod
    def new(cls) -> "Job":
        """Create an empty job folder, named by the time so that a listing is in order.

        The plug-in's lock is held until `mark_inserted`, `release` or the end of the process.
        """
        name = f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}"
        folder = settings.jobs_folder() / name
        folder.mkdir(mode=0o700)
        job = cls(folder)
        try:
            job._plug_in_lock.enter_context(locked_where_possible(job.path(PLUG_IN_LOCK)))
        except OSError:
            folder.rmdir()
            raise
        return job

    def path(self, name: str) -> Path:
        """Return the path of a file of this job."""
        return self.folder / name

    def write(self, name: str, data: bytes, *, durable: bool = False) -> Path:
        """Write a file of this job atomically and return its path; raise OSError if that fails.

        `durable` waits until the data is on the disk, for results that were paid for.
        """
        atomic_file.write(self.path(name), data, durable=durable)
        return self.path(name)

    def write_json(self, name: str, data: Mapping[str, Any], *, durable: bool = False) -> Path:
        """Write a JSON file of this job."""
        text = json.dumps(data, ensure_ascii=False, indent=1)
        # Answers may contain lone surrogates, which UTF-8 can't encode.
        return self.write(name, text.encode("utf-8", "backslashreplace"), durable=durable)

    def read_json(self, name: str) -> dict[str, Any]:
        """Read a JSON object of this job; raise OSError or ValueError if there is none."""
        data = json.loads(self.path(name).read_bytes())
        if not isinstance(data, dict):
            raise ValueError(f"{name} of job {self.folder.name} is not an object")
        return data

    @contextmanager
    def claim(self) -> Iterator[bool]:
        """Hold the worker's lock; yield False if another process holds it. Raise OSError on a full disk."""
        for _attempt in range(_LOCK_ATTEMPTS):
            with locked_where_possible(self.path(WORKER_LOCK)) as acquired:
                if acquired:
                    yield True
                    return
            # Listing the history takes the lock for a moment.
            time.sleep(_LOCK_PAUSE)
        yield False

    @property
    def was_sent(self) -> bool:
        """Whether the request was sent."""
        return self.path(SENT).exists()

    @property
    def is_free(self) -> bool:
        """Whether the job is for the built-in engine, which costs nothing."""
        try:
            return bool(self.read_json("job.json").get("provider") == "local")
        except (OSError, ValueError, RecursionError):
            return False

    @property
    def maybe_billed(self) -> bool:
        """Whether the request was sent to a provider that may have billed it."""
        return self.was_sent and not self.is_free

    @property
    def has_result(self) -> bool:
        """Whether a returned picture is on disk, inserted or not."""
        return any(self.folder.glob("result-*"))

    @property
    def has_answer(self) -> bool:
        """Whether an unprocessed answer is on disk."""
        return any(path.stat().st_size for path in self.folder.glob("answer-*.body"))

    def mark_notified(self) -> None:
        """Record that the user was notified of the outcome; if that fails, the user is notified again."""
        with contextlib.suppress(OSError):
            self.path(NOTIFIED).touch()

    def mark_inserted(self) -> None:
        """Record that the layers are in GIMP; if that fails, the history offers them once more."""
        with contextlib.suppress(OSError):
            self.path(INSERTED).touch()
        self.release()

    def star(self, is_starred: bool) -> None:
        """Mark the job with a star, with which it is not deleted as old, or remove that; raise OSError if it fails."""
        if is_starred:
            self.path(STARRED).touch()
        else:
            self.path(STARRED).unlink(missing_ok=True)

    def release(self) -> None:
        """Release the plug-in's lock: this process no longer waits for the job."""
        self._plug_in_lock.close()


def is_running(folder: Path) -> bool:
    """Return whether a worker of any GIMP process is running this job."""
    return _is_locked(folder / WORKER_LOCK)


def is_held(folder: Path) -> bool:
    """Return whether a plug-in of any GIMP process waits for this job or offers its results."""
    return _is_locked(folder / PLUG_IN_LOCK)


def _is_locked(path: Path) -> bool:
    try:
        modified = path.stat().st_mtime
    except OSError:
        return False
    try:
        with locked(path) as acquired:
            return not acquired
    except OSError:
        # On a file system without locks, go by the age: no request takes an hour.
        return time.time() - modified < _LONGEST_REQUEST_SECONDS


def encode_line(message: Mapping[str, Any]) -> bytes:
    """Return a message as one line of JSON, in ASCII so that the locale doesn't matter."""
    return json.dumps(message).encode("ascii") + b"\n"


def decode_line(line: bytes | str) -> dict[str, Any]:
    """Return the message in a line of JSON; raise ValueError if it isn't an object."""
    message = json.loads(line)
    if not isinstance(message, dict):
        raise ValueError("a line between plug-in and worker must be a JSON object")
    return message
