"""A lock on a file, released when its process ends, on every operating system."""

import contextlib
import errno
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCKS_UNSUPPORTED = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL)
"""The errors of file systems without locks."""

if sys.platform == "win32":
    import msvcrt

    _POLL_SECONDS = 0.05

    def _lock(descriptor: int, wait: bool) -> None:
        while True:
            try:
                # LK_LOCK, which should wait, gives up after ten seconds.
                msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            except PermissionError:
                if not wait:
                    raise
                time.sleep(_POLL_SECONDS)
            else:
                return

    def _unlock(descriptor: int) -> None:
        # Windows releases the locks of a closed file only some time later.
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
else:
    import fcntl

    def _lock(descriptor: int, wait: bool) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _unlock(descriptor: int) -> None:
        """Do nothing: the lock is released when the file is closed."""


@contextmanager
def locked(path: Path, wait: bool = False) -> Iterator[bool]:
    """Hold the lock of a file; yield False if another process holds it and `wait` is off."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    acquired = False
    try:
        acquired = _try_lock(descriptor, wait)
        yield acquired
    finally:
        if acquired:
            _unlock(descriptor)
        os.close(descriptor)


@contextmanager
def locked_where_possible(path: Path, wait: bool = False) -> Iterator[bool]:
    """Like `locked`, but go on without a lock if the file system has none; raise OSError if the disk is full."""
    with contextlib.ExitStack() as stack:
        try:
            acquired = stack.enter_context(locked(path, wait))
        except OSError as error:
            if error.errno not in LOCKS_UNSUPPORTED:
                raise
            acquired = True
        yield acquired


def _try_lock(descriptor: int, wait: bool) -> bool:
    try:
        _lock(descriptor, wait)
    except (BlockingIOError, PermissionError):
        # The former is raised on Linux and macOS, the latter on Windows.
        return False
    return True
