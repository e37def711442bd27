"""The key file, readable only by the user, for systems without a key store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lib.storage.stored_json import Data, StoredJson

_VERSION = 1


def read(file: Path) -> dict[str, str]:
    """Return the keys of a file by account; empty if it can't be read."""
    return _keys(StoredJson(file, _VERSION).read().data)


def problem(file: Path) -> str:
    """Return a sentence about the problem with the file, or ""."""
    return StoredJson(file, _VERSION).read().problem


def change(file: Path, edit: Callable[[dict[str, str]], dict[str, str]]) -> None:
    """Replace the keys by the result of `edit`; raise OSError."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)

    def change_keys(data: Data) -> Data:
        keys = _keys(data)
        return {name: value for name, value in data.items() if name not in keys} | edit(keys)

    stored = StoredJson(file, _VERSION)
    stored.acknowledge()
    stored.change(change_keys)


def forget(file: Path, account: str) -> None:
    """Delete the key of an account; raise OSError."""
    if account in read(file):
        change(file, lambda keys: {name: value for name, value in keys.items() if name != account})


def remove(file: Path) -> None:
    """Delete the file and the copies of damaged versions; raise OSError."""
    StoredJson(file, _VERSION).remove()
    # If the file is a link, only its target has been removed.
    file.unlink(missing_ok=True)


def _keys(data: Data) -> dict[str, str]:
    """Return the accounts' entries, named "PROVIDER HOST"; the names of the storage's own entries have no space."""
    return {name: value for name, value in data.items() if " " in name and isinstance(value, str)}
