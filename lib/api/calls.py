"""Calls to one endpoint: key, retries, redirects, time limits, and cancellation from another thread."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from lib.api import retry
from lib.api.address import absolute_url, is_public_host, is_same_origin
from lib.api.body import Body
from lib.api.errors import (
    ApiError,
    BadResponseError,
    BrokenConnectionError,
    CancelledError,
    NotFoundError,
    OverloadedError,
    RateLimitError,
    TimedOutError,
)
from lib.api.events import ClientEvent, Sent, Uploading, Waiting
from lib.api.failures import error_from_response
from lib.api.parsing import Limits
from lib.api.providers import host_of
from lib.api.rate_limit import RateLimiter, Slot
from lib.api.recording import SHORTEST_SECRET
from lib.api.text import sanitize
from lib.api.transport import ErrorFactory, Exchange, Timeouts
from lib.translation import _

_MAX_REDIRECTS = 5
_MAX_ERROR_BYTES = 1 << 20
_BUSY = (RateLimitError, OverloadedError)
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True)
class EndpointConfig:
    """An endpoint and how to call it: `secrets` are the headers with the key, only sent to the origin of `base_url`.

    `limiter` is shared by the clients of an endpoint. With `max_wait`, requests refused by a rate limit are retried
    until the waits add up to that many seconds; the waits don't count towards the overall time limit.
    """

    base_url: str
    secrets: Mapping[str, str] = field(repr=False)
    timeouts: Timeouts
    limits: Limits
    max_retries: int
    notify: Callable[[ClientEvent], None]
    limiter: RateLimiter = field(default_factory=RateLimiter)
    max_wait: float | None = None

    def redact_key(self, text: str) -> str:
        """Return a text without the key, which some endpoints repeat in their messages.

        A key shorter than `SHORTEST_SECRET` stays: it could be part of any word.
        """
        for header in self.secrets.values():
            key = header.removeprefix("Bearer ")
            if len(key) >= SHORTEST_SECRET:
                text = text.replace(key, _("[the key]"))
        return text

    def redact_error(self, error: ApiError) -> ApiError:
        """Remove the key from all texts of an error and return the error."""
        for name in ("message", "hint", "code", "param", "request_id"):
            text = getattr(error, name)
            if text is not None:
                setattr(error, name, self.redact_key(text))
        error.args = (error.message,)
        return error


class Call:
    """One call with its retries; `stop` and `withdraw` end it from any thread. Use it as a context manager."""

    def __init__(self, endpoint: EndpointConfig) -> None:
        self._endpoint = endpoint
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._stop_error: ErrorFactory | None = None
        self._withdrawn = threading.Event()
        self._withdraw_error: ErrorFactory | None = None
        self._exchange: Exchange | None = None
        self._posting = False
        self._timer: threading.Timer | None = None
        self._remaining = endpoint.timeouts.overall
        self._started = 0.0
        self._waited = 0.0

    def __enter__(self) -> Call:
        self._start_clock()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop_clock()

    def _start_clock(self) -> None:
        """Start the overall timer, or resume it with the remaining time."""
        overall = self._endpoint.timeouts.overall
        if overall is not None and self._remaining is not None:
            self._started = time.monotonic()
            self._timer = threading.Timer(self._remaining, self.stop, [timeout_error(overall)])
            self._timer.daemon = True
            self._timer.start()

    def _stop_clock(self) -> None:
        if self._timer is not None and self._remaining is not None:
            self._timer.cancel()
            self._remaining = max(0.0, self._remaining - (time.monotonic() - self._started))

    @contextmanager
    def _slot(self, method: str) -> Iterator[Slot]:
        """Wait for a slot of the endpoint's rate limiter; only POST requests, which cause work, need one."""
        limiter = self._endpoint.limiter if method == "POST" else RateLimiter()
        with ExitStack() as stack:
            with self._waiting():
                slot = stack.enter_context(limiter.slot(self._interruption(method)))
            self._raise_if_stopped(method)
            yield slot

    def stop(self, make_error: ErrorFactory) -> None:
        """Close the connection, end all waits, and let the call raise the error."""
        with self._lock:
            if self._stop_error is None:
                self._stop_error = make_error
            self._stopped.set()
            self._withdrawn.set()
            if self._exchange is not None:
                self._exchange.abort(self._stop_error)

    def withdraw(self, make_error: ErrorFactory) -> None:
        """Send no new POST request, which raises the error instead; wait for the response to one already being sent."""
        with self._lock:
            if self._withdraw_error is None:
                self._withdraw_error = make_error
            self._withdrawn.set()
            if self._exchange is not None and self._posting:
                self._exchange.abort_unless_connected(self._withdraw_error)

    def _interruption(self, method: str) -> threading.Event:
        """Return the event that ends the waits before a request; results are downloaded even after `withdraw`."""
        return self._withdrawn if method == "POST" else self._stopped

    def _raise_if_stopped(self, method: str) -> None:
        make_error = self._stop_error or (self._withdraw_error if method == "POST" else None)
        if make_error is not None:
            raise make_error(False)

    def send(self, method: str, url: str, body: Body | None = None, *, with_key: bool = True) -> Exchange:
        """Send a request and return its exchange, with a successful status or, for GET, a redirect.

        Retries only what was certainly not processed. Raises `ApiError`.
        """
        attempt = 0
        while True:
            with self._slot(method) as slot:
                exchange = self._new_exchange(method, url, with_key)
                headers: Mapping[str, str] = {}
                try:
                    self._report_progress(body)
                    exchange.send(method, url, body)
                    headers = exchange.headers
                    if exchange.status < 300 or (method == "GET" and exchange.status in _REDIRECTS):
                        slot.accepted()
                        return exchange
                    error = self._error_from(exchange, url)
                except ApiError as caught:
                    error = caught
                except BaseException:
                    exchange.close()
                    raise
                exchange.close()
                attempt += 1
                seconds = self._pause_before(attempt, error, headers)
                if isinstance(error, _BUSY):
                    slot.refused(seconds)
            self._endpoint.notify(Waiting(seconds, attempt, error.message))
            self._pause(seconds, method)

    def get(
        self,
        reference: str,
        max_bytes: int,
        *,
        with_key: bool = True,
        on_response: Callable[[Exchange], None] = lambda exchange: None,
    ) -> bytes:
        """Download a URL, which may be relative to the endpoint, following a few redirects.

        The key is only sent to the endpoint's own origin. `on_response` is called with the exchange before its body is
        read. Refuses a host on a private network unless it is the endpoint, or the endpoint is on one too.
        """
        url = self._endpoint.base_url
        for _attempt in range(_MAX_REDIRECTS):
            target = absolute_url(url, reference)
            if target is None:
                raise BadResponseError(_("The endpoint returned a URL that is neither http nor https."))
            url = target
            with self.send("GET", url, with_key=with_key) as exchange:
                if exchange.status < 300:
                    on_response(exchange)
                    return exchange.read(max_bytes)
                reference = exchange.headers.get("Location", "")
        raise BadResponseError(_("{host} redirected the request too many times.").format(host=host_of(url)))

    def _new_exchange(self, method: str, url: str, with_key: bool) -> Exchange:
        is_endpoint = is_same_origin(url, self._endpoint.base_url)
        public_only = not is_endpoint and is_public_host(urlsplit(self._endpoint.base_url).hostname or "")
        if public_only and not is_public_host(urlsplit(url).hostname or ""):
            raise BadResponseError(
                _("The endpoint returned a URL on a private network ({host}).").format(host=host_of(url))
            )
        secrets = self._endpoint.secrets if is_endpoint and with_key else {}
        exchange = Exchange(self._endpoint.timeouts, secrets, public_only)
        with self._lock:
            self._exchange, self._posting = exchange, method == "POST"
            make_error = self._stop_error or (self._withdraw_error if self._posting else None)
            if make_error is not None:
                exchange.abort(make_error)
        return exchange

    def _report_progress(self, body: Body | None) -> None:
        if body is not None:
            body.on_progress = lambda sent: self._endpoint.notify(Uploading(sent, len(body)))
            body.on_finished = lambda: self._endpoint.notify(Sent(len(body)))

    def _error_from(self, exchange: Exchange, url: str) -> ApiError:
        if exchange.status in _REDIRECTS:
            target = absolute_url(url, exchange.headers.get("Location", ""))
            place = sanitize(urlsplit(target)._replace(query="").geturl()) if target else _("the new address")
            return self._endpoint.redact_error(
                NotFoundError(
                    _("{host} redirects to another address; the request was not forwarded.").format(host=host_of(url)),
                    _("If you trust it, change the endpoint's address to {place}").format(place=place),
                    status=exchange.status,
                )
            )
        try:
            text = exchange.read(_MAX_ERROR_BYTES)
        except (BadResponseError, BrokenConnectionError):
            text = b""  # the status alone tells that the request was refused
        error = error_from_response(exchange.status, exchange.headers, text, self._endpoint.redact_key)
        if error.maybe_billed and exchange.incomplete:  # the server responded before it had the whole request
            error.maybe_billed = False
            error.hint = _("Nothing was billed; check the network, then try again.")
        return self._endpoint.redact_error(error)

    def _pause_before(self, attempt: int, error: ApiError, headers: Mapping[str, str]) -> float:
        """Return the seconds to wait before the next attempt; raise the error if there should be none."""
        requested = retry.retry_after(headers, datetime.now(UTC))
        seconds = retry.retry_delay(requested, attempt, random.random())
        max_wait = self._endpoint.max_wait
        if isinstance(error, _BUSY) and requested is not None:
            error.retry_at = datetime.now(UTC) + timedelta(seconds=requested)
            if requested > (retry.MAX_DELAY if max_wait is None else max_wait):
                error.hint = _("Try again after {time:%H:%M}; nothing was billed.").format(
                    time=error.retry_at.astimezone()
                )
                raise error
        if not retry.can_retry(error, headers, attempt):
            raise error
        if isinstance(error, _BUSY) and max_wait is not None:
            if self._waited + seconds > max_wait or attempt > retry.MAX_RATE_LIMIT_RETRIES:
                raise error
        elif attempt > self._endpoint.max_retries:
            raise error
        return seconds

    def _pause(self, seconds: float, method: str) -> None:
        """Wait before the next attempt."""
        with self._waiting():
            self._interruption(method).wait(seconds)
        self._raise_if_stopped(method)

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        """Count the time spent in the context as waiting, which with `max_wait` pauses the overall time limit."""
        pauses_clock = self._endpoint.max_wait is not None
        started = time.monotonic()
        if pauses_clock:
            self._stop_clock()
        try:
            yield
        finally:
            self._waited += time.monotonic() - started
            if pauses_clock:
                self._start_clock()


class Calls:
    """The open calls of one client, so that they can be stopped together."""

    def __init__(self, endpoint: EndpointConfig) -> None:
        self._endpoint = endpoint
        self._lock = threading.Lock()
        self._open: set[Call] = set()
        self._stop_error: ErrorFactory | None = None
        self._withdraw_error: ErrorFactory | None = None

    @contextmanager
    def open(self, *, billed: bool) -> Iterator[Call]:
        """Open a new call, which is stopped from the start if `stop` was called before.

        With `billed` false, as for the list of models, errors never say that the call may have been billed.
        """
        with Call(self._endpoint) as call:
            with self._lock:
                self._open.add(call)
                stop_error, withdraw_error = self._stop_error, self._withdraw_error
            if stop_error is not None:
                call.stop(stop_error)
            if withdraw_error is not None:
                call.withdraw(withdraw_error)
            try:
                yield call
            except ApiError as error:
                if error.maybe_billed and not billed:
                    error.maybe_billed, error.hint = False, _(ApiError.hint)
                raise self._endpoint.redact_error(error) from error.__cause__
            finally:
                with self._lock:
                    self._open.discard(call)

    def stop(self, make_error: ErrorFactory) -> None:
        """Stop all calls, including future ones."""
        with self._lock:
            self._stop_error = make_error
            calls = list(self._open)
        for call in calls:
            call.stop(make_error)

    def withdraw(self, make_error: ErrorFactory) -> None:
        """Withdraw all calls, including future ones; see `Call.withdraw`."""
        with self._lock:
            self._withdraw_error = make_error
            calls = list(self._open)
        for call in calls:
            call.withdraw(make_error)


def cancelled_error(sent: bool) -> ApiError:
    """Return the error of a call that was cancelled by the caller; `sent` tells whether it may have been billed."""
    if sent:
        return CancelledError(_("The edit was cancelled after it had been sent."), maybe_billed=True)
    return CancelledError(_("The edit was cancelled before it was sent; nothing was billed."))


def timeout_error(seconds: float) -> ErrorFactory:
    """Return the factory for the error of a call that exceeded its overall time limit."""

    def make_error(sent: bool) -> ApiError:
        hint = None if sent else _("Nothing was billed; try again later, or allow more time.")
        return TimedOutError(
            _("The edit took longer than {seconds:g} seconds.").format(seconds=seconds), hint, maybe_billed=sent
        )

    return make_error
