"""Detects whether a picture was replaced after it was sent: its result must not be used for the new one."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from lib.storage.file_identity import content_of


def describe_source(path: Path) -> dict[str, Any] | None:
    """Return the size, time and digest of a picture for the run's state; None if it cannot be read."""
    with contextlib.suppress(OSError):
        modified = path.stat().st_mtime_ns
        size, digest = content_of(path)
        return {"size": size, "modified": modified, "sha256": digest}
    return None


def has_changed(path: Path, source: Any) -> bool:
    """Return whether a picture differs from its description in the run's state; False if there is no description.

    The file is only read if its time has changed: an identical copy counts as the same picture.
    """
    if not isinstance(source, dict):
        return False
    with contextlib.suppress(OSError):
        status = path.stat()
        if status.st_size != source.get("size"):
            return True
        if status.st_mtime_ns == source.get("modified"):
            return False
    current = describe_source(path)
    return current is not None and current["sha256"] != source.get("sha256")
