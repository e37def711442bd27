"""How an edit fails, and how every failure becomes a sentence for the user."""

import traceback
from pathlib import Path

from gi.repository import GLib

from lib.jobs.history_record import shown
from lib.translation import N_, _

UNFORESEEN = N_(
    "Generative Edit failed in a way that nobody foresaw. A result that had arrived is in the job's folder; "
    "the details are on the terminal that GIMP was started from."
)


class BadArguments(ValueError):
    """Arguments that cannot be meant; the text names every problem, a sentence each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(" ".join(problems))
        self.problems = problems


class EditFailed(Exception):
    """The edit cannot be done or was not done; the text is for the user: what happened, then what to do."""


class EditCancelled(Exception):
    """The user stopped it."""


def explain(error: Exception) -> str:
    """What went wrong as a user reads it; the trace of what nobody foresaw goes to the terminal."""
    if isinstance(error, (BadArguments, EditFailed)):
        return str(error)
    if isinstance(error, OSError):
        return of_a_file(error)
    traceback.print_exception(error)
    return _(UNFORESEEN)


def of_a_file(error: OSError) -> str:
    """What a disk refused, in a sentence."""
    where = f" ({error.filename})" if error.filename else ""
    told = _("A file could not be read or written: {reason}. Make room or access, then try again.")
    return told.format(reason=f"{error.strerror}{where}")


def of_a_result(error: GLib.Error | OSError, folder: Path) -> str:
    """Return what kept a result from being inserted, and the job's folder, where it is, in a sentence."""
    message = _("The result cannot be inserted: {reason}. It is in {folder}.")
    reason = error.message.strip().rstrip(".") if isinstance(error, GLib.Error) else error.strerror or error
    return message.format(reason=reason, folder=shown(str(folder)))


def explain_not_inserted(error: Exception, folder: Path) -> str:
    """Return what kept a job's result from being inserted, as a user reads it; `folder` is the job's."""
    if isinstance(error, (GLib.Error, OSError)):
        return of_a_result(error, folder)
    return explain(error)
