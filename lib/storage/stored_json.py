"""A JSON object in a file that several processes may change at the same time.

* A change is made under a lock, written to a temporary file and renamed: a reader sees either the old or the new file.
* A damaged file, which contains no JSON object, is renamed to NAME.broken-1, NAME.broken-2, … and never lost.
* The file has a version. An older version is upgraded when it is read, and stored upgraded with the next change. Of a
  newer version, unknown fields and the version itself are preserved.
"""

import functools
import glob
import json
import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lib.storage import atomic_file
from lib.storage.file_lock import locked_where_possible
from lib.translation import _

Data = dict[str, Any]
Upgrade = Callable[[Data], Data]

_LARGEST = 16 << 20
_SET_ASIDE = "set_aside"


class _DamagedFile(ValueError):
    """The file exists but doesn't contain a JSON object."""


@dataclass(frozen=True)
class ReadResult:
    """The data of a file, and a sentence about a problem with it ("" if there is none)."""

    data: Data
    problem: str


class StoredJson:
    """One file. `upgrades` maps each older version to the function that upgrades it by one; 0 means unversioned.

    With `durable` a change is on the disk, also if the computer stops, when it returns; without, it takes less time.
    """

    def __init__(
        self, path: Path, version: int, upgrades: Mapping[int, Upgrade] | None = None, *, durable: bool = True
    ) -> None:
        # Users may link to a settings file that is elsewhere; renaming must not replace the link.
        self.path = Path(os.path.realpath(path))
        self._version = version
        self._upgrades = dict(upgrades or {})
        self._durable = durable

    def read(self) -> ReadResult:
        """Return the data of the file, {} if it doesn't exist or can't be read; never raise."""
        try:
            return self._result(atomic_file.retry(self._load))
        except FileNotFoundError:
            return ReadResult({}, "")
        except _DamagedFile:
            return self._read_damaged()
        except OSError as error:
            message = _("Couldn't read {file} ({reason}). Its contents are ignored.")
            return ReadResult({}, message.format(file=self.path.name, reason=error.strerror or error))

    def change(self, edit: Callable[[Data], Data]) -> Data:
        """Pass the data to `edit` and write what it returns, under a lock; return the written data.

        Raises OSError if the file can't be written; it is unchanged then.
        """
        with self._locked():
            try:
                data = atomic_file.retry(self._load)
            except FileNotFoundError:
                data = {}
            except _DamagedFile:
                data = {_SET_ASIDE: self._set_aside()}
            data = edit(self._upgrade(data))
            data["version"] = max(_version(data), self._version)
            self._write(data)
        return data

    def acknowledge(self) -> None:
        """Stop reporting that a damaged file was renamed; don't delete that file."""
        if _SET_ASIDE in self.read().data:
            self.change(lambda data: {name: value for name, value in data.items() if name != _SET_ASIDE})

    def remove(self) -> None:
        """Delete the file and its damaged predecessors; raise OSError if that fails."""
        folder, damaged = self.path.parent, f"{glob.escape(self.path.name)}.broken-*"
        if folder.is_dir():
            with self._locked():
                for path in (self.path, atomic_file.part_of(self.path), *folder.glob(damaged)):
                    atomic_file.retry(functools.partial(path.unlink, missing_ok=True))

    def _result(self, data: Data) -> ReadResult:
        new_name = data.get(_SET_ASIDE)
        if not isinstance(new_name, str):
            return ReadResult(self._upgrade(data), "")
        message = _("{file} was damaged. It was renamed to {new_name}, and a new file was started.")
        return ReadResult(self._upgrade(data), message.format(file=self.path.name, new_name=Path(new_name).name))

    def _read_damaged(self) -> ReadResult:
        """Rename the damaged file, so that the next change doesn't overwrite it."""
        try:
            return self._result(self.change(lambda data: data))
        except OSError as error:
            message = _("{file} is damaged and is ignored. Couldn't rename it ({reason}).")
            return ReadResult({}, message.format(file=self.path.name, reason=error.strerror or error))

    def _upgrade(self, data: Data) -> Data:
        for version in range(_version(data), self._version):
            data = self._upgrades.get(version, dict)(data)
        return data

    def _load(self) -> Data:
        with self.path.open("rb") as file:
            text = file.read(_LARGEST + 1)
        try:
            data = json.loads(text) if len(text) <= _LARGEST else None
        except (ValueError, RecursionError):
            data = None
        if not isinstance(data, dict):
            raise _DamagedFile(self.path.name)
        return data

    def _set_aside(self) -> str:
        """Rename the damaged file and return its new name."""
        number = 1
        while (new_path := self.path.with_name(f"{self.path.name}.broken-{number}")).exists():
            number += 1
        atomic_file.retry(lambda: self.path.rename(new_path))
        return new_path.name

    def _write(self, data: Data) -> None:
        text = json.dumps(data, ensure_ascii=False, indent=1).encode("utf-8", "backslashreplace")
        atomic_file.write(self.path, text, durable=self._durable)

    def _locked(self) -> AbstractContextManager[bool]:
        return locked_where_possible(self.path.with_name(f".{self.path.name}.lock"), wait=True)


def _version(data: Data) -> int:
    version = data.get("version")
    return version if isinstance(version, int) and not isinstance(version, bool) and version > 0 else 0
