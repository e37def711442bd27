"""Request bodies of known length that are read while they are sent: multipart forms and JSON."""

from __future__ import annotations

import errno
import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lib.api.request import open_source, source_size
from lib.translation import _

CHUNK_SIZE = 65_536
_PROGRESS_STEP = 1 << 20


@dataclass(frozen=True)
class FilePart:
    """A file of a multipart form: field name, file name, MIME type and content."""

    name: str
    filename: str
    mime_type: str
    source: str | Path | bytes


class Body:
    """A body of known length that is produced chunk by chunk while it is sent.

    `finished` becomes true when the last byte has been passed to the socket; from then on the request may be billed.
    `failure` is the message of a file that couldn't be read during the upload. `on_progress` is called with the number
    of bytes sent, about once every mebibyte, and `on_finished` at the end.
    """

    def __init__(self, content_type: str, pieces: list[bytes | FilePart]) -> None:
        self.content_type = content_type
        self.on_progress: Callable[[int], None] = lambda sent: None
        self.on_finished: Callable[[], None] = lambda: None
        self.finished = False
        self.failure: str | None = None
        self._pieces = [(piece, _piece_size(piece)) for piece in pieces]

    def __len__(self) -> int:
        return sum(size for _piece, size in self._pieces)

    def __iter__(self) -> Iterator[bytes]:
        self.finished = False
        sent = reported = 0
        for chunk in self._content():
            yield chunk
            sent += len(chunk)
            if sent - reported >= _PROGRESS_STEP:
                self.on_progress(sent)
                reported = sent
        self.finished = True
        self.on_finished()

    def _content(self) -> Iterator[bytes]:
        try:
            for piece, size in self._pieces:
                yield from _chunks(piece, size)
        except OSError as error:
            self.failure = _("Couldn't read {file}: {reason}.").format(file=error.filename, reason=error.strerror)
            raise


def json_body(value: Any) -> Body:
    """Return a JSON body."""
    return Body("application/json", [json.dumps(value, ensure_ascii=False).encode()])


def multipart_body(fields: Mapping[str, Any], files: list[FilePart]) -> Body:
    """Return a multipart form, text parts before files as in OpenAI's SDK; raise `OSError` if a file is missing."""
    boundary = secrets.token_hex(16)
    pieces: list[bytes | FilePart] = []
    for name, text in form_fields(fields):
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{_quoted(name)}"\r\n\r\n'
        pieces.append(f"{head}{text}\r\n".encode())
    for file in files:
        pieces += [_file_head(boundary, file), file, b"\r\n"]
    pieces.append(f"--{boundary}--\r\n".encode())
    return Body(f"multipart/form-data; boundary={boundary}", pieces)


def form_fields(fields: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Flatten values into text parts as OpenAI's SDK does: `a[b]` for objects, `a[]` for lists, None omitted."""
    flat: list[tuple[str, str]] = []
    for name, value in fields.items():
        if isinstance(value, Mapping):
            flat += form_fields({f"{name}[{key}]": inner for key, inner in value.items()})
        elif isinstance(value, (list, tuple)):
            for inner in value:
                flat += form_fields({f"{name}[]": inner})
        elif value is not None:
            flat.append((name, _text(value)))
    return flat


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _quoted(name: str) -> str:
    # As browsers do (WHATWG, "multipart/form-data encoding algorithm"), so that a name can't break out of its header.
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def _file_head(boundary: str, file: FilePart) -> bytes:
    return (
        f"--{boundary}\r\n"
        f'Content-Disposition: form-data; name="{_quoted(file.name)}"; '
        f'filename="{_quoted(file.filename)}"\r\n'
        f"Content-Type: {file.mime_type}\r\n\r\n"
    ).encode()


def _piece_size(piece: bytes | FilePart) -> int:
    return len(piece) if isinstance(piece, bytes) else source_size(piece.source)


def _chunks(piece: bytes | FilePart, size: int) -> Iterator[bytes]:
    if isinstance(piece, bytes):
        for start in range(0, size, CHUNK_SIZE):
            yield piece[start : start + CHUNK_SIZE]
        return
    remaining = size
    with open_source(piece.source) as file:
        while remaining:
            chunk = file.read(min(CHUNK_SIZE, remaining))
            if not chunk:
                raise OSError(errno.EIO, _("the file was truncated during the upload"), piece.filename)
            remaining -= len(chunk)
            yield chunk
