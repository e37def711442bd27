"""Which file it is: its name as it can be written down, its size, and a hash of its content."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

_NO_TEXT = re.compile("[\ud800-\udfff]")

Content = tuple[int, str]
"""A file's size in bytes and its SHA-256."""
File = dict[str, Any]
"""A file as the state lists it: its "name", "size" in bytes and "sha256"."""


def content_of(path: Path) -> Content:
    """Return what files of the same content share; raise OSError."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return file.tell(), digest


def describe_file(path: Path, name: str) -> File:
    """Return a file as the run's state lists it, under the name that it has or gets; raise OSError."""
    size, digest = content_of(path)
    return {"name": name, "size": size, "sha256": digest}


def readable_name(name: str) -> str:
    """Return a file's name with a sign in place of each byte that is no text."""
    return _NO_TEXT.sub("\ufffd", name)
