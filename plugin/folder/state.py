"""The state of a folder run: a file of JSON lines in the output folder, from which an interrupted run is resumed.

Runs that share the folder have a file each, run.jsonl, run-2.jsonl, …, and read all of them: see leases.py.

    {"version": 2}                                                         the first line
    {"picture": NAME, "output": NAME, "job": FOLDER, "sent": false, "source": FILE, "request": DIGEST}    at the start
    {"picture": NAME, "output": NAME, "job": FOLDER, …}                    before the request can be sent
    {"picture": NAME, "output": NAME}                                      the request was withdrawn before it was sent
    {"picture": NAME, "output": NAME, "job": FOLDER, "state": "done", …}   at the end: done, failed or unknown
    {"files": [{"name": NAME, "size": BYTES, "sha256": TEXT}, …], …}       before these files get their names

The last line of a picture counts; where several runs have written about it, the one with the highest "turn", which each
line raises by one, as only one run at a time works on a picture. Lines are only appended, and each is on disk before
the run acts on it. Truncated or invalid lines are ignored: anybody can edit the file. Only the place of each picture's
last line and a digest of each file are held in memory. A listed file was written by a run and may be replaced as long
as its content is unchanged.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import re
import threading
from collections.abc import Callable, Container, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

from lib.storage.file_identity import File

VERSION = 2  # 1: a run has the output folder to itself
_FILE = re.compile(r"run(-\d+)?\.jsonl")
ENDS = ("done", "failed", "unknown")
"""How a picture's job can end."""
DONE, FAILED, UNKNOWN = ENDS
Line = dict[str, Any]
Place = tuple[int, Path | None, int]
"""Where a line is: its turn, the file of another run or None for this run's, and the offset there."""


class NewerVersion(ValueError):
    """The file was written by a newer version, whose lines may have another meaning."""


class RunState:
    """The file, open for appending; safe to share between threads."""

    def __init__(self, path: Path) -> None:
        """Open or create the file; raise OSError or NewerVersion."""
        self._path = path
        self._file = path.open("a+b")
        self._places: dict[str, Place] = {}
        self._others: dict[Path, int] = {}  # how far the file of each other run was read
        self._written: set[bytes] = set()
        self._lock = threading.Lock()
        try:
            self._read()
            self.refresh()
        except BaseException:
            self.close()
            raise

    def refresh(self) -> None:
        """Read what other runs have written; raise OSError or NewerVersion."""
        with self._lock:
            self._read_others()

    def last(self, picture: str) -> Line | None:
        """Return a picture's last line; None if it was never started."""
        place = self._places.get(picture)
        if place is None:
            return None
        _turn, other, offset = place
        if other:
            with other.open("rb") as file:
                file.seek(offset)
                return parse_line(file.readline())
        with self._lock:
            self._file.seek(offset)
            return parse_line(self._file.readline())

    def place(self, picture: str) -> Place | None:
        """Return where a picture's last line is, which changes with each line about it."""
        return self._places.get(picture)

    def add(self, picture: str, **fields: Any) -> None:
        """Append a line about a picture and sync it to disk; raise OSError."""
        self._add({"picture": picture, **fields})

    def add_files(self, files: Sequence[File]) -> None:
        """Append a line about files that are not the result of a picture; raise OSError."""
        self._add({"files": files})

    def has_written(self, file: File) -> bool:
        """Return whether a run has written a file of this name, size and content."""
        return _digest(file) in self._written

    def pictures(self) -> list[str]:
        """Return the names of all pictures that were started."""
        return list(self._places)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _add(self, fields: dict[str, Any]) -> None:
        with self._lock:
            if "state" in fields:
                # Another run may have reported the picture as unknown, if this computer slept. The end counts more; a
                # line about the start of an edit that another run has taken over meanwhile counts less.
                with contextlib.suppress(OSError, NewerVersion):  # without them, the line is still worth writing
                    self._read_others()
            if self._others and "picture" in fields:
                fields["turn"] = self._turn(fields["picture"]) + 1
            line = json.dumps(fields, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"
            self._file.seek(0, os.SEEK_END)
            offset = self._file.tell()
            self._file.write(line)
            self._file.flush()
            os.fsync(self._file.fileno())
            self._note(line, None, offset)

    def _read(self) -> None:
        self._file.seek(0)
        offset, line = 0, b"\n"
        for line in self._file:
            self._note(line, None, offset)
            offset += len(line)
        if offset == 0:
            self._file.write(json.dumps({"version": VERSION}).encode() + b"\n")
        elif not line.endswith(b"\n"):
            self._file.write(b"\n")
        self._file.flush()

    def _read_others(self) -> None:
        for path in state_files(self._path.parent):
            if path != self._path:
                self._read_other(path)

    def _read_other(self, path: Path) -> None:
        """Read the complete lines that another run has added to its file since the last time."""
        offset = self._others.setdefault(path, 0)
        # Opened each time, so that a network file system asks for the file's current size.
        with path.open("rb") as file:
            file.seek(offset)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self._note(line, path, offset)
                offset += len(line)
        self._others[path] = offset

    def _turn(self, picture: str) -> int:
        return self._places.get(picture, (0, None, 0))[0]

    def _note(self, data: bytes, other: Path | None, offset: int) -> None:
        line = parse_line(data)
        if offset == 0 and line.get("version", 0) > VERSION:
            raise NewerVersion
        if not data.endswith(b"\n"):
            return
        turn = line.get("turn", 0)
        if _counts(line, self._places) and turn >= self._turn(line["picture"]):
            self._places[line["picture"]] = turn, other, offset
        self._written.update(map(_digest, line.get("files", ())))


def state_files(folder: Path) -> list[Path]:
    """Return the states of all runs that have used an output folder, given the folder that they are in.

    Raise OSError if that folder cannot be read.
    """
    return sorted(path for path in folder.iterdir() if _FILE.fullmatch(path.name))


def read_lines(folder: Path) -> dict[str, Line]:
    """Return the last line of each picture, without creating or changing a file; empty if none can be read."""
    lines: dict[str, Line] = {}
    paths: list[Path] = []
    with contextlib.suppress(OSError):
        paths = state_files(folder)
    for path in paths:
        with contextlib.suppress(OSError), path.open("rb") as file:
            for line in map(parse_line, file):
                if _counts(line, lines) and line.get("turn", 0) >= lines.get(line["picture"], {}).get("turn", 0):
                    lines[line["picture"]] = line
    return lines


def _counts(line: Line, pictures: Container[str]) -> bool:
    """Return whether a line says how far its picture is; one without "output" only does so for a new picture."""
    picture = line.get("picture")
    return picture is not None and ("output" in line or ("job" in line and picture not in pictures))


def _digest(file: File) -> bytes:
    fields = [file.get(name) for name in ("name", "size", "sha256")]
    return hashlib.sha256(json.dumps(fields).encode("ascii")).digest()[:16]


def parse_line(data: bytes) -> Line:
    """Return the valid fields of a line; empty if it is not a JSON object."""
    try:
        values = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(values, dict):
        return {}
    line = {name: values[name] for name, is_valid in _FIELDS.items() if name in values and is_valid(values[name])}
    if isinstance(values.get("files"), list):
        line["files"] = list(filter(_is_file, values["files"]))
    if values.get("job") is not None:
        # Even an invalid name may stand for a request that was paid for.
        line["job"] = str(values["job"])
    return line


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_name(value: object) -> bool:
    """Return whether a value is the name of a file in the output folder."""
    if not isinstance(value, str) or "\0" in value:
        return False
    path = PurePath(value)
    return bool(path.parts) and not path.anchor and ".." not in path.parts


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_amount(value: object) -> bool:
    return _is_count(value) or (isinstance(value, float) and math.isfinite(value) and value >= 0)


def _is_file(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    return _is_name(value.get("name")) and _is_count(value.get("size")) and _is_text(value.get("sha256"))


def _is_source(value: object) -> bool:
    return isinstance(value, dict) and _is_count(value.get("size")) and _is_text(value.get("sha256"))


def _is_list_of(is_valid: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, list) and all(map(is_valid, value))


_FIELDS: Mapping[str, Callable[[object], bool]] = {
    "version": _is_count,
    "picture": _is_text,
    "output": _is_name,
    "source": _is_source,
    "request": _is_text,
    "sent": lambda value: isinstance(value, bool),
    "turn": _is_count,
    "state": lambda value: isinstance(value, str) and value in ENDS,
    "outputs": _is_list_of(_is_name),
    "cost": _is_amount,
    "request_ids": _is_list_of(_is_text),
    "provider": _is_text,
    "model": _is_text,
    "seconds": _is_amount,
    "message": _is_text,
}
