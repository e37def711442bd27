"""A lock on a file, released when its process ends, on every operating system."""

import contextlib
import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# The errors of file systems without locks.
_LOCKS_UNSUPPORTED = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL)

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int, wait: bool) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(descriptor: int, wait: bool) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def locked(path: Path, wait: bool = False) -> Iterator[bool]:
    """Hold the lock of a file; yield False if another process holds it and `wait` is off."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield _try_lock(descriptor, wait)
    finally:
        os.close(descriptor)


@contextmanager
def locked_where_possible(path: Path, wait: bool = False) -> Iterator[bool]:
    """Like `locked`, but go on without a lock if the file system has none; raise OSError if the disk is full."""
    with contextlib.ExitStack() as stack:
        try:
            acquired = stack.enter_context(locked(path, wait))
        except OSError as error:
            if error.errno not in _LOCKS_UNSUPPORTED:
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
