"""What is left to do for a picture that an earlier run, or a worker that died, has started."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any

from lib.jobs import history
from lib.jobs.history_record import FolderListing, JobState, named_time
from lib.jobs.job import Job
from lib.settings import settings
from plugin.folder.state import DONE, Line, RunState


class Progress(Enum):
    """How far earlier runs got with a picture."""

    TO_DO = "to-do"
    STARTED = "started"
    DONE = "done"
    RESULT_MISSING = "result-missing"


def progress_of(last: Line, out: Path, *, has_other_settings: bool) -> Progress:
    """Return how far a picture is, by its last line in the run's state and the results in the output folder.

    An empty line stands for a picture that was never started. If the user deletes or renames results made with other
    settings, the picture is edited again. Missing results of the same settings are written again from the stored
    response, which is already paid for.
    """
    if last.get("state") != DONE:
        return Progress.STARTED if "job" in last else Progress.TO_DO
    present = [os.path.exists(out / name) for name in last.get("outputs", ())]  # noqa: PTH110 - Path's raises
    if has_other_settings:
        return Progress.DONE if any(present) else Progress.TO_DO
    return Progress.DONE if present and all(present) else Progress.RESULT_MISSING


def find_job(name: str) -> Job:
    """Return the job that a line of the run's state names, even if the user's data folder has moved since."""
    folder = Path(name)
    if named_time(folder.name) is not None and not folder.exists():
        with contextlib.suppress(OSError):
            moved = settings.jobs_folder() / folder.name
            return Job(moved if moved.is_dir() else folder)
    return Job(folder)


class NextStep(Enum):
    """What to do about a picture whose job an earlier run, or a worker that died, has started."""

    WATCH = "watch"
    COLLECT = "collect"
    WITHDRAW = "withdraw"
    SEND = "send"
    REPORT_UNKNOWN = "report-unknown"
    REPORT_LOST = "report-lost"


def is_unknown(folder: Path) -> bool:
    """Return whether a job's request may have been billed without a result, as that of a missing folder may."""
    status = _status(folder)
    return status is JobState.UNKNOWN or (status is JobState.UNREAD and not Job(folder).is_free)


def next_step(
    folder: Path, *, was_done: bool, retry_unknown: bool, is_free: bool = False, was_sent: bool = True
) -> NextStep:
    """Return what to do about a job, by its folder, which may be on another machine that shares the output folder.

    `is_free` means that the run's state names the embedded engine as the provider, `was_sent` that it does not say that
    the request was not sent yet.
    """
    if not was_sent and not folder.exists():
        return NextStep.SEND
    status = _status(folder)
    if status is JobState.RUNNING:
        return NextStep.WATCH
    if status is JobState.WAITING or (status is JobState.UNREAD and not retry_unknown):
        return NextStep.COLLECT
    if status is JobState.INTERRUPTED or (status is JobState.UNKNOWN and is_free):
        return NextStep.SEND
    if was_done:
        return NextStep.REPORT_LOST
    if status is JobState.UNKNOWN and not retry_unknown:
        return NextStep.REPORT_UNKNOWN
    return NextStep.WITHDRAW if status is JobState.UNSENT else NextStep.SEND


def endpoint_error(folder: Path) -> Mapping[str, Any]:
    """Return the endpoint's error in a job's response.json; empty if there is none."""
    with contextlib.suppress(OSError, ValueError, RecursionError):
        error = Job(folder).read_json("response.json").get("error")
        if isinstance(error, dict):
            return error
    return {}


def withdraw(state: RunState, picture: str, output: str, job: Job) -> bool:
    """Withdraw and delete a job that was not sent; return False if a worker already has it. Raise OSError.

    The request is deleted first, under the job's lock, so that a worker that arrives later has nothing to send. The
    folder is deleted last, when no line names it any more: a missing folder that a line names may have been billed.
    """
    with Job(job.folder).claim() as is_claimed:
        if not is_claimed or job.was_sent:
            return False
        job.path("job.json").unlink(missing_ok=True)
    state.add(picture, output=output)
    job.release()
    with contextlib.suppress(OSError):
        history.delete(job.folder)
    return True


def _status(folder: Path) -> JobState:
    """Return the status of a job: RUNNING, WAITING, UNREAD, FAILED, UNSENT, INTERRUPTED or UNKNOWN.

    WAITING means that the response has arrived, UNREAD that it could not be read, FAILED that the endpoint refused the
    request without billing it. A folder without a job's name is UNKNOWN whatever the run's state says: nothing in it is
    read or deleted.
    """
    if not folder.is_absolute() or named_time(folder.name) is None:
        return JobState.UNKNOWN
    try:
        state = FolderListing.of(folder).state(folder)
    except (OSError, ValueError):
        return JobState.UNKNOWN
    if state is JobState.FAILED and endpoint_error(folder).get("maybe_billed", True) and not Job(folder).is_free:
        return JobState.UNKNOWN
    return JobState.WAITING if state is JobState.INSERTED else state
