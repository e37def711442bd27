"""After a crash: says once that there is a result that was never inserted, and where it is."""

import sys

from gi.repository import Gimp

from lib.jobs import history
from lib.jobs.history_record import State
from lib.jobs.job import Job
from lib.translation import _, ngettext


def forgotten_results() -> str:
    """What nobody was told of yet: results that were never inserted, requests without an answer; empty where none is.

    A disk that refuses is no error here: what the user came for goes on.
    """
    try:
        found = history.unreported()
    except OSError:
        return ""
    for folder in found:
        Job(folder).mark_notified()
    states = list(found.values())
    waiting = states.count(State.WAITING) + states.count(State.UNREAD)
    return " ".join(filter(None, (_waiting(waiting), _unknown(states.count(State.UNKNOWN)))))


def _waiting(count: int) -> str:
    told = ngettext(
        "{count} result of an earlier edit arrived, but was never inserted.",
        "{count} results of earlier edits arrived, but were never inserted.",
        count,
    )
    return told.format(count=count) if count else ""


def _unknown(count: int) -> str:
    told = ngettext(
        "{count} earlier request was sent, and its answer never arrived; it may have been billed.",
        "{count} earlier requests were sent, and their answers never arrived; they may have been billed.",
        count,
    )
    return told.format(count=count) if count else ""


def say_in_window(told: str) -> None:
    """Says it, if there is anything to say, where GIMP shows its messages."""
    if told:
        Gimp.message(f"{told} {_where()}")


def say_on_terminal(told: str) -> str:
    """Says it, if there is anything to say, where a script's user looks; returns what was said."""
    if not told:
        return ""
    sys.stderr.write(f"generative-edit: {told} {_where()}\n")
    return f"{told} {_where()}"


def _where() -> str:
    return _("See Filters ▸ Generative Edit ▸ History….")
