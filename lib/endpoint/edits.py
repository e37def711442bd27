"""Process an edit request: load and decode the inputs, run the engine, encode the results."""

import secrets
import time
from collections.abc import Callable

import numpy as np
from PIL import Image

from lib.endpoint import engine, pictures
from lib.endpoint.answer import (
    Output,
    Size,
    completed_event,
    partial_event,
    response_end,
    response_image,
    response_start,
    usage,
)
from lib.endpoint.cancellation import checking, checkpoint
from lib.endpoint.errors import HttpError, invalid, too_large
from lib.endpoint.form import ImageRef
from lib.endpoint.jobs import reserve_pixels
from lib.endpoint.request import CheckedRequest

MAX_SECONDS = 300
MAX_RESULT_PIXELS = 4 * pictures.MAX_EDIT_PIXELS

# The field that each refusal of the engine is about, if it is not the prompt.
_REFUSED_FIELD = {
    "nothing_to_fill": "mask",
    "nothing_to_copy_from": "mask",
    "mask_required": "mask",
    "mask_not_used": "mask",
    "images_required": "image",
}

Load = Callable[[ImageRef], bytes]
Emit = Callable[[bytes], None]


class Edit:
    """The work of one request. `load` returns an image's bytes; without a seed in the request, a random one is used."""

    def __init__(self, request: CheckedRequest, load: Load) -> None:
        self._request = request
        self._load = load
        self._deadline = time.monotonic() + MAX_SECONDS
        self._seed = secrets.randbits(32) if request.seed is None else request.seed
        self._first = b""
        self._images: list[np.ndarray] = []
        self._mask: np.ndarray | None = None
        self._avoid: np.ndarray | None = None

    def answer(self, emit: Emit) -> None:
        """Pass the parts of one ImagesResponse to `emit`. Raise HttpError."""
        with checking(self._check_time), reserve_pixels(self._pixels()):
            self._read()
            sizes = []
            emit(response_start())
            for index in range(self._request.n):
                output = self._output(index, lambda _state: None)
                emit((b", " if index else b"") + response_image(output))
                sizes.append(output.size)
            emit(response_end(self._request, output, self._usage(sizes, 0)))

    def stream(self, emit: Emit) -> None:
        """Pass each event to `emit` when it is ready. Raise HttpError."""
        with checking(self._check_time), reserve_pixels(self._pixels()):
            self._read()
            for index in range(self._request.n):
                partials = _PartialSender(self._request, emit)
                output = self._output(index, partials)
                emit(completed_event(self._request, output, self._usage([output.size], partials.sent)))

    def _pixels(self) -> int:
        """Load the first image; return its number of pixels, or the result's if that is larger."""
        self._first = self._load(self._request.images[0])
        width, height = self._request.size or (0, 0)
        return max(pictures.pixels(self._first), width * height)

    def _read(self) -> None:
        for index, ref in enumerate(self._request.images):
            checkpoint()
            data = self._load(ref) if index else self._first
            self._images.append(pictures.decode(data, ref.param, reference=index > 0))
        self._first = b""
        self._check_results()
        if self._request.mask is not None:
            # All pixels that are not opaque are edited, including the feathered edge of a selection.
            self._mask = self._read_overlay(self._request.mask)[..., 3] < 255
        if self._request.markup is not None:
            self._read_overlay(self._request.markup)
        if self._request.avoid is not None:
            self._avoid = self._read_overlay(self._request.avoid)[..., 3] < 255

    def _check_results(self) -> None:
        """Refuse results that are too large to send, before anything is computed."""
        height, width = self._images[0].shape[:2]
        width, height = self._request.size or (width, height)
        max_side = pictures.MAX_SIDES[self._request.output_format]
        if max(width, height) > max_side:
            raise invalid(
                f"A {self._request.output_format} image can have at most {max_side:,} pixels a side. Use png.",
                "output_format",
            )
        if self._request.n * width * height > MAX_RESULT_PIXELS:
            raise invalid(
                f"{self._request.n} results of {width} x {height} are too large: together they can have at most "
                f"{MAX_RESULT_PIXELS:,} pixels.",
                "n",
            )

    def _read_overlay(self, ref: ImageRef) -> np.ndarray:
        """Return the pixels of the mask, the markup or `avoid`, which must have alpha and the first image's size."""
        data, name = self._load(ref), ref.param
        overlay = pictures.decode(data, name)
        if not pictures.has_alpha(data):
            raise _bad_overlay(name, f"{name} image missing alpha channel")
        if overlay.shape != self._images[0].shape:
            raise _bad_overlay(name, f"{name} size does not match image size")
        return overlay

    def _output(self, index: int, on_partial: Callable[[np.ndarray], None]) -> Output:
        checkpoint()
        try:
            result = engine.edit(
                self._images,
                self._mask,
                self._request.prompt,
                avoid=self._avoid,
                seed=self._seed + index,
                variant=index,
                size=self._request.size,
                transparent=self._request.background == "transparent",
                on_partial=on_partial,
            )
        except engine.Refused as error:
            raise invalid(error.message, _REFUSED_FIELD.get(error.code, "prompt"), error.code) from error
        checkpoint()
        return finish(self._request, result.image, result.revised_prompt)

    def _check_time(self) -> None:
        if time.monotonic() > self._deadline:
            # A status that clients do not retry, as a retry would take as long.
            raise too_large(f"The edit took longer than {MAX_SECONDS} s. Send a smaller image.", code="timeout")

    def _usage(self, outputs: list[Size], partials: int) -> dict[str, object]:
        inputs = [(image.shape[1], image.shape[0]) for image in self._images]
        if self._request.mask or self._request.markup:
            inputs.append(inputs[0])
        return usage(self._request.prompt, inputs, outputs, partials)


class _PartialSender:
    """Sends the first intermediate states, as many as the request asks for."""

    def __init__(self, request: CheckedRequest, emit: Emit) -> None:
        self._request = request
        self._emit = emit
        self.sent = 0

    def __call__(self, state: np.ndarray) -> None:
        checkpoint()
        if self.sent < self._request.partial_images:
            self._emit(partial_event(self._request, finish(self._request, state, ""), self.sent))
            self.sent += 1


def finish(request: CheckedRequest, pixels: np.ndarray, revised_prompt: str) -> Output:
    """Return `pixels` encoded in the requested size, format and background."""
    image = Image.fromarray(pixels)
    size = request.size or image.size
    if image.size != size:
        image = image.resize(size, Image.Resampling.LANCZOS)
    if request.background == "opaque" or request.output_format == "jpeg":
        image = pictures.flatten(image)
    transparent = image.mode == "RGBA" and pictures.is_transparent(image)
    data = pictures.encode(image, request.output_format, request.output_compression)
    return Output(data, size, transparent, revised_prompt)


def _bad_overlay(name: str, reason: str) -> HttpError:
    return HttpError(
        400,
        f"Invalid {name} image format - {reason}",
        code=f"invalid_{name}_image_format",
        param=name,
        kind="image_generation_user_error",
    )
