"""Connections for requests that report to a watcher, choose the proxy, and trust the system's certificates."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Callable
from functools import cache, partial
from typing import Any, Protocol

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.contrib.socks import SOCKSConnection, SOCKSHTTPSConnection

from lib.api.proxy import proxy_for

_INTERIM = range(102, 200)


class ConnectionWatcher(Protocol):
    """The observer of a connection."""

    def open(self, connect: Callable[[], socket.socket], direct: bool) -> socket.socket:
        """Open a connection by calling `connect`; `direct` is false through a proxy."""

    def connected(self, sock: socket.socket) -> None:
        """Handle a connection that is established, including TLS."""


class WatchedAdapter(HTTPAdapter):
    """An adapter that reports connections to a watcher and trusts the system's certificates besides those of requests.

    It chooses the proxy itself from the final URL: requests would send even local traffic through a proxy.
    """

    def __init__(self, watcher: ConnectionWatcher) -> None:
        self._pools = _pools_for(watcher, _PlainPool, _SecurePool)
        self._socks_pools = _pools_for(watcher, _SocksPlainPool, _SocksSecurePool)
        super().__init__()

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        proxy = proxy_for(request.url or "")
        return super().send(request, *args, **kwargs | {"proxies": {"all": proxy} if proxy else {}})

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=tls_context(), **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, ssl_context=tls_context(), **kwargs)
        manager.pool_classes_by_scheme = self._socks_pools if proxy.startswith("socks") else self._pools
        return manager


@cache
def tls_context() -> ssl.SSLContext:
    return ssl.create_default_context()


class _FinalResponse(http.client.HTTPResponse):
    """A response that skips interim ones (102 Processing, 103 Early Hints), which `http.client` takes for the final."""

    def begin(self) -> None:
        super().begin()
        while self.status in _INTERIM:
            self.headers = self.msg = None  # type: ignore[assignment]
            super().begin()


class _WatchedConnection:
    """A mixin for connections that report to their watcher."""

    watcher: ConnectionWatcher
    response_class: type[http.client.HTTPResponse] = _FinalResponse
    through_socks = False

    def _new_conn(self: Any) -> socket.socket:
        direct = self.proxy is None and not self.through_socks
        return self.watcher.open(super()._new_conn, direct)  # type: ignore[misc, no-any-return]

    def connect(self: Any) -> None:
        super().connect()  # type: ignore[misc]
        self.watcher.connected(self.sock)


class _Plain(_WatchedConnection, HTTPConnection):
    pass


class _Secure(_WatchedConnection, HTTPSConnection):
    pass


class _SocksPlain(_WatchedConnection, SOCKSConnection):
    through_socks = True


class _SocksSecure(_WatchedConnection, SOCKSHTTPSConnection):
    through_socks = True


class _WatchedPool:
    """A mixin for pools that give each connection the watcher and never reuse one."""

    def __init__(self, *args: Any, watcher: ConnectionWatcher, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._watcher = watcher

    def _new_conn(self) -> Any:
        connection = super()._new_conn()  # type: ignore[misc]
        connection.watcher = self._watcher
        return connection

    def _put_conn(self, connection: Any) -> None:
        # An exchange makes one request. A connection kept for reuse would never be freed: the pool's finalizer in
        # urllib3 refers to the connection, and its watcher to the pool.
        if connection:
            connection.close()


class _PlainPool(_WatchedPool, HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(_WatchedPool, HTTPSConnectionPool):
    ConnectionCls = _Secure


class _SocksPlainPool(_WatchedPool, HTTPConnectionPool):
    ConnectionCls = _SocksPlain


class _SocksSecurePool(_WatchedPool, HTTPSConnectionPool):
    ConnectionCls = _SocksSecure


_Pool = Callable[..., HTTPConnectionPool]


def _pools_for(watcher: ConnectionWatcher, plain: _Pool, secure: _Pool) -> dict[str, _Pool]:
    """Return factories of urllib3's connection pools by scheme; classes created per watcher would never be freed."""
    return {"http": partial(plain, watcher=watcher), "https": partial(secure, watcher=watcher)}
