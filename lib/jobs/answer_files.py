"""The answers of a job as they arrive: saved before they are parsed, and parsed again later if that fails.

Each answer is two files of the job's folder:

    answer-1.body   the body as it arrived, decompressed, with every occurrence of the key overwritten
    answer-1.json   its head: the content type, the request's id, and for a picture that the answer linked to, the
                    address that it was downloaded from

They are deleted once their pictures are saved. If the job's folder can't be written, they are in the temporary folder
of `lib.jobs.stored_data`.
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
from lib.jobs.job import Job
from lib.jobs.stored_data import FallbackWriter
from lib.translation import _

_BODY = re.compile(r"answer-(\d{1,4})\.body")
_LARGEST_HEAD = 1 << 16


class AnswerFiles:
    """Saves the answers of one job as they arrive, from any thread."""

    def __init__(self, job: Job, writer: FallbackWriter) -> None:
        self._job = job
        self._writer = writer
        self._lock = threading.RLock()
        self._bodies: list[_Body] = []

    def begin(self, head: ResponseHead) -> Sink:
        """Return the file for the body of the next answer."""
        with self._lock:
            body = _Body(f"answer-{len(self._bodies) + 1}", head, self._job, self._temporary_folder)
            self._bodies.append(body)
        return body

    @property
    def folder(self) -> Path | None:
        """The folder of the received data; None if nothing was received or it couldn't be saved."""
        folders = [body.folder for body in self._bodies if body.folder and body.size]
        return next((folder for folder in folders if folder == self._job.folder), folders[0] if folders else None)

    def close(self) -> None:
        """Close the files: nothing more will arrive."""
        for body in self._bodies:
            body.close()

    def discard(self) -> None:
        """Delete the received data: its pictures are saved, or it has none."""
        for body in self._bodies:
            body.discard()
        self._bodies.clear()
        self._writer.remove_empty_folder()

    def _temporary_folder(self) -> Path:
        with self._lock:
            return self._writer.temporary_folder()


class _Body:
    """The file of one body. If it can't be written, it moves to the temporary folder; if that fails, it is dropped."""

    def __init__(self, name: str, head: ResponseHead, job: Job, temporary_folder: Callable[[], Path]) -> None:
        self._name = name
        self._head = json.dumps(asdict(head)).encode()
        self._temporary_folder = temporary_folder
        self._file: int | None = None
        self.folder: Path | None = None
        self.size = 0
        try:
            self._open(job.folder)
        except OSError:
            self._move(b"")

    def write(self, data: bytes) -> None:
        """Write bytes without buffering them."""
        if self._file is None:
            return
        try:
            _write_all(self._file, data)
        except OSError:
            self._move(data)
        else:
            self.size += len(data)

    def close(self) -> None:
        """Flush the file to the disk and close it."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                os.fsync(self._file)
            self._close_file()

    def discard(self) -> None:
        """Delete the files."""
        self._close_file()
        self._delete()

    def _open(self, folder: Path) -> int:
        self.folder = folder
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0)
        self._file = file = os.open(folder / f"{self._name}.body", flags, 0o600)
        Job(folder).write(f"{self._name}.json", self._head)
        return file

    def _move(self, data: bytes) -> None:
        """Move to the temporary folder and append `data`; if that fails too, drop the recording."""
        try:
            received = self._received()
            self._close_file()
            self._delete()
            _write_all(self._open(self._temporary_folder()), received + data)
            self.size = len(received) + len(data)
        except OSError:
            self._close_file()
            self._delete()
            self.size = 0

    def _received(self) -> bytes:
        if self._file is None:
            return b""
        os.lseek(self._file, 0, os.SEEK_SET)
        with os.fdopen(os.dup(self._file), "rb") as file:
            return file.read(self.size)

    def _close_file(self) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):
                os.close(self._file)
            self._file = None

    def _delete(self) -> None:
        if self.folder:
            for suffix in (".body", ".json"):
                with contextlib.suppress(OSError):
                    (self.folder / f"{self._name}{suffix}").unlink()
            self.folder = None


def parse_answers(job: Job, limits: Limits | None = None) -> EditResponse:
    """Parse the answers saved in a job's folder.

    Raises `ApiError` if no picture can be decoded, OSError if a file can't be read.
    """
    limits = limits or Limits()
    heads = {name: _read_head(job, name) for name in _names(job)}
    downloads = {head.address: name for name, head in heads.items() if head.address}

    def fetch(address: str) -> bytes:
        return _read_body(job, downloads[address], limits) if address in downloads else no_fetch(address)

    responses: list[EditResponse] = []
    failures: list[ApiError] = []
    for name, head in heads.items():
        if head.address is None:
            try:
                responses.append(read_body(_read_body(job, name, limits), limits, fetch, head.request_id))
            except ApiError as error:
                failures.append(error)
    if not responses:
        raise failures[0] if failures else BadResponseError(_("The response of this job has been deleted."))
    return join(responses, failures)


def delete_answers(job: Job) -> None:
    """Delete the answers saved in a job's folder; ignore files that can't be deleted."""
    for name in _names(job):
        for suffix in (".body", ".json"):
            with contextlib.suppress(OSError):
                job.path(name + suffix).unlink()


def _names(job: Job) -> list[str]:
    matches = [match for path in job.folder.iterdir() if (match := _BODY.fullmatch(path.name)) and path.is_file()]
    return [match[0].removesuffix(".body") for match in sorted(matches, key=lambda match: int(match[1]))]


def _read_head(job: Job, name: str) -> ResponseHead:
    """Return the head of a saved answer, without the fields that are missing or invalid."""
    fields: dict[str, Any] = {}
    with contextlib.suppress(OSError, ValueError, RecursionError):
        path = job.path(f"{name}.json")
        fields = job.read_json(path.name) if path.stat().st_size <= _LARGEST_HEAD else {}
    return ResponseHead(
        200, plain_text(fields.get("content_type")) or "", plain_text(fields.get("request_id")),
        plain_text(fields.get("address")),
    )  # fmt: skip


def _read_body(job: Job, name: str, limits: Limits) -> bytes:
    path = job.path(f"{name}.body")
    if path.stat().st_size > limits.max_body_bytes:
        message = _("The response is larger than {max_bytes:,} bytes.")
        raise BadResponseError(message.format(max_bytes=limits.max_body_bytes))
    return path.read_bytes()


def _write_all(file: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(file, rest) :]
