"""A file of keys that only the user can read, for where no key store answers."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from lib.file_lock import locked


def read(file: Path) -> dict[str, str]:
    """The keys of a file by account; none where it cannot be read."""
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(name): str(value) for name, value in kept.items()} if isinstance(kept, dict) else {}


def change(file: Path, edit: Callable[[dict[str, str]], dict[str, str]]) -> None:
    """Writes what `edit` makes of the keys; raises OSError."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with locked(file.with_name(f".{file.name}.lock"), wait=True):
        _write(file, edit(read(file)))


def _write(file: Path, kept: Mapping[str, str]) -> None:
    fresh = file.with_name(file.name + ".new")
    with contextlib.suppress(FileNotFoundError):
        fresh.unlink()
    # Created with its mode: there is no moment in which another user could read it.
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        json.dump(dict(kept), out)
    fresh.replace(file)


def forget(file: Path, account: str) -> None:
    """Deletes the key of an account; raises OSError."""
    if account in read(file):
        change(file, lambda kept: {name: value for name, value in kept.items() if name != account})
