"""The answers' JSON and events, with every key that the official schema requires.

A JSON answer is made in parts, so that only one of its images is in memory at a time.

Usage is counted, not billed: text tokens are the prompt's UTF-8 bytes / 4, rounded up; image tokens are
32-pixel patches, ceil(width / 32) * ceil(height / 32), of each input image and of the mask on the way in,
and of each result on the way out, with 100 more for each partial image sent. The sums agree.
"""

import base64
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lib.endpoint.request import CheckedRequest

PARTIAL_TOKENS = 100

Size = tuple[int, int]


@dataclass(frozen=True)
class Output:
    """One finished image, encoded."""

    data: bytes
    size: Size
    transparent: bool
    revised_prompt: str


def patches(size: Size) -> int:
    """Image tokens of a picture of (width, height)."""
    return -(-size[0] // 32) * -(-size[1] // 32)


def usage(prompt: str, inputs: Sequence[Size], outputs: Sequence[Size], partials: int) -> dict[str, Any]:
    """ImagesUsage for these input and output sizes; see the module's head."""
    text = -(-len(prompt.encode("utf-8", "replace")) // 4)
    seen = sum(map(patches, inputs))
    made = sum(map(patches, outputs)) + PARTIAL_TOKENS * partials
    return {
        "input_tokens": text + seen,
        "input_tokens_details": {"text_tokens": text, "image_tokens": seen},
        "output_tokens": made,
        "output_tokens_details": {"text_tokens": 0, "image_tokens": made},
        "total_tokens": text + seen + made,
    }


def response_start() -> bytes:
    """The beginning of an ImagesResponse, up to its images."""
    return f'{{"created": {int(time.time())}, "data": ['.encode()


def response_image(output: Output) -> bytes:
    """One image of an ImagesResponse; commas come between them."""
    return json.dumps({"b64_json": _base64(output.data), "revised_prompt": output.revised_prompt}).encode()


def response_end(request: CheckedRequest, last: Output, counted: dict[str, Any]) -> bytes:
    """What follows the images of an ImagesResponse. All outputs of a request have one size."""
    return f"], {json.dumps({**_described(request, last), 'usage': counted})[1:]}".encode()


def partial_event(request: CheckedRequest, output: Output, index: int) -> bytes:
    """`image_edit.partial_image`, `index` from 0."""
    return _event("image_edit.partial_image", request, output, {"partial_image_index": index})


def completed_event(request: CheckedRequest, output: Output, counted: dict[str, Any]) -> bytes:
    """`image_edit.completed`. The revised prompt is an extension here."""
    counted = {name: value for name, value in counted.items() if name != "output_tokens_details"}
    extra = {"usage": counted, "revised_prompt": output.revised_prompt}
    return _event("image_edit.completed", request, output, extra)


def error_event(body: dict[str, Any]) -> bytes:
    """An error that came after the stream had begun."""
    return _sse("error", {"type": "error", **body})


def _event(name: str, request: CheckedRequest, output: Output, extra: dict[str, Any]) -> bytes:
    return _sse(
        name,
        {
            "type": name,
            "b64_json": _base64(output.data),
            "created_at": int(time.time()),
            **_described(request, output),
            **extra,
        },
    )


def _described(request: CheckedRequest, output: Output) -> dict[str, str]:
    return {
        "background": "transparent" if output.transparent else "opaque",
        "output_format": request.output_format,
        "quality": request.quality if request.quality in ("low", "medium") else "high",
        "size": f"{output.size[0]}x{output.size[1]}",
    }


def _sse(name: str, data: dict[str, Any]) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
