"""What the Edit Folder window says about a run before it starts and while it works."""

from __future__ import annotations

from lib.translation import _, ngettext
from plugin.folder.estimates import time_left_text
from plugin.folder.expected import Expectation
from plugin.folder.progress import count_texts
from plugin.folder.run import FolderRun
from plugin.folder_window.statuses import Statuses

_MINUTE, _HOUR = 60, 3600


def expectation_text(expectation: Expectation) -> str:
    """Return how many pictures will be edited, what that should cost and how long it should take."""
    count = expectation.pictures
    pictures = ngettext("{count} picture to edit", "{count} pictures to edit", count).format(count=count)
    if not count:
        return pictures
    return " · ".join(filter(None, [pictures, cost_range(expectation), _duration(expectation.seconds)]))


def cost_range(expectation: Expectation) -> str:
    """Return the expected cost of a run."""
    low, high = expectation.low, expectation.high
    if not expectation.measured:
        return ""
    if low is None or high is None:
        return _("cost unknown")
    if high == 0:
        return _("free")
    amount = f"${high:.2f}" if round(low, 2) == round(high, 2) else f"${low:.2f}–${high:.2f}"
    text = _("about {cost}").format(cost=amount)
    if expectation.measured < expectation.pictures:
        sample = _("estimated from {measured} of them").format(measured=expectation.measured)
        text = f"{text} ({sample})"
    return text


def run_text(folder_run: FolderRun, statuses: Statuses, *, is_paused: bool) -> str:
    """Return the counts of a run, what it has spent, and the time left."""
    parts = count_texts(folder_run)
    if statuses.cost or statuses.has_unknown_cost:
        more = _(" plus unknown costs") if statuses.has_unknown_cost else ""
        parts.append(_("{cost} spent").format(cost=f"${statuses.cost:.2f}{more}"))
    parts.append(_("paused") if is_paused else time_left_text(folder_run.log.time_left.seconds()))
    return " · ".join(filter(None, parts))


def earlier_run_text(done: int, count: int) -> str:
    """Return the offer to continue an earlier run."""
    text = _("An earlier run is unfinished: {done} of {count} pictures are done. Edit All continues it.")
    return text.format(done=done, count=count)


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return ""
    if seconds < _MINUTE:
        return _("about {seconds} s").format(seconds=max(1, round(seconds)))
    if seconds < _HOUR:
        return _("about {minutes} min").format(minutes=round(seconds / _MINUTE))
    hours, minutes = divmod(round(seconds / _MINUTE), 60)
    return _("about {hours} h {minutes} min").format(hours=hours, minutes=minutes)
