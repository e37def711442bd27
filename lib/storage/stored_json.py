"""A JSON object in a file that several processes change at once, on every system.

* A change is made under a lock, written to a temporary name and renamed: a reader sees the old file or the new one.
* A file that holds no object is set aside as NAME.broken-1, NAME.broken-2, … and is not lost.
* The file has a version. An older one is taken over when it is read, and written so with the next change. Of a newer
  one everything that we do not know is kept, its version too.
"""

import contextlib
import functools
import glob
import json
import os
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from lib.storage.file_lock import locked_where_possible
from lib.translation import _

Data = dict[str, Any]
Upgrade = Callable[[Data], Data]
_Result = TypeVar("_Result")

_LARGEST = 16 << 20
_SET_ASIDE = "set_aside"
_PATIENCE_SECONDS = 2.0 if os.name == "nt" else 0.0


class _NotAnObject(ValueError):
    """The file is there, and what it holds is no JSON object."""


@dataclass(frozen=True)
class ReadResult:
    """What was read, and a sentence about what was wrong with the file ("" for nothing)."""

    data: Data
    problem: str


class StoredJson:
    """One file; `upgrades` makes of an older version the next one, 0 being a file without a version."""

    def __init__(self, path: Path, version: int, upgrades: Mapping[int, Upgrade] | None = None) -> None:
        # A link, as people make to a folder of settings that they keep elsewhere, stays a link.
        self.path = Path(os.path.realpath(path))
        self._version = version
        self._upgrades = dict(upgrades or {})

    def read(self) -> ReadResult:
        """What the file holds, {} where there is none; never raises, whatever is wrong with the file."""
        try:
            return self._found(_patiently(self._load))
        except FileNotFoundError:
            return ReadResult({}, "")
        except _NotAnObject:
            return self._read_broken()
        except OSError as error:
            told = _("{file} cannot be read ({reason}): what it holds is not used.")
            return ReadResult({}, told.format(file=self.path.name, reason=error.strerror or error))

    def change(self, edit: Callable[[Data], Data]) -> Data:
        """Gives `edit` what the file holds and writes what it returns, while no other process can write.

        Returns what was written; raises OSError where the disk refuses, the file then being as it was.
        """
        with self._locked():
            try:
                data = _patiently(self._load)
            except FileNotFoundError:
                data = {}
            except _NotAnObject:
                data = {_SET_ASIDE: self._set_aside()}
            data = edit(self._taken_over(data))
            data["version"] = max(_version(data), self._version)
            self._write(data)
        return data

    def acknowledge(self) -> None:
        """Forgets that a broken file was set aside; the file itself stays."""
        if _SET_ASIDE in self.read().data:
            self.change(lambda data: {name: value for name, value in data.items() if name != _SET_ASIDE})

    def remove(self) -> None:
        """Deletes the file with all that was set aside of it; raises OSError."""
        folder, broken = self.path.parent, f"{glob.escape(self.path.name)}.broken-*"
        if folder.is_dir():
            with self._locked():
                for path in (self.path, self._part(), *folder.glob(broken)):
                    _patiently(functools.partial(path.unlink, missing_ok=True))

    def _found(self, data: Data) -> ReadResult:
        aside = data.get(_SET_ASIDE)
        if not isinstance(aside, str):
            return ReadResult(self._taken_over(data), "")
        told = _("{file} could not be read. It was set aside as {aside}, and everything in it starts afresh.")
        return ReadResult(self._taken_over(data), told.format(file=self.path.name, aside=Path(aside).name))

    def _read_broken(self) -> ReadResult:
        """Sets the file aside, so that the next change does not write over it."""
        try:
            return self._found(self.change(lambda data: data))
        except OSError as error:
            told = _("{file} is broken, and what it holds is not used. It could not be set aside ({reason}).")
            return ReadResult({}, told.format(file=self.path.name, reason=error.strerror or error))

    def _taken_over(self, data: Data) -> Data:
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
            raise _NotAnObject(self.path.name)
        return data

    def _set_aside(self) -> str:
        number = 1
        while (aside := self.path.with_name(f"{self.path.name}.broken-{number}")).exists():
            number += 1
        _patiently(lambda: self.path.rename(aside))
        return aside.name

    def _write(self, data: Data) -> None:
        part = self._part()
        text = json.dumps(data, ensure_ascii=False, indent=1).encode("utf-8", "backslashreplace")
        part.unlink(missing_ok=True)
        try:
            # Created with its mode: there is no moment in which another user could read it.
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            _patiently(lambda: part.replace(self.path))
        except OSError:
            with contextlib.suppress(OSError):
                part.unlink()
            raise

    def _part(self) -> Path:
        return self.path.with_name(f".{self.path.name}.part")

    def _locked(self) -> AbstractContextManager[bool]:
        return locked_where_possible(self.path.with_name(f".{self.path.name}.lock"), wait=True)


def _version(data: Data) -> int:
    version = data.get("version")
    return version if isinstance(version, int) and not isinstance(version, bool) and version > 0 else 0


def _patiently(work: Callable[[], _Result]) -> _Result:
    """Tries for two seconds: Windows refuses while another process has the file open for a moment."""
    end = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return work()
        except PermissionError:
            if time.monotonic() >= end:
                raise
            time.sleep(0.01)
