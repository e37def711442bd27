"""Deletes old jobs from the history, by a limit in days and one in megabytes.

* A job that is running or starred, or whose folder was changed within the last hour, is never deleted, nor is a folder
  that isn't a job's.
* A job whose result was inserted, that failed, or that was never sent, is deleted once it is older than the limit in
  days.
* A job with a result that was never inserted, or with an unknown answer, is kept four times as long.
* Above the limit in megabytes the oldest jobs are deleted first. A job with a result that was never inserted, or with
  an unknown answer, is only deleted for its size once it is older than the limit in days, even if the limit in
  megabytes is exceeded.

A limit of 0 means no limit.
"""

import contextlib
import os
import time
from dataclasses import dataclass
from pathlib import Path

from lib.jobs import history
from lib.jobs.history_record import FolderListing, JobState, named_time
from lib.jobs.job import PLUG_IN_LOCK, STARRED, is_held
from lib.settings import settings

_DAY = 86_400.0
_RECENT_SECONDS = 3_600.0
_UNUSED_RESULT_FACTOR = 4
_INTERVAL_SECONDS = 600.0
_LAST_RUN = ".tidied"
_UNUSED_RESULT = (JobState.WAITING, JobState.UNKNOWN, JobState.UNREAD)


@dataclass(frozen=True)
class _RetainedJob:
    """A job in the history: its age in seconds, size in bytes, and how it is protected from deletion."""

    folder: Path
    age: float
    size: int
    has_unused_result: bool
    is_protected: bool


def tidy_when_due() -> None:
    """Apply the limits of the settings, at most every ten minutes; disk errors are ignored."""
    with contextlib.suppress(OSError):
        marker = settings.jobs_folder() / _LAST_RUN
        if not marker.exists() or time.time() - marker.stat().st_mtime > _INTERVAL_SECONDS:
            marker.touch()
            limits = settings.load()
            tidy(limits.history_days, limits.history_megabytes)


def tidy(days: int, megabytes: int) -> list[str]:
    """Delete the jobs beyond the limits and return their names."""
    history.sweep()
    jobs = _retained_jobs(time.time())
    expired = {job.folder for job in jobs if _is_too_old(job, days)}
    excess = sum(job.size for job in jobs if job.folder not in expired) - megabytes * 1_000_000
    for job in sorted(jobs, key=lambda job: -job.age):
        if megabytes <= 0 or excess <= 0:
            break
        if job.folder not in expired and _can_be_deleted_for_size(job, days):
            expired.add(job.folder)
            excess -= job.size
    return [folder.name for folder in expired if _delete(folder)]


def _is_too_old(job: _RetainedJob, days: int) -> bool:
    factor = _UNUSED_RESULT_FACTOR if job.has_unused_result else 1
    return not job.is_protected and days > 0 and job.age > days * _DAY * factor


def _can_be_deleted_for_size(job: _RetainedJob, days: int) -> bool:
    return not job.is_protected and (not job.has_unused_result or (days > 0 and job.age > days * _DAY))


def _retained_jobs(now: float) -> list[_RetainedJob]:
    """Return all jobs; a folder with any other name isn't ours to delete."""
    with os.scandir(settings.jobs_folder()) as entries:
        folders = [entry for entry in entries if entry.is_dir(follow_symlinks=False)]
        return [job for entry in folders if (job := _job(Path(entry.path), entry.stat().st_mtime, now))]


def _job(folder: Path, modified: float, now: float) -> _RetainedJob | None:
    """Return the job of a folder; its age is taken from its name, as opening the history changes the folder's date."""
    created = named_time(folder.name)
    try:
        files = FolderListing.of(folder)
        state = files.state(folder)
    except OSError:
        return None
    if created is None:
        return None
    is_protected = state is JobState.RUNNING or STARRED in files.sizes or abs(now - modified) < _RECENT_SECONDS
    is_protected = is_protected or (PLUG_IN_LOCK in files.sizes and is_held(folder))
    return _RetainedJob(folder, now - created, files.total, state in _UNUSED_RESULT, is_protected)


def _delete(folder: Path) -> bool:
    """Delete a job and return whether its folder is gone."""
    with contextlib.suppress(OSError):
        history.delete(folder)
    return not folder.exists()
