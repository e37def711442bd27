"""How long jobs are kept: limits in days and megabytes, and the results that were never inserted longest.

* Never deleted: a job that runs, a job that something was written to within the last hour, a folder that is no job's.
* Older than the limit in days, a job goes whose result was inserted, that failed, or that was never sent.
* A result that was never inserted, and a request whose answer is unknown, is kept four times as long.
* Above the limit in megabytes the oldest jobs go first. Of those with a result that was never inserted, or an unknown
  answer, none goes that is not older than the limit in days: rather, the limit in megabytes is passed.

A limit of 0 is no limit.
"""

import contextlib
import os
import time
from dataclasses import dataclass
from pathlib import Path

from lib.jobs import history
from lib.jobs.history_record import FolderListing, State, named_time
from lib.jobs.job import HELD, is_held
from lib.settings import settings

_DAY = 86_400.0
_UNTOUCHED_SECONDS = 3_600.0
_MUCH_LONGER = 4
_DUE_SECONDS = 600.0
_TIDIED = ".tidied"
_PRECIOUS = (State.WAITING, State.UNKNOWN, State.UNREAD)


@dataclass(frozen=True)
class _Kept:
    folder: Path
    age: float
    size: int
    precious: bool
    fixed: bool


def tidy_when_due() -> None:
    """Deletes what is past the limits of the settings, at most every ten minutes; a disk that refuses is no error."""
    with contextlib.suppress(OSError):
        mark = settings.jobs_folder() / _TIDIED
        if not mark.exists() or time.time() - mark.stat().st_mtime > _DUE_SECONDS:
            mark.touch()
            limits = settings.load()
            tidy(limits.history_days, limits.history_megabytes)


def tidy(days: int, megabytes: int) -> list[str]:
    """Deletes what is past the limits; returns the names of the jobs that went."""
    history.sweep()
    kept = _kept(time.time())
    doomed = {job.folder for job in kept if _too_old(job, days)}
    excess = sum(job.size for job in kept if job.folder not in doomed) - megabytes * 1_000_000
    for job in sorted(kept, key=lambda job: -job.age):
        if megabytes <= 0 or excess <= 0:
            break
        if job.folder not in doomed and _may_make_room(job, days):
            doomed.add(job.folder)
            excess -= job.size
    return [folder.name for folder in doomed if _gone(folder)]


def _too_old(job: _Kept, days: int) -> bool:
    return not job.fixed and days > 0 and job.age > days * _DAY * (_MUCH_LONGER if job.precious else 1)


def _may_make_room(job: _Kept, days: int) -> bool:
    return not job.fixed and (not job.precious or (days > 0 and job.age > days * _DAY))


def _kept(now: float) -> list[_Kept]:
    """All jobs; folders with other names are not ours to delete."""
    with os.scandir(settings.jobs_folder()) as entries:
        folders = [entry for entry in entries if entry.is_dir(follow_symlinks=False)]
        return [job for entry in folders if (job := _job(Path(entry.path), entry.stat().st_mtime, now))]


def _job(folder: Path, changed: float, now: float) -> _Kept | None:
    """The age is the name's: opening the history changes a folder's date."""
    made = named_time(folder.name)
    try:
        files = FolderListing.of(folder)
        state = files.state(folder)
    except OSError:
        return None
    if made is None:
        return None
    fixed = state is State.RUNNING or abs(now - changed) < _UNTOUCHED_SECONDS
    fixed = fixed or (HELD in files.sizes and is_held(folder))
    return _Kept(folder, now - made, files.total, state in _PRECIOUS, fixed)


def _gone(folder: Path) -> bool:
    with contextlib.suppress(OSError):
        history.delete(folder)
    return not folder.exists()
