"""Keep the endpoint's memory small: spool long bodies to disk, and return freed memory to the system."""

import ctypes
import sys
import tempfile
from typing import BinaryIO, cast

PIECE = 64 * 1024  # bytes to read or send at a time
IN_MEMORY = 512 * 1024


def spool() -> BinaryIO:
    """Return a new file in memory that moves to an unnamed file on disk when it exceeds `IN_MEMORY`."""
    return cast(BinaryIO, tempfile.SpooledTemporaryFile(IN_MEMORY))


_M_ARENA_MAX = -8  # glibc's <malloc.h>


def _libc() -> ctypes.CDLL | None:
    """Return glibc, or None for another C library, as others return memory by themselves."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "mallopt") and hasattr(libc, "malloc_trim") else None


def use_one_heap() -> None:
    """Let new threads share one heap: glibc never returns the last part of additional heaps."""
    if libc := _libc():
        libc.mallopt(_M_ARENA_MAX, 1)


def release_memory() -> None:
    """Return freed memory to the system, which glibc would otherwise keep for later requests."""
    if libc := _libc():
        libc.malloc_trim(0)
