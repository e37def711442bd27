"""The decoder of event streams: split at every byte, with every line end, with lines of any length."""

from __future__ import annotations

import itertools
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.api.sse import EventDecoder, ServerEvent

STREAM = (
    "\ufeff: a comment\n"
    "event: image_edit.partial_image\n"
    'data: {"é": 1}\n'
    "\n"
    "id: 7\nretry: 10\nnonsense\n"
    "data:no space\n"
    "data\n"
    "data:  two spaces\n"
    "\n"
    "event: nothing\n"
    "\n"
    "event: last\n"
    "data: [DONE]\n"
    "\n"
)
EVENTS = [
    ServerEvent("image_edit.partial_image", '{"é": 1}'),
    ServerEvent("message", "no space\n\n two spaces"),
    ServerEvent("last", "[DONE]"),
]
LINE_ENDS = ["\n", "\r", "\r\n"]


def decode(*chunks: bytes) -> list[ServerEvent]:
    decoder = EventDecoder(1 << 20)
    events = list(itertools.chain.from_iterable(decoder.feed(chunk) for chunk in chunks))
    last = decoder.close()
    return events if last is None else [*events, last]


@pytest.mark.parametrize("line_end", LINE_ENDS, ids=repr)
def test_every_split_gives_the_same_events(line_end: str) -> None:
    stream = STREAM.replace("\n", line_end).encode()
    for split in range(len(stream) + 1):
        assert decode(stream[:split], b"", stream[split:]) == EVENTS


@pytest.mark.parametrize("line_end", LINE_ENDS, ids=repr)
def test_one_byte_at_a_time(line_end: str) -> None:
    stream = STREAM.replace("\n", line_end).encode()
    assert decode(*[stream[place : place + 1] for place in range(len(stream))]) == EVENTS


@given(st.lists(st.sampled_from(["data: a", "data:b", ": c", "event: e", ""])), st.data())
def test_chunks_and_line_ends_make_no_difference(lines: list[str], data: st.DataObject) -> None:
    plain = "".join(line + "\n" for line in lines).encode()
    mixed = "".join(line + data.draw(st.sampled_from(["\n", "\r\n"])) for line in lines).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(mixed)))))
    pieces = [mixed[start:end] for start, end in zip([0, *cuts], [*cuts, len(mixed)], strict=True)]
    assert decode(*pieces) == decode(plain)


def test_a_line_of_64_mebibytes_in_small_pieces() -> None:
    size = 64 << 20
    decoder = EventDecoder(size + 100)
    piece = b"x" * 65_536
    assert decoder.feed(b"data: ") == []
    for _ in range(size // len(piece)):
        assert decoder.feed(piece) == []
    (event,) = decoder.feed(b"\n\n")
    assert len(event.data) == size
    # The size is reset, so the next event may use the whole limit again.
    assert decoder.feed(b"data: y\n\n") == [ServerEvent("message", "y")]


def test_time_for_a_long_line_is_linear() -> None:
    class Counted(bytes):
        scanned = 0

        def replace(self, *arguments: bytes) -> bytes:  # type: ignore[override]
            Counted.scanned += len(self)
            return bytes(self).replace(*arguments)

    decoder = EventDecoder(1 << 30)
    for _ in range(1000):
        decoder.feed(Counted(b"x" * 100))
    assert Counted.scanned == 100_000


def test_limit_applies_without_a_line_end() -> None:
    decoder = EventDecoder(1000)
    decoder.feed(b"data: " + b"x" * 900)
    with pytest.raises(ValueError, match="more than 1,000 bytes"):
        decoder.feed(b"x" * 200)


def test_limit_applies_to_all_lines_of_an_event() -> None:
    decoder = EventDecoder(1000)
    with pytest.raises(ValueError, match="more than 1,000 bytes"):
        decoder.feed(b"data: 12345\n" * 200)


def test_invalid_utf8_is_replaced() -> None:
    assert EventDecoder(1000).feed(b"data: a\xff\n\n") == [ServerEvent("message", "a\ufffd")]


@pytest.mark.parametrize("line", [b"data:\n", b"data\n", b"data: \r\n"])
def test_endless_lines_are_refused_before_they_take_memory(line: bytes) -> None:
    decoder = EventDecoder(1 << 30)
    tracemalloc.start()
    with pytest.raises(ValueError, match="more than 10,000 lines"):
        for _slot in range(1000):
            decoder.feed(line * 1000)
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 << 20
