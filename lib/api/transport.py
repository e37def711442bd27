"""A single HTTP exchange on its own connection, which another thread can abort at any time.

Each request uses a new connection, so that a reset is never the late close of a reused one. It is therefore always
certain whether a request was sent, and so whether it may have been billed.
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
from lib.api.decompression import decompress
from lib.api.errors import (
    ApiError,
    BadResponseError,
    BrokenConnectionError,
    ConnectionFailedError,
    TimedOutError,
)
from lib.api.failures import may_be_billed
from lib.api.hosts import is_loopback, is_public_address
from lib.api.providers import host_of
from lib.api.recording import Sink
from lib.translation import _

USER_AGENT = "generative-edit/0.1"
_CHUNK_SIZE = 65_536
_NOT_TLS = frozenset(
    {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"}
)
"""OpenSSL's reasons, by version, for a response that isn't TLS."""


@dataclass(frozen=True)
class Timeouts:
    """Time limits in seconds: to connect, between two bytes, and for a call with its retries (None for no limit)."""

    connect: float = 5.0
    between_bytes: float = 600.0
    overall: float | None = 1800.0


class _HeaderAuth(AuthBase):
    """Adds fixed headers to a request."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = headers

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers.update(self._headers)
        return request


class _Session(requests.Session):
    """A session that reads no settings from the environment and handles no redirects; this package does both."""

    def __init__(self) -> None:
        super().__init__()
        self.trust_env = False  # no passwords from ~/.netrc, no proxies for this computer

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Return None, or requests would read a redirect's whole body and parse its target without following it."""
        return None


ErrorFactory = Callable[[bool], ApiError]
"""Creates the error of a stopped request, given whether it may have been billed."""


class Exchange:
    """Sends one request and reads the response; raises lower-level errors as those of `lib.api.errors`.

    `secrets` are the headers with the key. `public_only` refuses connections to private addresses; a name of this
    computer that resolves to another one is always refused. Use it as a context manager.
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
        self._abort_error: ErrorFactory | None = None
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
        """Send the request and wait for the status and headers of the response."""
        self._body = body
        if body is not None:
            body.finished = False  # still true from the previous attempt
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
        """Whether the request's body has not been sent completely."""
        return self._body is not None and not self._body.finished

    @property
    def maybe_billed(self) -> bool:
        """Whether the request's body was sent completely and the status, if any, doesn't rule out that it is billed."""
        if self._body is None or self.incomplete:
            return False
        return self._response is None or may_be_billed(self._response.status_code)

    @property
    def status(self) -> int:
        """The HTTP status of the response."""
        return self._received().status_code

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of the response, with case-insensitive names."""
        return self._received().headers

    def record(self, sink: Sink) -> None:
        """Write the response's body to a sink as it arrives, each chunk before it is returned."""
        self._sink = sink

    def chunks(self) -> Iterator[bytes]:
        """Yield the decompressed body of the response as it arrives."""
        try:
            for chunk in decompress(self._raw_chunks(), self.headers.get("Content-Encoding", "")):
                if self._sink is not None:
                    self._sink.write(chunk)
                yield chunk
        except zlib.error as error:
            raise self._map_error(error, self._received().url) from error
        finally:
            if self._sink is not None:
                self._sink.close()

    def _raw_chunks(self) -> Iterator[bytes]:
        response = self._received()
        while True:
            with self._mapped_errors(response.url):
                chunk = response.raw.read1(_CHUNK_SIZE, decode_content=False)
            if not chunk:
                return
            yield chunk

    def read(self, max_bytes: int, on_progress: Callable[[int, int | None], None] | None = None) -> bytes:
        """Return the body of the response; raise `BadResponseError` if it is larger than `max_bytes`.

        `on_progress` is called with the number of bytes received and the total, None if the server doesn't announce it.
        """
        return b"".join(self.bounded_chunks(max_bytes, on_progress))

    def bounded_chunks(
        self, max_bytes: int, on_progress: Callable[[int, int | None], None] | None = None
    ) -> Iterator[bytes]:
        """Yield the body as it arrives, under the same limit as `read`."""
        size = 0
        too_large = BadResponseError(_("The response is larger than {max_bytes:,} bytes.").format(max_bytes=max_bytes))
        length = self.headers.get("Content-Length", "")
        announced = int(length) if length.isdecimal() else None
        if announced is not None and announced > max_bytes:
            raise too_large
        for chunk in self.chunks():
            size += len(chunk)
            if size > max_bytes:
                raise too_large
            yield chunk
            if on_progress is not None:
                on_progress(size, announced)

    def abort(self, make_error: ErrorFactory) -> None:
        """Close the connection and let the running operation raise the error; may be called from any thread."""
        with self._lock:
            self._abort(make_error)

    def abort_unless_connected(self, make_error: ErrorFactory) -> None:
        """Abort unless the connection is established, from when on the request is being sent."""
        with self._lock:
            if not self._connected:
                self._abort(make_error)

    def _abort(self, make_error: ErrorFactory) -> None:
        if self._abort_error is None:
            self._abort_error = make_error
        self._wake.set()
        if self._handle is not None:
            # A duplicate of the socket, because TLS may be wrapping the original right now.
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
        """Open a connection in a thread, so that an abort needn't wait for DNS or for a host that doesn't respond."""
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
        self._check_socket(sock, direct)
        return sock

    def _check_socket(self, sock: socket.socket, direct: bool) -> None:
        """Store a handle for `abort`; close the socket and raise OSError if it was aborted or its peer is refused."""
        with self._lock:
            if self._handle is not None:
                self._handle.close()
            self._handle = sock.dup()
            aborted = self._abort_error is not None
        if aborted:
            sock.close()
            raise OSError("the request was stopped")
        reason = self._refusal_reason(sock) if direct else None
        if reason:
            sock.close()
            raise OSError(reason)

    def _refusal_reason(self, sock: socket.socket) -> str | None:
        """Return why nothing may be sent to the peer of a socket, or None."""
        if self._public_only and not is_public_address(sock.getpeername()[0]):
            return _("the address is on a private network")
        if self._loopback_only and not is_loopback(sock.getpeername()[0]):
            return _("the name resolves to another computer")
        return None

    def connected(self, sock: socket.socket) -> None:
        """Handle an established connection, including TLS, on which the request is sent from now on."""
        with self._lock:
            if self._abort_error is not None:
                raise OSError("the request was stopped")
            self._connected = True
        sock.settimeout(self._timeouts.between_bytes)  # urllib3 would use the connect timeout for sending

    def _received(self) -> requests.Response:
        if self._response is None:
            raise RuntimeError("nothing was sent yet")
        return self._response

    @contextlib.contextmanager
    def _mapped_errors(self, url: str) -> Iterator[None]:
        try:
            yield
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise self._map_error(error, url) from error
        if self._abort_error is not None:  # an abort looks like the regular end of a body without Content-Length
            raise self._abort_error(self.maybe_billed)

    def _map_error(self, error: Exception, url: str) -> ApiError:
        host = host_of(url)
        if isinstance(error, requests.RequestException):
            error.request = None  # contains the key
        if self._abort_error is not None:
            return self._abort_error(self.maybe_billed)
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
        message = _("The connection to {host} was lost before the response was complete.").format(host=host)
        return BrokenConnectionError(message, hint, maybe_billed=self.maybe_billed)


def _close_unused(opening: Future[socket.socket]) -> None:
    if opening.exception() is None:
        opening.result().close()


def _connection_error(error: Exception, host: str, proxied: bool) -> ApiError:
    if isinstance(error, requests.exceptions.InvalidProxyURL):
        message = _("The proxy's address is not valid.")
        return ConnectionFailedError(message, _("Check the proxy settings."), code="address")
    if isinstance(error, requests.exceptions.InvalidURL):
        return ConnectionFailedError(_("The endpoint's address is not valid."), code="address")
    if isinstance(error, requests.exceptions.SSLError) and getattr(_innermost(error), "reason", "") in _NOT_TLS:
        return ConnectionFailedError(
            _("The server at {host} does not use https.").format(host=host),
            _("Use http:// instead of https:// in the address."),
            code="tls",
        )
    if isinstance(error, requests.exceptions.SSLError):
        return ConnectionFailedError(
            _("The certificate of {host} was not accepted: {cause}.").format(host=host, cause=_cause(error)),
            _("Check the address, or set REQUESTS_CA_BUNDLE to your organisation's certificates."),
            code="tls",
        )
    if proxied:
        message = _("Couldn't connect to {host} through the proxy.").format(host=host)
        return ConnectionFailedError(message, _("Check the proxy settings."), code="proxy")
    if isinstance(error, requests.Timeout):
        message = _("The connection to {host} timed out.").format(host=host)
        return ConnectionFailedError(message, code="timeout")
    message = _("Couldn't connect to {host}: {cause}.").format(host=host, cause=_cause(error))
    if isinstance(_innermost(error), socket.gaierror):
        hint = _("Check the spelling of the address and the network connection.")
        return ConnectionFailedError(message, hint, code="host")
    if isinstance(_innermost(error), ConnectionRefusedError):
        return ConnectionFailedError(message, _("Start the server, or check the address and its port."), code="refused")
    return ConnectionFailedError(message)


def _cause(error: BaseException) -> str:
    """Return the innermost error's message, since the outer ones are too long to show."""
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
