"""A file of keys that only the user can read, for where no key store answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lib.storage.stored_json import Data, StoredJson

_VERSION = 1


def read(file: Path) -> dict[str, str]:
    """Return the keys of a file by account; none where it cannot be read."""
    return _keys(StoredJson(file, _VERSION).read().data)


def problem(file: Path) -> str:
    """Return what is wrong with the file, in a sentence; "" for nothing."""
    return StoredJson(file, _VERSION).read().problem


def change(file: Path, edit: Callable[[dict[str, str]], dict[str, str]]) -> None:
    """Write what `edit` makes of the keys; raise OSError."""
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
    """Delete the file, and what was set aside because it was damaged; raise OSError."""
    StoredJson(file, _VERSION).remove()
    # Where the file is a link, that was what it leads to.
    file.unlink(missing_ok=True)


def _keys(data: Data) -> dict[str, str]:
    """The accounts' entries: their names are a provider and a host, and what the storage itself notes has one word."""
    return {name: value for name, value in data.items() if " " in name and isinstance(value, str)}
