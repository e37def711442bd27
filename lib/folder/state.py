"""What a folder run has done so far: a file of lines in the output folder, so that a killed run can be continued.

    {"version": 1}                                                         the first line
    {"picture": NAME, "output": NAME, "job": FOLDER, "source": FILE}       before the job's request can be sent
    {"picture": NAME, "output": NAME}                                      its request was never sent, and never will be
    {"picture": NAME, "output": NAME, "job": FOLDER, "state": "done", …}   at the end: done, failed or unknown
    {"files": [{"name": NAME, "size": BYTES, "sha256": TEXT}, …], …}       before these files get their names

The last line of a picture counts. Lines are only ever added, each reaching the disk before what follows from it; one
that was cut off is as if it had never been there. In memory is only where each picture's last line begins, and a digest
for each file: what a line lists was written by this tool and may be replaced, as long as it is as it was.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

from lib import history
from lib.history import Files, State
from lib.job import Job

VERSION = 1
DONE, FAILED, UNKNOWN = "done", "failed", "unknown"
Line = dict[str, Any]
File = dict[str, Any]
"""A file as the state lists it: its "name", "size" in bytes and "sha256"."""


class NewerVersion(ValueError):
    """The file was written by a newer version, whose lines may mean something else."""


class RunState:
    """The file, open for adding; threads may share it."""

    def __init__(self, path: Path) -> None:
        """Opens or makes the file; raises OSError, or NewerVersion."""
        self._file = path.open("a+b")
        self._where: dict[str, int] = {}
        self._written: set[bytes] = set()
        self._lock = threading.Lock()
        try:
            self._read()
        except BaseException:
            self.close()
            raise

    def last(self, picture: str) -> Line | None:
        """The picture's last line, or None where it was never begun."""
        where = self._where.get(picture)
        if where is None:
            return None
        with self._lock:
            self._file.seek(where)
            line: Line = json.loads(self._file.readline())
        return line

    def add(self, picture: str, **facts: Any) -> None:
        """Adds a line, which is on disk when this returns; raises OSError."""
        self._add({"picture": picture, **facts})

    def add_files(self, files: Sequence[File]) -> None:
        """Add a line about files that are no picture's result; raise OSError."""
        self._add({"files": files})

    def has_written(self, file: File) -> bool:
        """Return whether this tool has written a file of this name, size and content."""
        return _digest(file) in self._written

    def pictures(self) -> list[str]:
        """The pictures that were ever begun."""
        return list(self._where)

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _add(self, facts: Mapping[str, Any]) -> None:
        line = json.dumps(facts, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"
        with self._lock:
            self._file.seek(0, os.SEEK_END)
            where = self._file.tell()
            self._file.write(line)
            self._file.flush()
            os.fsync(self._file.fileno())
            self._note(where, line)

    def _read(self) -> None:
        self._file.seek(0)
        where, line = 0, b"\n"
        for line in self._file:
            self._note(where, line)
            where += len(line)
        if where == 0:
            self._file.write(json.dumps({"version": VERSION}).encode() + b"\n")
        elif not line.endswith(b"\n"):
            self._file.write(b"\n")
        self._file.flush()

    def _note(self, where: int, line: bytes) -> None:
        try:
            told = json.loads(line)
        except (ValueError, RecursionError):
            return
        if not isinstance(told, dict):
            return
        if where == 0 and isinstance(told.get("version"), int) and told["version"] > VERSION:
            raise NewerVersion
        if not line.endswith(b"\n"):
            return
        if isinstance(told.get("picture"), str):
            self._where[told["picture"]] = where
        files = told.get("files")
        self._written.update(_digest(file) for file in (files if isinstance(files, list) else ()))


def _digest(file: Any) -> bytes:
    facts = [file.get(name) for name in ("name", "size", "sha256")] if isinstance(file, dict) else []
    return hashlib.sha256(json.dumps(facts).encode("ascii")).digest()[:16]


class Next(Enum):
    """What is to be done about a picture whose job an earlier run, or a worker that died, has begun."""

    WATCH = "watch"
    COLLECT = "collect"
    WITHDRAW = "withdraw"
    SEND = "send"
    TELL_UNKNOWN = "tell-unknown"
    TELL_GONE = "tell-gone"


def is_unknown(folder: Path) -> bool:
    """Whether a job's request may have been billed without a result. A folder that has gone tells nothing else."""
    return _fate_of(folder) in (State.UNKNOWN, State.UNREAD)


def judge(folder: Path, *, was_done: bool, retry_unknown: bool) -> Next:
    """What a job's folder asks for."""
    fate = _fate_of(folder)
    if fate is State.RUNNING:
        return Next.WATCH
    if fate is State.WAITING or (fate is State.UNREAD and not retry_unknown):
        return Next.COLLECT
    if was_done:
        return Next.TELL_GONE
    if fate is State.UNKNOWN and not retry_unknown:
        return Next.TELL_UNKNOWN
    return Next.WITHDRAW if fate is State.UNSENT else Next.SEND


def answer_of(folder: Path) -> Mapping[str, Any]:
    """What an endpoint's refusal was, as response.json tells it; empty where it tells nothing."""
    with contextlib.suppress(OSError, ValueError, RecursionError):
        error = Job(folder).read_json("response.json").get("error")
        if isinstance(error, dict):
            return error
    return {}


def withdraw(state: RunState, picture: str, output: str, job: Job) -> bool:
    """Takes back a job that was not sent, and deletes it; False where a worker has it already. Raises OSError.

    Its request goes first, under the job's lock: a worker that comes later finds nothing to send. The folder goes last,
    when no line names it any more: one that is named and has gone may have been billed.
    """
    with Job(job.folder).running() as free:
        if not free or job.was_sent:
            return False
        job.path("job.json").unlink(missing_ok=True)
    state.add(picture, output=output)
    job.release()
    with contextlib.suppress(OSError):
        history.delete(job.folder)
    return True


def _fate_of(folder: Path) -> State:
    """RUNNING, WAITING (answered), UNREAD (its answer too), FAILED (refused, not billed), UNSENT or UNKNOWN."""
    try:
        state = Files.of(folder).state(folder)
    except OSError:
        return State.UNKNOWN
    if state is State.FAILED and answer_of(folder).get("maybe_billed", True):
        return State.UNKNOWN
    return State.WAITING if state is State.INSERTED else state
