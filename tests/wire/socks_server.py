"""A small SOCKS proxy for tests, versions 4, 4a and 5, which forwards every connection to one local port."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager


def relay(one: socket.socket, other: socket.socket) -> None:
    """Pass bytes between two sockets until both directions have ended."""
    back = threading.Thread(target=_copy, args=(other, one))
    back.start()
    _copy(one, other)
    back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


@contextmanager
def socks_server(port: int) -> Iterator[tuple[str, list[str]]]:
    """Run a proxy for a server's port; yield its host and port, and the list of requested hosts ("5 HOST")."""
    hosts: list[str] = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            version = self.rfile.read(1)[0]
            hosts.append(f"{version} {self.version_5() if version == 5 else self.version_4()}")
            with socket.create_connection(("127.0.0.1", port)) as onward:
                relay(self.request, onward)

        def version_5(self) -> str:
            self.rfile.read(self.rfile.read(1)[0])
            self.request.sendall(b"\5\0")
            kind = self.rfile.read(4)[3]
            if kind == 3:
                host = self.rfile.read(self.rfile.read(1)[0]).decode()
            else:
                host = socket.inet_ntop(*{1: (socket.AF_INET, self.rfile.read(4))}[kind])
            self.rfile.read(2)
            self.request.sendall(b"\5\0\0\1" + bytes(6))
            return host

        def version_4(self) -> str:
            address = self.rfile.read(7)[3:]
            self.text()
            host = self.text() if address[:3] == b"\0\0\0" else socket.inet_ntoa(address)
            self.request.sendall(b"\0\x5a" + bytes(6))
            return host

        def text(self) -> str:
            return b"".join(iter(lambda: self.rfile.read(1), b"\0")).decode()

    Handler.rbufsize = 0  # don't read ahead into the forwarded data
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield f"127.0.0.1:{server.server_address[1]}", hosts
        server.shutdown()
