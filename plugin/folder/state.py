"""What a folder run has done so far: a file of lines in the output folder, so that a killed run can be continued.

    {"version": 1}                                                         the first line
    {"picture": NAME, "output": NAME, "job": FOLDER, "source": FILE, "request": DIGEST}    before it can be sent
    {"picture": NAME, "output": NAME}                                      its request was never sent, and never will be
    {"picture": NAME, "output": NAME, "job": FOLDER, "state": "done", …}   at the end: done, failed or unknown
    {"files": [{"name": NAME, "size": BYTES, "sha256": TEXT}, …], …}       before these files get their names

The last line of a picture counts. Lines are only ever added, each reaching the disk before what follows from it; one
that was cut off or changed by hand is as if it had never been there. In memory is only where each picture's last line
begins, and a digest for each file: what a line lists was written by this tool and may be replaced, as long as it is as
it was.
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

from lib.jobs import history
from lib.jobs.history_record import FolderListing, State, named_time
from lib.jobs.job import Job
from lib.storage.file_identity import File
from plugin.folder.state_lines import ENDS, Line, parse_line

VERSION = 1
DONE, FAILED, UNKNOWN = ENDS


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
            return parse_line(self._file.readline())

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

    def _note(self, where: int, data: bytes) -> None:
        line = parse_line(data)
        if where == 0 and line.get("version", 0) > VERSION:
            raise NewerVersion
        if not data.endswith(b"\n"):
            return
        picture = line.get("picture")
        # One without "output" is none of ours, unless it is all that is left of a request.
        if picture is not None and ("output" in line or ("job" in line and picture not in self._where)):
            self._where[picture] = where
        self._written.update(map(_digest, line.get("files", ())))


def _digest(file: File) -> bytes:
    facts = [file.get(name) for name in ("name", "size", "sha256")]
    return hashlib.sha256(json.dumps(facts).encode("ascii")).digest()[:16]


class Progress(Enum):
    """How far earlier runs have come with a picture."""

    TO_DO = "to-do"
    BEGUN = "begun"
    DONE = "done"
    RESULT_GONE = "result-gone"


def progress_of(last: Line, out: Path, *, has_other_settings: bool) -> Progress:
    """Return what a picture's last line and its results in the output folder tell; an empty line: it was never begun.

    Whoever deletes or renames the results of other settings has it edited again. With the same settings, results that
    have gone are written again from the answer that was paid for.
    """
    if last.get("state") != DONE:
        return Progress.BEGUN if "job" in last else Progress.TO_DO
    present = [os.path.exists(out / name) for name in last.get("outputs", ())]  # noqa: PTH110 - Path's raises
    if has_other_settings:
        return Progress.DONE if any(present) else Progress.TO_DO
    return Progress.DONE if present and all(present) else Progress.RESULT_GONE


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
    fate = _fate_of(folder)
    return fate is State.UNKNOWN or (fate is State.UNREAD and not Job(folder).is_free)


def judge(folder: Path, *, was_done: bool, retry_unknown: bool, is_free: bool = False) -> Next:
    """What a job's folder asks for; `is_free` says that the run's state calls it one of the built-in engine."""
    fate = _fate_of(folder)
    if fate is State.RUNNING:
        return Next.WATCH
    if fate is State.WAITING or (fate is State.UNREAD and not retry_unknown):
        return Next.COLLECT
    if fate is State.INTERRUPTED or (fate is State.UNKNOWN and is_free):
        return Next.SEND
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
    with Job(job.folder).claim() as claimed:
        if not claimed or job.was_sent:
            return False
        job.path("job.json").unlink(missing_ok=True)
    state.add(picture, output=output)
    job.release()
    with contextlib.suppress(OSError):
        history.delete(job.folder)
    return True


def _fate_of(folder: Path) -> State:
    """RUNNING, WAITING (answered), UNREAD (its answer too), FAILED (refused, not billed), UNSENT, INTERRUPTED, UNKNOWN.

    What is not named as jobs are is none, whatever the run's state says: nothing in it is read or deleted.
    """
    if not folder.is_absolute() or named_time(folder.name) is None:
        return State.UNKNOWN
    try:
        state = FolderListing.of(folder).state(folder)
    except (OSError, ValueError):
        return State.UNKNOWN
    if state is State.FAILED and answer_of(folder).get("maybe_billed", True) and not Job(folder).is_free:
        return State.UNKNOWN
    return State.WAITING if state is State.INSERTED else state
