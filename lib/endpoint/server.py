"""Serves the endpoint in a thread of this process, on a port of this machine."""

import os
import secrets
import shutil
import socket
import tempfile
import threading
import weakref
from pathlib import Path
from types import TracebackType
from typing import Self

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from lib.endpoint.app import App
from lib.endpoint.files import FileStore
from lib.endpoint.jobs import Jobs

WAITING = 12
SOCKET_SECONDS = 60
POLL_SECONDS = 0.05


class _Quiet(WSGIRequestHandler):
    """Logs nothing: a request's line, its headers and its errors are nobody's business."""

    timeout = SOCKET_SECONDS

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 - Werkzeug's name
        pass

    def version_string(self) -> str:
        return "generative-edit"


def _listen(host: str, port: int, app: App) -> BaseWSGIServer:
    """A server on a socket of our own: where it cannot bind, Werkzeug's would end the process."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family) as listening:
        return make_server(host, port, app, threaded=True, request_handler=_Quiet, fd=listening.fileno())


def _remove(temporary: Path | None) -> None:
    """Remove the folder of temporary uploads; there is none before the first upload."""
    if temporary is not None:
        shutil.rmtree(temporary, ignore_errors=True)


class Endpoint:
    """A running endpoint. It ends with `close`, with its `with` block, or with its process."""

    def __init__(self, server: BaseWSGIServer, key: str, temporary: Path | None) -> None:
        self._server = server
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

        `key` None makes a random one. `files` is the folder for uploads; None: a temporary one, removed at
        the end. `waiting` is how many edits may wait besides one on each core. Raises OSError where the
        port is taken, ValueError for an empty key.
        """
        key = secrets.token_urlsafe(24) if key is None else key
        temporary = None if files else Path(tempfile.gettempdir(), f"generative-edit-{secrets.token_hex(8)}")
        store = FileStore(files or temporary or Path())
        app = App(key, store, Jobs(os.cpu_count() or 1, waiting), allow_urls=allow_urls)
        endpoint = cls(_listen(host, port, app), key, temporary)
        endpoint._thread.start()
        return endpoint

    def close(self) -> None:
        """Stop listening and remove the temporary uploads. Edits under way end with the process."""
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
