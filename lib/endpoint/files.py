"""The Files API's store: a folder of uploads, limited in size, that expire."""

import contextlib
import json
import os
import re
import secrets
import threading
import time
from pathlib import Path
from typing import Any, BinaryIO

from lib.endpoint.errors import HttpError, too_large
from lib.storage import atomic_file

MAX_FILE_BYTES = 50 * 1024 * 1024
MAX_TOTAL_BYTES = 1024 * 1024 * 1024
DEFAULT_SECONDS = 7 * 24 * 3600

_ID = re.compile(r"file-[0-9a-f]{24}")
_CHUNK = 1 << 20
_KEYS = {"id", "bytes", "created_at", "expires_at", "filename", "purpose"}

Entry = dict[str, Any]


class FileStore:
    """A folder with ID.bin and ID.json for each file, which is created at the first upload.

    Safe for several threads, and for several processes on one folder: an entry exists once its JSON file, which
    is written last and renamed into place, exists. File names from requests are never used as paths.
    """

    def __init__(self, folder: Path, max_total: int = MAX_TOTAL_BYTES) -> None:
        self._folder = folder
        self._max_total = max_total
        self._lock = threading.Lock()

    def add(self, stream: BinaryIO, filename: str, purpose: str, seconds: int = DEFAULT_SECONDS) -> Entry:
        """Store a stream. Raise HttpError 413 if it is too large or the store is full."""
        file_id = f"file-{secrets.token_hex(12)}"
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._lock:
            available = self._max_total - sum(entry["bytes"] for entry in self._entries())
            size = self._copy(stream, self._data_path(file_id), min(available, MAX_FILE_BYTES))
            now = int(time.time())
            entry = {
                "id": file_id,
                "object": "file",
                "bytes": size,
                "created_at": now,
                "expires_at": now + seconds,
                "filename": clean_name(filename),
                "purpose": purpose,
                "status": "processed",
            }
            atomic_file.write(self._entry_path(file_id), json.dumps(entry).encode())
        return entry

    def get(self, file_id: str) -> Entry:
        """Return a file's entry. Raise HttpError 404 if it does not exist or has expired."""
        entry = self._read(self._entry_path(file_id)) if _ID.fullmatch(file_id) else None
        if entry is None or entry["expires_at"] <= time.time():
            raise HttpError(404, f"No such File object: {file_id[:64]}", code="not_found", param="id")
        return entry

    def open(self, file_id: str) -> tuple[BinaryIO, int]:
        """Return the file, open for reading, and its size. Raise HttpError 404."""
        self.get(file_id)
        try:
            file = self._data_path(file_id).open("rb")
        except FileNotFoundError as error:
            raise HttpError(404, f"No such File object: {file_id}", code="not_found", param="id") from error
        return file, os.fstat(file.fileno()).st_size

    def content(self, file_id: str) -> bytes:
        """Return the file's bytes. Raise HttpError 404."""
        file, _size = self.open(file_id)
        with file:
            return file.read()

    def delete(self, file_id: str) -> None:
        """Delete the file. Raise HttpError 404."""
        self.get(file_id)
        with self._lock:
            self._remove(file_id)

    def all(self) -> list[Entry]:
        """Return every entry that has not expired, oldest first."""
        with self._lock:
            return sorted(self._entries(), key=lambda entry: (entry["created_at"], entry["id"]))

    def _entries(self) -> list[Entry]:
        """Return the live entries; delete expired ones."""
        live = []
        for path in self._folder.glob("file-*.json"):
            entry = self._read(path)
            if entry is not None and entry["expires_at"] > time.time():
                live.append(entry)
            elif entry is not None:
                self._remove(path.stem)
        return live

    def _copy(self, stream: BinaryIO, target: Path, max_bytes: int) -> int:
        size = 0
        try:
            with target.open("wb") as out:
                while chunk := stream.read(_CHUNK):
                    size += len(chunk)
                    if size > max_bytes:
                        raise too_large(
                            f"A file can have at most {MAX_FILE_BYTES >> 20} MB, and all files together "
                            f"{self._max_total >> 20} MB. Delete some files.",
                            "file",
                        )
                    out.write(chunk)
        except BaseException:
            target.unlink(missing_ok=True)
            raise
        return size

    def _read(self, path: Path) -> Entry | None:
        """Return the entry in `path`; None if it does not exist or is not valid."""
        try:
            entry = json.loads(path.read_text("utf-8"))
        except (FileNotFoundError, ValueError):
            return None
        return entry if isinstance(entry, dict) and entry.keys() >= _KEYS and entry["id"] == path.stem else None

    def _remove(self, file_id: str) -> None:
        for path in (self._entry_path(file_id), self._data_path(file_id)):
            with contextlib.suppress(FileNotFoundError):
                path.unlink()

    def _entry_path(self, file_id: str) -> Path:
        return self._folder / f"{file_id}.json"

    def _data_path(self, file_id: str) -> Path:
        return self._folder / f"{file_id}.bin"


def clean_name(name: str) -> str:
    """Return the last part of `name` without control characters, at most 255 characters, for display only."""
    basename = re.split(r"[/\\]", name)[-1]
    return "".join(character for character in basename if character.isprintable())[:255] or "file"
