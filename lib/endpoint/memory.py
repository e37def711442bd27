"""Keeps the endpoint's memory small: what is long waits on disk, and what was freed goes back to the system."""

import ctypes
import sys
import tempfile
from collections.abc import Callable
from typing import Any, BinaryIO, cast

PIECE = 64 * 1024  # bytes that are read or sent at a time
IN_MEMORY = 512 * 1024


def spool() -> BinaryIO:
    """A new file in memory, which moves to an unnamed file on disk once it is longer than `IN_MEMORY`."""
    return cast(BinaryIO, tempfile.SpooledTemporaryFile(IN_MEMORY))


def _malloc_trim() -> Callable[[int], Any] | None:
    """Return glibc's function, or None where there is another C library: those give memory back by themselves."""
    if sys.platform != "linux":
        return None
    try:
        return ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):
        return None


_trim = _malloc_trim()


def give_back() -> None:
    """Return the freed pages of every thread's heap; glibc keeps them for later requests otherwise."""
    if _trim is not None:
        _trim(0)
