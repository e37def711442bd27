"""Turn an event stream into previews and finished images."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from lib.api.answer import Limits, decode_image, facts_of, parse_object
from lib.api.errors import BadAnswerError, BrokenConnectionError
from lib.api.events import Notice
from lib.api.failures import error_from_event
from lib.api.response import Completed, PartialImage, StreamEvent
from lib.api.sse import EventDecoder, ServerEvent
from lib.translation import _

_PARTIAL = "image_edit.partial_image"
_COMPLETED = "image_edit.completed"
_DONE = "[DONE]"


def read_stream(
    chunks: Iterable[bytes],
    limits: Limits,
    request_id: str | None,
    image_index: int,
    notify: Callable[[Notice], None],
) -> Iterator[StreamEvent]:
    """Give the events of a stream of one image until it is completed.

    Unknown events are skipped; so is a preview that can't be read, with a notice, because the image itself is
    still to come. Raises the endpoint's own error, `BadAnswerError`, or `BrokenConnectionError` when the
    stream ends too early.
    """
    for event in _server_events(chunks, limits):
        if event.data.startswith(_DONE):
            break
        data = _data_of(event)
        kind = data.pop("type", None) or event.event
        if data.get("error") or kind == "error":
            raise error_from_event(data, request_id)
        if kind == _PARTIAL:
            try:
                yield _partial(data, limits, image_index)
            except BadAnswerError as error:
                notify(Notice("partial_images", _("A preview was skipped. {reason}").format(reason=error.message)))
        elif kind == _COMPLETED:
            image = decode_image(data.pop("b64_json", None), limits, data.get("revised_prompt"))
            yield Completed(facts_of(data, [image], request_id), image_index)
            return
    raise BrokenConnectionError(_("The stream ended before the picture was complete."), request_id=request_id)


def _server_events(chunks: Iterable[bytes], limits: Limits) -> Iterator[ServerEvent]:
    decoder = EventDecoder(limits.max_body_bytes)
    try:
        for chunk in chunks:
            yield from decoder.feed(chunk)
        last = decoder.close()
    except ValueError as error:
        raise BadAnswerError(_("The stream can't be read: {error}.").format(error=error)) from error
    if last is not None and _is_whole(last):
        yield last


def _is_whole(event: ServerEvent) -> bool:
    """Tell an event that only lacks its blank line from one that was cut in the middle."""
    try:
        return bool(_data_of(event))
    except BadAnswerError:
        return event.data.startswith(_DONE)


def _data_of(event: ServerEvent) -> dict[str, Any]:
    return parse_object(event.data, _("An event of the stream"))


def _partial(data: dict[str, Any], limits: Limits, image_index: int) -> PartialImage:
    index = data.get("partial_image_index", 0)
    if not isinstance(index, int):
        raise BadAnswerError(_("The number of a preview is not a whole number."))
    return PartialImage(index, decode_image(data.get("b64_json"), limits), image_index)
