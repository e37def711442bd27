"""One connection to the endpoint: HTTP/1.1 with limits for the size, the speed and the duration of a request.

Werkzeug's handler parses the head and creates the WSGI environment; this module reads and writes the bytes.
"""

import http.client
import io
import re
import selectors
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from werkzeug.serving import WSGIRequestHandler

from lib.endpoint.memory import PIECE

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from _typeshed.wsgi import WSGIEnvironment

    from lib.endpoint.server import Server

GRACE_SECONDS = 20  # for each direction, plus a second for each `SLOWEST` bytes
SLOWEST = 20_000
SILENCE_SECONDS = 2  # without a byte of the body, after which another client may take over the connection
MAX_HEAD_BYTES = 64 * 1024
DRAIN_BYTES = 16 * 1024 * 1024  # of a refused body to read before the connection is closed
DRAIN_SECONDS = 10
DRAIN_SILENCE_SECONDS = 2

_CHUNK_SIZE = re.compile(rb"[ \t]*([0-9a-fA-F]{1,12})[ \t]*(;.*)?\r?\n", re.DOTALL)
_MAX_LINE = 4096


def is_disconnected(connection: socket.socket | None) -> bool:
    """Return whether the client has closed the connection; False without a connection, as in tests.

    A client that has only closed its sending side cannot be distinguished, and counts as disconnected.
    """
    if connection is None:
        return False
    try:
        return _is_readable(connection, 0) and connection.recv(1, socket.MSG_PEEK) == b""
    except (OSError, ValueError):
        return True


def _is_readable(connection: socket.socket, seconds: float) -> bool:
    """Return whether data, or the end, has arrived or arrives within `seconds`."""
    with selectors.DefaultSelector() as selector:
        selector.register(connection, selectors.EVENT_READ)
        return bool(selector.select(seconds))


class _TimeBudget:
    """The time that one direction of a connection may still take, which grows with each transferred byte."""

    def __init__(self) -> None:
        self._left = float(GRACE_SECONDS)

    @contextmanager
    def limit(self, connection: socket.socket) -> Iterator[None]:
        """Limit the block's socket call to the remaining time. Raise TimeoutError."""
        if self._left <= 0:
            raise TimeoutError
        connection.settimeout(min(self._left, GRACE_SECONDS))
        started = time.monotonic()
        try:
            yield
        finally:
            self._left -= time.monotonic() - started

    def add(self, count: int) -> None:
        """Add the time for `count` transferred bytes."""
        self._left += count / SLOWEST


class _Incoming(io.RawIOBase):
    """The incoming bytes of a connection. `on_first_read` is called once, before the first read after it was set.

    `set_silent` gets True when the client has sent nothing for `SILENCE_SECONDS`, and False when it sends again.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._budget = _TimeBudget()
        self.on_first_read: Callable[[], None] | None = None
        self.set_silent: Callable[[bool], None] | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        if self.on_first_read is not None:
            self.on_first_read()
            self.on_first_read = None
        set_silent = self.set_silent
        with self._budget.limit(self._connection):
            if set_silent is None or _is_readable(self._connection, SILENCE_SECONDS):
                count = self._connection.recv_into(buffer)
            else:
                set_silent(True)
                count = self._connection.recv_into(buffer)
                set_silent(False)
        self._budget.add(count)
        return count


class _HeadReader:
    """Reads the lines of a request's head, with a limit for their total size."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._left = MAX_HEAD_BYTES

    def readline(self, size: int = -1) -> bytes:
        """Return the next line. Raise LineTooLong, which is answered with 431."""
        line = self._file.readline(size)
        self._left -= len(line)
        if self._left < 0:
            raise http.client.LineTooLong("head")
        return line


class ChunkedBody(io.RawIOBase):
    """A chunked body (RFC 9112, section 7.1); extensions and trailers are ignored."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._left = 0
        self._finished = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Read into `buffer`; raise OSError if the chunks are invalid."""
        view = memoryview(buffer)
        if not self._left and not self._finished:
            self._left = self._size()
            self._finished = not self._left
        if self._finished:
            return 0
        data = self._file.read(min(len(view), self._left))
        if not data:
            raise OSError("The body ends within a chunk.")
        view[: len(data)] = data
        self._left -= len(data)
        if not self._left and self._file.readline(2) not in (b"\r\n", b"\n"):
            raise OSError("A chunk has no end.")
        return len(data)

    def _size(self) -> int:
        match = _CHUNK_SIZE.fullmatch(self._file.readline(_MAX_LINE))
        if match is None:
            raise OSError("A chunk has no size.")
        size = int(match[1], 16)
        if not size:
            trailers = _HeadReader(self._file)
            while trailers.readline(_MAX_LINE) not in (b"\r\n", b"\n", b""):
                pass
        return size


class Handler(WSGIRequestHandler):
    """Answers one request and closes the connection. It logs nothing, as requests are private."""

    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        super().setup()
        self.rfile.close()
        self._incoming = _Incoming(self.connection)
        self.rfile = io.BufferedReader(self._incoming, PIECE)
        self._outgoing = _TimeBudget()

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 - Werkzeug's name
        pass

    def version_string(self) -> str:
        return "generative-edit"

    def parse_request(self) -> bool:
        reader = self.rfile
        self.rfile = cast(io.BufferedReader, _HeadReader(cast(BinaryIO, reader)))
        try:
            return super().parse_request()
        finally:
            self.rfile = reader

    def handle_expect_100(self) -> bool:
        """Ask for the body only when it is read, so that a refused one is never sent."""
        self._incoming.on_first_read = lambda: self._send(b"HTTP/1.1 100 Continue\r\n\r\n")
        return True

    def make_environ(self) -> "WSGIEnvironment":
        environ = super().make_environ()
        if environ.get("wsgi.input_terminated"):
            environ["wsgi.input"] = io.BufferedReader(ChunkedBody(cast(BinaryIO, self.rfile)), PIECE)
        return environ

    def run_wsgi(self) -> None:
        self.environ = self.make_environ()
        status, headers = "", list[tuple[str, str]]()

        def start_response(line: str, fields: list[tuple[str, str]], _error: object = None) -> Callable[..., Any]:
            nonlocal status, headers
            status, headers = line, fields
            return self._send

        server = cast("Server", self.server)
        server.set_idle(self.connection, False)
        self._incoming.set_silent = lambda silent: server.set_idle(self.connection, silent)
        body = server.app(self.environ, start_response)
        try:
            self._send_answer(status, headers, body)
        finally:
            if hasattr(body, "close"):
                body.close()
        server.set_idle(self.connection, True)
        if int(status.split()[0]) >= 400:
            self._drain()

    def _send_answer(self, status: str, headers: list[tuple[str, str]], body: Iterable[bytes]) -> None:
        code, _, reason = status.partition(" ")
        self.send_response(int(code), reason)
        for name, value in headers:
            self.send_header(name, value)
        chunked = "content-length" not in {name.lower() for name, _value in headers}
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        self.send_header("Connection", "close")
        self.end_headers()
        for piece in body:
            if piece and self.command != "HEAD":
                self._send(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
        if chunked and self.command != "HEAD":
            self._send(b"0\r\n\r\n")

    def _send(self, data: bytes) -> None:
        for start in range(0, len(data), PIECE):
            piece = data[start : start + PIECE]
            with self._outgoing.limit(self.connection):
                self.wfile.write(piece)
            self._outgoing.add(len(piece))

    def _drain(self) -> None:
        """Read and discard the rest of a refused body, up to a limit of bytes and time.

        If the connection were closed earlier, it would be reset, and the client might never read the answer.
        """
        self.connection.shutdown(socket.SHUT_WR)
        self.connection.settimeout(DRAIN_SILENCE_SECONDS)
        deadline, left, buffer = time.monotonic() + DRAIN_SECONDS, DRAIN_BYTES, bytearray(PIECE)
        while left > 0 and time.monotonic() < deadline and (count := self.connection.recv_into(buffer)):
            left -= count
