"""What an endpoint's rate limit leaves to all threads that ask it: when the next may go, and how many at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_LOOK_AGAIN = 0.2
"""Seconds after which a waiting thread looks whether it was stopped."""


class RateLimiter:
    """Shared by the requests to one endpoint. A refusal makes all of them wait, and fewer of them go at once after it.

    As in TCP: half as many after a refusal, one more after as many successes as go at once. Refusals of requests that
    were out together count once. Without any refusal nothing is limited.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._not_before = 0.0
        self._most: float | None = None
        self._out = 0
        self._refusals = 0

    @contextmanager
    def slot(self, stopped: threading.Event) -> Iterator[Slot]:
        """Waits until a request may go, or `stopped` is set; the request lasts as long as the context."""
        with self._changed:
            while not stopped.is_set() and (pause := self._pause()) > 0:
                self._changed.wait(min(pause, _LOOK_AGAIN))
            self._out += 1
            slot = Slot(self, self._refusals)
        try:
            yield slot
        finally:
            with self._changed:
                self._out -= 1
                self._changed.notify_all()

    def refused(self, slot: Slot, seconds: float) -> None:
        """Nothing goes for so many seconds."""
        with self._changed:
            self._not_before = max(self._not_before, self._clock() + seconds)
            if slot.refusals == self._refusals:
                self._refusals += 1
                self._most = max(1.0, (self._out if self._most is None else self._most) / 2)

    def accepted(self) -> None:
        """A request was taken: a little more may be tried."""
        with self._changed:
            if self._most is not None:
                self._most += 1 / self._most
                self._changed.notify_all()

    def _pause(self) -> float:
        """Seconds until it is worth looking again; 0 where a request may go."""
        if self._most is not None and self._out >= int(self._most):
            return _LOOK_AGAIN
        return self._not_before - self._clock()


class Slot:
    """One request's slot: it tells the limiter how the request was received."""

    def __init__(self, limiter: RateLimiter, refusals: int) -> None:
        self._limiter = limiter
        self.refusals = refusals

    def refused(self, seconds: float) -> None:
        """The endpoint was asked too often, and nothing shall go for so many seconds."""
        self._limiter.refused(self, seconds)

    def accepted(self) -> None:
        """The endpoint took the request."""
        self._limiter.accepted()


class RateLimiters:
    """The limiters by endpoint, for all threads of a process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._limiters: dict[str, RateLimiter] = {}

    def of(self, endpoint: str) -> RateLimiter:
        """Return the limiter of an endpoint."""
        with self._lock:
            return self._limiters.setdefault(endpoint, RateLimiter())
