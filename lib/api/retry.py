"""When a request may be retried, and after what delay; pure functions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from lib.api.errors import ApiError, ConnectionFailedError, OverloadedError, RateLimitError

MAX_RETRIES = 4
CONNECT_RETRIES = 2
"""Few, because a server that can't be reached seldom comes up within seconds."""

MAX_RATE_LIMIT_RETRIES = 100
"""Retries with `max_wait`, so that short waits don't cause requests without end."""

MIN_DELAY = 0.5
MAX_DELAY = 120.0
"""Seconds; if the endpoint asks for more, the error says when to try again."""

_DAY = 86_400.0
_DOUBLINGS = 4


def retry_delay(requested: float | None, attempt: int, jitter: float) -> float:
    """Return the seconds to wait before a retry: as requested by the endpoint, or else the backoff; at least 0.5."""
    return max(MIN_DELAY, backoff(attempt, jitter) if requested is None else requested)


def backoff(attempt: int, jitter: float) -> float:
    """Return the seconds to wait before retry number `attempt` (from 1); `jitter` is 0 to 1.

    min(0.5 * 2^n, 8) as in openai-python, plus up to a quarter, so that clients don't all retry at once.
    """
    return math.ldexp(MIN_DELAY, min(attempt - 1, _DOUBLINGS)) * (1 + 0.25 * jitter)


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the delay in seconds from the header `retry-after-ms` or `Retry-After`, at most a day, or None.

    `Retry-After` is a number of seconds, possibly fractional, or a date. Invalid values count as absent.
    """
    seconds = _number(headers.get("retry-after-ms"), 1000) or _number(headers.get("Retry-After"), 1)
    if seconds is not None or "Retry-After" not in headers:
        return seconds
    try:
        date = parsedate_to_datetime(headers["Retry-After"])
        if date.tzinfo is None:
            date = date.replace(tzinfo=UTC)
        return min(max((date - now).total_seconds(), 0.0), _DAY)
    except (ValueError, OverflowError):
        return None


def _number(text: str | None, divisor: int) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return min(value / divisor, _DAY) if math.isfinite(value) and value >= 0 else None


def can_retry(error: ApiError, headers: Mapping[str, str], attempt: int) -> bool:
    """Return whether a request was certainly not processed and may succeed on retry number `attempt`."""
    if error.maybe_billed or headers.get("x-should-retry") == "false":
        return False
    if isinstance(error, ConnectionFailedError):
        return attempt <= CONNECT_RETRIES and error.code not in ("tls", "address")
    return isinstance(error, (RateLimitError, OverloadedError))
