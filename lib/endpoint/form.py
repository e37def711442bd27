"""The two encodings of a request, multipart and JSON, read into one shape."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import FormDataParser
from werkzeug.wrappers import Request

from lib.endpoint.errors import ApiError, invalid, too_large

MAX_BODY_BYTES = 256 * 1024 * 1024
MAX_JSON_BYTES = 64 * 1024 * 1024
MAX_TEXT_BYTES = 256 * 1024
MAX_PARTS = 64
MAX_URL_CHARACTERS = 20_971_520
MIME_TYPES = ("image/jpeg", "image/png", "image/webp")


@dataclass(frozen=True)
class ImageRef:
    """An input image before it is fetched: an upload, a URL, or the id of a stored file."""

    param: str
    upload: BinaryIO | None = None
    url: str | None = None
    file_id: str | None = None


@dataclass(frozen=True)
class Form:
    """What a request says, its values not checked yet: text from multipart, JSON's own types from JSON."""

    fields: Mapping[str, Any]
    images: list[ImageRef] = field(default_factory=list)
    mask: ImageRef | None = None


def read_form(request: Request) -> Form:
    """The request's fields and images. Raises ApiError 400, 413 or 415."""
    if request.mimetype == "multipart/form-data":
        return _from_multipart(*parse_multipart(request, MAX_BODY_BYTES))
    if request.mimetype == "application/json":
        return _from_json(read_json(request))
    raise ApiError(
        415,
        "Send multipart/form-data or application/json.",
        code="unsupported_content_type",
    )


def parse_multipart(request: Request, max_bytes: int) -> tuple[MultiDict[str, str], MultiDict[str, FileStorage]]:
    """The text parts and the file parts. Files over 500 kB lie in unnamed temporary files."""
    request.max_content_length = max_bytes
    parser = FormDataParser(max_form_memory_size=MAX_TEXT_BYTES, max_form_parts=MAX_PARTS, silent=False)
    try:
        _, form, files = parser.parse(request.stream, request.mimetype, request.content_length, request.mimetype_params)
    except RequestEntityTooLarge as error:
        raise too_large(
            f"The body is larger than {max_bytes >> 20} MB, a text field longer than "
            f"{MAX_TEXT_BYTES >> 10} kB, or there are more than {MAX_PARTS} parts."
        ) from error
    except (ValueError, LookupError) as error:
        raise invalid("The multipart body could not be read.", None, "invalid_body") from error
    if None in form or None in files:  # Werkzeug's types do not say so, but a part may lack its name.
        raise invalid("A part of the multipart body has no name.", None, "invalid_body")
    return form, files


def read_json(request: Request) -> dict[str, Any]:
    """The body as a JSON object."""
    request.max_content_length = MAX_JSON_BYTES
    try:
        body = json.loads(request.get_data(cache=False))
    except RequestEntityTooLarge as error:
        raise too_large(f"A JSON body may have {MAX_JSON_BYTES >> 20} MB; use multipart or files.") from error
    except (ValueError, RecursionError) as error:
        raise invalid("The body is not valid JSON.", None, "invalid_json") from error
    if not isinstance(body, dict):
        raise invalid("The body must be a JSON object.", None, "invalid_type")
    return body


def _from_multipart(form: MultiDict[str, str], files: MultiDict[str, FileStorage]) -> Form:
    for name in ("image", "image[]", "mask"):
        if name in form:
            param = "mask" if name == "mask" else "image[0]"
            raise invalid(
                f"Invalid type for '{param}': expected a file, but got a string instead.",
                param,
                "invalid_type",
            )
    for name in files:
        if name not in ("image", "image[]", "mask"):
            raise invalid(f"Unknown file part: '{name[:64]}'.", name[:64], "unknown_parameter")
    for name in form:
        if len(form.getlist(name)) > 1:
            raise invalid(f"'{name[:64]}' is given more than once.", name[:64])
    if len(files.getlist("mask")) > 1:
        raise invalid("'mask' is given more than once.", "mask")
    uploads = files.getlist("image") + files.getlist("image[]")
    images = [_upload(part, f"image[{index}]") for index, part in enumerate(uploads)]
    return Form(dict(form), images, _upload(files["mask"], "mask") if "mask" in files else None)


def _upload(part: FileStorage, param: str) -> ImageRef:
    if part.mimetype not in MIME_TYPES:
        raise invalid(
            f"Invalid file '{param}': unsupported mimetype ('{part.mimetype[:64]}'). "
            f"Supported file formats are {', '.join(MIME_TYPES)}.",
            param,
            "unsupported_file_mimetype",
        )
    return ImageRef(param, upload=part.stream)  # type: ignore[arg-type]


def _from_json(body: dict[str, Any]) -> Form:
    images = body.pop("images", None)
    if images is None:
        images = []
    if not isinstance(images, list):
        raise invalid("'images' must be a list of objects.", "images", "invalid_type")
    mask = body.pop("mask", None)
    return Form(
        body,
        [_reference(entry, f"images[{index}]") for index, entry in enumerate(images)],
        None if mask is None else _reference(mask, "mask"),
    )


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
    return ImageRef(param, url=value) if name == "image_url" else ImageRef(param, file_id=value)
