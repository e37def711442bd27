"""Dates, costs and sizes of the history, formatted for the user."""

import time

from lib.api.text import join_parts, sentences
from lib.jobs.history_record import Record
from lib.settings import settings
from lib.translation import _, ngettext


def format_time(seconds: float) -> str:
    """Return a date and time in the user's time zone and format."""
    try:
        return time.strftime("%x %H:%M", time.localtime(seconds))
    except (ValueError, OverflowError, OSError):
        return ""


def format_day(seconds: float) -> str:
    """Return a date in the user's time zone and format."""
    try:
        return time.strftime("%x", time.localtime(seconds))
    except (ValueError, OverflowError, OSError):
        return ""


def provider_title(name: str) -> str:
    """Return the title of a provider, as windows show it; its name where it was removed since."""
    return settings.provider(name).title if name in settings.provider_names() else name


def format_cost(record: Record) -> str:
    """Return the cost of a job; "" where it is unknown."""
    if record.cost is None:
        return ""
    if record.cost == 0:
        return _("free")
    return f"${record.cost:.2f}" if record.cost >= 0.1 else f"${record.cost:.2g}"


def format_size(size: int) -> str:
    """Return an amount of disk space."""
    return _("{amount} MB").format(amount=f"{size / 1e6:.1f}" if size < 10e6 else f"{size / 1e6:,.0f}")


def usage_text(count: int, size: int) -> str:
    """Return the number of edits and their size on disk."""
    edits = ngettext("{count} edit", "{count} edits", count).format(count=count)
    return _("{edits}, {space}").format(edits=edits, space=format_size(size))


def limits_text(days: int, megabytes: int) -> str:
    """Return a sentence on how long edits are kept."""
    if not days and not megabytes:
        return _("Kept until you delete them.")
    exception = _("Results that were never inserted are kept four times as long.")
    age = ngettext("Kept for {count} day", "Kept for {count} days", days).format(count=days)
    space = _("at most {space}").format(space=format_size(megabytes * 1_000_000))
    if not days:
        return _("Kept: {space}.").format(space=space)
    return sentences(join_parts([age, space]) if megabytes else age, exception)
