"""Something that listens where a proxy would, writes down what reaches it, and answers nothing."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
import time
from typing import Any

VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


class RecordingProxy:
    """Use it as a context manager; `received` is what connections sent first."""

    def __init__(self) -> None:
        self.received: list[bytes] = []
        self._ports: list[int] = []
        recording = self

        class Recorder(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with contextlib.suppress(OSError):
                    recording.received.append(self.request.recv(65_536))

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True

            def process_request(self, request: Any, client_address: Any) -> None:
                recording._ports.append(client_address[1])
                super().process_request(request, client_address)

        self._server = Server(("127.0.0.1", 0), Recorder)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.server_address[1]}"

    def variables(self, scheme: str = "http") -> dict[str, str]:
        """Everything that names this as the proxy for every host, and no exception."""
        return {**dict.fromkeys(VARIABLES, f"{scheme}://{self.host}"), "no_proxy": "", "NO_PROXY": ""}

    def connections(self) -> int:
        """Return how many there have been; one of its own tells that all before it were counted."""
        with socket.create_connection(self._server.server_address[:2]) as own:
            port = own.getsockname()[1]
            while port not in self._ports:
                time.sleep(0.002)
        before = self._ports.index(port)
        del self._ports[before]
        return before

    def __enter__(self) -> RecordingProxy:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
