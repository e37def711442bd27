"""Read an answer, lenient about what is absent, strict about types and sizes."""

from __future__ import annotations

import binascii
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lib.api.errors import ApiError, BadAnswerError
from lib.api.image_header import ImageHeaderError, read_header
from lib.api.response import EditedImage, EditResponse
from lib.translation import _


@dataclass(frozen=True)
class Limits:
    """What an answer may hold: bytes of a whole body or stream event, bytes and pixels of one image.

    `max_pixels` is 8192 x 8192, eight times what the largest model makes; the other two leave room for ten
    such pictures, or one.
    """

    max_body_bytes: int = 512 << 20
    max_image_bytes: int = 256 << 20
    max_pixels: int = 8192 * 8192


FetchUrl = Callable[[str], bytes]


def parse_object(text: str | bytes, what: str) -> dict[str, Any]:
    """Return the JSON object in an answer; raise `BadAnswerError`."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadAnswerError(_("{what} is not JSON.").format(what=what)) from error
    if not isinstance(value, dict):
        raise BadAnswerError(_("{what} is not a JSON object.").format(what=what))
    return value


def read_answer(answer: dict[str, Any], limits: Limits, fetch: FetchUrl, request_id: str | None) -> EditResponse:
    """Return the images and facts of an `ImagesResponse`; `answer` loses its image data on the way.

    `fetch` gets an image that came as an address. An image that can't be used is among the `failures` while
    there are others, which were paid for too. Raises `BadAnswerError`.
    """
    entries = answer.get("data")
    if not isinstance(entries, list) or not entries:
        raise BadAnswerError(_("The endpoint's answer holds no image."), request_id=request_id)
    images: list[EditedImage] = []
    failures: list[ApiError] = []
    for entry in entries:
        try:
            images.append(_read_entry(entry, limits, fetch))
        except BadAnswerError as error:
            error.request_id = request_id
            failures.append(error)
    if not images:
        raise failures[0]
    response = facts_of(answer, images, request_id)
    response.failures.extend(failures)
    return response


def facts_of(answer: dict[str, Any], images: list[EditedImage], request_id: str | None) -> EditResponse:
    """Return a response with what an answer or a stream event says about its images."""
    usage = answer.get("usage")
    if usage is not None and not isinstance(usage, dict):
        raise BadAnswerError(_("The answer's usage is not an object."), request_id=request_id)
    created = answer.get("created", answer.get("created_at"))
    return EditResponse(
        images=images,
        created=int(created) if isinstance(created, (int, float)) else None,
        background=_text(answer, "background"),
        output_format=_text(answer, "output_format"),
        quality=_text(answer, "quality"),
        size=_text(answer, "size"),
        usage=usage,
        request_ids=[request_id] if request_id else [],
        raw=answer,
    )


def decode_image(encoded: Any, limits: Limits, revised_prompt: str | None = None) -> EditedImage:
    """Return the image in a base64 text (with or without a `data:` head); raise `BadAnswerError`."""
    if not isinstance(encoded, str):
        raise BadAnswerError(_("An image in the answer is not text."))
    if len(encoded) > limits.max_image_bytes * 4 // 3 + 100:
        raise BadAnswerError(
            _("An image in the answer has more than {most:,} bytes.").format(most=limits.max_image_bytes)
        )
    if encoded.startswith("data:"):
        encoded = encoded.partition(",")[2]
    try:
        data = binascii.a2b_base64(encoded)
    except ValueError as error:
        raise BadAnswerError(_("An image in the answer is not base64.")) from error
    return check_image(data, limits, revised_prompt)


def check_image(data: bytes, limits: Limits, revised_prompt: str | None = None) -> EditedImage:
    """Return the image with what its header claims; raise `BadAnswerError` when that is too much."""
    try:
        header = read_header(data)
    except ImageHeaderError as error:
        raise BadAnswerError(
            _("The endpoint sent an image that can't be read: {error}.").format(error=error)
        ) from error
    if header.width * header.height > limits.max_pixels:
        raise BadAnswerError(
            _("The endpoint sent an image that claims {width}x{height} pixels; more than {most:,} are refused.").format(
                width=header.width, height=header.height, most=limits.max_pixels
            )
        )
    return EditedImage(data, header.format, header.width, header.height, revised_prompt)


def _read_entry(entry: Any, limits: Limits, fetch: FetchUrl) -> EditedImage:
    if not isinstance(entry, dict):
        raise BadAnswerError(_("An image in the answer is not an object."))
    revised_prompt = _text(entry, "revised_prompt")
    encoded, url = entry.pop("b64_json", None), _text(entry, "url")
    if encoded:
        return decode_image(encoded, limits, revised_prompt)
    if url and url.startswith("data:"):
        del entry["url"]
        return decode_image(url, limits, revised_prompt)
    if url:
        return check_image(fetch(url), limits, revised_prompt)
    raise BadAnswerError(_("An image in the answer has neither data nor an address."))


def _text(holder: Mapping[str, Any], key: str) -> str | None:
    value = holder.get(key)
    if value is not None and not isinstance(value, str):
        raise BadAnswerError(_("The answer's {key} is not text.").format(key=key))
    return value
