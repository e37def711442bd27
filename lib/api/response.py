"""The response to an edit, as data: images, previews, usage."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lib.api.errors import ApiError


@dataclass(frozen=True)
class EditedImage:
    """An image as encoded by the endpoint; size in pixels, format as a file extension ("png", "jpeg", "webp", …)."""

    data: bytes = field(repr=False)
    format: str
    width: int
    height: int
    revised_prompt: str | None = None


@dataclass
class EditResponse:
    """The response to one edit.

    `size`, `quality`, `background` and `output_format` are the values that the endpoint reports. `usage` is the API's
    usage object, summed over the requests of an edit. `raw` is the response without its image data. `failures` holds
    the errors of images or parallel requests that failed while others succeeded.
    """

    images: list[EditedImage]
    created: int | None = None
    background: str | None = None
    output_format: str | None = None
    quality: str | None = None
    size: str | None = None
    usage: dict[str, Any] | None = None
    request_ids: list[str] = field(default_factory=list)
    raw: dict[str, Any] = field(default_factory=dict)
    failures: list[ApiError] = field(default_factory=list)


@dataclass(frozen=True)
class PartialImage:
    """A preview: number `index` (from 0) of image `image_index` (from 0)."""

    index: int
    image: EditedImage
    image_index: int = 0


@dataclass(frozen=True)
class Completed:
    """A finished image: number `image_index` (from 0), in `response` with its usage."""

    response: EditResponse
    image_index: int = 0

    @property
    def image(self) -> EditedImage:
        """The finished image."""
        return self.response.images[0]


@dataclass(frozen=True)
class Failed:
    """The error of image number `image_index` (from 0), when other images of the edit succeeded."""

    error: ApiError
    image_index: int


StreamEvent = PartialImage | Completed | Failed


def add_usage(one: dict[str, Any] | None, other: dict[str, Any] | None) -> dict[str, Any] | None:
    """Add two usage objects key by key; return None if both are None."""
    if one is None or other is None:
        return one or other
    total = dict(one)
    for key, value in other.items():
        current = total.get(key)
        if isinstance(value, dict):
            total[key] = add_usage(current if isinstance(current, dict) else None, value)
        elif isinstance(value, (int, float)):
            total[key] = (current if isinstance(current, (int, float)) else 0) + value
    return total


def join(responses: list[EditResponse], failures: list[ApiError]) -> EditResponse:
    """Join the responses of parallel requests in order; `responses` must not be empty."""
    first = responses[0]
    usage = None
    for response in responses:
        usage = add_usage(usage, response.usage)
    return EditResponse(
        images=[image for response in responses for image in response.images],
        created=first.created,
        background=first.background,
        output_format=first.output_format,
        quality=first.quality,
        size=first.size,
        usage=usage,
        request_ids=[id_ for response in responses for id_ in response.request_ids],
        raw=first.raw if len(responses) == 1 else {"responses": [response.raw for response in responses]},
        failures=[failure for response in responses for failure in response.failures] + failures,
    )
