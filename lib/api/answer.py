"""Read an answer: only its pictures decide, and what merely describes them may be missing or of any type."""

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
from lib.api.errors import ApiError, BadAnswerError
from lib.api.failures import error_from_event, has_words
from lib.api.image_header import ImageHeaderError, read_header
from lib.api.raster import PictureError
from lib.api.response import EditedImage, EditResponse
from lib.api.text import readable
from lib.translation import _


@dataclass(frozen=True)
class Limits:
    """What an answer may hold: bytes of a whole body or stream, bytes and pixels of one image, commas and brackets.

    `max_pixels` is 8192 x 8192, eight times what the largest model makes; the byte limits leave room for ten such
    pictures, or one. `max_parts` bounds what JSON takes in memory: a list of empty objects takes 50 times its text.
    """

    max_body_bytes: int = 512 << 20
    max_image_bytes: int = 256 << 20
    max_pixels: int = 8192 * 8192
    max_parts: int = 300_000


FetchUrl = Callable[[str], bytes]
"""Returns what is at an address that an answer gives; raises `BadAnswerError`."""

_MOST_ENTRIES = 100
_MOST_FAILURES = 10
_MOST_PLACES = 10_000
_DEEPEST = 12
_LONGEST_TEXT = 32_000
_LARGEST_NUMBER = 1e15
_SHORTEST_PICTURE = 32
# Where servers put a picture's base64 text, and its address.
_EMBEDDED_KEYS = frozenset({"b64_json", "b64", "base64", "image_base64", "image_b64", "bytesBase64Encoded"})
_URL_KEYS = frozenset({"url", "uri", "image_url", "image", "images", "output", "data"})
# What repeats the request, or isn't a picture whatever it looks like.
_NOT_ANSWERS = frozenset(
    {"error", "errors", "usage", "input", "inputs", "request", "parameters", "mask", "init_images"}
)
_SIGNATURES = (
    b"\x89PNG\r\n", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"8BPS", b"qoif", b"\0\0\0\x0cjP", b"\0\0\1\0",
    b"DDS ", b"icns",
)  # fmt: skip


def parse_json(text: str | bytes, what: str, max_parts: int = Limits.max_parts) -> Any:
    """Return the JSON value in an answer, bounded in memory and time; raise `BadAnswerError`.

    Whole numbers with more digits than any has are infinite, so that they stop nothing.
    """
    if _count(text, ",") + _count(text, "[") + _count(text, "{") > max_parts:
        raise BadAnswerError(_("{what} has more than {most:,} parts.").format(what=what, most=max_parts))
    try:
        return json.loads(text, parse_int=_parse_whole)
    except (ValueError, RecursionError) as error:
        raise BadAnswerError(_("{what} is not JSON.").format(what=what)) from error


def parse_object(text: str | bytes, what: str) -> dict[str, Any]:
    """Return the JSON object in an answer; raise `BadAnswerError`."""
    value = parse_json(text, what)
    if not isinstance(value, dict):
        raise BadAnswerError(_("{what} is not a JSON object.").format(what=what))
    return value


def read_answer(answer: Any, limits: Limits, fetch: FetchUrl, request_id: str | None) -> EditResponse:
    """Return the images and facts of a JSON answer, which loses its image data on the way.

    `fetch` gets an image that came as an address. An image that can't be used is among the `failures` while
    there are others, which were paid for too. Raises the server's own error, or `BadAnswerError`.
    """
    images, failures = find_images(answer, limits, fetch)
    for failure in failures:
        failure.request_id = request_id
    if not images:
        raise failures[0] if failures else _no_image(answer, request_id)
    response = facts_of(answer, images, request_id)
    response.failures.extend(failures)
    if isinstance(answer, dict) and answer.get("error"):
        response.failures.append(error_from_event(answer, request_id))
    return response


def find_images(answer: Any, limits: Limits, fetch: FetchUrl) -> tuple[list[EditedImage], list[ApiError]]:
    """Return the images of a JSON answer or event, and what was wrong with those that can't be used.

    Both are empty where there is nothing that looks like an image. The data of the images is taken out of `answer`.
    """
    images: list[EditedImage] = []
    failures: list[ApiError] = []
    answer = [answer] if isinstance(answer, str) else answer
    entries = _entries(answer)
    for entry in entries[:_MOST_ENTRIES]:
        read, failed = _read_entry(entry, limits, fetch, all_of_it=entry is answer)
        images += read
        if not read:
            failures += failed[: _MOST_FAILURES - len(failures)]
    if len(entries) > _MOST_ENTRIES:
        told = _("The answer lists {count:,} images; the first {most} were read.")
        failures.append(BadAnswerError(told.format(count=len(entries), most=_MOST_ENTRIES)))
    return images, failures


def facts_of(answer: Any, images: list[EditedImage], request_id: str | None) -> EditResponse:
    """Return a response with what an answer or a stream event says about its images."""
    facts = answer if isinstance(answer, dict) else {}
    return EditResponse(
        images=images,
        created=whole_number(facts.get("created", facts.get("created_at"))),
        background=plain_text(facts.get("background")),
        output_format=plain_text(facts.get("output_format")),
        quality=plain_text(facts.get("quality")),
        size=plain_text(facts.get("size")),
        usage=_usage(facts.get("usage")),
        request_ids=[request_id] if request_id else [],
        raw=_summary(facts),
    )


def salvaged_images(text: str, limits: Limits) -> list[EditedImage]:
    """Return the images that are whole in a text that isn't JSON: cut off, or in another notation."""
    if text.count('"') + text.count("'") > limits.max_parts:
        return []
    images = []
    pieces = re.split("[\"']", text)
    # The last piece has no closing quote: it may have been cut.
    for piece in pieces[1:-1]:
        encoded = piece.replace("\\/", "/").replace("\\n", "").replace("\\r", "")
        if looks_embedded(encoded):
            try:
                images.append(decode_image(encoded, limits))
            except BadAnswerError:
                continue
    return images


def decode_image(encoded: Any, limits: Limits, revised_prompt: str | None = None) -> EditedImage:
    """Return the image in a base64 text, with or without a `data:` head; raise `BadAnswerError`."""
    if not isinstance(encoded, str):
        raise BadAnswerError(_("An image in the answer is not text."))
    if len(encoded) > limits.max_image_bytes * 4 // 3 + 100:
        raise BadAnswerError(
            _("An image in the answer has more than {most:,} bytes.").format(most=limits.max_image_bytes)
        )
    return check_image(_from_base64(encoded), limits, revised_prompt)


def check_image(data: bytes, limits: Limits, revised_prompt: str | None = None) -> EditedImage:
    """Return the image with what its header claims; raise `BadAnswerError` when that is too much."""
    kind, width, height = _claims_of(data)
    if width * height > limits.max_pixels:
        raise BadAnswerError(
            _("The endpoint sent an image that claims {width}x{height} pixels; more than {most:,} are refused.").format(
                width=width, height=height, most=limits.max_pixels
            )
        )
    return EditedImage(data, kind, width, height, revised_prompt)


def looks_embedded(text: str) -> bool:
    """Return whether a text is a picture by its first bytes: a `data:` URL, or base64 of a known signature."""
    if text.startswith("data:"):
        return text.startswith(("data:image/", "data:application/octet-stream", "data:;"))
    if len(text) < _SHORTEST_PICTURE:
        return False
    try:
        start = binascii.a2b_base64(text[:_SHORTEST_PICTURE].translate(_URL_SAFE))
    except ValueError:
        return False
    return start.startswith(_SIGNATURES) or start[8:12] == b"WEBP" or start[4:8] == b"ftyp"


def whole_number(value: Any) -> int | None:
    """Return a whole number from 0 that JSON may have given as a fraction; None for everything else."""
    number = _number(value)
    return None if number is None else int(number)


def plain_text(value: Any) -> str | None:
    """Return a text as any window can show it; None for everything else."""
    return readable(value) if isinstance(value, str) else None


_URL_SAFE = str.maketrans("-_", "+/")


def _count(text: str | bytes, mark: str) -> int:
    return text.count(mark) if isinstance(text, str) else text.count(mark.encode())


def _parse_whole(digits: str) -> float:
    return int(digits) if len(digits) < 400 else math.inf


def _no_image(answer: Any, request_id: str | None) -> ApiError:
    """Return the server's own error where the answer tells one, else that there is no image."""
    entries = _entries(answer)
    for place in (answer, *entries[:_MOST_FAILURES]):
        if isinstance(place, dict) and (place.get("error") or has_words(place)):
            return error_from_event(place, request_id)
    if entries != [answer]:
        return BadAnswerError(_("An image in the answer has neither data nor an address."), request_id=request_id)
    return BadAnswerError(_("The endpoint's answer holds no image."), request_id=request_id)


def _entries(answer: Any) -> list[Any]:
    """Return the images of `data`, else the answer as the one place to look in."""
    data = answer.get("data") if isinstance(answer, dict) else answer
    if isinstance(data, list) and data and not any(isinstance(each, str) for each in data):
        return data
    return [answer]


def _read_entry(
    entry: Any, limits: Limits, fetch: FetchUrl, *, all_of_it: bool
) -> tuple[list[EditedImage], list[ApiError]]:
    """Return the image of an entry, by the first of its places that has one; with `all_of_it`, those of all places."""
    revised_prompt = plain_text(entry.get("revised_prompt")) if isinstance(entry, dict) else None
    images: list[EditedImage] = []
    failures: list[ApiError] = []
    for embedded in (True, False):
        for holder, key in _places(entry, embedded=embedded):
            text = holder[key]
            if embedded:
                holder[key] = ""  # what was read needn't be in memory twice
            try:
                image = (
                    decode_image(text, limits, revised_prompt)
                    if embedded
                    else check_image(fetch(text), limits, revised_prompt)
                )
            except BadAnswerError as error:
                failures.append(error)
                continue
            images.append(image)
            if not all_of_it:
                return images, failures
        if images:
            break
    return images, failures


def _places(entry: Any, *, embedded: bool) -> list[tuple[Any, Any]]:
    """Return where an answer holds embedded images, or addresses of images, as holders and keys."""
    texts = islice(_texts(entry), _MOST_PLACES)
    accepts = _is_embedded if embedded else _is_address
    return [(holder, key) for holder, key, name in texts if accepts(name, holder[key])]


def _is_embedded(name: str, text: str) -> bool:
    return bool(text) and (name in _EMBEDDED_KEYS or looks_embedded(text))


def _is_address(name: str, text: str) -> bool:
    if name not in _URL_KEYS or not text or text.startswith("data:"):
        return False
    return name == "url" or text.startswith(("http://", "https://"))


def _texts(value: Any, name: str = "data", depth: int = 0) -> Iterator[tuple[Any, Any, str]]:
    """Give every text of an answer in order: its holder, its key there, and the name that it goes by."""
    if depth > _DEEPEST or not isinstance(value, (dict, list)):
        return
    pairs: list[tuple[Any, Any]] = list(value.items() if isinstance(value, dict) else enumerate(value))
    for key, each in pairs:
        own = key if isinstance(key, str) else name
        if own in _NOT_ANSWERS:
            continue
        if isinstance(each, str):
            yield value, key, own
        else:
            yield from _texts(each, own, depth + 1)


def _from_base64(encoded: str) -> bytes:
    """Return what a text holds, whatever alphabet, padding and line breaks it has; raise `BadAnswerError`."""
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
        # Some servers leave the padding out.
        return binascii.a2b_base64(encoded + "==")
    except ValueError as error:
        raise BadAnswerError(_("An image in the answer is not base64.")) from error


def _claims_of(data: bytes) -> tuple[str, int, int]:
    """Return format, width and height: by our own reader for the usual three, by Pillow for all others."""
    try:
        header = read_header(data)
    except ImageHeaderError as error:
        try:
            return raster.probe(data)
        except PictureError:
            raise BadAnswerError(
                _("The endpoint sent an image that can't be read: {error}.").format(error=error)
            ) from error
    return header.format, header.width, header.height


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return value if 0 <= value <= _LARGEST_NUMBER else None  # neither NaN nor infinity compares so


def _usage(value: Any, depth: int = 0) -> dict[str, Any] | None:
    """Return the numbers of a usage object and of the objects in it; None where there are none."""
    if not isinstance(value, Mapping) or depth > 2:
        return None
    read = {name: _number(each) if not isinstance(each, Mapping) else _usage(each, depth + 1)
            for name, each in islice(value.items(), _MOST_ENTRIES)}  # fmt: skip
    numbers = {name: each for name, each in read.items() if each is not None}
    return numbers or None


def _summary(value: Any, depth: int = 0) -> Any:
    """Return an answer without its image data, small enough to be written down whatever the server put into it."""
    if isinstance(value, str):
        return value if len(value) <= _LONGEST_TEXT else value[:_MOST_ENTRIES] + "…"
    if isinstance(value, dict):
        kept = {} if depth > _DEEPEST else value
        return {str(name)[:_MOST_ENTRIES]: _summary(each, depth + 1) for name, each in islice(kept.items(), 1000)
                if not (name in _EMBEDDED_KEYS or (name == "url" and not each))}  # fmt: skip
    if isinstance(value, list):
        return [] if depth > _DEEPEST else [_summary(each, depth + 1) for each in value[:1000]]
    return value
