"""Turn the body of an answer, of whatever shape, into previews and finished images."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from lib.api.answer import (
    FetchUrl,
    Limits,
    check_image,
    decode_image,
    facts_of,
    find_images,
    looks_embedded,
    parse_json,
    read_answer,
    salvaged_images,
    whole_number,
)
from lib.api.errors import ApiError, BadAnswerError, BrokenConnectionError, CancelledError
from lib.api.events import Notice
from lib.api.failures import error_from_event
from lib.api.response import Completed, EditResponse, PartialImage, StreamEvent, join
from lib.api.sse import EventDecoder, ServerEvent
from lib.translation import _

_PARTIAL = "image_edit.partial_image"
_PREVIEWS = ("partial", "preview", "progress")
_ENDINGS = ("completed", "complete", "done", "finished", "succeeded", "final")
_FAILURES = ("error", "failed")
_DONE = "[DONE]"
_FIELDS = (b"data", b"event", b"id", b"retry", b":")
_BLANKS = b"\xef\xbb\xbf \t\r\n"

Notify = Callable[[Notice], None]


def no_fetch(url: str) -> bytes:
    """Raise `BadAnswerError`: nothing is fetched here."""
    raise BadAnswerError(_("The picture is at {address}, and was not fetched.").format(address=url))


def read_body(body: bytes, limits: Limits, fetch: FetchUrl, request_id: str | None) -> EditResponse:
    """Return the images of a whole body: an answer in JSON, an event stream, or the image itself.

    Of a body that was cut off, the images that are whole. Raises the server's own error, or `BadAnswerError`.
    """
    start = body[:64].lstrip(_BLANKS)
    if start.startswith(_FIELDS):
        return _completed_in(body, limits, fetch, request_id)
    if not start.startswith((b"{", b"[", b'"', b"<")):
        try:
            return facts_of({}, [check_image(body, limits)], request_id)
        except BadAnswerError:
            pass  # it isn't an image itself
    try:
        answer = parse_json(body, _("The endpoint's answer"), limits.max_parts)
    except BadAnswerError as error:
        error.request_id = request_id
        return _salvaged(body, limits, error)
    return read_answer(answer, limits, fetch, request_id)


def read_stream(
    chunks: Iterable[bytes],
    limits: Limits,
    request_id: str | None,
    image_index: int,
    notify: Notify,
    fetch: FetchUrl = no_fetch,
) -> Iterator[StreamEvent]:
    """Give the events of a stream of one image until it is completed.

    A body that is no stream, whatever its type says, is read as a whole. Raises the endpoint's own error,
    `BadAnswerError`, or `BrokenConnectionError` when the stream ends too early.
    """
    start, chunks = _peeked(_bounded(chunks, limits))
    if _is_whole_body(start):
        yield Completed(read_body(b"".join(chunks), limits, fetch, request_id), image_index)
        return
    yield from _EventReader(limits, request_id, image_index, notify, fetch).read(chunks)


@dataclass
class _EventReader:
    """Reads one stream: skips what is no event of ours, and keeps the images of events that don't say what they are."""

    limits: Limits
    request_id: str | None
    image_index: int
    notify: Notify
    fetch: FetchUrl

    def __post_init__(self) -> None:
        self._unnamed: dict[int, EditResponse] = {}
        self._failure: ApiError | None = None
        self._previews = 0

    def read(self, chunks: Iterable[bytes]) -> Iterator[StreamEvent]:
        """Give the previews, then the finished image."""
        try:
            for event in _server_events(chunks, self.limits):
                if event.data.startswith(_DONE):
                    break
                ended = False
                for read in self._read_event(event):
                    ended = isinstance(read, Completed)
                    yield read
                if ended:
                    return
        except CancelledError:
            raise
        except ApiError as error:
            # An image that was there before the connection broke, or the server gave up, was paid for.
            if not self._unnamed:
                raise self._failure or error from error.__cause__
            self._failure = self._failure or error
        yield self._last_unnamed()

    def _read_event(self, event: ServerEvent) -> Iterator[StreamEvent]:
        data = self._data_of(event)
        if data is None:
            return
        kind = _kind(event, data)
        if isinstance(data, dict) and (data.get("error") or kind.endswith(_FAILURES)):
            images, _failed = find_images(data, self.limits, self.fetch)
            error = error_from_event(data, self.request_id)
            if not images:
                raise error
            yield self._completed(data, images, [error])
        elif _is_preview(kind, data):
            yield from self._preview(kind, data)
        else:
            yield from self._image(kind, data)

    def _data_of(self, event: ServerEvent) -> Any:
        """Return what an event holds; None for a heartbeat. Of one that was cut off, its whole image counts."""
        try:
            return parse_json(event.data, _("An event of the stream"), self.limits.max_parts)
        except BadAnswerError as error:
            preview = any(word in event.event or word in event.data[:200] for word in _PREVIEWS)
            images = [] if preview else salvaged_images(event.data, self.limits)
            if not images and looks_embedded(event.data):
                return [event.data]
            if not images:
                return None
            self._unnamed[0] = facts_of({}, images, self.request_id)
            self._failure = error
            return None

    def _preview(self, kind: str, data: Any) -> Iterator[PartialImage]:
        """Give a preview; one that can't be read is skipped with a notice, since the image itself is still to come."""
        images, failures = find_images(data, self.limits, self.fetch)
        if images:
            index = whole_number(data.get("partial_image_index")) if isinstance(data, dict) else None
            yield PartialImage(self._previews if index is None else index, images[0], self.image_index)
            self._previews += 1
        elif failures or kind == _PARTIAL:
            reason = str(failures[0]) if failures else _("The endpoint's answer holds no image.")
            self.notify(Notice("partial_images", _("A preview was skipped. {reason}").format(reason=reason)))

    def _image(self, kind: str, data: Any) -> Iterator[StreamEvent]:
        """Give a finished image. One whose event doesn't say that it is finished is kept until the stream ends."""
        images, failures = find_images(data, self.limits, self.fetch)
        if not images:
            self._failure = self._failure or (failures[0] if failures else None)
        elif kind.endswith(_ENDINGS):
            yield self._completed(data, images, failures)
        else:
            facts = data if isinstance(data, dict) else {}
            index = whole_number(facts.get("index", facts.get("image_index"))) or 0
            response = facts_of(data, images, self.request_id)
            response.failures.extend(failures)
            self._unnamed[index] = response

    def _completed(self, data: Any, images: Any, failures: list[ApiError]) -> Completed:
        response = facts_of(data, images, self.request_id)
        response.failures.extend(failures)
        return Completed(response, self.image_index)

    def _last_unnamed(self) -> Completed:
        """Return the latest image of each place; raise what was wrong, or that the stream ended too early."""
        if not self._unnamed:
            message = _("The stream ended before the picture was complete.")
            error = self._failure or BrokenConnectionError(message)
            error.request_id = error.request_id or self.request_id
            raise error
        found = [self._unnamed[index] for index in sorted(self._unnamed)]
        first, *others = found
        shared = [first, *(replace(other, request_ids=[]) for other in others)]
        return Completed(join(shared, [self._failure] if self._failure else []), self.image_index)


def _kind(event: ServerEvent, data: Any) -> str:
    """Return what an event is called, by its own type where it has one."""
    kind = data.pop("type", None) if isinstance(data, dict) else None
    return kind if isinstance(kind, str) and kind else event.event


def _is_preview(kind: str, data: Any) -> bool:
    return any(word in kind for word in _PREVIEWS) or (isinstance(data, dict) and "partial_image_index" in data)


def _server_events(chunks: Iterable[bytes], limits: Limits) -> Iterator[ServerEvent]:
    """Give the events as they come; the last one too where only its blank line, or the rest of it, is missing."""
    decoder = EventDecoder(limits.max_body_bytes)
    broken: ApiError | None = None
    try:
        try:
            for chunk in chunks:
                yield from decoder.feed(chunk)
        except ApiError as error:
            broken = error
        last = decoder.close()
    except ValueError as error:
        raise BadAnswerError(_("The stream can't be read: {error}.").format(error=error)) from error
    if last is not None and not isinstance(broken, CancelledError):
        yield last
    if broken is not None:
        raise broken


def _bounded(chunks: Iterable[bytes], limits: Limits) -> Iterator[bytes]:
    """Give the chunks of a stream; raise `BadAnswerError` where it doesn't end."""
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > limits.max_body_bytes:
            told = _("The answer has more than {max_bytes:,} bytes.")
            raise BadAnswerError(told.format(max_bytes=limits.max_body_bytes))
        yield chunk


def _peeked(chunks: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """Return the first bytes of a body that aren't blank, and the whole body as it comes."""
    seen: list[bytes] = []
    start = b""
    for chunk in chunks:
        seen.append(chunk)
        start += chunk[:64]
        if start.lstrip(_BLANKS):
            break
    return start.lstrip(_BLANKS), chain(seen, chunks)


def _is_whole_body(start: bytes) -> bool:
    """Return whether a body is one answer and no stream, whose lines begin with a small letter or a colon."""
    if not start:
        return False
    return start[:1] in b'{["<\0' or start[:1].isupper() or start[0] >= 0x80 or looks_embedded(start.decode("latin-1"))


def _completed_in(body: bytes, limits: Limits, fetch: FetchUrl, request_id: str | None) -> EditResponse:
    """Return the finished image of a stream that came as a whole."""
    reader = _EventReader(limits, request_id, 0, lambda notice: None, fetch)
    return next(event.response for event in reader.read([body]) if isinstance(event, Completed))


def _salvaged(body: bytes, limits: Limits, error: BadAnswerError) -> EditResponse:
    """Return the images that are whole in a body that isn't JSON; raise `error` where there are none."""
    text = body.decode("utf-8", "replace")
    images = salvaged_images(text, limits)
    if not images and looks_embedded(text.strip()):
        images = [decode_image(text.strip(), limits)]
    if not images:
        raise error
    response = facts_of({}, images, error.request_id)
    response.failures.append(error)
    return response
