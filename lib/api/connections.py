"""Connections that report to a watcher when they open and when they are ready; proxies; TLS that trusts the system."""

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
    """Who is told of connections."""

    def open(self, connect: Callable[[], socket.socket], direct: bool) -> socket.socket:
        """Open a connection by calling `connect`, and note its socket; `direct` is false through a proxy."""

    def connected(self, sock: socket.socket) -> None:
        """Note that a connection is ready, TLS included."""


class WatchedAdapter(HTTPAdapter):
    """Tells a watcher of its connections, and trusts the system's authorities beside requests' own.

    It chooses the proxy itself, by the address that really goes out: requests would send this computer's own traffic
    through one too.
    """

    def __init__(self, watcher: ConnectionWatcher) -> None:
        self._pools = _pools_for(watcher, _PlainPool, _SecurePool)
        self._socks_pools = _pools_for(watcher, _SocksPlainPool, _SocksSecurePool)
        super().__init__()

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        proxy = proxy_for(request.url or "")
        return super().send(request, *args, **kwargs | {"proxies": {"all": proxy} if proxy else {}})

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=trusting_context(), **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, ssl_context=trusting_context(), **kwargs)
        manager.pool_classes_by_scheme = self._socks_pools if proxy.startswith("socks") else self._pools
        return manager


@cache
def trusting_context() -> ssl.SSLContext:
    return ssl.create_default_context()


class _FinalAnswer(http.client.HTTPResponse):
    """An answer without what came before it (102 Processing, 103 Early Hints), which would be taken for it."""

    def begin(self) -> None:
        super().begin()
        while self.status in _INTERIM:
            self.headers = self.msg = None  # type: ignore[assignment]
            super().begin()


class _Reporting:
    """What a connection of any kind reports."""

    watcher: ConnectionWatcher
    response_class: type[http.client.HTTPResponse] = _FinalAnswer
    through_socks = False

    def _new_conn(self: Any) -> socket.socket:
        direct = self.proxy is None and not self.through_socks
        return self.watcher.open(super()._new_conn, direct)  # type: ignore[misc, no-any-return]

    def connect(self: Any) -> None:
        super().connect()  # type: ignore[misc]
        self.watcher.connected(self.sock)


class _Plain(_Reporting, HTTPConnection):
    pass


class _Secure(_Reporting, HTTPSConnection):
    pass


class _SocksPlain(_Reporting, SOCKSConnection):
    through_socks = True


class _SocksSecure(_Reporting, SOCKSHTTPSConnection):
    through_socks = True


class _Watched:
    """What a pool of either kind does for its connections."""

    def __init__(self, *args: Any, watcher: ConnectionWatcher, **kwargs: Any) -> None:
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


class _SocksPlainPool(_Watched, HTTPConnectionPool):
    ConnectionCls = _SocksPlain


class _SocksSecurePool(_Watched, HTTPSConnectionPool):
    ConnectionCls = _SocksSecure


_Pool = Callable[..., HTTPConnectionPool]


def _pools_for(watcher: ConnectionWatcher, plain: _Pool, secure: _Pool) -> dict[str, _Pool]:
    """Makers of urllib3's connection pools by scheme; classes made for each watcher would never be freed."""
    return {"http": partial(plain, watcher=watcher), "https": partial(secure, watcher=watcher)}
