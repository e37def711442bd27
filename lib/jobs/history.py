"""The kept jobs: listed whatever their folders hold, deleted, and told of where their results were forgotten."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from lib.jobs.history_record import FolderListing, Record, State, read
from lib.jobs.job import NOTIFIED, is_held, is_running
from lib.settings import settings

_LATEST = 200
_DELETED = ".deleted-"


def records() -> Iterator[Record]:
    """All kept jobs, the newest first, read one by one; raises OSError where the jobs' folder cannot be listed."""
    for folder in _folders():
        found = record(folder)
        if found:
            yield found


def record(folder: Path) -> Record | None:
    """One job; None where the folder has gone or cannot even be listed."""
    try:
        files = FolderListing.of(folder)
        return read(folder, files)
    except OSError:
        return None


def delete(folder: Path) -> None:
    """Deletes a job's folder; a job that runs is left alone. Raises OSError where that fails.

    Renamed first: half a folder must not look like a job, and of two deletions one wins.
    """
    if is_running(folder) or is_held(folder):
        return
    doomed = folder.with_name(_DELETED + folder.name)
    folder.rename(doomed)
    shutil.rmtree(doomed)


def sweep() -> None:
    """Removes what an interrupted deletion has left."""
    for path in settings.jobs_folder().glob(f"{_DELETED}*"):
        shutil.rmtree(path, ignore_errors=True)


def unreported() -> dict[Path, State]:
    """Jobs whose results were never inserted, or whose answer is unknown, of which nobody was told yet.

    Only the latest jobs are looked at, so that it costs nothing with thousands of them.
    """
    found = {folder: _news_of(folder) for folder in _folders()[:_LATEST]}
    return {folder: state for folder, state in found.items() if state}


def _news_of(folder: Path) -> State | None:
    try:
        files = FolderListing.of(folder)
        state = files.state(folder)
    except OSError:
        return None
    if NOTIFIED in files.sizes or state not in (State.WAITING, State.UNKNOWN, State.UNREAD) or is_held(folder):
        return None
    return state


def _folders() -> list[Path]:
    jobs = settings.jobs_folder()
    with os.scandir(jobs) as entries:
        names = [
            entry.name for entry in entries if not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False)
        ]
    return [jobs / name for name in sorted(names, reverse=True)]
