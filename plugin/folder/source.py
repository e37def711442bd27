"""Whether a picture is still the one that was sent: its result belongs to no other of the same name."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path
from typing import Any


def describe_source(path: Path) -> dict[str, Any] | None:
    """Return a picture as the run's state notes it before it is sent; None where it cannot be read."""
    with contextlib.suppress(OSError), path.open("rb") as file:
        modified = path.stat().st_mtime_ns
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return {"size": file.tell(), "modified": modified, "sha256": digest}
    return None


def has_changed(path: Path, source: Any) -> bool:
    """Return whether a picture is another one than the state has noted; not where it has noted none.

    Only what has another time is read: a copy of the same picture is the same.
    """
    if not isinstance(source, dict):
        return False
    with contextlib.suppress(OSError):
        status = path.stat()
        if status.st_size != source.get("size"):
            return True
        if status.st_mtime_ns == source.get("modified"):
            return False
    now = describe_source(path)
    return now is not None and now["sha256"] != source.get("sha256")
