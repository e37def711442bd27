"""Event streams as the client gives them: previews, finished images, errors, cuts."""

from __future__ import annotations

import base64
import gzip
import json
import random
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from lib.api.answer import Limits
from lib.api.client import ImagesClient
from lib.api.errors import BadAnswerError, BrokenConnectionError, ModerationError, QuotaError, ServerError
from lib.api.events import Notice
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


def test_previews_then_the_image_with_its_usage() -> None:
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


def test_every_split_of_a_whole_stream_gives_its_events() -> None:
    tiny = picture("PNG", 1, 1, "L")
    stream = partial_event(tiny, 0) + completed_event(tiny)
    for split in range(len(stream) + 1):
        events = list(read_stream([stream[:split], stream[split:]], Limits(), None, 0, pytest.fail))
        assert [type(event) for event in events] == [PartialImage, Completed]


def test_every_cut_before_the_end_is_an_error() -> None:
    tiny = picture("PNG", 1, 1, "L")
    stream = partial_event(tiny, 0) + completed_event(tiny)
    whole = stream.rindex(b'"')  # of the image's text: what ends there is whole
    whole = len(stream[:whole].rstrip()) + 1
    for cut in range(whole):
        with pytest.raises(BrokenConnectionError) as caught:
            list(read_stream([stream[:cut]], Limits(), "req_1", 0, pytest.fail))
        assert caught.value.maybe_billed
        assert caught.value.request_id == "req_1"
    for cut in range(whole, len(stream) + 1):  # only the end of the event is missing: it was paid for, so it counts
        assert isinstance(list(read_stream([stream[:cut]], Limits(), None, 0, pytest.fail))[-1], Completed)


def test_events_come_as_they_are_sent_not_at_the_end() -> None:
    seen = threading.Event()

    def slowly() -> Iterator[bytes]:
        yield partial_event(IMAGE, 0)
        assert seen.wait(10)
        yield completed_event(IMAGE)

    reply = Reply(200, headers={"Content-Type": "text/event-stream"}, chunks=slowly())
    with serving(reply) as server, ImagesClient(server.url, "sk-1") as client:
        stream = client.stream(REQUEST)
        assert isinstance(next(stream), PartialImage)
        seen.set()
        assert isinstance(next(stream), Completed)


def chunked(*pieces: bytes) -> list[bytes]:
    return [b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces]


CHUNKED = {"Content-Type": "text/event-stream; charset=utf-8", "Transfer-Encoding": "chunked"}


def test_a_stream_in_http_chunks_comes_as_it_is_sent() -> None:
    seen = threading.Event()

    def slowly() -> Iterator[bytes]:
        yield from chunked(partial_event(IMAGE, 0))
        assert seen.wait(10)
        yield from chunked(completed_event(IMAGE))
        yield b"0\r\n\r\n"

    with serving(Reply(200, headers=CHUNKED, chunks=slowly())) as server:
        stream = ImagesClient(server.url, "sk-1").stream(REQUEST)
        assert isinstance(next(stream), PartialImage)
        seen.set()
        assert isinstance(next(stream), Completed)


def test_a_stream_in_http_chunks_that_is_cut_is_an_error() -> None:
    pieces = chunked(partial_event(IMAGE, 0), completed_event(IMAGE))
    cut = b"".join(pieces)[:-20]
    with serving(Reply(200, headers=CHUNKED, chunks=[cut])) as server, pytest.raises(BrokenConnectionError) as caught:
        list(ImagesClient(server.url, "sk-1").stream(REQUEST))
    assert caught.value.maybe_billed


def test_an_answer_that_is_compressed_all_the_same_is_read() -> None:
    plain = images_reply(IMAGE)
    packed = Reply(200, gzip.compress(plain.body), {"Content-Encoding": "gzip"})
    with serving(packed) as server:
        assert ImagesClient(server.url, "sk-1").edit(REQUEST).images[0].data == IMAGE
    assert server.last.headers["Accept-Encoding"] == "identity"


def test_a_compressed_bomb_is_refused() -> None:
    packed = Reply(200, gzip.compress(b" " * 10_000_000), {"Content-Encoding": "gzip"})
    with serving(packed) as server, pytest.raises(BadAnswerError, match="more than 1,000,000 bytes"):
        ImagesClient(server.url, "sk-1", limits=Limits(max_body_bytes=1_000_000)).edit(REQUEST)


def test_what_says_it_is_compressed_and_is_not_is_read_as_it_is() -> None:
    plain = Reply(200, b"plain", {"Content-Encoding": "gzip"})
    with serving(plain) as server, pytest.raises(BadAnswerError, match="not JSON"):
        ImagesClient(server.url, "sk-1").edit(REQUEST)


def test_what_is_compressed_at_first_and_then_is_not_is_a_broken_answer() -> None:
    whole = gzip.compress(random.Random(0).randbytes(5000))
    packed = whole[:2000] + b"\0" * 500 + whole[2500:]
    with serving(Reply(200, packed, {"Content-Encoding": "gzip"})) as server, pytest.raises(BrokenConnectionError):
        ImagesClient(server.url, "sk-1").edit(REQUEST)


def test_a_preview_that_cannot_be_read_is_skipped_with_a_notice() -> None:
    notices: list[object] = []
    chunks = [event("image_edit.partial_image", b64_json="AAAA", partial_image_index=0),
              event("image_edit.partial_image", b64_json="AAAA", partial_image_index="1"),
              completed_event(IMAGE)]  # fmt: skip
    events = list(read_stream(chunks, Limits(), None, 0, notices.append))
    assert [type(event) for event in events] == [Completed]
    assert [type(notice) for notice in notices] == [Notice, Notice]


@pytest.mark.parametrize("number", [None, "1", -1, 0.5, float("nan"), float("inf"), [], True])
def test_the_number_of_a_preview_may_be_anything(number: object) -> None:
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
def test_an_error_in_the_stream(name: str, error: object, kind: type[Exception], billed: bool) -> None:
    chunk = f"event: {name}\ndata: {json.dumps({'error': error})}\n\n".encode()
    with pytest.raises(kind) as caught:
        events_of(chunk)
    assert caught.value.maybe_billed is billed
    assert caught.value.message in ("m", "just text")
    if isinstance(caught.value, ModerationError):
        assert (caught.value.stage, caught.value.categories) == ("input", ("sexual",))
    with pytest.raises(kind) as caught:
        events_of(partial_event(IMAGE, 0), chunk)
    assert caught.value.maybe_billed, "a preview was made"


def test_an_end_before_the_image_is_an_error() -> None:
    with pytest.raises(BrokenConnectionError, match="ended before the picture was complete"):
        events_of(partial_event(IMAGE, 0), b"data: [DONE]\n\n")


def test_an_error_without_words_still_gives_a_sentence() -> None:
    with pytest.raises(ServerError, match="does not explain"):
        events_of(b'event: error\ndata: {"type": "error"}\n\n')


@pytest.mark.parametrize("data", [b"data: [1]\n\n", b"data: no json\n\n", b"data: \xff\n\n", b"data:\n\n"])
def test_what_is_no_event_object_is_a_heartbeat(data: bytes) -> None:
    (last,) = events_of(data, completed_event(IMAGE))
    assert isinstance(last, Completed)


def test_a_stream_without_end_is_cut_off() -> None:
    endless = (b"event: ping\ndata: {}\n\n" for _slot in range(10_000_000))
    with pytest.raises(BadAnswerError, match="more than 100,000 bytes"):
        list(read_stream(endless, Limits(max_body_bytes=100_000), None, 0, pytest.fail))


def test_images_of_several_places_are_all_returned() -> None:
    other = picture("PNG", 8, 8)
    (last,) = events_of(
        event("step", b64_json=base64.b64encode(other).decode(), index=0),
        event("step", b64_json=base64.b64encode(IMAGE).decode(), index=0),
        event("step", b64_json=base64.b64encode(other).decode(), index=1),
    )
    assert isinstance(last, Completed)
    assert [image.data for image in last.response.images] == [IMAGE, other]


def test_an_event_may_point_to_its_image() -> None:
    reply = stream_reply(event("image_edit.completed", url="/picture"))
    with serving(lambda request: Reply(200, IMAGE) if request.method == "GET" else reply) as server:
        (last,) = ImagesClient(server.url, "sk-1").stream(REQUEST)
    assert isinstance(last, Completed) and last.image.data == IMAGE
    assert server.last.headers["Authorization"] is None


def test_an_event_longer_than_the_limit_is_refused() -> None:
    with pytest.raises(BadAnswerError, match="more than 2,000 bytes"):
        list(read_stream([b"data: " + b"x" * 3000], Limits(max_body_bytes=2000), None, 0, pytest.fail))


def test_a_server_that_does_not_know_stream_answers_with_json() -> None:
    with serving(images_reply(IMAGE, IMAGE, usage=USAGE)) as server, ImagesClient(server.url, "sk-1") as client:
        first, second = client.stream(REQUEST)
    assert isinstance(first, Completed) and isinstance(second, Completed)
    assert (first.image_index, second.image_index) == (0, 1)
    assert first.response.usage == USAGE
    assert second.response.usage is None  # else it would be counted twice
    joined = join([first.response, second.response], [])
    assert (joined.usage, joined.request_ids, len(joined.images)) == (USAGE, ["req_1"], 2)


def test_a_bad_image_beside_a_good_one_comes_as_failed() -> None:
    reply = json_reply({"data": [{"b64_json": "AAAA"}, {"b64_json": base64.b64encode(IMAGE).decode()}]})
    with serving(reply) as server, ImagesClient(server.url, "sk-1") as client:
        completed, failed = client.stream(REQUEST)
        joined = client.edit(replace(REQUEST, stream=True))
    assert isinstance(completed, Completed) and isinstance(failed, Failed)
    assert isinstance(failed.error, BadAnswerError)
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


def test_streams_that_fail_beside_others_come_last() -> None:
    with serving(lambda request: failing_once(server.requests)) as server:
        events = list(ImagesClient(server.url, "sk-1").stream(EditRequest([IMAGE], "p", n=3)))
    assert sorted(type(event).__name__ for event in events) == ["Completed", "Completed", "Failed"]
    assert isinstance(events[-1], Failed)
    assert isinstance(events[-1].error, ServerError)


def test_edit_with_stream_keeps_failures_beside_images() -> None:
    with serving(lambda request: failing_once(server.requests)) as server:
        response = ImagesClient(server.url, "sk-1").edit(EditRequest([IMAGE], "p", n=2, stream=True))
    assert len(response.images) == 1
    assert [type(failure) for failure in response.failures] == [ServerError]


def test_when_all_streams_fail_the_error_is_raised() -> None:
    with serving(json_reply({"error": {"message": "broke"}}, 500)) as server, pytest.raises(ServerError):
        list(ImagesClient(server.url, "sk-1").stream(EditRequest([IMAGE], "p", n=2)))


def test_a_caller_that_stops_listening_ends_its_requests() -> None:
    patient = threading.Event()
    released = threading.Event()

    def without_end() -> Iterator[bytes]:
        yield partial_event(IMAGE, 0)
        released.wait(20)
        patient.set()

    def answer(request: Recorded) -> Reply:
        return Reply(200, headers={"Content-Type": "text/event-stream"}, chunks=without_end())

    with serving(answer) as server, ImagesClient(server.url, "sk-1") as client:
        stream = client.stream(EditRequest([IMAGE], "p", n=2))
        assert isinstance(next(stream), PartialImage)
        stream.close()
        assert not patient.is_set()  # close() did not wait for the streams' own end
        released.set()
