"""What was spent, by month and provider: it outlives the jobs that it was spent on.

Only the worker writes it, when an answer has arrived, and for a request that failed after it may have been billed.
"""

import contextlib
import math
import time
from dataclasses import dataclass
from typing import Any

from lib.settings import settings
from lib.storage.stored_json import Data, StoredJson

VERSION = 1
_MOST_MONTHS = 24


@dataclass(frozen=True)
class Spent:
    """US dollars of `edits` edits; what `unknown` more have cost, or whether they were billed, is not known."""

    dollars: float
    edits: int
    unknown: int


def add(provider: str, dollars: float | None) -> None:
    """Counts one edit by a provider; where the disk refuses, the edit matters more."""
    month = this_month()

    def count(data: Data) -> Data:
        months = _object(data.get("months"))
        entries = _object(months.get(month))
        before = _spent(entries.get(provider))
        entries = entries | {provider: {
            "dollars": round(before.dollars + (dollars or 0.0), 6),
            "edits": before.edits + (dollars is not None),
            "unknown": before.unknown + (dollars is None),
        }}  # fmt: skip
        kept = sorted({**months, month: entries}.items())[-_MOST_MONTHS:]
        return data | {"months": dict(kept)}

    with contextlib.suppress(OSError):
        _file().change(count)


def in_month(month: str = "") -> dict[str, Spent]:
    """What was spent in a month ("2026-11"; this one by default), by the provider's name; never raises."""
    try:
        data = _file().read().data
    except OSError:
        return {}
    entries = _object(_object(data.get("months")).get(month or this_month()))
    return {name: _spent(entry) for name, entry in entries.items()}


def this_month() -> str:
    """The month by the clock of the user's wall."""
    return time.strftime("%Y-%m")


def _file() -> StoredJson:
    return StoredJson(settings.data_folder() / "spending.json", VERSION)


def _spent(entry: object) -> Spent:
    values = _object(entry)
    edits, unknown = (int(_amount(values.get(name))) for name in ("edits", "unknown"))
    return Spent(_amount(values.get("dollars")), edits, unknown)


def _amount(value: object) -> float:
    """A number from 0 up; 0 for anything else that somebody has written there."""
    usable = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e12
    return value if usable and isinstance(value, int | float) and math.isfinite(value) else 0


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
