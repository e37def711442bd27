"""One connection to the endpoint: HTTP/1.1 that bounds what a caller may send, how slowly, and for how long.

Werkzeug's handler parses the head and makes the WSGI environment; how bytes come and go is here.
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

GRACE_SECONDS = 20  # that each direction may take, besides a second for each `SLOWEST` bytes
SLOWEST = 20_000
SILENCE_SECONDS = 2  # within a body, after which the caller may be cut off where another one waits
MAX_HEAD_BYTES = 64 * 1024
DRAIN_BYTES = 16 * 1024 * 1024  # of a refused body that are read; a caller who sends more is cut off
DRAIN_SECONDS = 10
DRAIN_SILENCE_SECONDS = 2

_CHUNK_SIZE = re.compile(rb"[ \t]*([0-9a-fA-F]{1,12})[ \t]*(;.*)?\r?\n", re.DOTALL)
_MAX_LINE = 4096


def has_left(connection: socket.socket | None) -> bool:
    """Whether the caller has closed the connection; False where there is none, as in a test.

    Who has closed only the sending side looks the same, and counts as one who has left.
    """
    if connection is None:
        return False
    try:
        return _is_readable(connection, 0) and connection.recv(1, socket.MSG_PEEK) == b""
    except (OSError, ValueError):
        return True


def _is_readable(connection: socket.socket, seconds: float) -> bool:
    """Whether within `seconds` something arrives, or has arrived; the end counts too."""
    with selectors.DefaultSelector() as selector:
        selector.register(connection, selectors.EVENT_READ)
        return bool(selector.select(seconds))


class _Pace:
    """How long one direction of a connection may still take: longer with each byte that it carries."""

    def __init__(self) -> None:
        self._left = float(GRACE_SECONDS)

    @contextmanager
    def limit(self, connection: socket.socket) -> Iterator[None]:
        """Let the block's socket call take what is left. Raises TimeoutError."""
        if self._left <= 0:
            raise TimeoutError
        connection.settimeout(min(self._left, GRACE_SECONDS))
        begun = time.monotonic()
        try:
            yield
        finally:
            self._left -= time.monotonic() - begun

    def add(self, count: int) -> None:
        """Allow for `count` bytes that have passed."""
        self._left += count / SLOWEST


class _Incoming(io.RawIOBase):
    """What arrives on a connection. `continues` is called once, before the first read after it was set.

    `set_silent`, once it is set, is called when a caller has sent nothing for `SILENCE_SECONDS`, and when that is over.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._pace = _Pace()
        self.continues: Callable[[], None] | None = None
        self.set_silent: Callable[[bool], None] | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        if self.continues is not None:
            self.continues()
            self.continues = None
        set_silent = self.set_silent
        with self._pace.limit(self._connection):
            if set_silent is None or _is_readable(self._connection, SILENCE_SECONDS):
                count = self._connection.recv_into(buffer)
            else:
                set_silent(True)
                count = self._connection.recv_into(buffer)
                set_silent(False)
        self._pace.add(count)
        return count


class _Head:
    """The lines of a request's head, limited in all."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._left = MAX_HEAD_BYTES

    def readline(self, size: int = -1) -> bytes:
        """The next line. Raises LineTooLong, which is answered with 431."""
        line = self._file.readline(size)
        self._left -= len(line)
        if self._left < 0:
            raise http.client.LineTooLong("head")
        return line


class Chunks(io.RawIOBase):
    """A body in chunks, as RFC 9112, section 7.1; extensions and trailers are read over."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._left = 0
        self._over = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Raises OSError where the chunks are broken."""
        view = memoryview(buffer)
        if not self._left and not self._over:
            self._left = self._size()
            self._over = not self._left
        if self._over:
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
            trailers = _Head(self._file)
            while trailers.readline(_MAX_LINE) not in (b"\r\n", b"\n", b""):
                pass
        return size


class Handler(WSGIRequestHandler):
    """Answers one request and closes the connection. Logs nothing: what is asked is nobody's business."""

    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        super().setup()
        self.rfile.close()
        self._incoming = _Incoming(self.connection)
        self.rfile = io.BufferedReader(self._incoming, PIECE)
        self._outgoing = _Pace()

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 - Werkzeug's name
        pass

    def version_string(self) -> str:
        return "generative-edit"

    def parse_request(self) -> bool:
        reader = self.rfile
        self.rfile = cast(io.BufferedReader, _Head(cast(BinaryIO, reader)))
        try:
            return super().parse_request()
        finally:
            self.rfile = reader

    def handle_expect_100(self) -> bool:
        """Ask for the body only when it is read: one that is refused is then never sent."""
        self._incoming.continues = lambda: self._send(b"HTTP/1.1 100 Continue\r\n\r\n")
        return True

    def make_environ(self) -> "WSGIEnvironment":
        environ = super().make_environ()
        if environ.get("wsgi.input_terminated"):
            environ["wsgi.input"] = io.BufferedReader(Chunks(cast(BinaryIO, self.rfile)), PIECE)
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
        """Read what is still sent of a refused body, and forget it; but only so much, and so long.

        A connection closed before would be reset, and the caller might never read the answer.
        """
        self.connection.shutdown(socket.SHUT_WR)
        self.connection.settimeout(DRAIN_SILENCE_SECONDS)
        until, left, buffer = time.monotonic() + DRAIN_SECONDS, DRAIN_BYTES, bytearray(PIECE)
        while left > 0 and time.monotonic() < until and (count := self.connection.recv_into(buffer)):
            left -= count
