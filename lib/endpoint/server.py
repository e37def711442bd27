"""Serve the endpoint in a thread of this process, on a port of this machine."""

import contextlib
import logging
import os
import secrets
import shutil
import socket
import sys
import tempfile
import threading
import weakref
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from werkzeug.serving import ThreadedWSGIServer

from lib.endpoint.app import App
from lib.endpoint.connection import Handler
from lib.endpoint.files import FileStore
from lib.endpoint.jobs import Jobs
from lib.endpoint.memory import use_one_heap

RUNNING = 2  # edits that are computed at a time: each may need hundreds of megabytes
WAITING = 12
CONNECTIONS = 64
BACKLOG = 512  # clients that wait for a connection, in the system's queue
POLL_SECONDS = 0.05

log = logging.getLogger(__name__)


class Server(ThreadedWSGIServer):
    """A server for at most `CONNECTIONS` connections at a time, each in a thread; others wait until one is closed.

    If none is free, the one that has been idle longest is closed, so that a client cannot block others by holding
    connections without using them.
    """

    def __init__(self, host: str, port: int, app: App, fd: int) -> None:
        super().__init__(host, port, app, Handler, fd=fd)
        self._free = threading.BoundedSemaphore(CONNECTIONS)
        self._lock = threading.Lock()
        self._idle: dict[socket.socket, None] = {}
        self._closing = False

    def process_request(self, request: Any, client_address: Any) -> None:
        """Handle a new connection, in the thread that accepts them."""
        while not self._free.acquire(timeout=POLL_SECONDS):
            if self._closing:
                self.shutdown_request(request)
                return
            self._close_oldest()
        self.set_idle(request, True)
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.set_idle(request, False)
            self._free.release()

    def set_idle(self, connection: socket.socket, idle: bool) -> None:
        """Mark a connection as idle, with no request or one of which nothing more arrives, or as busy."""
        with self._lock:
            self._idle.pop(connection, None)
            if idle:
                self._idle[connection] = None

    def _close_oldest(self) -> None:
        with self._lock, contextlib.suppress(StopIteration, OSError):
            oldest = next(iter(self._idle))
            del self._idle[oldest]
            oldest.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log an error of the server; a closed connection is not one."""
        if not isinstance(sys.exception(), OSError):
            log.exception("A connection failed")

    def shutdown(self) -> None:
        """Stop accepting connections, even while all are in use."""
        self._closing = True
        super().shutdown()


def _listen(host: str, port: int, app: App) -> Server:
    """Return a server on our own socket: Werkzeug would end the process if the port is in use."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family, backlog=BACKLOG) as listening:
        return Server(host, port, app, listening.fileno())


def _remove(temporary: Path | None) -> None:
    """Remove the folder of temporary uploads, which exists after the first upload."""
    if temporary is not None:
        shutil.rmtree(temporary, ignore_errors=True)


class Endpoint:
    """A running endpoint. It stops at `close`, at the end of its `with` block, or with its process."""

    def __init__(self, server: Server, jobs: Jobs, key: str, temporary: Path | None) -> None:
        self._server = server
        self._jobs = jobs
        self._remove = weakref.finalize(self, _remove, temporary)
        self.key = key
        host = f"[{server.host}]" if ":" in server.host else server.host
        self.base_url = f"http://{host}:{server.port}/v1"
        self._thread = threading.Thread(target=server.serve_forever, args=(POLL_SECONDS,), name="endpoint", daemon=True)

    @classmethod
    def start(
        cls,
        host: str = "127.0.0.1",
        port: int = 0,
        key: str | None = None,
        *,
        allow_urls: bool = False,
        files: Path | None = None,
        waiting: int = WAITING,
    ) -> Self:
        """Serve on `host` and `port` (0: a free one) until `close`.

        Without a `key`, a random one is used. `files` is the folder for uploads (default: a temporary one, removed at
        the end). `waiting` is the number of edits that may wait besides those that are computed. Raise OSError if the
        port is in use, ValueError for an empty key.
        """
        use_one_heap()
        key = secrets.token_urlsafe(24) if key is None else key
        temporary = None if files else Path(tempfile.gettempdir(), f"generative-edit-{secrets.token_hex(8)}")
        store = FileStore(files or temporary or Path())
        jobs = Jobs(min(RUNNING, os.cpu_count() or 1), waiting)
        app = App(key, store, jobs, allow_urls=allow_urls)
        endpoint = cls(_listen(host, port, app), jobs, key, temporary)
        endpoint._thread.start()
        return endpoint

    def drain(self, seconds: float) -> bool:
        """Refuse further edits; return whether the accepted ones have been answered within some seconds."""
        return self._jobs.drain(seconds)

    def close(self) -> None:
        """Stop listening and remove the temporary uploads. Running edits end with the process."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._remove()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
