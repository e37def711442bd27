"""A lock on a file that ends with its process, on every system."""

import contextlib
import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# What a file system without locks answers.
_NO_LOCKS_HERE = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL)

if sys.platform == "win32":
    import msvcrt

    def _take(descriptor: int, wait: bool) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _take(descriptor: int, wait: bool) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def locked(path: Path, wait: bool = False) -> Iterator[bool]:
    """Holds the lock; gives False, without it, where another process has it and we do not wait."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield _taken(descriptor, wait)
    finally:
        os.close(descriptor)


@contextmanager
def locked_where_possible(path: Path, wait: bool = False) -> Iterator[bool]:
    """`locked`, as if it were free on a file system without locks; raises OSError where the disk is full."""
    with contextlib.ExitStack() as stack:
        try:
            free = stack.enter_context(locked(path, wait))
        except OSError as error:
            if error.errno not in _NO_LOCKS_HERE:
                raise
            free = True
        yield free


def _taken(descriptor: int, wait: bool) -> bool:
    try:
        _take(descriptor, wait)
    except (BlockingIOError, PermissionError):
        # What Linux and macOS say, and what Windows says.
        return False
    return True
