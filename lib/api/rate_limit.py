"""Share an endpoint's rate limit between threads: when the next request may be sent, and how many at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_POLL_SECONDS = 0.2
"""Interval at which a waiting thread checks whether it was stopped."""


class RateLimiter:
    """The limiter of one endpoint, which adapts the number of concurrent requests to the endpoint's refusals.

    A refusal makes all requests wait. As in TCP congestion control, it also halves the number of concurrent requests,
    which grows by one after that many successes. Refusals of requests that were in flight together count once. Nothing
    is limited before the first refusal.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._not_before = 0.0
        self._max_in_flight: float | None = None
        self._in_flight = 0
        self._refusals = 0

    @contextmanager
    def slot(self, stopped: threading.Event) -> Iterator[Slot]:
        """Wait until a request may be sent or `stopped` is set; the request is in flight until the context ends."""
        with self._changed:
            while not stopped.is_set() and (delay := self._delay()) > 0:
                self._changed.wait(min(delay, _POLL_SECONDS))
            self._in_flight += 1
            slot = Slot(self, self._refusals)
        try:
            yield slot
        finally:
            with self._changed:
                self._in_flight -= 1
                self._changed.notify_all()

    def refused(self, slot: Slot, seconds: float) -> None:
        """Handle a refusal: send nothing for `seconds`, then fewer requests at once."""
        with self._changed:
            self._not_before = max(self._not_before, self._clock() + seconds)
            if slot.refusals == self._refusals:
                self._refusals += 1
                limit = self._in_flight if self._max_in_flight is None else self._max_in_flight
                self._max_in_flight = max(1.0, limit / 2)

    def accepted(self) -> None:
        """Handle a success: raise the limit a little."""
        with self._changed:
            if self._max_in_flight is not None:
                self._max_in_flight += 1 / self._max_in_flight
                self._changed.notify_all()

    def _delay(self) -> float:
        """Return the seconds to wait before checking again; 0 or less if a request may be sent."""
        if self._max_in_flight is not None and self._in_flight >= int(self._max_in_flight):
            return _POLL_SECONDS
        return self._not_before - self._clock()


class Slot:
    """A request's slot, which reports to the limiter whether the endpoint accepted the request."""

    def __init__(self, limiter: RateLimiter, refusals: int) -> None:
        self._limiter = limiter
        self.refusals = refusals

    def refused(self, seconds: float) -> None:
        """Report that the rate limit was exceeded, so that nothing is sent for `seconds`."""
        self._limiter.refused(self, seconds)

    def accepted(self) -> None:
        """Report that the endpoint accepted the request."""
        self._limiter.accepted()


class RateLimiters:
    """The rate limiters of a process, by endpoint."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._limiters: dict[str, RateLimiter] = {}

    def for_endpoint(self, endpoint: str) -> RateLimiter:
        """Return the limiter of an endpoint, the same one for all callers."""
        with self._lock:
            return self._limiters.setdefault(endpoint, RateLimiter())
