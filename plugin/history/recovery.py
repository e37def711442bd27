"""After a crash: report once that there are results that were never inserted, and where they are."""

import sys

from gi.repository import Gimp

from lib.jobs import history
from lib.jobs.history_record import JobState
from lib.jobs.job import Job
from lib.translation import _, ngettext


def unreported_results() -> str:
    """Return a message on results that were never inserted and requests without an answer; "" where there are none.

    Each job is reported once. A folder that cannot be read is ignored, as it must not prevent the current edit.
    """
    try:
        jobs = history.unreported()
    except OSError:
        return ""
    for folder in jobs:
        Job(folder).mark_notified()
    states = list(jobs.values())
    waiting = states.count(JobState.WAITING) + states.count(JobState.UNREAD)
    return " ".join(filter(None, (_waiting(waiting), _unknown(states.count(JobState.UNKNOWN)))))


def _waiting(count: int) -> str:
    message = ngettext(
        "{count} result of an earlier edit arrived, but was never inserted.",
        "{count} results of earlier edits arrived, but were never inserted.",
        count,
    )
    return message.format(count=count) if count else ""


def _unknown(count: int) -> str:
    message = ngettext(
        "{count} earlier request was sent, and its response never arrived; it may have been billed.",
        "{count} earlier requests were sent, and their responses never arrived; they may have been billed.",
        count,
    )
    return message.format(count=count) if count else ""


def show_in_gimp(message: str) -> None:
    """Show a message, unless it is empty, where GIMP shows its own."""
    if message:
        Gimp.message(f"{message} {_hint()}")


def print_to_terminal(message: str) -> str:
    """Print a message to standard error, unless it is empty; return the printed text."""
    if not message:
        return ""
    text = f"{message} {_hint()}"
    sys.stderr.write(f"generative-edit: {text}\n")
    return text


def _hint() -> str:
    return _("See Filters ▸ Generative Edit ▸ History.")
