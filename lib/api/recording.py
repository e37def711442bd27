"""Keep the bytes of an answer before anything reads them, without the key that some servers repeat."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Protocol
from urllib.parse import quote

from lib.api.response import EditResponse

SHORTEST_SECRET = 8
"""Characters; a shorter key occurs in pictures by chance."""

_COVER = b"*"
_SAID = ("raw", "usage", "request_ids", "background", "output_format", "quality", "size")


@dataclass(frozen=True)
class AnswerHead:
    """What is known of an answer before its body: enough to read the body later.

    `address` is where a picture was fetched from that the answer only pointed to; None for the answer itself.
    """

    status: int
    content_type: str
    request_id: str | None
    address: str | None = None


class Sink(Protocol):
    """Takes the bytes of one body as they arrive; never raises because a disk refuses."""

    def write(self, data: bytes) -> None:
        """Write bytes before anything else sees them."""

    def close(self) -> None:
        """Note that no more will come, whether the body is complete or not."""


Recorder = Callable[[AnswerHead], Sink]
"""Makes the place for the body of a successful answer, which is written there while it arrives."""


class Secrets:
    """Texts that must not be written down; those that are too short to be told from chance are left alone."""

    def __init__(self, texts: Iterable[str]) -> None:
        plain = {text for text in texts if len(text) >= SHORTEST_SECRET}
        escaped = {json.dumps(text)[1:-1] for text in plain} | {text.replace("/", "\\/") for text in plain}
        forms = plain | escaped | {quote(text, safe="") for text in plain}
        # Longer forms first: one may be a part of another.
        self._forms = sorted((form.encode() for form in forms), key=len, reverse=True)

    def cover(self, data: bytes) -> bytes:
        """Return the bytes with every occurrence overwritten, of the same length."""
        for form in self._forms:
            if form in data:
                data = data.replace(form, _COVER * len(form))
        return data

    def unfinished(self, data: bytes) -> int:
        """Return how many bytes at the end may be the beginning of an occurrence."""
        longest = 0
        for form in self._forms:
            for length in range(min(len(form) - 1, len(data)), longest, -1):
                if data.endswith(form[:length]):
                    longest = length
                    break
        return longest

    def cover_in(self, value: Any) -> Any:
        """Return a JSON value with every occurrence in its texts and names overwritten."""
        if isinstance(value, str):
            data = value.encode("utf-8", "surrogatepass")
            covered = self.cover(data)
            return value if covered == data else covered.decode("utf-8", "surrogatepass")
        if isinstance(value, dict):
            return {self.cover_in(name): self.cover_in(each) for name, each in value.items()}
        return [self.cover_in(each) for each in value] if isinstance(value, list) else value

    def cover_response(self, response: EditResponse) -> EditResponse:
        """Return an answer with every occurrence overwritten in all that it says besides its images' data."""
        said = {name: self.cover_in(getattr(response, name)) for name in _SAID}
        images = [replace(image, revised_prompt=self.cover_in(image.revised_prompt)) for image in response.images]
        return replace(response, images=images, **said)


class CoveringSink:
    """Writes to another sink with secrets overwritten, across the borders of chunks too.

    Bytes are held back only while they may be the beginning of a secret.
    """

    def __init__(self, sink: Sink, secrets: Secrets) -> None:
        self._sink = sink
        self._secrets = secrets
        self._held = b""

    def write(self, data: bytes) -> None:
        """Write what cannot be part of a secret."""
        data = self._secrets.cover(self._held + data)
        held = self._secrets.unfinished(data)
        self._held = data[len(data) - held :]
        if len(data) > held:
            self._sink.write(data[: len(data) - held])

    def close(self) -> None:
        """Write what was held back."""
        if self._held:
            self._sink.write(self._held)
            self._held = b""
        self._sink.close()
