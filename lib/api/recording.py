"""Record the bytes of a response before it is parsed, with the key redacted, which some servers repeat."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Protocol
from urllib.parse import quote

from lib.api.response import EditResponse

SHORTEST_SECRET = 8
"""Length of a key in characters from which it is redacted; a shorter one occurs in image data by chance."""

_MASK = b"*"
_TEXT_FIELDS = ("raw", "usage", "request_ids", "background", "output_format", "quality", "size")


@dataclass(frozen=True)
class ResponseHead:
    """The head of a response, enough to parse its recorded body later.

    `address` is the URL from which an image was downloaded; None for the response to the edit itself.
    """

    status: int
    content_type: str
    request_id: str | None
    address: str | None = None


class Sink(Protocol):
    """Receives the bytes of one body as they arrive; never raises an error because of a full disk."""

    def write(self, data: bytes) -> None:
        """Write bytes, before they are parsed."""

    def close(self) -> None:
        """Finish the recording, whether or not the body is complete."""


Recorder = Callable[[ResponseHead], Sink]
"""Returns the sink for the body of a successful response."""


class Secrets:
    """Texts to redact wherever they occur, except those shorter than `SHORTEST_SECRET`."""

    def __init__(self, texts: Iterable[str]) -> None:
        plain = {text for text in texts if len(text) >= SHORTEST_SECRET}
        escaped = {json.dumps(text)[1:-1] for text in plain} | {text.replace("/", "\\/") for text in plain}
        forms = plain | escaped | {quote(text, safe="") for text in plain}
        # Longer forms first, because one may contain another.
        self._forms = sorted((form.encode() for form in forms), key=len, reverse=True)

    def redact(self, data: bytes) -> bytes:
        """Return the bytes with every occurrence overwritten by asterisks, keeping the length."""
        for form in self._forms:
            if form in data:
                data = data.replace(form, _MASK * len(form))
        return data

    def partial_match_length(self, data: bytes) -> int:
        """Return how many bytes at the end may be the start of a secret."""
        longest = 0
        for form in self._forms:
            for length in range(min(len(form) - 1, len(data)), longest, -1):
                if data.endswith(form[:length]):
                    longest = length
                    break
        return longest

    def redact_json(self, value: Any) -> Any:
        """Return a JSON value with every occurrence in its strings and names overwritten."""
        if isinstance(value, str):
            data = value.encode("utf-8", "surrogatepass")
            redacted = self.redact(data)
            return value if redacted == data else redacted.decode("utf-8", "surrogatepass")
        if isinstance(value, dict):
            return {self.redact_json(name): self.redact_json(each) for name, each in value.items()}
        return [self.redact_json(each) for each in value] if isinstance(value, list) else value

    def redact_response(self, response: EditResponse) -> EditResponse:
        """Return a response with every occurrence in its metadata overwritten; image data stays untouched."""
        metadata = {name: self.redact_json(getattr(response, name)) for name in _TEXT_FIELDS}
        images = [replace(image, revised_prompt=self.redact_json(image.revised_prompt)) for image in response.images]
        return replace(response, images=images, **metadata)


class RedactingSink:
    """A sink that redacts secrets, even across chunks, before it writes to another sink.

    Bytes are held back only while they may be the start of a secret.
    """

    def __init__(self, sink: Sink, secrets: Secrets) -> None:
        self._sink = sink
        self._secrets = secrets
        self._held = b""

    def write(self, data: bytes) -> None:
        """Write the bytes that can't be part of a secret."""
        data = self._secrets.redact(self._held + data)
        held = self._secrets.partial_match_length(data)
        self._held = data[len(data) - held :]
        if len(data) > held:
            self._sink.write(data[: len(data) - held])

    def close(self) -> None:
        """Write the bytes held back and close the other sink."""
        if self._held:
            self._sink.write(self._held)
            self._held = b""
        self._sink.close()
