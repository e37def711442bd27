"""Figures of the history as a user reads them."""

import time

from lib.jobs.history_record import Record
from lib.translation import _, ngettext


def when(seconds: float) -> str:
    """A moment in the user's own time and manner."""
    try:
        return time.strftime("%x %H:%M", time.localtime(seconds))
    except (ValueError, OverflowError, OSError):
        return ""


def cost_of(record: Record) -> str:
    """What a job has cost; empty where that is not known."""
    if record.cost is None:
        return ""
    if record.cost == 0:
        return _("free")
    return f"${record.cost:.2f}" if record.cost >= 0.1 else f"${record.cost:.2g}"


def megabytes(size: int) -> str:
    """An amount of disk space."""
    return _("{amount} MB").format(amount=f"{size / 1e6:.1f}" if size < 10e6 else f"{size / 1e6:,.0f}")


def used(count: int, size: int) -> str:
    """How much of the disk the history takes."""
    jobs = ngettext("{count} job", "{count} jobs", count).format(count=count)
    return _("{jobs}, {space}").format(jobs=jobs, space=megabytes(size))


def limits(days: int, most: int) -> str:
    """How long jobs are kept."""
    if not days and not most:
        return _("Kept until you delete them.")
    longer = _("Results that were never inserted are kept four times as long.")
    age = ngettext("Kept for {count} day", "Kept for {count} days", days).format(count=days)
    space = _("at most {space}").format(space=megabytes(most * 1_000_000))
    if not days:
        return _("Kept: {space}.").format(space=space)
    kept = f"{age}, {space}." if most else f"{age}."
    return f"{kept} {longer}"
