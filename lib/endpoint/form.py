"""Read a request's form from either of its encodings, multipart or JSON.

Long bodies are in unnamed temporary files, one for each request, so that waiting requests take little memory. A file's
type is determined by its bytes: many clients send application/octet-stream or image/jpg for every file, or no name.
"""

import base64
import binascii
import io
import json
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Protocol, cast

from werkzeug.datastructures import FileStorage, Headers, MultiDict
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.sansio.multipart import Data, Epilogue, Event, Field, File, MultipartDecoder, NeedData
from werkzeug.wrappers import Request

from lib.endpoint.errors import HttpError, invalid, too_large
from lib.endpoint.memory import PIECE, spool
from lib.endpoint.pictures import SIGNATURES
from lib.endpoint.uploads import Count

MAX_BODY_BYTES = 256 * 1024 * 1024
MAX_JSON_BYTES = 64 * 1024 * 1024
MAX_JSON_MARKS = 100_000  # of ",", ":", "{" and "[": each one becomes an object, which is many times as large
MAX_TEXT_BYTES = 256 * 1024
MAX_PARTS = 64
MAX_URL_CHARACTERS = 20_971_520

_OVERLAYS = ("mask", "markup", "avoid")
_IMAGE_FIELDS = ("image", "image[]", *_OVERLAYS)
_DATA_URL = re.compile(r"data:([^;,]*)(;[^,]*)?,", re.IGNORECASE)
# One at a time, because a long body and its parsed values are in memory together.
_parsing_json = threading.Lock()


class Upload(Protocol):
    """An uploaded file."""

    def read(self, size: int = -1, /) -> bytes: ...

    def seek(self, offset: int, /) -> int: ...


@dataclass(frozen=True)
class ImageRef:
    """A reference to an input image: an upload or a data URL's bytes, a URL, or the id of a stored file."""

    param: str
    upload: Upload | None = None
    url: str | None = None
    file_id: str | None = None


@dataclass(frozen=True)
class RequestForm:
    """The unchecked fields of a request: text from multipart, JSON types from JSON."""

    fields: Mapping[str, Any]
    images: list[ImageRef] = field(default_factory=list)
    mask: ImageRef | None = None
    markup: ImageRef | None = None
    avoid: ImageRef | None = None


def read_form(request: Request, count: Count) -> RequestForm:
    """Return the request's fields and images; call `count` with the length of each piece of its body.

    Raise HttpError 400, 413 or 415, and the errors of `count`.
    """
    if request.mimetype == "multipart/form-data":
        return _from_multipart(*parse_multipart(request, MAX_BODY_BYTES, count))
    if request.mimetype == "application/json":
        return read_json(request, count)
    raise HttpError(
        415,
        "Send multipart/form-data or application/json.",
        code="unsupported_content_type",
    )


def parse_multipart(
    request: Request, max_bytes: int, count: Count
) -> tuple[MultiDict[str, str], MultiDict[str, FileStorage]]:
    """Return the text parts and the file parts; for `count` see `read_form`. Raise HttpError 400 or 413."""
    request.max_content_length = max_bytes
    form: MultiDict[str, str] = MultiDict()
    files: MultiDict[str, FileStorage] = MultiDict()
    try:
        for part in _parts(request, request.mimetype_params["boundary"].encode("ascii"), count):
            if part.name is None:
                raise invalid("A part of the multipart body has no name.", None, "invalid_body")
            if part.is_file:
                files.add(part.name, FileStorage(cast(BinaryIO, part.data), part.filename, part.name))
            else:
                form.add(part.name, part.text())
    except RequestEntityTooLarge as error:
        raise too_large(
            f"The body is larger than {max_bytes >> 20} MB, its text longer than "
            f"{MAX_TEXT_BYTES >> 10} kB, or there are more than {MAX_PARTS} parts."
        ) from error
    except (ValueError, LookupError) as error:
        raise invalid("The multipart body could not be read.", None, "invalid_body") from error
    return form, files


class _Slice:
    """A section at the end of a file that can be written and read like a file of its own."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._start = file.seek(0, io.SEEK_END)
        self._at = self._size = 0

    def write(self, data: bytes) -> None:
        """Append bytes; only valid until another slice of the file is created."""
        self._file.seek(self._start + self._size)
        self._file.write(data)
        self._size += len(data)

    def read(self, size: int = -1) -> bytes:
        left = self._size - self._at
        self._file.seek(self._start + self._at)
        data = self._file.read(left if size < 0 else min(size, left))
        self._at += len(data)
        return data

    def seek(self, offset: int) -> int:
        self._at = min(offset, self._size)
        return self._at


class _Part:
    """One part of a multipart body, stored in `file`; `filename` is None if the sender gave none."""

    def __init__(self, head: Field | File, file: BinaryIO) -> None:
        self.name = cast("str | None", head.name)
        self.filename = head.filename if isinstance(head, File) else None
        self.is_file = self.filename is not None or self.name in _IMAGE_FIELDS
        self.data = _Slice(file)
        self._headers: Headers = head.headers

    def text(self) -> str:
        """Return the text of a part that is not a file."""
        latin = "iso-8859-1" in self._headers.get("content-type", "").lower()
        return self.data.read().decode("iso-8859-1" if latin else "utf-8", "replace")


def _parts(request: Request, boundary: bytes, count: Count) -> Iterator[_Part]:
    """Yield each complete part of a multipart body. Raise RequestEntityTooLarge if the text is too long."""
    if not boundary:
        raise ValueError("The boundary is empty.")
    decoder = MultipartDecoder(boundary, MAX_TEXT_BYTES, max_parts=MAX_PARTS)
    part: _Part | None = None
    file, text_left = spool(), MAX_TEXT_BYTES
    while True:
        piece = request.stream.read(PIECE)
        count(len(piece))
        decoder.receive_data(piece or None)
        for event in _events(decoder):
            if isinstance(event, Field | File):
                part = _Part(event, file)
            elif isinstance(event, Data) and part:
                part.data.write(event.data)
                if not part.is_file:
                    text_left -= len(event.data)
                if text_left < 0:
                    raise RequestEntityTooLarge
                if not event.more_data:
                    yield part
        if not piece:
            return


def _events(decoder: MultipartDecoder) -> Iterator[Event]:
    while not isinstance(event := decoder.next_event(), Epilogue | NeedData):
        yield event


def read_json(request: Request, count: Count) -> RequestForm:
    """Return the form of a JSON body; for `count` see `read_form`. Raise HttpError 400 or 413."""
    request.max_content_length = MAX_JSON_BYTES
    with spool() as body:
        try:
            while piece := request.stream.read(PIECE):
                count(len(piece))
                body.write(piece)
        except RequestEntityTooLarge as error:
            raise too_large(f"A JSON body can have {MAX_JSON_BYTES >> 20} MB; use multipart or files.") from error
        body.seek(0)
        with _parsing_json:
            return _from_json(_parse_json(body.read()))


def _parse_json(body: bytes) -> dict[str, Any]:
    if sum(body.count(mark) for mark in (b",", b":", b"{", b"[")) > MAX_JSON_MARKS:
        raise too_large("The JSON body has too many values.")
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise invalid("The body is not valid JSON.", None, "invalid_json") from error
    if not isinstance(value, dict):
        raise invalid("The body must be a JSON object.", None, "invalid_type")
    return value


def _from_multipart(form: MultiDict[str, str], files: MultiDict[str, FileStorage]) -> RequestForm:
    for name in files:
        if name not in _IMAGE_FIELDS:
            raise invalid(f"Unknown file part: '{name[:64]}'.", name[:64], "unknown_parameter")
    for name in form:
        if len(form.getlist(name)) > 1:
            raise invalid(f"'{name[:64]}' is given more than once.", name[:64])
    for name in _OVERLAYS:
        if len(files.getlist(name)) > 1:
            raise invalid(f"'{name}' is given more than once.", name)
    uploads = files.getlist("image") + files.getlist("image[]")
    images = [_upload(part, f"image[{index}]") for index, part in enumerate(uploads)]
    overlays = {name: _upload(files[name], name) for name in _OVERLAYS if name in files}
    return RequestForm(dict(form), images, **overlays)


def _upload(part: FileStorage, param: str) -> ImageRef:
    stream = cast(Upload, part.stream)
    if part.filename is None and not stream.read(16).startswith(SIGNATURES):
        raise invalid(f"Invalid type for '{param}': expected a file, but got a string instead.", param, "invalid_type")
    return ImageRef(param, upload=stream)


def _from_json(body: dict[str, Any]) -> RequestForm:
    images = body.pop("images", None)
    if images is None:
        images = []
    if not isinstance(images, list):
        raise invalid("'images' must be a list of objects.", "images", "invalid_type")
    entries = {name: body.pop(name, None) for name in _OVERLAYS}
    references = [_reference(entry, f"images[{index}]") for index, entry in enumerate(images)]
    overlays = {name: _reference(entry, name) for name, entry in entries.items() if entry is not None}
    return RequestForm(body, references, **overlays)


def _reference(entry: Any, param: str) -> ImageRef:
    if not isinstance(entry, dict):
        raise invalid(f"'{param}' must be an object.", param, "invalid_type")
    unknown = set(entry) - {"file_id", "image_url"}
    if unknown:
        name = f"{param}.{min(unknown)[:64]}"
        raise invalid(f"Unknown parameter: '{name}'.", name, "unknown_parameter")
    given = {name: value for name, value in entry.items() if value is not None}
    if len(given) != 1:
        raise invalid(f"'{param}' needs exactly one of 'image_url' and 'file_id'.", param)
    ((name, value),) = given.items()
    if not isinstance(value, str):
        raise invalid(f"'{param}.{name}' must be a string.", f"{param}.{name}", "invalid_type")
    if len(value) > MAX_URL_CHARACTERS:
        raise invalid(
            f"'{param}.{name}' is longer than {MAX_URL_CHARACTERS} characters.",
            f"{param}.{name}",
            "string_above_max_length",
        )
    if name == "file_id":
        return ImageRef(param, file_id=value)
    value = value.strip()
    if value[:5].lower() == "data:":
        return ImageRef(param, upload=_from_data_url(value, param))
    return ImageRef(param, url=value)


def _from_data_url(url: str, param: str) -> BinaryIO:
    """Return the bytes of a data URL of any declared type; its base64 may contain line breaks."""
    match = _DATA_URL.match(url)
    if not match or not (match[2] or "").lower().endswith(";base64"):
        raise invalid("A data URL must have the form data:image/png;base64,...", param, "invalid_image_url")
    try:
        data = base64.b64decode("".join(url[match.end() :].split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise invalid("The data URL's base64 could not be decoded.", param, "invalid_image_url") from error
    file = spool()
    file.write(data)
    return file
