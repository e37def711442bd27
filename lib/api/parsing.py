"""Parse a response leniently: it needs an image, and every other field may be missing or malformed."""

from __future__ import annotations

import binascii
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any
from urllib.parse import unquote_to_bytes

from lib.api import raster
from lib.api.errors import ApiError, BadResponseError
from lib.api.failures import error_from_event, has_error_message
from lib.api.image_header import ImageHeaderError, read_header
from lib.api.raster import PictureError
from lib.api.response import EditedImage, EditResponse
from lib.api.text import sanitize
from lib.translation import _


@dataclass(frozen=True)
class Limits:
    """Limits of a response: bytes of the body or stream, bytes and pixels of one image, commas and brackets in JSON.

    `max_pixels` is 8192 x 8192, eight times the largest model's output; the byte limits leave room for ten such images
    in a body. `max_parts` bounds the memory for JSON: a list of empty objects takes 50 times the memory of its text.
    """

    max_body_bytes: int = 512 << 20
    max_image_bytes: int = 256 << 20
    max_pixels: int = 8192 * 8192
    max_parts: int = 300_000


FetchUrl = Callable[[str], bytes]
"""Downloads the image at a URL from a response; raises `BadResponseError`."""

_MAX_ENTRIES = 100
_MAX_FAILURES = 10
_MAX_TEXTS = 10_000
_MAX_DEPTH = 12
_MAX_TEXT_LENGTH = 32_000
_MAX_NUMBER = 1e15
_MIN_IMAGE_LENGTH = 32
# Keys that servers use for the base64 text of an image, and for its URL.
_EMBEDDED_KEYS = frozenset({"b64_json", "b64", "base64", "image_base64", "image_b64", "bytesBase64Encoded"})
_URL_KEYS = frozenset({"url", "uri", "image_url", "image", "images", "output", "data"})
# Keys that repeat the request or never hold a result.
_SKIPPED_KEYS = frozenset(
    {"error", "errors", "usage", "input", "inputs", "request", "parameters", "mask", "init_images"}
)
_SIGNATURES = (
    b"\x89PNG\r\n", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"8BPS", b"qoif", b"\0\0\0\x0cjP", b"\0\0\1\0",
    b"DDS ", b"icns",
)  # fmt: skip


def parse_json(text: str | bytes, what: str, max_parts: int = Limits.max_parts) -> Any:
    """Parse JSON with bounded memory and time; raise `BadResponseError`, whose message starts with `what`.

    An integer of 400 digits or more becomes infinity, because converting it could fail or take long.
    """
    if _count(text, ",") + _count(text, "[") + _count(text, "{") > max_parts:
        raise BadResponseError(_("{what} has more than {most:,} parts.").format(what=what, most=max_parts))
    try:
        return json.loads(text, parse_int=_parse_int)
    except (ValueError, RecursionError) as error:
        raise BadResponseError(_("{what} is not JSON.").format(what=what)) from error


def parse_response(body: Any, limits: Limits, fetch: FetchUrl, request_id: str | None) -> EditResponse:
    """Return the images and metadata of a JSON response; removes the image data from `body`.

    `fetch` downloads images that are given by URL. While at least one image is usable, errors of the others are
    collected in `failures`, since the usable ones were paid for. Raises the server's own error, or `BadResponseError`.
    """
    images, failures = find_images(body, limits, fetch)
    for failure in failures:
        failure.request_id = request_id
    if not images:
        raise failures[0] if failures else _missing_image_error(body, request_id)
    response = build_response(body, images, request_id)
    response.failures.extend(failures)
    if isinstance(body, dict) and body.get("error"):
        response.failures.append(error_from_event(body, request_id))
    return response


def find_images(body: Any, limits: Limits, fetch: FetchUrl) -> tuple[list[EditedImage], list[ApiError]]:
    """Return the images of a JSON response or event, and the errors of those that can't be used.

    Both lists are empty if nothing looks like an image. Removes the image data from `body`.
    """
    images: list[EditedImage] = []
    failures: list[ApiError] = []
    body = [body] if isinstance(body, str) else body
    entries = _image_entries(body)
    for entry in entries[:_MAX_ENTRIES]:
        entry_images, entry_failures = _read_entry(entry, limits, fetch, read_all=entry is body)
        images += entry_images
        if not entry_images:
            failures += entry_failures[: _MAX_FAILURES - len(failures)]
    if len(entries) > _MAX_ENTRIES:
        message = _("The response contains {count:,} images; only the first {most} were used.")
        failures.append(BadResponseError(message.format(count=len(entries), most=_MAX_ENTRIES)))
    return images, failures


def build_response(body: Any, images: list[EditedImage], request_id: str | None) -> EditResponse:
    """Return a response with the metadata of a JSON response or a stream event."""
    metadata = body if isinstance(body, dict) else {}
    return EditResponse(
        images=images,
        created=whole_number(metadata.get("created", metadata.get("created_at"))),
        background=plain_text(metadata.get("background")),
        output_format=plain_text(metadata.get("output_format")),
        quality=plain_text(metadata.get("quality")),
        size=plain_text(metadata.get("size")),
        usage=_usage(metadata.get("usage")),
        request_ids=[request_id] if request_id else [],
        raw=_summary(metadata),
    )


def salvage_images(text: str, limits: Limits) -> list[EditedImage]:
    """Return the complete images in a text that isn't valid JSON: truncated, or in another notation."""
    if text.count('"') + text.count("'") > limits.max_parts:
        return []
    images = []
    pieces = re.split("[\"']", text)
    # The last piece has no closing quote and may be truncated.
    for piece in pieces[1:-1]:
        encoded = piece.replace("\\/", "/").replace("\\n", "").replace("\\r", "")
        if is_image_data(encoded):
            try:
                images.append(decode_image(encoded, limits))
            except BadResponseError:
                continue
    return images


def decode_image(encoded: Any, limits: Limits, revised_prompt: str | None = None) -> EditedImage:
    """Decode an image from base64 text or a `data:` URL; raise `BadResponseError`."""
    if not isinstance(encoded, str):
        raise BadResponseError(_("The image data in the response is not text."))
    if len(encoded) > limits.max_image_bytes * 4 // 3 + 100:
        raise BadResponseError(
            _("An image in the response is larger than {most:,} bytes.").format(most=limits.max_image_bytes)
        )
    return check_image(_from_base64(encoded), limits, revised_prompt)


def check_image(data: bytes, limits: Limits, revised_prompt: str | None = None) -> EditedImage:
    """Return the image with the format and size from its header; raise `BadResponseError` if it is too large."""
    kind, width, height = _read_metadata(data)
    if width * height > limits.max_pixels:
        raise BadResponseError(
            _("The endpoint sent an image of {width}x{height} pixels; the limit is {most:,} pixels.").format(
                width=width, height=height, most=limits.max_pixels
            )
        )
    return EditedImage(data, kind, width, height, revised_prompt)


def is_image_data(text: str) -> bool:
    """Return whether a text is an encoded image, judged by its start: a `data:` URL, or base64 of a file signature."""
    if text.startswith("data:"):
        return text.startswith(("data:image/", "data:application/octet-stream", "data:;"))
    if len(text) < _MIN_IMAGE_LENGTH:
        return False
    try:
        start = binascii.a2b_base64(text[:_MIN_IMAGE_LENGTH].translate(_URL_SAFE))
    except ValueError:
        return False
    return start.startswith(_SIGNATURES) or start[8:12] == b"WEBP" or start[4:8] == b"ftyp"


def whole_number(value: Any) -> int | None:
    """Return a non-negative number rounded down to an integer, or None for any other value."""
    number = _number(value)
    return None if number is None else int(number)


def plain_text(value: Any) -> str | None:
    """Return a string made safe to display, or None for any other type."""
    return sanitize(value) if isinstance(value, str) else None


_URL_SAFE = str.maketrans("-_", "+/")


def _count(text: str | bytes, mark: str) -> int:
    return text.count(mark) if isinstance(text, str) else text.count(mark.encode())


def _parse_int(digits: str) -> float:
    return int(digits) if len(digits) < 400 else math.inf


def _missing_image_error(body: Any, request_id: str | None) -> ApiError:
    """Return the server's own error if the response contains one, or else an error for the missing image."""
    entries = _image_entries(body)
    for candidate in (body, *entries[:_MAX_FAILURES]):
        if isinstance(candidate, dict) and (candidate.get("error") or has_error_message(candidate)):
            return error_from_event(candidate, request_id)
    if entries != [body]:
        return BadResponseError(_("An image in the response has neither data nor a URL."), request_id=request_id)
    return BadResponseError(_("The endpoint's response contains no image."), request_id=request_id)


def _image_entries(body: Any) -> list[Any]:
    """Return the entries of `data`, or the whole body as the only entry if it has no such list."""
    data = body.get("data") if isinstance(body, dict) else body
    if isinstance(data, list) and data and not any(isinstance(each, str) for each in data):
        return data
    return [body]


def _read_entry(
    entry: Any, limits: Limits, fetch: FetchUrl, *, read_all: bool
) -> tuple[list[EditedImage], list[ApiError]]:
    """Return the first usable image of an entry, or all of them with `read_all`, and the errors of the others."""
    revised_prompt = plain_text(entry.get("revised_prompt")) if isinstance(entry, dict) else None
    images: list[EditedImage] = []
    failures: list[ApiError] = []
    for embedded in (True, False):
        for container, key in _find_image_texts(entry, embedded=embedded):
            text = container[key]
            if embedded:
                container[key] = ""  # frees the encoded copy
            try:
                image = (
                    decode_image(text, limits, revised_prompt)
                    if embedded
                    else check_image(fetch(text), limits, revised_prompt)
                )
            except BadResponseError as error:
                failures.append(error)
                continue
            images.append(image)
            if not read_all:
                return images, failures
        if images:
            break
    return images, failures


def _find_image_texts(entry: Any, *, embedded: bool) -> list[tuple[Any, Any]]:
    """Return the containers and keys of encoded images, or with `embedded` false of image URLs."""
    texts = islice(_iterate_texts(entry), _MAX_TEXTS)
    accepts = _is_embedded_image if embedded else _is_image_url
    return [(container, key) for container, key, name in texts if accepts(name, container[key])]


def _is_embedded_image(name: str, text: str) -> bool:
    return bool(text) and (name in _EMBEDDED_KEYS or is_image_data(text))


def _is_image_url(name: str, text: str) -> bool:
    if name not in _URL_KEYS or not text or text.startswith("data:"):
        return False
    return name == "url" or text.startswith(("http://", "https://"))


def _iterate_texts(value: Any, name: str = "data", depth: int = 0) -> Iterator[tuple[Any, Any, str]]:
    """Yield every string of a JSON value in order: its container, its key, and the name of the nearest object key."""
    if depth > _MAX_DEPTH or not isinstance(value, (dict, list)):
        return
    pairs: list[tuple[Any, Any]] = list(value.items() if isinstance(value, dict) else enumerate(value))
    for key, each in pairs:
        each_name = key if isinstance(key, str) else name
        if each_name in _SKIPPED_KEYS:
            continue
        if isinstance(each, str):
            yield value, key, each_name
        else:
            yield from _iterate_texts(each, each_name, depth + 1)


def _from_base64(encoded: str) -> bytes:
    """Decode base64 with either alphabet, with or without padding and line breaks; raise `BadResponseError`."""
    if encoded.startswith("data:"):
        head, _comma, encoded = encoded.partition(",")
        if not head.endswith(";base64"):
            return unquote_to_bytes(encoded)
    if "-" in encoded or "_" in encoded:
        encoded = encoded.translate(_URL_SAFE)
    try:
        return binascii.a2b_base64(encoded)
    except ValueError:
        pass
    try:
        # Some servers omit the padding.
        return binascii.a2b_base64(encoded + "==")
    except ValueError as error:
        raise BadResponseError(_("The image data in the response is not valid base64.")) from error


def _read_metadata(data: bytes) -> tuple[str, int, int]:
    """Return format, width and height: from the header for PNG, JPEG and WebP, through Pillow for other formats."""
    try:
        header = read_header(data)
    except ImageHeaderError as error:
        try:
            return raster.probe(data)
        except PictureError:
            raise BadResponseError(
                _("The endpoint sent an image that can't be read: {error}.").format(error=error)
            ) from error
    return header.format, header.width, header.height


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return value if 0 <= value <= _MAX_NUMBER else None  # false for NaN and infinity


def _usage(value: Any, depth: int = 0) -> dict[str, Any] | None:
    """Return the numbers of a usage object and its nested objects, or None if it has none."""
    if not isinstance(value, Mapping) or depth > 2:
        return None
    values = {name: _number(each) if not isinstance(each, Mapping) else _usage(each, depth + 1)
              for name, each in islice(value.items(), _MAX_ENTRIES)}  # fmt: skip
    numbers = {name: each for name, each in values.items() if each is not None}
    return numbers or None


def _summary(value: Any, depth: int = 0) -> Any:
    """Return a response without its image data, limited in size, depth and length of its texts."""
    if isinstance(value, str):
        return value if len(value) <= _MAX_TEXT_LENGTH else value[:_MAX_ENTRIES] + "…"
    if isinstance(value, dict):
        items = {} if depth > _MAX_DEPTH else value
        return {str(name)[:_MAX_ENTRIES]: _summary(each, depth + 1) for name, each in islice(items.items(), 1000)
                if not (name in _EMBEDDED_KEYS or (name == "url" and not each))}  # fmt: skip
    if isinstance(value, list):
        return [] if depth > _MAX_DEPTH else [_summary(each, depth + 1) for each in value[:1000]]
    return value
