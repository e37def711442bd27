"""The JSON bodies and events of answers, with every key that the official schema requires.

A JSON answer is written in parts, so that only one of its images is in memory at a time.

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
    """Return the image tokens of a picture of (width, height)."""
    return -(-size[0] // 32) * -(-size[1] // 32)


def usage(prompt: str, inputs: Sequence[Size], outputs: Sequence[Size], partials: int) -> dict[str, Any]:
    """Return the ImagesUsage for these input and output sizes; the module's docstring explains the counts."""
    text = -(-len(prompt.encode("utf-8", "replace")) // 4)
    image_input = sum(map(patches, inputs))
    image_output = sum(map(patches, outputs)) + PARTIAL_TOKENS * partials
    return {
        "input_tokens": text + image_input,
        "input_tokens_details": {"text_tokens": text, "image_tokens": image_input},
        "output_tokens": image_output,
        "output_tokens_details": {"text_tokens": 0, "image_tokens": image_output},
        "total_tokens": text + image_input + image_output,
    }


def response_start() -> bytes:
    """Return the beginning of an ImagesResponse, up to its images."""
    return f'{{"created": {int(time.time())}, "data": ['.encode()


def response_image(output: Output) -> bytes:
    """Return one image of an ImagesResponse; the caller writes the commas between images."""
    return json.dumps({"b64_json": _base64(output.data), "revised_prompt": output.revised_prompt}).encode()


def response_end(request: CheckedRequest, last: Output, usage: dict[str, Any]) -> bytes:
    """Return the end of an ImagesResponse, after its images. All outputs of a request have the same size."""
    return f"], {json.dumps({**_metadata(request, last), 'usage': usage})[1:]}".encode()


def partial_event(request: CheckedRequest, output: Output, index: int) -> bytes:
    """Return an `image_edit.partial_image` event; `index` counts from 0."""
    return _event("image_edit.partial_image", request, output, {"partial_image_index": index})


def completed_event(request: CheckedRequest, output: Output, usage: dict[str, Any]) -> bytes:
    """Return an `image_edit.completed` event. The revised prompt is an extension of the API."""
    usage = {name: value for name, value in usage.items() if name != "output_tokens_details"}
    extra = {"usage": usage, "revised_prompt": output.revised_prompt}
    return _event("image_edit.completed", request, output, extra)


def error_event(body: dict[str, Any]) -> bytes:
    """Return the event of an error that occurs after the stream has begun."""
    return _sse("error", {"type": "error", **body})


def _event(name: str, request: CheckedRequest, output: Output, extra: dict[str, Any]) -> bytes:
    return _sse(
        name,
        {
            "type": name,
            "b64_json": _base64(output.data),
            "created_at": int(time.time()),
            **_metadata(request, output),
            **extra,
        },
    )


def _metadata(request: CheckedRequest, output: Output) -> dict[str, str]:
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
