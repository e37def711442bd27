"""The exceptions of an edit, and their messages for the user."""

import traceback

from lib.translation import N_, _

UNEXPECTED = N_(
    "An unexpected error occurred in Generative Edit. If a result had arrived, it is stored in the history. Details "
    "are in the terminal from which GIMP was started."
)


class BadArguments(ValueError):
    """Arguments are not valid; the message has a sentence for each problem."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(" ".join(problems))
        self.problems = problems


class EditFailed(Exception):
    """The edit failed; the message tells the user what happened and what to do."""


class EditCancelled(Exception):
    """The user cancelled the edit."""


def explain(error: Exception) -> str:
    """Return an error's message for the user; print the traceback of an unexpected one to the terminal."""
    if isinstance(error, (BadArguments, EditFailed)):
        return str(error)
    if isinstance(error, OSError):
        return file_error_message(error)
    traceback.print_exception(error)
    return _(UNEXPECTED)


def file_error_message(error: OSError) -> str:
    """Return the message for a file that could not be read or written."""
    file = f" ({error.filename})" if error.filename else ""
    message = _(
        "Couldn't read or write a file: {reason}. Check its permissions and the free disk space, then try again."
    )
    return message.format(reason=f"{error.strerror}{file}")
