"""The identity of a file: its name, size and hash."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

_CHUNK = 1 << 18
_SURROGATE = re.compile("[\ud800-\udfff]")

Content = tuple[int, str]
"""A file's size in bytes and its SHA-256."""
File = dict[str, Any]
"""The identity of a file: its "name", "size" in bytes and "sha256"."""


def content_of(path: Path) -> Content:
    """Return the size and the hash of a file, which identify its content; raise OSError if it can't be read."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):  # hashlib.file_digest needs Python 3.11
            digest.update(chunk)
            size += len(chunk)
    return size, digest.hexdigest()


def describe_file(path: Path, name: str) -> File:
    """Return the identity of a file under the given name; raise OSError if it can't be read."""
    size, digest = content_of(path)
    return {"name": name, "size": size, "sha256": digest}


def readable_name(name: str) -> str:
    """Return a file's name with a replacement character for each byte that can't be decoded."""
    return _SURROGATE.sub("\ufffd", name)
