"""The spending by month and provider, which is stored independently of the jobs, and estimates that learn from it.

Only the worker adds to it: for each answer, and for each failed request that may have been billed.
"""

import contextlib
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lib.api import cost
from lib.api.cost import Cost, ReportedOutput, Size
from lib.api.models import Model
from lib.api.request import EditRequest
from lib.settings import settings
from lib.storage.stored_json import Data, StoredJson

VERSION = 1
_MOST_MONTHS = 24
_MOST_REPORTS = 100  # of one kind, in all sizes
_MOST_KINDS = 20


@dataclass(frozen=True)
class Spending:
    """The cost of `edits` edits in US dollars. For `unknown` more, the cost or whether they were billed is unknown."""

    dollars: float
    edits: int
    unknown: int


def add(provider: str, dollars: float | None) -> None:
    """Add one edit of a provider, with None for an unknown cost; ignore disk errors, which must not fail the edit."""
    month = this_month()

    def count(data: Data) -> Data:
        months = _object(data.get("months"))
        entries = _object(months.get(month))
        before = _spending(entries.get(provider))
        entries = entries | {provider: {
            "dollars": round(before.dollars + (dollars or 0.0), 6),
            "edits": before.edits + (dollars is not None),
            "unknown": before.unknown + (dollars is None),
        }}  # fmt: skip
        latest = sorted({**months, month: entries}.items())[-_MOST_MONTHS:]
        return data | {"months": dict(latest)}

    with contextlib.suppress(OSError):
        _file().change(count)


def estimate(
    provider: str,
    request: EditRequest,
    model: Model,
    image_sizes: Sequence[Size] | None = None,
    mask_size: Size | None = None,
) -> Cost | None:
    """Return the estimated cost of an edit (see `lib.api.cost.estimate`), corrected by this user's earlier answers."""
    reported = _reports(_kind(provider, request, model)) if model.prices and model.prices.approximate else ()
    return cost.estimate(request, model, image_sizes, mask_size, reported)


def add_report(provider: str, request: EditRequest, model: Model, report: ReportedOutput) -> None:
    """Store what an answer reported, for later estimates of the same kind; ignore disk errors."""
    kind = _kind(provider, request, model)

    def put(data: Data) -> Data:
        reports = _object(data.get("reports"))
        entry = [*report.size, report.tokens]
        latest = [*_list(reports.pop(kind, None)), entry][-_MOST_REPORTS:]
        return data | {"reports": dict([*reports.items(), (kind, latest)][-_MOST_KINDS:])}

    with contextlib.suppress(OSError):
        _file().change(put)


def _reports(kind: str) -> list[ReportedOutput]:
    """Return what the answers of a kind reported, oldest first; never raise."""
    try:
        entries = _list(_object(_file().read().data.get("reports")).get(kind))
    except OSError:
        return []
    valid = [entry for entry in entries if isinstance(entry, list) and len(entry) == 3 and all(map(_is_count, entry))]
    return [ReportedOutput((width, height), tokens) for width, height, tokens in valid]


def _kind(provider: str, request: EditRequest, model: Model) -> str:
    """Return what reports have in common that count for each other: provider, model, quality and complexity."""
    return f"{provider} {model.name} {cost.quality_sent(request, model)} {cost.complexity_sent(request, model)}".strip()


def in_month(month: str = "") -> dict[str, Spending]:
    """Return the spending of a month ("2026-11"; default: the current one) by the provider's name; never raise."""
    try:
        data = _file().read().data
    except OSError:
        return {}
    entries = _object(_object(data.get("months")).get(month or this_month()))
    return {name: _spending(entry) for name, entry in entries.items()}


def total() -> float:
    """Return what was spent this month at all providers, in US dollars; edits of unknown cost do not count."""
    return sum(each.dollars for each in in_month().values())


def this_month() -> str:
    """Return the current month in local time, such as "2026-11"."""
    return time.strftime("%Y-%m")


def _file() -> StoredJson:
    return StoredJson(settings.data_folder() / "spending.json", VERSION)


def _spending(entry: object) -> Spending:
    values = _object(entry)
    edits, unknown = (int(_amount(values.get(name))) for name in ("edits", "unknown"))
    return Spending(_amount(values.get("dollars")), edits, unknown)


def _amount(value: object) -> float:
    """Return a number from 0 up; 0 for any other value in the file."""
    usable = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e12
    return value if usable and isinstance(value, int | float) and math.isfinite(value) else 0


def _is_count(value: object) -> bool:
    return type(value) is int and 0 < value < 10**7


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
