"""What came back: images, previews, usage."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lib.api.errors import ApiError


@dataclass(frozen=True)
class EditedImage:
    """One image as the endpoint encoded it; size in pixels, format as a file's ending ("png", "jpeg", "webp", …)."""

    data: bytes = field(repr=False)
    format: str
    width: int
    height: int
    revised_prompt: str | None = None


@dataclass
class EditResponse:
    """The answer to one edit.

    `size`, `quality`, `background` and `output_format` are what the endpoint says it used. `usage` is the
    API's object, added up when the edit was several requests. `raw` is the answer without its image data.
    `failures` holds the errors of those parallel requests that failed while others succeeded.
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
    """Image number `image_index` (from 0) is there; `response` holds it with its usage."""

    response: EditResponse
    image_index: int = 0

    @property
    def image(self) -> EditedImage:
        """The finished image."""
        return self.response.images[0]


@dataclass(frozen=True)
class Failed:
    """Image number `image_index` failed while others of the same edit succeeded."""

    error: ApiError
    image_index: int


StreamEvent = PartialImage | Completed | Failed


def add_usage(one: dict[str, Any] | None, other: dict[str, Any] | None) -> dict[str, Any] | None:
    """Add two usage objects key by key; None when there is none at all."""
    if one is None or other is None:
        return one or other
    total = dict(one)
    for key, value in other.items():
        there = total.get(key)
        if isinstance(value, dict):
            total[key] = add_usage(there if isinstance(there, dict) else None, value)
        elif isinstance(value, (int, float)):
            total[key] = (there if isinstance(there, (int, float)) else 0) + value
    return total


def join(responses: list[EditResponse], failures: list[ApiError]) -> EditResponse:
    """Make one answer out of those of parallel requests, in order; at least one response is needed."""
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
