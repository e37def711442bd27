"""After a crash: says once that there is a result that was never inserted, and where it is."""

import sys

from gi.repository import Gimp

from lib import history
from lib.translation import _, ngettext


def forgotten_results() -> str:
    """A sentence about the results that were never inserted and that nobody was told of yet; empty where none is.

    A disk that refuses is no error here: what the user came for goes on.
    """
    try:
        folders = history.never_inserted()
    except OSError:
        return ""
    for folder in folders:
        history.mark_told(folder)
    if not folders:
        return ""
    return ngettext(
        "{count} result of an earlier edit arrived, but was never inserted.",
        "{count} results of earlier edits arrived, but were never inserted.",
        len(folders),
    ).format(count=len(folders))


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
    return _("Filters ▸ Generative Edit ▸ History… inserts it.")
