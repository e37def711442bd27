"""The Files API: upload an image once, name it by its id in many edits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from lib.api.answer import Limits, parse_object, whole_number
from lib.api.body import multipart_body
from lib.api.calls import Calls
from lib.api.dialect import file_part
from lib.api.errors import ApiError, BadAnswerError
from lib.api.request import FileId
from lib.translation import N_, _

_HINT = N_("Check that the endpoint has the Files API.")
_LONGEST_LIST = 100_000


@dataclass(frozen=True)
class StoredFile:
    """A file that the endpoint keeps; size in bytes, times in seconds since 1970."""

    id: str
    filename: str
    size: int
    purpose: str
    created_at: int | None = None
    expires_at: int | None = None

    @property
    def reference(self) -> FileId:
        """What to put into a request's images."""
        return FileId(self.id)


class FilesClient:
    """Uploads, lists and deletes files of one endpoint; every method raises `ApiError`."""

    def __init__(self, calls: Calls, url: Callable[[str], str], limits: Limits) -> None:
        self._calls = calls
        self._url = url
        self._limits = limits

    def upload(
        self, source: str | Path | bytes, *, purpose: str = "vision", expires_after: int | None = None
    ) -> StoredFile:
        """Upload an image, to be forgotten after `expires_after` seconds when that is given."""
        fields: dict[str, Any] = {"purpose": purpose}
        if expires_after is not None:
            fields["expires_after"] = {"anchor": "created_at", "seconds": expires_after}
        try:
            body = multipart_body(fields, [file_part("file", "image", source)])
        except OSError as error:
            raise ApiError(
                _("{file} can't be read: {reason}.").format(file=error.filename, reason=error.strerror),
                _("Check the file."),
            ) from error
        with self._calls.open(billed=False) as call, call.send("POST", self._url("/files"), body) as exchange:
            return _stored(_parsed(exchange.read(self._limits.max_body_bytes)))

    def list(self, *, purpose: str | None = None) -> list[StoredFile]:
        """Return all files, newest first, those of one purpose when it is given."""
        found: list[StoredFile] = []
        query = {"purpose": purpose} if purpose else {}
        while len(found) < _LONGEST_LIST:
            page = self._get("/files", query)
            entries = page.get("data")
            if not isinstance(entries, list):
                raise BadAnswerError(_("The list of files is missing from the answer."), _(_HINT), maybe_billed=False)
            found += [_stored(entry) for entry in entries]
            if not entries or page.get("has_more") is not True:
                break
            query["after"] = found[-1].id
        return found

    def get(self, file_id: str | FileId) -> StoredFile:
        """Return what the endpoint knows of a file."""
        return _stored(self._get(_path(file_id), {}))

    def delete(self, file_id: str | FileId) -> None:
        """Delete a file."""
        url = self._url(_path(file_id))
        with self._calls.open(billed=False) as call, call.send("DELETE", url) as exchange:
            exchange.read(self._limits.max_body_bytes)

    def _get(self, path: str, query: dict[str, str]) -> dict[str, Any]:
        url = urlsplit(self._url(path))
        both = "&".join(filter(None, [url.query, urlencode(query)]))
        with self._calls.open(billed=False) as call:
            return _parsed(call.get(url._replace(query=both).geturl(), self._limits.max_body_bytes))


def _parsed(text: bytes) -> dict[str, Any]:
    return parse_object(text, _("The answer about files"))


def _path(file_id: str | FileId) -> str:
    return "/files/" + quote(file_id.value if isinstance(file_id, FileId) else file_id, safe="")


def _stored(entry: Any) -> StoredFile:
    if not isinstance(entry, dict) or not isinstance(entry.get("id"), str):
        raise BadAnswerError(_("The endpoint's answer names no file."), _(_HINT), maybe_billed=False)
    return StoredFile(
        id=entry["id"],
        filename=str(entry.get("filename", "")),
        size=whole_number(entry.get("bytes")) or 0,
        purpose=str(entry.get("purpose", "")),
        created_at=whole_number(entry.get("created_at")),
        expires_at=whole_number(entry.get("expires_at")),
    )
