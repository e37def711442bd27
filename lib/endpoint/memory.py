"""Keeps the endpoint's memory small: what is long waits on disk, and what was freed goes back to the system."""

import ctypes
import sys
import tempfile
from typing import BinaryIO, cast

PIECE = 64 * 1024  # bytes that are read or sent at a time
IN_MEMORY = 512 * 1024


def spool() -> BinaryIO:
    """A new file in memory, which moves to an unnamed file on disk once it is longer than `IN_MEMORY`."""
    return cast(BinaryIO, tempfile.SpooledTemporaryFile(IN_MEMORY))


_M_ARENA_MAX = -8  # glibc's <malloc.h>


def _libc() -> ctypes.CDLL | None:
    """Return glibc, or None where there is another C library: those give memory back by themselves."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "mallopt") and hasattr(libc, "malloc_trim") else None


def use_one_heap() -> None:
    """Have threads that start from now on share one heap: of its others, glibc never gives the last part back."""
    if libc := _libc():
        libc.mallopt(_M_ARENA_MAX, 1)


def give_back() -> None:
    """Return freed memory to the system; glibc keeps it for later requests otherwise."""
    if libc := _libc():
        libc.malloc_trim(0)
