"""The answer of a job as it arrived: on disk before anything reads it, and read again where nothing else came of it.

Each answer is two files of the job's folder:

    answer-1.body   the body as it arrived, without its compression, with every occurrence of the key overwritten
    answer-1.json   its head: the status, the type, the request's id, and for a picture that the answer only pointed to
                    the address that it was fetched from

They are deleted once the pictures in them are files of their own. On a disk that refuses, they are in the folder that
`lib.jobs.fallback_writer` chooses.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import threading
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lib.api.errors import ApiError, BadResponseError
from lib.api.parsing import Limits, plain_text
from lib.api.recording import ResponseHead, Sink
from lib.api.response import EditResponse, join
from lib.api.stream import no_fetch, read_body
from lib.jobs.fallback_writer import FallbackWriter
from lib.jobs.job import Job
from lib.translation import _

_BODY = re.compile(r"answer-(\d{1,4})\.body")
_LARGEST_HEAD = 1 << 16


class AnswerFiles:
    """Takes the answers of one job as they arrive, from any thread."""

    def __init__(self, job: Job, fallback_writer: FallbackWriter) -> None:
        self._job = job
        self._rescue = fallback_writer
        self._lock = threading.RLock()
        self._bodies: list[_Body] = []

    def begin(self, head: ResponseHead) -> Sink:
        """Return the file for the body of one more answer."""
        with self._lock:
            body = _Body(f"answer-{len(self._bodies) + 1}", head, self._job, self._spare_folder)
            self._bodies.append(body)
        return body

    @property
    def folder(self) -> Path | None:
        """Where what has arrived is; None where nothing has, or no disk took it."""
        folders = [body.folder for body in self._bodies if body.folder and body.size]
        return next((folder for folder in folders if folder == self._job.folder), folders[0] if folders else None)

    def close(self) -> None:
        """Note that nothing more will come."""
        for body in self._bodies:
            body.close()

    def discard(self) -> None:
        """Delete what has arrived: its pictures are files of their own, or there are none in it."""
        for body in self._bodies:
            body.discard()
        self._bodies.clear()
        self._rescue.leave_spare_folder()

    def _spare_folder(self) -> Path:
        with self._lock:
            return self._rescue.spare_folder()


class _Body:
    """The file of one body; it moves where the disk refuses, and gives up where the other one does too."""

    def __init__(self, name: str, head: ResponseHead, job: Job, spare_folder: Callable[[], Path]) -> None:
        self._name = name
        self._head = json.dumps(asdict(head)).encode()
        self._spare_folder = spare_folder
        self._file: int | None = None
        self.folder: Path | None = None
        self.size = 0
        try:
            self._open(job.folder)
        except OSError:
            self._move(b"")

    def write(self, data: bytes) -> None:
        """Write bytes to the system at once."""
        if self._file is None:
            return
        try:
            _write_all(self._file, data)
        except OSError:
            self._move(data)
        else:
            self.size += len(data)

    def close(self) -> None:
        """Wait until the disk has it all."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                os.fsync(self._file)
            self._release()

    def discard(self) -> None:
        """Delete the files."""
        self._release()
        self._delete()

    def _open(self, folder: Path) -> int:
        self.folder = folder
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0)
        self._file = file = os.open(folder / f"{self._name}.body", flags, 0o600)
        Job(folder).write(f"{self._name}.json", self._head)
        return file

    def _move(self, data: bytes) -> None:
        """Go on in the spare folder, with what has arrived by now; a second refusal ends the recording."""
        try:
            before = self._arrived()
            self._release()
            self._delete()
            _write_all(self._open(self._spare_folder()), before + data)
            self.size = len(before) + len(data)
        except OSError:
            self._release()
            self._delete()
            self.size = 0

    def _arrived(self) -> bytes:
        if self._file is None:
            return b""
        os.lseek(self._file, 0, os.SEEK_SET)
        with os.fdopen(os.dup(self._file), "rb") as file:
            return file.read(self.size)

    def _release(self) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):
                os.close(self._file)
            self._file = None

    def _delete(self) -> None:
        if self.folder:
            for ending in (".body", ".json"):
                with contextlib.suppress(OSError):
                    (self.folder / f"{self._name}{ending}").unlink()
            self.folder = None


def read_again(job: Job, limits: Limits | None = None) -> EditResponse:
    """Return what the answers that are kept in a job's folder hold, as the present version reads them.

    Raises `ApiError` where no picture can be read, OSError where a file can't be.
    """
    limits = limits or Limits()
    heads = {name: _head_of(job, name) for name in _names(job)}
    fetched = {head.address: name for name, head in heads.items() if head.address}

    def fetch(address: str) -> bytes:
        return _body_of(job, fetched[address], limits) if address in fetched else no_fetch(address)

    responses: list[EditResponse] = []
    failures: list[ApiError] = []
    for name, head in heads.items():
        if head.address is None:
            try:
                responses.append(read_body(_body_of(job, name, limits), limits, fetch, head.request_id))
            except ApiError as error:
                failures.append(error)
    if not responses:
        raise failures[0] if failures else BadResponseError(_("There is no answer in this job any more."))
    return join(responses, failures)


def delete_answers(job: Job) -> None:
    """Delete the answers that are kept in a job's folder; what can't be deleted stays."""
    for name in _names(job):
        for ending in (".body", ".json"):
            with contextlib.suppress(OSError):
                job.path(name + ending).unlink()


def _names(job: Job) -> list[str]:
    found = [match for path in job.folder.iterdir() if (match := _BODY.fullmatch(path.name)) and path.is_file()]
    return [match[0].removesuffix(".body") for match in sorted(found, key=lambda match: int(match[1]))]


def _head_of(job: Job, name: str) -> ResponseHead:
    """Return the head of a kept answer; what is missing or wrong in it counts as not said."""
    said: dict[str, Any] = {}
    with contextlib.suppress(OSError, ValueError, RecursionError):
        path = job.path(f"{name}.json")
        said = job.read_json(path.name) if path.stat().st_size <= _LARGEST_HEAD else {}
    return ResponseHead(
        200, plain_text(said.get("content_type")) or "", plain_text(said.get("request_id")),
        plain_text(said.get("address")),
    )  # fmt: skip


def _body_of(job: Job, name: str, limits: Limits) -> bytes:
    path = job.path(f"{name}.body")
    if path.stat().st_size > limits.max_body_bytes:
        message = _("The response is larger than {max_bytes:,} bytes.")
        raise BadResponseError(message.format(max_bytes=limits.max_body_bytes))
    return path.read_bytes()


def _write_all(file: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(file, rest) :]
