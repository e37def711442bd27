"""The request for one edit, as data."""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote_to_bytes

from lib.api.image_header import ImageHeader, ImageHeaderError, read_header

PARAMETERS = (
    "prompt", "model", "background", "complexity", "input_fidelity", "moderation", "n", "output_compression",
    "output_format", "partial_images", "quality", "response_format", "size", "stream", "user",
)  # fmt: skip
"""The fields that are sent as plain values, in the order in which they are sent."""

MAX_URL_CHARACTERS = 20_971_520
"""The maximum length of an `image_url`, including data URLs."""


@dataclass(frozen=True)
class FileId:
    """A previously uploaded image, by its ID in the endpoint's Files API."""

    value: str


@dataclass(frozen=True)
class Url:
    """An image by its http or https URL, or as a `data:` URL."""

    value: str = field(repr=False)

    @property
    def is_data(self) -> bool:
        """Whether this is a `data:` URL, which contains the image itself."""
        return self.value.startswith("data:")


ImageSource = str | Path | bytes | FileId | Url
"""An input image: a path (`str` or `Path`), the bytes of a file, or a reference."""


@dataclass(frozen=True)
class EditRequest:
    """The parameters of one edit; None leaves a parameter to the endpoint.

    `images` holds 1 to 16 images, of which the first is edited. `markup` is a PNG that is laid over it: arrows, circles
    and notes on transparency, which say where and what to edit; it takes the place of a mask. `avoid` is like a mask,
    transparent where nothing must be copied from; only the built-in engine reads it. `extra` holds additional fields,
    which are sent unchanged.
    """

    images: Sequence[ImageSource]
    prompt: str
    mask: ImageSource | None = None
    markup: ImageSource | None = None
    avoid: ImageSource | None = None
    background: str | None = None
    complexity: str | None = None
    input_fidelity: str | None = None
    model: str | None = None
    moderation: str | None = None
    n: int | None = None
    output_compression: int | None = None
    output_format: str | None = None
    partial_images: int | None = None
    quality: str | None = None
    size: str | None = None
    stream: bool | None = None
    user: str | None = None
    response_format: str | None = None
    extra: Mapping[str, Any] | None = None

    def parameters(self) -> dict[str, Any]:
        """Return the plain values that are set, by name, followed by `extra`."""
        values = {name: getattr(self, name) for name in PARAMETERS}
        return {name: value for name, value in values.items() if value is not None} | dict(self.extra or {})

    def sources(self) -> list[tuple[str, ImageSource]]:
        """Return the input images with names for messages: "image 1", …, "mask", "markup", "avoid"."""
        images = [(f"image {number}", image) for number, image in enumerate(self.images, 1)]
        overlays = (("mask", self.mask), ("markup", self.markup), ("avoid", self.avoid))
        return images + [(name, overlay) for name, overlay in overlays if overlay is not None]

    @property
    def has_references(self) -> bool:
        """Whether an input is a `FileId` or a `Url`, for which OpenAI's API needs a JSON body."""
        return any(isinstance(source, (FileId, Url)) for _, source in self.sources())


def open_source(source: str | Path | bytes) -> BinaryIO:
    """Open a file or bytes for reading; raise `OSError`."""
    return io.BytesIO(source) if isinstance(source, bytes) else Path(source).open("rb")


def source_size(source: str | Path | bytes) -> int:
    """Return the size of a file or of bytes, in bytes; raise `OSError`."""
    return len(source) if isinstance(source, bytes) else Path(source).stat().st_size


def source_header(source: str | Path | bytes) -> ImageHeader:
    """Read the header of an image; raise `OSError` or `ImageHeaderError`."""
    with open_source(source) as file:
        return read_header(file)


def data_url_bytes(url: Url) -> bytes:
    """Return the content of a `data:` URL; raise `ValueError`."""
    head, comma, text = url.value.partition(",")
    if not comma:
        raise ValueError("the data URL has no comma")
    content = unquote_to_bytes(text)
    return binascii.a2b_base64(content) if head.endswith(";base64") else content


def image_url(source: ImageSource) -> str:
    """Return the URL of an image, a `data:` URL for a file; raise `OSError`."""
    if isinstance(source, Url):
        return source.value
    if isinstance(source, FileId):
        raise TypeError("a file id has no URL")
    with open_source(source) as file:
        text = base64.b64encode(file.read()).decode()
    return f"data:{mime_type(source)};base64,{text}"


def mime_type(source: str | Path | bytes) -> str:
    """Return the MIME type of an image by its header; raise `OSError`."""
    try:
        return source_header(source).mime_type
    except ImageHeaderError:
        return "application/octet-stream"  # validation has let it through for a model that isn't in models.json
