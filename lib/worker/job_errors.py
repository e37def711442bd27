"""The last event of a job that failed: what happened, what to do, and whether it may have been billed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lib.api.errors import FIX_PROBLEM_HINT, ApiError, BadRequestError, BadResponseError, InvalidRequestError
from lib.api.raster import PictureError
from lib.api.text import sentences
from lib.jobs.job import Job
from lib.translation import _
from lib.worker import moderation


def request_error(error: ApiError, remedies: Sequence[str], answer_folder: Path | None) -> dict[str, Any]:
    """Return the fields of an event for a failed request; `answer_folder` holds what was received, None for nothing."""
    if moderation.LOW_MODERATION in remedies:
        error.hint = sentences(error.hint, _("With moderation set to low, fewer edits are refused."))
    return {
        "message": error.message,
        "hint": _hint(error, answer_folder),
        "code": error.code,
        "request_id": error.request_id,
        "maybe_billed": error.maybe_billed,
        "refused": isinstance(error, (BadRequestError, InvalidRequestError)),
    }


def _hint(error: ApiError, answer_folder: Path | None) -> str:
    """Return the error's hint, or the folder of a received answer instead of a hint to try again."""
    if answer_folder is None:
        return error.hint
    saved = _("The response is in {folder}. After an update, History can try to read it again.")
    # Other hints say to check the account's usage and try again.
    hint = error.hint if isinstance(error, BadResponseError) else _("It may have been billed.")
    return f"{saved.format(folder=answer_folder)} {hint}"


def picture_error(error: PictureError, job: Job, *, is_free: bool) -> dict[str, Any]:
    """Return the last event of a job whose returned pictures can't be decoded."""
    message = _("Couldn't open the result: {reason}.").format(reason=error)
    hint = _("It is in {folder}. After an update, History can try to read it again.")
    return {
        "event": "error", "message": message, "hint": hint.format(folder=job.folder), "maybe_billed": not is_free,
    }  # fmt: skip


def disk_error(error: OSError, job: Job, result_folder: Path | None) -> dict[str, Any]:
    """Return the last event after a file couldn't be read or written; `result_folder` holds a result, None for none."""
    reason = error.strerror or str(error)
    if result_folder:
        message = _("Couldn't open the result ({reason}).").format(reason=reason)
        hint = _("It is in {folder}.").format(folder=result_folder)
    else:
        message = _("Couldn't read or write a file of this job ({reason}).").format(reason=reason)
        hint = _("Nothing was sent. Free some disk space or check the folder's permissions, then try again.")
        if job.was_sent:
            hint = _("Free some disk space or check the folder's permissions before you try again.")
    return {"event": "error", "message": message, "hint": hint, "maybe_billed": job.maybe_billed}


def remove_billing(error: ApiError) -> None:
    """Remove hints about billing and addresses from an error of the built-in engine, which has neither."""
    if isinstance(error, InvalidRequestError):
        error.hint = _(FIX_PROBLEM_HINT)
    elif isinstance(error, BadRequestError):
        error.hint = ""  # the engine's own sentences say what to do
    elif error.maybe_billed or error.status is None or error.status >= 500:
        error.hint = _(ApiError.hint)
    error.maybe_billed = False
