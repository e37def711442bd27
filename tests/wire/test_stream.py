"""Event streams through the client: previews, finished images, errors, truncation."""

from __future__ import annotations

import base64
import gzip
import json
import random
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from lib.api.client import ImagesClient
from lib.api.errors import BadResponseError, BrokenConnectionError, ModerationError, QuotaError, ServerError
from lib.api.events import Notice
from lib.api.parsing import Limits
from lib.api.request import EditRequest
from lib.api.response import Completed, Failed, PartialImage, join
from lib.api.stream import read_stream
from tests.wire.pictures import picture
from tests.wire.server import (
    Recorded,
    Reply,
    completed_event,
    event,
    images_reply,
    json_reply,
    partial_event,
    serving,
    stream_reply,
)

IMAGE = picture()
REQUEST = EditRequest([IMAGE], "p", partial_images=2)
USAGE = {"input_tokens": 50, "output_tokens": 50, "total_tokens": 100,
         "input_tokens_details": {"text_tokens": 10, "image_tokens": 40}}  # fmt: skip


def events_of(*chunks: bytes) -> list[PartialImage | Completed | Failed]:
    with serving(stream_reply(*chunks)) as server, ImagesClient(server.url, "sk-1") as client:
        return list(client.stream(REQUEST))


def test_previews_precede_the_image_with_its_usage() -> None:
    first, second, last = events_of(
        b": hello\n\n",
        partial_event(IMAGE, 0),
        event("image_edit.something_new", b64_json="?"),
        partial_event(IMAGE, 1),
        completed_event(IMAGE, usage=USAGE, size="1024x1024", created_at=5, quality="auto"),
        b"data: [DONE]\n\n",
    )
    assert isinstance(first, PartialImage) and isinstance(second, PartialImage)
    assert (first.index, second.index) == (0, 1)
    assert first.image.data == IMAGE
    assert isinstance(last, Completed)
    assert (last.image.data, last.image.width, last.image.height) == (IMAGE, 64, 48)
    assert last.response.usage == USAGE
    assert (last.response.created, last.response.size, last.response.quality) == (5, "1024x1024", "auto")
    assert "b64_json" not in last.response.raw


def test_every_split_gives_the_same_events_of_a_stream() -> None:
    tiny = picture("PNG", 1, 1, "L")
    stream = partial_event(tiny, 0) + completed_event(tiny)
    for split in range(len(stream) + 1):
        events = list(read_stream([stream[:split], stream[split:]], Limits(), None, 0, pytest.fail))
        assert [type(event) for event in events] == [PartialImage, Completed]


def test_every_truncation_is_an_error() -> None:
    tiny = picture("PNG", 1, 1, "L")
    stream = partial_event(tiny, 0) + completed_event(tiny)
    complete = stream.rindex(b'"')  # the end of the image's text
    complete = len(stream[:complete].rstrip()) + 1
    for cut in range(complete):
        with pytest.raises(BrokenConnectionError) as caught:
            list(read_stream([stream[:cut]], Limits(), "req_1", 0, pytest.fail))
        assert caught.value.maybe_billed
        assert caught.value.request_id == "req_1"
    for cut in range(complete, len(stream) + 1):  # only the end of the event is missing, and the image was paid for
        assert isinstance(list(read_stream([stream[:cut]], Limits(), None, 0, pytest.fail))[-1], Completed)


def test_events_are_yielded_as_they_arrive() -> None:
    first_received = threading.Event()

    def slowly() -> Iterator[bytes]:
        yield partial_event(IMAGE, 0)
        assert first_received.wait(10)
        yield completed_event(IMAGE)

    reply = Reply(200, headers={"Content-Type": "text/event-stream"}, chunks=slowly())
    with serving(reply) as server, ImagesClient(server.url, "sk-1") as client:
        stream = client.stream(REQUEST)
        assert isinstance(next(stream), PartialImage)
        first_received.set()
        assert isinstance(next(stream), Completed)


def chunked(*pieces: bytes) -> list[bytes]:
    return [b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces]


CHUNKED = {"Content-Type": "text/event-stream; charset=utf-8", "Transfer-Encoding": "chunked"}


def test_chunked_stream_is_yielded_as_it_arrives() -> None:
    first_received = threading.Event()

    def slowly() -> Iterator[bytes]:
        yield from chunked(partial_event(IMAGE, 0))
        assert first_received.wait(10)
        yield from chunked(completed_event(IMAGE))
        yield b"0\r\n\r\n"

    with serving(Reply(200, headers=CHUNKED, chunks=slowly())) as server:
        stream = ImagesClient(server.url, "sk-1").stream(REQUEST)
        assert isinstance(next(stream), PartialImage)
        first_received.set()
        assert isinstance(next(stream), Completed)


def test_truncated_chunked_stream_is_an_error() -> None:
    pieces = chunked(partial_event(IMAGE, 0), completed_event(IMAGE))
    cut = b"".join(pieces)[:-20]
    with serving(Reply(200, headers=CHUNKED, chunks=[cut])) as server, pytest.raises(BrokenConnectionError) as caught:
        list(ImagesClient(server.url, "sk-1").stream(REQUEST))
    assert caught.value.maybe_billed


def test_unrequested_compression_is_decoded() -> None:
    plain = images_reply(IMAGE)
    compressed = Reply(200, gzip.compress(plain.body), {"Content-Encoding": "gzip"})
    with serving(compressed) as server:
        assert ImagesClient(server.url, "sk-1").edit(REQUEST).images[0].data == IMAGE
    assert server.last.headers["Accept-Encoding"] == "identity"


def test_compressed_bomb_is_refused() -> None:
    compressed = Reply(200, gzip.compress(b" " * 10_000_000), {"Content-Encoding": "gzip"})
    with serving(compressed) as server, pytest.raises(BadResponseError, match="larger than 1,000,000 bytes"):
        ImagesClient(server.url, "sk-1", limits=Limits(max_body_bytes=1_000_000)).edit(REQUEST)


def test_uncompressed_body_labelled_gzip_is_read() -> None:
    plain = Reply(200, b"plain", {"Content-Encoding": "gzip"})
    with serving(plain) as server, pytest.raises(BadResponseError, match="not JSON"):
        ImagesClient(server.url, "sk-1").edit(REQUEST)


def test_corrupt_compressed_body_is_a_broken_connection() -> None:
    intact = gzip.compress(random.Random(0).randbytes(5000))
    corrupt = intact[:2000] + b"\0" * 500 + intact[2500:]
    with serving(Reply(200, corrupt, {"Content-Encoding": "gzip"})) as server, pytest.raises(BrokenConnectionError):
        ImagesClient(server.url, "sk-1").edit(REQUEST)


def test_unreadable_preview_is_skipped_with_a_notice() -> None:
    notices: list[object] = []
    chunks = [event("image_edit.partial_image", b64_json="AAAA", partial_image_index=0),
              event("image_edit.partial_image", b64_json="AAAA", partial_image_index="1"),
              completed_event(IMAGE)]  # fmt: skip
    events = list(read_stream(chunks, Limits(), None, 0, notices.append))
    assert [type(event) for event in events] == [Completed]
    assert [type(notice) for notice in notices] == [Notice, Notice]


@pytest.mark.parametrize("number", [None, "1", -1, 0.5, float("nan"), float("inf"), [], True])
def test_preview_index_may_be_malformed(number: object) -> None:
    encoded = base64.b64encode(IMAGE).decode()
    chunks = [event("image_edit.partial_image", b64_json=encoded, partial_image_index=number), completed_event(IMAGE)]
    first, _last = read_stream(chunks, Limits(), None, 0, pytest.fail)
    assert isinstance(first, PartialImage) and first.index == 0


@pytest.mark.parametrize(
    ("error", "kind", "billed"),
    [
        ({"type": "image_generation_server_error", "code": "image_generation_failed", "message": "m"},
         ServerError, True),
        ({"type": "image_generation_user_error", "code": "moderation_blocked", "message": "m",
          "moderation_details": {"moderation_stage": "input", "categories": ["sexual"]}}, ModerationError, False),
        ({"type": "insufficient_quota", "message": "m"}, QuotaError, False),
        ("just text", ServerError, True),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["error", "image_edit.partial_image"])
def test_error_event(name: str, error: object, kind: type[Exception], billed: bool) -> None:
    chunk = f"event: {name}\ndata: {json.dumps({'error': error})}\n\n".encode()
    with pytest.raises(kind) as caught:
        events_of(chunk)
    assert caught.value.maybe_billed is billed
    assert caught.value.message in ("m", "just text")
    if isinstance(caught.value, ModerationError):
        assert (caught.value.stage, caught.value.categories) == ("input", ("sexual",))
    with pytest.raises(kind) as caught:
        events_of(partial_event(IMAGE, 0), chunk)
    assert caught.value.maybe_billed, "there was a preview"


def test_stream_ending_before_the_image_is_an_error() -> None:
    with pytest.raises(BrokenConnectionError, match="ended before the image was complete"):
        events_of(partial_event(IMAGE, 0), b"data: [DONE]\n\n")


def test_error_event_without_a_message_has_one() -> None:
    with pytest.raises(ServerError, match="without an explanation"):
        events_of(b'event: error\ndata: {"type": "error"}\n\n')


@pytest.mark.parametrize("data", [b"data: [1]\n\n", b"data: no json\n\n", b"data: \xff\n\n", b"data:\n\n"])
def test_event_without_an_object_is_ignored(data: bytes) -> None:
    (last,) = events_of(data, completed_event(IMAGE))
    assert isinstance(last, Completed)


def test_endless_stream_is_refused_at_the_limit() -> None:
    endless = (b"event: ping\ndata: {}\n\n" for _slot in range(10_000_000))
    with pytest.raises(BadResponseError, match="larger than 100,000 bytes"):
        list(read_stream(endless, Limits(max_body_bytes=100_000), None, 0, pytest.fail))


def test_images_of_several_indices_are_returned() -> None:
    other = picture("PNG", 8, 8)
    (last,) = events_of(
        event("step", b64_json=base64.b64encode(other).decode(), index=0),
        event("step", b64_json=base64.b64encode(IMAGE).decode(), index=0),
        event("step", b64_json=base64.b64encode(other).decode(), index=1),
    )
    assert isinstance(last, Completed)
    assert [image.data for image in last.response.images] == [IMAGE, other]


def test_event_with_an_image_url() -> None:
    reply = stream_reply(event("image_edit.completed", url="/picture"))
    with serving(lambda request: Reply(200, IMAGE) if request.method == "GET" else reply) as server:
        (last,) = ImagesClient(server.url, "sk-1").stream(REQUEST)
    assert isinstance(last, Completed) and last.image.data == IMAGE
    assert server.last.headers["Authorization"] is None


def test_event_larger_than_the_limit_is_refused() -> None:
    with pytest.raises(BadResponseError, match="larger than 2,000 bytes"):
        list(read_stream([b"data: " + b"x" * 3000], Limits(max_body_bytes=2000), None, 0, pytest.fail))


def test_server_without_streaming_returns_json() -> None:
    with serving(images_reply(IMAGE, IMAGE, usage=USAGE)) as server, ImagesClient(server.url, "sk-1") as client:
        first, second = client.stream(REQUEST)
    assert isinstance(first, Completed) and isinstance(second, Completed)
    assert (first.image_index, second.image_index) == (0, 1)
    assert first.response.usage == USAGE
    assert second.response.usage is None  # it would be counted twice
    joined = join([first.response, second.response], [])
    assert (joined.usage, joined.request_ids, len(joined.images)) == (USAGE, ["req_1"], 2)


def test_invalid_image_next_to_a_valid_one_is_a_failed_event() -> None:
    reply = json_reply({"data": [{"b64_json": "AAAA"}, {"b64_json": base64.b64encode(IMAGE).decode()}]})
    with serving(reply) as server, ImagesClient(server.url, "sk-1") as client:
        completed, failed = client.stream(REQUEST)
        joined = client.edit(replace(REQUEST, stream=True))
    assert isinstance(completed, Completed) and isinstance(failed, Failed)
    assert isinstance(failed.error, BadResponseError)
    assert (len(joined.images), len(joined.failures)) == (1, 1)


def test_edit_with_stream_joins_the_images_of_n_streams() -> None:
    with serving(stream_reply(partial_event(IMAGE, 0), completed_event(IMAGE, usage=USAGE))) as server:
        response = ImagesClient(server.url, "sk-1").edit(EditRequest([IMAGE], "p", n=3, stream=True))
    assert len(server.requests) == 3
    assert len(response.images) == 3
    assert response.usage is not None
    assert response.usage["input_tokens_details"]["image_tokens"] == 120


def failing_once(server_requests: list[Recorded]) -> Reply:
    if len(server_requests) == 1:
        return json_reply({"error": {"message": "broke"}}, 500)
    return stream_reply(completed_event(IMAGE))


def test_failed_events_come_last() -> None:
    with serving(lambda request: failing_once(server.requests)) as server:
        events = list(ImagesClient(server.url, "sk-1").stream(EditRequest([IMAGE], "p", n=3)))
    assert sorted(type(event).__name__ for event in events) == ["Completed", "Completed", "Failed"]
    assert isinstance(events[-1], Failed)
    assert isinstance(events[-1].error, ServerError)


def test_edit_with_stream_returns_failures_with_images() -> None:
    with serving(lambda request: failing_once(server.requests)) as server:
        response = ImagesClient(server.url, "sk-1").edit(EditRequest([IMAGE], "p", n=2, stream=True))
    assert len(response.images) == 1
    assert [type(failure) for failure in response.failures] == [ServerError]


def test_error_is_raised_when_all_streams_fail() -> None:
    with serving(json_reply({"error": {"message": "broke"}}, 500)) as server, pytest.raises(ServerError):
        list(ImagesClient(server.url, "sk-1").stream(EditRequest([IMAGE], "p", n=2)))


def test_closing_the_iterator_ends_the_requests() -> None:
    finished = threading.Event()
    released = threading.Event()

    def without_end() -> Iterator[bytes]:
        yield partial_event(IMAGE, 0)
        released.wait(20)
        finished.set()

    def answer(request: Recorded) -> Reply:
        return Reply(200, headers={"Content-Type": "text/event-stream"}, chunks=without_end())

    with serving(answer) as server, ImagesClient(server.url, "sk-1") as client:
        stream = client.stream(EditRequest([IMAGE], "p", n=2))
        assert isinstance(next(stream), PartialImage)
        stream.close()
        assert not finished.is_set()  # close() did not wait for the streams to end
        released.set()
