"""One HTTP exchange on a connection of its own, which another thread can close at any moment.

Each request gets a fresh connection, so that a reset can't be a kept-alive connection's late end: what was
sent, and so what may have been billed, is always known.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

import requests
import urllib3
from requests.auth import AuthBase

from lib.api.body import Body
from lib.api.connections import WatchedAdapter
from lib.api.decompression import decompressed
from lib.api.errors import (
    ApiError,
    BadAnswerError,
    BrokenConnectionError,
    ConnectionFailedError,
    TimedOutError,
)
from lib.api.failures import may_have_worked
from lib.api.hosts import is_loopback, is_public_address
from lib.api.providers import host_of
from lib.api.recording import Sink
from lib.translation import _

USER_AGENT = "generative-edit/0.1"
_READ = 65_536
_NOT_TLS = frozenset(
    {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"}
)
"""What OpenSSL's versions call an answer that is no TLS."""


@dataclass(frozen=True)
class Timeouts:
    """Seconds: to connect, between two bytes, and for the whole of a call with its repeats (None: no end)."""

    connect: float = 5.0
    between_bytes: float = 600.0
    overall: float | None = 1800.0


class _HeaderAuth(AuthBase):
    """Sets the given headers."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = headers

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers.update(self._headers)
        return request


class _Session(requests.Session):
    """A session that takes nothing from its surroundings and follows no redirect: both are decided here."""

    def __init__(self) -> None:
        super().__init__()
        self.trust_env = False  # passwords in ~/.netrc, proxies for this computer

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Return None: even where it follows none, requests reads a redirect's whole body and judges its address."""
        return None


Stop = Callable[[bool], ApiError]
"""Makes the error for a stopped request, given whether it may have been billed."""


class Exchange:
    """Sends one request and reads its answer; every lower-level error becomes one of `lib.api.errors`.

    `secrets` are the headers that carry a key. With `public_only`, a connection to a private address is
    refused; one to a name of this computer always is when it leads elsewhere. Use it as a context manager.
    """

    def __init__(self, timeouts: Timeouts, secrets: Mapping[str, str] | None = None, public_only: bool = False) -> None:
        self._timeouts = timeouts
        self._auth = _HeaderAuth(secrets or {})
        self._public_only = public_only
        self._loopback_only = False
        self._proxied = False
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._handle: socket.socket | None = None
        self._stop: Stop | None = None
        self._connected = False
        self._body: Body | None = None
        self._response: requests.Response | None = None
        self._sink: Sink | None = None
        self._session = _Session()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, WatchedAdapter(self))

    def __enter__(self) -> Exchange:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, method: str, url: str, body: Body | None = None) -> None:
        """Send the request and wait for the answer's status and headers."""
        self._body = body
        if body is not None:
            body.finished = False  # it is true where this is a repeat
        self._loopback_only = is_loopback(urlsplit(url).hostname or "")
        headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"}
        if body is not None:
            headers["Content-Type"] = body.content_type
        with self._mapped_errors(url):
            self._response = self._session.request(
                method,
                url,
                data=cast(Any, body),
                headers=headers,
                auth=self._auth,
                timeout=(self._timeouts.connect, self._timeouts.between_bytes),
                verify=os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True,
                allow_redirects=False,
                stream=True,
            )

    @property
    def incomplete(self) -> bool:
        """Whether a part of the request's body has not gone out."""
        return self._body is not None and not self._body.finished

    @property
    def maybe_billed(self) -> bool:
        """Whether a request with a body went out whole, and no status says that nothing was made of it."""
        if self._body is None or self.incomplete:
            return False
        return self._response is None or may_have_worked(self._response.status_code)

    @property
    def status(self) -> int:
        """The answer's HTTP status."""
        return self._answer().status_code

    @property
    def headers(self) -> Mapping[str, str]:
        """The answer's headers; their names' case doesn't matter."""
        return self._answer().headers

    def record(self, sink: Sink) -> None:
        """Write the answer's body to a sink while it arrives, each part before it is given to anyone."""
        self._sink = sink

    def chunks(self) -> Iterator[bytes]:
        """Give the answer's body as it comes, without the compression that it may have."""
        try:
            for chunk in decompressed(self._raw_chunks(), self.headers.get("Content-Encoding", "")):
                if self._sink is not None:
                    self._sink.write(chunk)
                yield chunk
        except zlib.error as error:
            raise self._error_for(error, self._answer().url) from error
        finally:
            if self._sink is not None:
                self._sink.close()

    def _raw_chunks(self) -> Iterator[bytes]:
        answer = self._answer()
        while True:
            with self._mapped_errors(answer.url):
                chunk = answer.raw.read1(_READ, decode_content=False)
            if not chunk:
                return
            yield chunk

    def read(self, max_bytes: int, on_progress: Callable[[int, int | None], None] | None = None) -> bytes:
        """Return the answer's body; raise `BadAnswerError` when it is longer than `max_bytes`.

        `on_progress` gets the bytes that have come and those that were announced, None when that wasn't said.
        """
        return b"".join(self.bounded_chunks(max_bytes, on_progress))

    def bounded_chunks(
        self, max_bytes: int, on_progress: Callable[[int, int | None], None] | None = None
    ) -> Iterator[bytes]:
        """Give the answer's body as `read` returns it, as it comes."""
        size = 0
        too_long = BadAnswerError(_("The answer has more than {max_bytes:,} bytes.").format(max_bytes=max_bytes))
        length = self.headers.get("Content-Length", "")
        announced = int(length) if length.isdecimal() else None
        if announced is not None and announced > max_bytes:
            raise too_long
        for chunk in self.chunks():
            size += len(chunk)
            if size > max_bytes:
                raise too_long
            yield chunk
            if on_progress is not None:
                on_progress(size, announced)

    def abort(self, stop: Stop) -> None:
        """Close the connection now, from any thread; what the exchange is doing raises `stop`'s error."""
        with self._lock:
            self._abort(stop)

    def abort_unless_begun(self, stop: Stop) -> None:
        """Abort, unless the request has begun to go out."""
        with self._lock:
            if not self._connected:
                self._abort(stop)

    def _abort(self, stop: Stop) -> None:
        if self._stop is None:
            self._stop = stop
        self._wake.set()
        if self._handle is not None:
            # Our own duplicate of the socket: TLS may be wrapping the original at this moment.
            with contextlib.suppress(OSError):
                self._handle.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection."""
        if self._response is not None:
            self._response.close()
        self._session.close()
        with self._lock:
            if self._handle is not None:
                self._handle.close()
                self._handle = None

    def open(self, connect: Callable[[], socket.socket], direct: bool) -> socket.socket:
        """Open a connection in a thread, so that a stop needn't wait for a name or a host that is silent."""
        self._proxied = not direct
        pool = ThreadPoolExecutor(1)
        opening = pool.submit(connect)
        pool.shutdown(wait=False)
        opening.add_done_callback(lambda _: self._wake.set())
        self._wake.wait()
        if not opening.done():
            opening.add_done_callback(_close_unused)
            raise OSError("the request was stopped")
        sock = opening.result()
        self._opened(sock, direct)
        return sock

    def _opened(self, sock: socket.socket, direct: bool) -> None:
        with self._lock:
            if self._handle is not None:
                self._handle.close()
            self._handle = sock.dup()
            stopped = self._stop is not None
        if stopped:
            sock.close()
            raise OSError("the request was stopped")
        refusal = self._refused_peer(sock) if direct else None
        if refusal:
            sock.close()
            raise OSError(refusal)

    def _refused_peer(self, sock: socket.socket) -> str | None:
        """Return why nothing may be sent to where a connection leads, or None."""
        if self._public_only and not is_public_address(sock.getpeername()[0]):
            return _("the address is in a private network")
        if self._loopback_only and not is_loopback(sock.getpeername()[0]):
            return _("the name leads to another computer")
        return None

    def connected(self, sock: socket.socket) -> None:
        """Note that the connection is ready, TLS included: from now on bytes of the request go out."""
        with self._lock:
            if self._stop is not None:
                raise OSError("the request was stopped")
            self._connected = True
        sock.settimeout(self._timeouts.between_bytes)  # urllib3 would send with the time limit for connecting

    def _answer(self) -> requests.Response:
        if self._response is None:
            raise RuntimeError("nothing was sent yet")
        return self._response

    @contextlib.contextmanager
    def _mapped_errors(self, url: str) -> Iterator[None]:
        try:
            yield
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise self._error_for(error, url) from error
        if self._stop is not None:  # the end of a body that has no length looks like the close of an abort
            raise self._stop(self.maybe_billed)

    def _error_for(self, error: Exception, url: str) -> ApiError:
        host = host_of(url)
        if isinstance(error, requests.RequestException):
            error.request = None  # it holds the key
        if self._stop is not None:
            return self._stop(self.maybe_billed)
        if not self._connected:
            return _connection_error(error, host, self._proxied)
        if self._body is not None and self._body.failure:
            return ApiError(self._body.failure, _("Nothing was billed; check the file, then try again."))
        hint = None if self.maybe_billed else _("Nothing was billed; check the network, then try again.")
        if isinstance(error, (requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError)):
            message = _("{host} sent nothing for {seconds:g} seconds.").format(
                host=host, seconds=self._timeouts.between_bytes
            )
            return TimedOutError(message, hint, maybe_billed=self.maybe_billed)
        message = _("The connection to {host} broke before the answer was complete.").format(host=host)
        return BrokenConnectionError(message, hint, maybe_billed=self.maybe_billed)


def _close_unused(opening: Future[socket.socket]) -> None:
    if opening.exception() is None:
        opening.result().close()


def _connection_error(error: Exception, host: str, proxied: bool) -> ApiError:
    if isinstance(error, requests.exceptions.InvalidProxyURL):
        message = _("The proxy's address can't be used.")
        return ConnectionFailedError(message, _("Check the proxy's settings."), code="address")
    if isinstance(error, requests.exceptions.InvalidURL):
        return ConnectionFailedError(_("The endpoint's address can't be used."), code="address")
    if isinstance(error, requests.exceptions.SSLError) and getattr(_innermost(error), "reason", "") in _NOT_TLS:
        return ConnectionFailedError(
            _("The server at {host} does not use https.").format(host=host),
            _("Write http:// instead of https:// in the address."),
            code="tls",
        )
    if isinstance(error, requests.exceptions.SSLError):
        return ConnectionFailedError(
            _("{host} can't prove who it is: {cause}.").format(host=host, cause=_cause(error)),
            _("Check the address, or name your organisation's certificates in REQUESTS_CA_BUNDLE."),
            code="tls",
        )
    if proxied:
        message = _("The proxy on the way to {host} failed.").format(host=host)
        return ConnectionFailedError(message, _("Check the proxy's settings."), code="proxy")
    if isinstance(error, requests.Timeout):
        message = _("{host} did not answer in time when connecting.").format(host=host)
        return ConnectionFailedError(message, code="timeout")
    message = _("{host} can't be reached: {cause}.").format(host=host, cause=_cause(error))
    if isinstance(_innermost(error), socket.gaierror):
        return ConnectionFailedError(message, _("Check how the address is spelt, and the network."), code="host")
    if isinstance(_innermost(error), ConnectionRefusedError):
        return ConnectionFailedError(message, _("Start the server, or check the address and its port."), code="refused")
    return ConnectionFailedError(message)


def _cause(error: BaseException) -> str:
    """Return the innermost reason, which alone is short enough to read."""
    inner = _innermost(error)
    if isinstance(inner, ssl.SSLCertVerificationError):
        return inner.verify_message or _("the certificate is not valid")
    return str(getattr(inner, "strerror", None) or inner)


def _innermost(error: BaseException) -> BaseException:
    inner: Any = error
    while True:
        deeper = getattr(inner, "reason", None) or inner.__cause__ or inner.__context__
        if not isinstance(deeper, BaseException):
            break
        inner = deeper
    return cast(BaseException, inner)
