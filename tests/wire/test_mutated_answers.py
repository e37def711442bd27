"""Responses that contain a valid image in unusual surroundings: it is returned, or its bytes are recorded."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator

import pytest

from lib.api.client import ImagesClient
from lib.api.errors import ApiError
from lib.api.raster import decode
from lib.api.recording import ResponseHead
from lib.api.request import EditRequest
from lib.api.response import Completed, PartialImage
from tests.wire import mutated_answers
from tests.wire.mutated_answers import BASE64, PICTURE, Case
from tests.wire.server import Recorded, Reply, completed_event, partial_event, serving

CASES = mutated_answers.cases()


class MemorySink:
    """A sink that stores the bytes in memory."""

    def __init__(self, head: ResponseHead) -> None:
        self.head = head
        self.data = b""

    def write(self, data: bytes) -> None:
        self.data += data

    def close(self) -> None:
        pass


@pytest.fixture(scope="module")
def server():
    """A server that replies with the current test case."""
    current: list[Case] = []

    def answer(request: Recorded) -> Reply:
        if request.method == "GET":
            return Reply(200, PICTURE, {"Content-Type": "image/png"})
        case = current[-1]
        headers = {"Content-Type": case.content_type} | ({"Content-Encoding": case.encoding} if case.encoding else {})
        if case.announced is not None:
            headers["Content-Length"] = str(case.announced)
        return Reply(200, headers=headers, chunks=[case.body])

    with serving(answer) as running:
        yield running, current


def test_there_are_at_least_500_cases() -> None:
    assert len(CASES) >= 500


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_image_is_returned_or_its_bytes_are_recorded(server, case: Case) -> None:
    running, current = server
    current.append(case)
    sinks: list[MemorySink] = []

    def record(head: ResponseHead) -> MemorySink:
        sinks.append(MemorySink(head))
        return sinks[-1]

    request = EditRequest([PICTURE], "p", stream=case.content_type == mutated_answers.STREAM or None)
    with ImagesClient(running.url, "sk-1-not-in-it", record=record) as client:
        try:
            response = client.edit(request)
        except ApiError as error:
            assert not case.complete, error
            assert error.maybe_billed and "try again" not in error.message
            recorded = b"".join(sink.data for sink in sinks)
            assert recorded == case.body or case.encoding, "every byte that arrived is on disk"
            return
    assert case.picture in [image.data for image in response.images]
    assert decode(response.images[0].data).size == (24, 16)
    assert BASE64 not in repr(response.raw)


def test_events_are_recorded_before_they_are_parsed() -> None:
    """The server holds back the second event until the first has been yielded and recorded."""
    first, last = partial_event(PICTURE, 0), completed_event(PICTURE)
    yielded, sinks = threading.Event(), list[MemorySink]()

    def slowly() -> Iterator[bytes]:
        yield first
        assert yielded.wait(60)
        yield last

    def record(head: ResponseHead) -> MemorySink:
        sinks.append(MemorySink(head))
        return sinks[-1]

    reply = Reply(200, headers={"Content-Type": mutated_answers.STREAM}, chunks=slowly())
    with serving(reply) as running, ImagesClient(running.url, "sk-1-not-in-it", record=record) as client:
        stream = client.stream(EditRequest([PICTURE], "p"))
        assert isinstance(next(stream), PartialImage) and sinks[0].data == first
        yielded.set()
        assert isinstance(next(stream), Completed) and sinks[0].data == first + last


def test_truncated_cases_are_included() -> None:
    truncated = [case for case in CASES if not case.complete]
    assert len(truncated) > 20 and all(base64.b64decode(BASE64) != case.body for case in truncated)


@pytest.mark.parametrize("case", [case for case in CASES if case.content_type == mutated_answers.STREAM][::7])
def test_unrequested_stream_is_read(server, case: Case) -> None:
    running, current = server
    current.append(case)
    with ImagesClient(running.url, "sk-1-not-in-it") as client:
        try:
            assert case.picture in [image.data for image in client.edit(EditRequest([PICTURE], "p")).images]
        except ApiError as error:
            assert not case.complete, error
