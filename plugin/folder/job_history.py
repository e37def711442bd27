"""The jobs that a folder run leaves in the history: the oldest are deleted once they exceed the limit of the settings.

The history itself spares jobs younger than an hour, in which a run could fill the disk.
"""

import contextlib
import os
from collections import deque
from pathlib import Path

from lib.jobs import history
from lib.settings import settings


class RetainedJobs:
    """The jobs that a run has finished; `limit` is in bytes, 0 for none, by default the limit of the settings."""

    def __init__(self, limit: int | None = None) -> None:
        self._limit = settings.load().history_megabytes * 1_000_000 if limit is None else limit
        self._jobs: deque[tuple[Path, int]] = deque()
        self._total = 0

    def add(self, folder: Path) -> None:
        """Add a job, and delete the oldest ones beyond the limit; disk errors are ignored."""
        size = _size(folder)
        self._jobs.append((folder, size))
        self._total += size
        while self._limit and self._total > self._limit:
            oldest, size = self._jobs.popleft()
            self._total -= size
            with contextlib.suppress(OSError):
                history.delete(oldest)


def _size(folder: Path) -> int:
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        return sum(entry.stat(follow_symlinks=False).st_size for entry in entries)
    return 0
