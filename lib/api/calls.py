"""Calls of one endpoint: its key, repeats, redirects, time limits, and stopping them from another thread."""

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
from lib.api.address import is_public_host, joined, same_origin
from lib.api.answer import Limits
from lib.api.body import Body
from lib.api.errors import (
    ApiError,
    BadAnswerError,
    BrokenConnectionError,
    CancelledError,
    NotFoundError,
    OverloadedError,
    RateLimitError,
    TimedOutError,
)
from lib.api.events import ClientEvent, Sent, Uploading, Waiting
from lib.api.failures import error_from_answer
from lib.api.providers import host_of
from lib.api.rate_limit import RateLimiter, Slot
from lib.api.recording import SHORTEST_SECRET
from lib.api.text import readable
from lib.api.transport import Exchange, Stop, Timeouts
from lib.translation import _

_MOST_REDIRECTS = 5
_LONGEST_REFUSAL = 1 << 20
_TOO_MANY = (RateLimitError, OverloadedError)
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True)
class EndpointConfig:
    """Whom to call and how: `secrets` are the headers with the key, sent to `base_url`'s origin only.

    `limiter` is shared with other clients of the same endpoint. With `patience`, requests that are refused for being
    too many are repeated as long as the waits take no more than so many seconds, which do not count as the call's time.
    """

    base_url: str
    secrets: Mapping[str, str] = field(repr=False)
    timeouts: Timeouts
    limits: Limits
    max_retries: int
    notify: Callable[[ClientEvent], None]
    limiter: RateLimiter = field(default_factory=RateLimiter)
    patience: float | None = None

    def hide_key(self, text: str) -> str:
        """Return a text with the key taken out of it: some endpoints repeat the key that they got.

        A short key is no secret, and may be a part of any word.
        """
        for header in self.secrets.values():
            key = header.removeprefix("Bearer ")
            if len(key) >= SHORTEST_SECRET:
                text = text.replace(key, _("[the key]"))
        return text

    def without_key(self, error: ApiError) -> ApiError:
        """Return the error with the key taken out of all its texts."""
        for name in ("message", "hint", "code", "param", "request_id"):
            text = getattr(error, name)
            if text is not None:
                setattr(error, name, self.hide_key(text))
        error.args = (error.message,)
        return error


class Call:
    """One call with its repeats; `stop` and `withdraw` end it from any thread. Use it as a context manager."""

    def __init__(self, endpoint: EndpointConfig) -> None:
        self._endpoint = endpoint
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._stop: Stop | None = None
        self._held = threading.Event()
        self._hold: Stop | None = None
        self._exchange: Exchange | None = None
        self._posting = False
        self._timer: threading.Timer | None = None
        self._left = endpoint.timeouts.overall
        self._begun = 0.0
        self._waited = 0.0

    def __enter__(self) -> Call:
        self._start_clock()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop_clock()

    def _start_clock(self) -> None:
        """Lets the overall time run, from where it was stopped."""
        overall = self._endpoint.timeouts.overall
        if overall is not None and self._left is not None:
            self._begun = time.monotonic()
            self._timer = threading.Timer(self._left, self.stop, [out_of_time(overall)])
            self._timer.daemon = True
            self._timer.start()

    def _stop_clock(self) -> None:
        if self._timer is not None and self._left is not None:
            self._timer.cancel()
            self._left = max(0.0, self._left - (time.monotonic() - self._begun))

    @contextmanager
    def _slot(self, method: str) -> Iterator[Slot]:
        """The call's turn among all that ask this endpoint; only what does work there waits for one."""
        limiter = self._endpoint.limiter if method == "POST" else RateLimiter()
        with ExitStack() as stack:
            with self._waiting():
                slot = stack.enter_context(limiter.slot(self._end_of_waits(method)))
            self._raise_if_stopped(method)
            yield slot

    def stop(self, stop: Stop) -> None:
        """End the call: its connection closes, its waits end, and it raises `stop`'s error."""
        with self._lock:
            if self._stop is None:
                self._stop = stop
            self._stopped.set()
            self._held.set()
            if self._exchange is not None:
                self._exchange.abort(self._stop)

    def withdraw(self, stop: Stop) -> None:
        """Ask for no more work: a request that has begun to go out is answered, any other raises `stop`'s error."""
        with self._lock:
            if self._hold is None:
                self._hold = stop
            self._held.set()
            if self._exchange is not None and self._posting:
                self._exchange.abort_unless_begun(self._hold)

    def _end_of_waits(self, method: str) -> threading.Event:
        """The event that ends the waits before a request; what was paid for is fetched after `withdraw` too."""
        return self._held if method == "POST" else self._stopped

    def _raise_if_stopped(self, method: str) -> None:
        stop = self._stop or (self._hold if method == "POST" else None)
        if stop is not None:
            raise stop(False)

    def send(self, method: str, url: str, body: Body | None = None, *, with_key: bool = True) -> Exchange:
        """Return an exchange whose answer is a success, or for GET a redirect.

        Repeats what certainly was not processed. Raises `ApiError`.
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
                    error = self._refusal(exchange, url)
                except ApiError as caught:
                    error = caught
                except BaseException:
                    exchange.close()
                    raise
                exchange.close()
                attempt += 1
                seconds = self._pause_before(attempt, error, headers)
                if isinstance(error, _TOO_MANY):
                    slot.refused(seconds)
            self._endpoint.notify(Waiting(seconds, attempt, error.message))
            self._pause(seconds, method)

    def get(
        self,
        address: str,
        max_bytes: int,
        *,
        with_key: bool = True,
        on_answer: Callable[[Exchange], None] = lambda exchange: None,
    ) -> bytes:
        """Return what is at an address, following a few redirects; the key stays with the endpoint's host.

        `on_answer` gets the exchange before its body is read. A host in a private network is refused, unless it is the
        endpoint or the endpoint is in one too.
        """
        url = self._endpoint.base_url
        for _attempt in range(_MOST_REDIRECTS):
            whole = joined(url, address)
            if whole is None:
                raise BadAnswerError(_("The endpoint gave an address that is no http or https address."))
            url = whole
            with self.send("GET", url, with_key=with_key) as exchange:
                if exchange.status < 300:
                    on_answer(exchange)
                    return exchange.read(max_bytes)
                address = exchange.headers.get("Location", "")
        raise BadAnswerError(_("{host} redirects too often.").format(host=host_of(url)))

    def _new_exchange(self, method: str, url: str, with_key: bool) -> Exchange:
        own = same_origin(url, self._endpoint.base_url)
        public_only = not own and is_public_host(urlsplit(self._endpoint.base_url).hostname or "")
        if public_only and not is_public_host(urlsplit(url).hostname or ""):
            raise BadAnswerError(
                _("The endpoint gave an address in a private network ({host}).").format(host=host_of(url))
            )
        secrets = self._endpoint.secrets if own and with_key else {}
        exchange = Exchange(self._endpoint.timeouts, secrets, public_only)
        with self._lock:
            self._exchange, self._posting = exchange, method == "POST"
            stop = self._stop or (self._hold if self._posting else None)
            if stop is not None:
                exchange.abort(stop)
        return exchange

    def _report_progress(self, body: Body | None) -> None:
        if body is not None:
            body.on_progress = lambda sent: self._endpoint.notify(Uploading(sent, len(body)))
            body.on_finished = lambda: self._endpoint.notify(Sent(len(body)))

    def _refusal(self, exchange: Exchange, url: str) -> ApiError:
        if exchange.status in _REDIRECTS:
            target = joined(url, exchange.headers.get("Location", ""))
            place = readable(urlsplit(target)._replace(query="").geturl()) if target else _("the new one")
            return self._endpoint.without_key(
                NotFoundError(
                    _("{host} says that the endpoint has moved; the request was not sent on.").format(
                        host=host_of(url)
                    ),
                    _("If you trust it, set the address to {place}").format(place=place),
                    status=exchange.status,
                )
            )
        try:
            text = exchange.read(_LONGEST_REFUSAL)
        except (BadAnswerError, BrokenConnectionError):
            text = b""  # the status alone says that it was refused
        error = error_from_answer(exchange.status, exchange.headers, text, self._endpoint.hide_key)
        if error.maybe_billed and exchange.incomplete:  # it was answered before it had arrived
            error.maybe_billed = False
            error.hint = _("Nothing was billed; check the network, then try again.")
        return self._endpoint.without_key(error)

    def _pause_before(self, attempt: int, error: ApiError, headers: Mapping[str, str]) -> float:
        """Return the seconds to wait before the repeat; raise the error when there shall be none."""
        asked = retry.retry_after(headers, datetime.now(UTC))
        seconds = retry.pause(asked, attempt, random.random())
        patience = self._endpoint.patience
        if isinstance(error, _TOO_MANY) and asked is not None:
            error.retry_at = datetime.now(UTC) + timedelta(seconds=asked)
            if asked > (retry.LONGEST_WAIT if patience is None else patience):
                error.hint = _("Come back at {time:%H:%M} or later; nothing was billed.").format(
                    time=error.retry_at.astimezone()
                )
                raise error
        if not retry.may_repeat(error, headers, attempt):
            raise error
        if isinstance(error, _TOO_MANY) and patience is not None:
            if self._waited + seconds > patience or attempt > retry.PATIENT_RETRIES:
                raise error
        elif attempt > self._endpoint.max_retries:
            raise error
        return seconds

    def _pause(self, seconds: float, method: str) -> None:
        """Waits before a repeat; with patience, that takes none of the call's time."""
        with self._waiting():
            self._end_of_waits(method).wait(seconds)
        self._raise_if_stopped(method)

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        patient = self._endpoint.patience is not None
        begun = time.monotonic()
        if patient:
            self._stop_clock()
        try:
            yield
        finally:
            self._waited += time.monotonic() - begun
            if patient:
                self._start_clock()


class Calls:
    """All the calls of one client that are under way, so that they can be stopped together."""

    def __init__(self, endpoint: EndpointConfig) -> None:
        self._endpoint = endpoint
        self._lock = threading.Lock()
        self._open: set[Call] = set()
        self._stop: Stop | None = None
        self._hold: Stop | None = None

    @contextmanager
    def open(self, *, billed: bool) -> Iterator[Call]:
        """Give a new call, stopped from the start when `stop` was called before.

        Where it is not `billed`, as a look-up is not, no error inside says that it may have been.
        """
        with Call(self._endpoint) as call:
            with self._lock:
                self._open.add(call)
                stop, hold = self._stop, self._hold
            if stop is not None:
                call.stop(stop)
            if hold is not None:
                call.withdraw(hold)
            try:
                yield call
            except ApiError as error:
                if error.maybe_billed and not billed:
                    error.maybe_billed, error.hint = False, _(ApiError.hint)
                raise self._endpoint.without_key(error) from error.__cause__
            finally:
                with self._lock:
                    self._open.discard(call)

    def stop(self, stop: Stop) -> None:
        """Stop every call, those to come included."""
        with self._lock:
            self._stop = stop
            calls = list(self._open)
        for call in calls:
            call.stop(stop)

    def withdraw(self, stop: Stop) -> None:
        """Withdraw every call, those to come included: see `Call.withdraw`."""
        with self._lock:
            self._hold = stop
            calls = list(self._open)
        for call in calls:
            call.withdraw(stop)


def cancelled(sent: bool) -> ApiError:
    """Return the error of a call that the caller stopped."""
    if sent:
        return CancelledError(_("The edit was cancelled after it had been sent."), maybe_billed=True)
    return CancelledError(_("The edit was cancelled before it was sent; nothing was billed."))


def out_of_time(seconds: float) -> Stop:
    """Return the maker of the error of a call that took longer than its overall limit."""

    def stop(sent: bool) -> ApiError:
        hint = None if sent else _("Nothing was billed; try again later, or allow more time.")
        return TimedOutError(
            _("The edit took longer than {seconds:g} seconds.").format(seconds=seconds), hint, maybe_billed=sent
        )

    return stop
