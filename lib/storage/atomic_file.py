"""Writing a whole file so that a reader sees either the old or the new contents, never a part."""

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

_Result = TypeVar("_Result")
# O_BINARY exists on Windows only, where a line feed would else become two characters.
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
_RETRY_SECONDS = 2.0 if os.name == "nt" else 0.0


def write(path: Path, data: bytes, *, durable: bool = False) -> None:
    """Write a file that only the user can read (mode 0600); raise OSError if that fails, the old file is intact then.

    `durable` waits until the data is on the disk. Two processes must not write the same file at the same time.
    """
    part = part_of(path)
    try:
        with os.fdopen(_create(part), "wb") as file:
            file.write(data)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        retry(lambda: part.replace(path))
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink()
        raise


def part_of(path: Path) -> Path:
    """Return the temporary name under which `write` writes a file."""
    return path.with_name(f".{path.name}.part")


def _create(part: Path) -> int:
    """Create a file with its final mode, so that no other user can read it at any moment; return its descriptor."""
    try:
        return os.open(part, _CREATE, 0o600)
    except FileExistsError:  # left by a process that was killed
        part.unlink()
        return os.open(part, _CREATE, 0o600)


def retry(operation: Callable[[], _Result]) -> _Result:
    """Retry an operation for two seconds on Windows, where it fails while another process has the file open."""
    end = time.monotonic() + _RETRY_SECONDS
    while True:
        try:
            return operation()
        except PermissionError:
            if time.monotonic() >= end:
                raise
            time.sleep(0.01)
