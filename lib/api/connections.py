"""Connections that report to a watcher when they open and when they are ready; TLS that trusts the system."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from functools import cache, partial
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


class _Reporting:
    """What a connection of either kind reports."""

    watcher: Watcher

    def _new_conn(self: Any) -> socket.socket:
        return self.watcher.open(super()._new_conn, self.proxy is None)  # type: ignore[misc, no-any-return]

    def connect(self: Any) -> None:
        super().connect()  # type: ignore[misc]
        self.watcher.connected(self.sock)


class _Plain(_Reporting, HTTPConnection):
    pass


class _Secure(_Reporting, HTTPSConnection):
    pass


class _Watched:
    """What a pool of either kind does for its connections."""

    def __init__(self, *args: Any, watcher: Watcher, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._watcher = watcher

    def _new_conn(self) -> Any:
        connection = super()._new_conn()  # type: ignore[misc]
        connection.watcher = self._watcher
        return connection

    def _put_conn(self, connection: Any) -> None:
        # An exchange makes one request. A connection that waited here for another, with its watcher, would never be
        # freed: urllib3's finalizer of the pool refers to it, and the watcher to the pool.
        if connection:
            connection.close()


class _PlainPool(_Watched, HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(_Watched, HTTPSConnectionPool):
    ConnectionCls = _Secure


def _pools_for(watcher: Watcher) -> dict[str, Callable[..., HTTPConnectionPool]]:
    """Makers of urllib3's connection pools by scheme; classes made for each watcher would never be freed."""
    return {"http": partial(_PlainPool, watcher=watcher), "https": partial(_SecurePool, watcher=watcher)}
