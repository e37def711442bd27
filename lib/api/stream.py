"""Read the body of a response, JSON, event stream or plain image, into previews and finished images."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from lib.api.errors import ApiError, BadResponseError, BrokenConnectionError, CancelledError
from lib.api.events import Notice
from lib.api.failures import error_from_event
from lib.api.parsing import (
    FetchUrl,
    Limits,
    build_response,
    check_image,
    decode_image,
    find_images,
    is_image_data,
    parse_json,
    parse_response,
    salvage_images,
    whole_number,
)
from lib.api.response import Completed, EditResponse, PartialImage, StreamEvent, join
from lib.api.sse import EventDecoder, ServerEvent
from lib.translation import _

_PARTIAL = "image_edit.partial_image"
_PREVIEWS = ("partial", "preview", "progress")
_ENDINGS = ("completed", "complete", "done", "finished", "succeeded", "final")
_ERRORS = ("error", "failed")
_DONE = "[DONE]"
_FIELDS = (b"data", b"event", b"id", b"retry", b":")
_BLANKS = b"\xef\xbb\xbf \t\r\n"

Notify = Callable[[Notice], None]


def no_fetch(url: str) -> bytes:
    """Raise `BadResponseError` instead of downloading an image."""
    raise BadResponseError(_("The image is at {address} and was not downloaded.").format(address=url))


def read_body(body: bytes, limits: Limits, fetch: FetchUrl, request_id: str | None) -> EditResponse:
    """Return the images of a complete body, which may be JSON, an event stream, or an image itself.

    From a truncated body, returns the complete images. Raises the server's own error, or `BadResponseError`.
    """
    start = body[:64].lstrip(_BLANKS)
    if start.startswith(_FIELDS):
        return _completed_in(body, limits, fetch, request_id)
    if not start.startswith((b"{", b"[", b'"', b"<")):
        try:
            return build_response({}, [check_image(body, limits)], request_id)
        except BadResponseError:
            pass  # not an image itself
    try:
        value = parse_json(body, _("The endpoint's response"), limits.max_parts)
    except BadResponseError as error:
        error.request_id = request_id
        return _salvage_response(body, limits, error)
    return parse_response(value, limits, fetch, request_id)


def read_stream(
    chunks: Iterable[bytes],
    limits: Limits,
    request_id: str | None,
    image_index: int,
    notify: Notify,
    fetch: FetchUrl = no_fetch,
) -> Iterator[StreamEvent]:
    """Yield the events of one image's stream until it is completed.

    A body that isn't an event stream, whatever its content type, is read as a whole. Raises the endpoint's own error,
    `BadResponseError`, or `BrokenConnectionError` if the stream ends too early.
    """
    start, chunks = _peek(_bounded(chunks, limits))
    if _is_single_response(start):
        yield Completed(read_body(b"".join(chunks), limits, fetch, request_id), image_index)
        return
    yield from _EventReader(limits, request_id, image_index, notify, fetch).read(chunks)


@dataclass
class _EventReader:
    """Reads one stream, skipping unrelated events and remembering images from events of unknown type."""

    limits: Limits
    request_id: str | None
    image_index: int
    notify: Notify
    fetch: FetchUrl

    def __post_init__(self) -> None:
        self._untyped: dict[int, EditResponse] = {}
        self._failure: ApiError | None = None
        self._previews = 0

    def read(self, chunks: Iterable[bytes]) -> Iterator[StreamEvent]:
        """Yield the previews, then the finished image."""
        try:
            for event in _server_events(chunks, self.limits):
                if event.data.startswith(_DONE):
                    break
                is_completed = False
                for result in self._read_event(event):
                    is_completed = isinstance(result, Completed)
                    yield result
                if is_completed:
                    return
        except CancelledError:
            raise
        except ApiError as error:
            # An image that arrived before the error was paid for.
            if not self._untyped:
                raise self._failure or error from error.__cause__
            self._failure = self._failure or error
        yield self._complete_untyped()

    def _read_event(self, event: ServerEvent) -> Iterator[StreamEvent]:
        data = self._parse_data(event)
        if data is None:
            return
        kind = _event_type(event, data)
        if isinstance(data, dict) and (data.get("error") or kind.endswith(_ERRORS)):
            images, _failures = find_images(data, self.limits, self.fetch)
            error = error_from_event(data, self.request_id)
            if not images:
                raise error
            yield self._completed(data, images, [error])
        elif _is_preview(kind, data):
            yield from self._preview(kind, data)
        else:
            yield from self._image(kind, data)

    def _parse_data(self, event: ServerEvent) -> Any:
        """Return the JSON value of an event, or None for a heartbeat; store complete images of a truncated event."""
        try:
            return parse_json(event.data, _("An event in the stream"), self.limits.max_parts)
        except BadResponseError as error:
            is_preview = any(word in event.event or word in event.data[:200] for word in _PREVIEWS)
            images = [] if is_preview else salvage_images(event.data, self.limits)
            if not images and is_image_data(event.data):
                return [event.data]
            if not images:
                return None
            self._untyped[0] = build_response({}, images, self.request_id)
            self._failure = error
            return None

    def _preview(self, kind: str, data: Any) -> Iterator[PartialImage]:
        """Yield a preview, or notify of one that can't be read; the image itself is still to come."""
        images, failures = find_images(data, self.limits, self.fetch)
        if images:
            index = whole_number(data.get("partial_image_index")) if isinstance(data, dict) else None
            yield PartialImage(self._previews if index is None else index, images[0], self.image_index)
            self._previews += 1
        elif failures or kind == _PARTIAL:
            reason = str(failures[0]) if failures else _("The endpoint's response contains no image.")
            self.notify(Notice("partial_images", _("A preview was skipped. {reason}").format(reason=reason)))

    def _image(self, kind: str, data: Any) -> Iterator[StreamEvent]:
        """Yield a finished image, or store it until the stream ends if the event doesn't say that it is finished."""
        images, failures = find_images(data, self.limits, self.fetch)
        if not images:
            self._failure = self._failure or (failures[0] if failures else None)
        elif kind.endswith(_ENDINGS):
            yield self._completed(data, images, failures)
        else:
            metadata = data if isinstance(data, dict) else {}
            index = whole_number(metadata.get("index", metadata.get("image_index"))) or 0
            response = build_response(data, images, self.request_id)
            response.failures.extend(failures)
            self._untyped[index] = response

    def _completed(self, data: Any, images: Any, failures: list[ApiError]) -> Completed:
        response = build_response(data, images, self.request_id)
        response.failures.extend(failures)
        return Completed(response, self.image_index)

    def _complete_untyped(self) -> Completed:
        """Return the last image of each index; raise the first failure, or that the stream ended, if there is none."""
        if not self._untyped:
            message = _("The stream ended before the image was complete.")
            error = self._failure or BrokenConnectionError(message)
            error.request_id = error.request_id or self.request_id
            raise error
        first, *others = (self._untyped[index] for index in sorted(self._untyped))
        responses = [first, *(replace(other, request_ids=[]) for other in others)]
        return Completed(join(responses, [self._failure] if self._failure else []), self.image_index)


def _event_type(event: ServerEvent, data: Any) -> str:
    """Return the type of an event: the one in its data, or else its name."""
    kind = data.pop("type", None) if isinstance(data, dict) else None
    return kind if isinstance(kind, str) and kind else event.event


def _is_preview(kind: str, data: Any) -> bool:
    return any(word in kind for word in _PREVIEWS) or (isinstance(data, dict) and "partial_image_index" in data)


def _server_events(chunks: Iterable[bytes], limits: Limits) -> Iterator[ServerEvent]:
    """Yield the events as they arrive, including a last one that is truncated or lacks its blank line."""
    decoder = EventDecoder(limits.max_body_bytes)
    connection_error: ApiError | None = None
    try:
        try:
            for chunk in chunks:
                yield from decoder.feed(chunk)
        except ApiError as error:
            connection_error = error
        last = decoder.close()
    except ValueError as error:
        raise BadResponseError(_("The stream can't be read: {error}.").format(error=error)) from error
    if last is not None and not isinstance(connection_error, CancelledError):
        yield last
    if connection_error is not None:
        raise connection_error


def _bounded(chunks: Iterable[bytes], limits: Limits) -> Iterator[bytes]:
    """Yield the chunks; raise `BadResponseError` if they exceed the limit."""
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > limits.max_body_bytes:
            message = _("The response is larger than {max_bytes:,} bytes.")
            raise BadResponseError(message.format(max_bytes=limits.max_body_bytes))
        yield chunk


def _peek(chunks: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """Return the first non-blank bytes of a body, and an iterator over the whole body."""
    peeked: list[bytes] = []
    start = b""
    for chunk in chunks:
        peeked.append(chunk)
        start += chunk[:64]
        if start.lstrip(_BLANKS):
            break
    return start.lstrip(_BLANKS), chain(peeked, chunks)


def _is_single_response(start: bytes) -> bool:
    """Return whether a body is a single response; lines of an event stream start with a lowercase letter or a colon."""
    if not start:
        return False
    return start[:1] in b'{["<\0' or start[:1].isupper() or start[0] >= 0x80 or is_image_data(start.decode("latin-1"))


def _completed_in(body: bytes, limits: Limits, fetch: FetchUrl, request_id: str | None) -> EditResponse:
    """Return the finished image of an event stream in a complete body."""
    reader = _EventReader(limits, request_id, 0, lambda notice: None, fetch)
    return next(event.response for event in reader.read([body]) if isinstance(event, Completed))


def _salvage_response(body: bytes, limits: Limits, error: BadResponseError) -> EditResponse:
    """Return the complete images in a body that isn't valid JSON; raise `error` if there are none."""
    text = body.decode("utf-8", "replace")
    images = salvage_images(text, limits)
    if not images and is_image_data(text.strip()):
        images = [decode_image(text.strip(), limits)]
    if not images:
        raise error
    response = build_response({}, images, error.request_id)
    response.failures.append(error)
    return response
