"""The history: lists and deletes job folders, and finds results that the user was never notified of."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from lib.jobs.history_record import FolderListing, JobState, Record, read_record
from lib.jobs.job import NOTIFIED, Job, is_held, is_running
from lib.settings import settings

_MOST_CHECKED = 200
_DELETED = ".deleted-"


def records() -> Iterator[Record]:
    """Yield the record of every job, newest first; raise OSError if the jobs' folder can't be listed."""
    for folder in _folders():
        job_record = record(folder)
        if job_record:
            yield job_record


def request_seconds(provider: str, model: str = "", *, jobs: int) -> list[float]:
    """Return how long the requests of a provider took, newest first, by the reports of the latest `jobs` jobs.

    Without a model the requests of every model count. Reports that are missing or damaged are left out.
    """
    seconds = []
    with contextlib.suppress(OSError):
        for job_record in islice(records(), jobs):
            if job_record.provider != provider or model not in ("", job_record.model):
                continue
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
                seconds.append(float(Job(job_record.folder).read_json("report.json")["seconds"]["request"]))
    return seconds


def record(folder: Path) -> Record | None:
    """Return the record of one job; None if the folder is gone or can't be listed."""
    try:
        files = FolderListing.of(folder)
        return read_record(folder, files)
    except OSError:
        return None


def delete(folder: Path) -> None:
    """Delete a job's folder unless the job is running or held; raise OSError if that fails.

    The folder is renamed first, so that a partly deleted one is not taken for a job and only one of two deletions wins.
    """
    if is_running(folder) or is_held(folder):
        return
    renamed = folder.with_name(_DELETED + folder.name)
    folder.rename(renamed)
    shutil.rmtree(renamed)


def sweep() -> None:
    """Remove what interrupted deletions have left behind."""
    for path in settings.jobs_folder().glob(f"{_DELETED}*"):
        shutil.rmtree(path, ignore_errors=True)


def unreported() -> dict[Path, JobState]:
    """Return the jobs with an unknown answer or a result never inserted, if the user hasn't been notified of them.

    Only the latest jobs are checked, so that a history of thousands costs no time.
    """
    states = {folder: _unreported_state(folder) for folder in _folders()[:_MOST_CHECKED]}
    return {folder: state for folder, state in states.items() if state}


def _unreported_state(folder: Path) -> JobState | None:
    try:
        files = FolderListing.of(folder)
        state = files.state(folder)
    except OSError:
        return None
    if NOTIFIED in files.sizes or state not in (JobState.WAITING, JobState.UNKNOWN, JobState.UNREAD) or is_held(folder):
        return None
    return state


def _folders() -> list[Path]:
    jobs = settings.jobs_folder()
    with os.scandir(jobs) as entries:
        names = [
            entry.name for entry in entries if not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False)
        ]
    return [jobs / name for name in sorted(names, reverse=True)]
