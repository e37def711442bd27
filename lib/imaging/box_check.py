"""Counts the pictures in a JPEG XL, HEIF or AVIF file by its header, as GIMP opens only one of them without a warning.

The first bits of a JPEG XL file contain whether it is an animation (ISO/IEC 18181-1, ImageMetadata). A HEIF or AVIF
file lists its items: pictures, their tiles, thumbnails and auxiliary images (ISO/IEC 23008-12).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

CODESTREAM, CONTAINER = b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n"
_SEQUENCES = (b"avis", b"msf1", b"hevc", b"hevx")
_PICTURES = (
    b"hvc1", b"av01", b"avc1", b"vvc1", b"j2k1", b"jpeg", b"unci", b"grid", b"iovl", b"iden", b"tili",
)  # fmt: skip
_HIDDEN = 1
_HEADER_BYTES = 64
_SIDE_BITS, _PREVIEW_BITS, _PREVIEW_EIGHTHS_BITS = (9, 13, 18, 30), (6, 8, 10, 12), (0, 0, 5, 9)
Box = tuple[bytes, int, int]
"""A box's type, and the start and end of its content."""


class Reader(Protocol):
    """Reads a file at any offset."""

    size: int

    def at(self, start: int, count: int) -> bytes:
        """Return `count` bytes from `start`; raise if the file is shorter."""

    def numbers(self, start: int, layout: str) -> tuple[int, ...]:
        """Return the integers at `start` in a layout of `struct`."""


def count_jxl(reader: Reader) -> int:
    """Return 2 for a JPEG XL file that is an animation, else 1."""
    start = 0
    if reader.at(0, 2) != CODESTREAM:
        boxes = _boxes(reader, 0, reader.size)
        start = next((begin + 4 * (kind == b"jxlp") for kind, begin, _end in boxes if kind in (b"jxlc", b"jxlp")), 0)
    return 1 + _is_animation(_Bits(reader.at(start + 2, min(_HEADER_BYTES, max(0, reader.size - start - 2)))))


class _Bits:
    """Reads bits, the lowest one of each byte first."""

    def __init__(self, data: bytes) -> None:
        self._rest = int.from_bytes(data, "little")

    def take(self, count: int = 1) -> int:
        """Return the next bits as a number."""
        value = self._rest & ((1 << count) - 1)
        self._rest >>= count
        return value


def _is_animation(bits: _Bits) -> bool:
    _skip_size(bits)
    is_default, has_more = bits.take(), bits.take()
    if is_default or not has_more:
        return False
    bits.take(3)  # the orientation
    if bits.take():
        _skip_size(bits)  # the size for display
    if bits.take():
        _skip_sides(bits, _PREVIEW_EIGHTHS_BITS if bits.take() else _PREVIEW_BITS)
    return bool(bits.take())


def _skip_size(bits: _Bits) -> None:
    _skip_sides(bits, () if bits.take() else _SIDE_BITS)


def _skip_sides(bits: _Bits, lengths: tuple[int, ...]) -> None:
    """Skip the height, and the width unless a ratio defines it; without `lengths` each has five bits."""
    bits.take(lengths[bits.take(2)] if lengths else 5)
    if not bits.take(3):
        bits.take(lengths[bits.take(2)] if lengths else 5)


def count_heif(reader: Reader) -> int:
    """Return how many pictures a HEIF or AVIF file has, without thumbnails, tiles and masks; 2 for a sequence."""
    length = min(reader.numbers(0, ">I")[0], 256)
    if reader.at(8, max(0, min(length, reader.size) - 8))[:4] in _SEQUENCES:
        return 2
    return max((_count_items(reader, box) for box in _boxes(reader, 0, reader.size) if box[0] == b"meta"), default=1)


def _count_items(reader: Reader, meta: Box) -> int:
    pictures, parts = set[int](), set[int]()
    boxes = {kind: (start, end) for kind, start, end in _boxes(reader, meta[1] + 4, meta[2])}
    if b"iinf" in boxes:
        start, end = boxes[b"iinf"]
        for _kind, item, _end in _boxes(reader, start + (8 if reader.at(start, 1)[0] else 6), end):
            version, flags = divmod(reader.numbers(item, ">I")[0], 1 << 24)
            number = reader.numbers(item + 4, ">I" if version > 2 else ">H")[0]
            if reader.at(item + (10 if version > 2 else 8), 4) in _PICTURES and not flags & _HIDDEN:
                pictures.add(number)
    if b"iref" in boxes:
        start, end = boxes[b"iref"]
        layout = "I" if reader.at(start, 1)[0] else "H"
        for kind, reference, _end in _boxes(reader, start + 4, end):
            source, count = reader.numbers(reference, f">{layout}H")
            if kind in (b"thmb", b"auxl"):
                parts.add(source)
            elif kind == b"dimg" and source in pictures:
                parts.update(reader.numbers(reference, f">{layout}H{count}{layout}")[2:])
    return max(1, len(pictures - parts))


def _boxes(reader: Reader, start: int, end: int) -> Iterator[Box]:
    """Yield the boxes from `start` to `end`."""
    while start + 8 <= end:
        length, *kind = reader.numbers(start, ">I4B")
        head = 8
        if length == 1:
            length, head = reader.numbers(start + 8, ">Q")[0], 16
        elif length == 0:  # the rest of the file
            length = end - start
        if length < head:
            return
        yield bytes(kind), start + head, min(start + length, end)
        start += length
