"""Connections that report to a watcher when they open and when they are ready; TLS that trusts the system."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from functools import cache
from typing import Any, Protocol

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool


class Watcher(Protocol):
    """Who is told of connections."""

    def open(self, connect: Callable[[], socket.socket], direct: bool) -> socket.socket:
        """Open a connection by calling `connect`, and note its socket; `direct` is false through a proxy."""

    def connected(self, sock: socket.socket) -> None:
        """Note that a connection is ready, TLS included."""


class WatchedAdapter(HTTPAdapter):
    """Tells a watcher of its connections, and trusts the system's authorities beside requests' own."""

    def __init__(self, watcher: Watcher) -> None:
        self._pools = _pools_for(watcher)
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=trusting_context(), **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, ssl_context=trusting_context(), **kwargs)
        if not proxy.lower().startswith("socks"):
            manager.pool_classes_by_scheme = self._pools
        return manager


@cache
def trusting_context() -> ssl.SSLContext:
    return ssl.create_default_context()


def _pools_for(watcher: Watcher) -> dict[str, type[HTTPConnectionPool]]:
    """Return urllib3's connection pools by scheme, with connections that report to the watcher."""

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return watcher.open(super()._new_conn, direct=self.proxy is None)

        def connect(self) -> None:
            super().connect()
            watcher.connected(self.sock)

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return watcher.open(super()._new_conn, direct=self.proxy is None)

        def connect(self) -> None:
            super().connect()
            watcher.connected(self.sock)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}
