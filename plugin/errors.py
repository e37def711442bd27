"""How an edit fails, and how every failure becomes a sentence for the user."""

import traceback

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
