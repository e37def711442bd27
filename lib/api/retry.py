"""When a request may be repeated, and after how long: arithmetic only."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from lib.api.errors import ApiError, ConnectionFailedError, OverloadedError, RateLimitError

MAX_RETRIES = 4
CONNECT_RETRIES = 2
"""A server that isn't there seldom comes up within seconds."""

PATIENT_RETRIES = 100
"""So many where waiting for a rate limit is wanted: it ends even where each wait is short."""

SHORTEST_WAIT = 0.5
LONGEST_WAIT = 120.0
"""Seconds; when the endpoint asks for more, the caller is told when to come back."""

_DAY = 86_400.0
_DOUBLINGS = 4


def pause(asked: float | None, attempt: int, jitter: float) -> float:
    """Return the seconds to wait before a repeat: what the endpoint asks for, else the backoff; never less than 0.5."""
    return max(SHORTEST_WAIT, backoff(attempt, jitter) if asked is None else asked)


def backoff(attempt: int, jitter: float) -> float:
    """Return the seconds to wait before repeat number `attempt` (from 1); `jitter` is 0 to 1.

    min(0.5 * 2^n, 8), as openai-python does, and up to a quarter more, so that not all come back at once.
    """
    return math.ldexp(SHORTEST_WAIT, min(attempt - 1, _DOUBLINGS)) * (1 + 0.25 * jitter)


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds that the endpoint asks to wait, from `retry-after-ms` or `Retry-After`, or None.

    `Retry-After` is seconds, a fraction of them, or a date; a day is the most. What can't be read counts as absent.
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


def may_repeat(error: ApiError, headers: Mapping[str, str], attempt: int) -> bool:
    """Say whether the request certainly wasn't processed and may work on repeat number `attempt`."""
    if error.maybe_billed or headers.get("x-should-retry") == "false":
        return False
    if isinstance(error, ConnectionFailedError):
        return attempt <= CONNECT_RETRIES and error.code not in ("tls", "address")
    return isinstance(error, (RateLimitError, OverloadedError))
