"""Checks that a file is one complete picture, as GIMP opens truncated files too, and loads frames as layers.

It parses the file with the standard library alone. Other formats pass: GIMP itself rejects truncated files of those.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from lib.imaging.box_check import CODESTREAM, CONTAINER, count_heif, count_jxl
from lib.imaging.xcf_check import SIGNATURE, check_xcf
from lib.storage.file_identity import readable_name
from lib.translation import _

_JPEG_MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])")
_JPEG_STANDALONE = (0x01, 0xD8)
_JPEG_END, _JPEG_SCAN = 0xD9, 0xDA
_LAYERED = (SIGNATURE, b"8BPS", b"PK\x03\x04")
_TIFF_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 6: 1, 7: 1, 8: 2, 9: 4, 13: 4, 16: 8, 17: 8, 18: 8}
_TIFF_INTEGERS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
_TIFF_DATA = ((273, 279), (324, 325))  # where strips and tiles begin, and how many bytes each has
_TIFF_SUBFILE, _TIFF_REDUCED, _TIFF_MASK = 254, 1, 4
_MOST_PAGES = 10_000


class BadPicture(ValueError):
    """The file is not one complete picture. The text tells the user why."""


class _Truncated(Exception):
    """The file ends before the data that its headers announce."""


class _FileReader:
    """Reads a file at any offset; raises _Truncated past its end."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = file.seek(0, 2)

    def at(self, start: int, count: int) -> bytes:
        """Return `count` bytes from `start`."""
        self.require(start + count)
        self._file.seek(start)
        return self._file.read(count)

    def numbers(self, start: int, layout: str) -> tuple[int, ...]:
        """Return the integers at `start` in a layout of `struct`."""
        try:
            size = struct.calcsize(layout)
        except struct.error:  # more integers than any file can have
            raise _Truncated from None
        return struct.unpack(layout, self.at(start, size))

    def require(self, end: int) -> None:
        """Raise _Truncated if the file is shorter than `end` bytes."""
        if end > self.size:
            raise _Truncated


def check_picture(path: Path) -> None:
    """Raise BadPicture if a file is truncated or has several pictures, OSError if it can't be read."""
    with path.open("rb") as file:
        reader = _FileReader(file)
        try:
            count = _checker(path, reader)(reader)
        except _Truncated:
            message = _("{file} is incomplete. Copy or save it again.")
            raise BadPicture(message.format(file=readable_name(path.name))) from None
    if count > 1:
        raise several_pictures(path)


def several_pictures(path: Path) -> BadPicture:
    """Return the error for a file with several pages or frames."""
    message = _("{file} has several pages or frames. Save each one as a separate image.")
    return BadPicture(message.format(file=readable_name(path.name)))


def has_layers(path: Path) -> bool:
    """Return whether a file has layers that make up one picture, as in XCF, PSD and OpenRaster."""
    with path.open("rb") as file:
        return file.read(len(SIGNATURE)).startswith(_LAYERED)


def _checker(path: Path, reader: _FileReader) -> Callable[[_FileReader], int]:
    """Return the function that counts the pictures in a file of this format."""
    start = reader.at(0, min(16, reader.size))
    if not start:
        raise _Truncated
    for signature, check in (
        (b"\xff\xd8\xff", _check_jpeg),
        (b"\x89PNG\r\n\x1a\n", _check_png),
        (b"GIF8", _check_gif),
        (b"RIFF", _check_webp if start[8:12] == b"WEBP" else _pass),
        (b"II*\0", _check_tiff),
        (b"MM\0*", _check_tiff),
        (b"II+\0", _check_tiff),
        (b"MM\0+", _check_tiff),
        (b"BM", _check_bmp),
        (SIGNATURE, check_xcf),
        (CODESTREAM, count_jxl),
        (CONTAINER, count_jxl),
    ):
        if start.startswith(signature):
            return check
    if start[4:8] == b"ftyp":
        return count_heif
    return _check_tga if path.suffix.lower() == ".tga" else _pass


def _pass(_reader: _FileReader) -> int:
    return 1


def _check_jpeg(reader: _FileReader) -> int:
    """Return 1, ignoring a further picture that phones append after the end of the first."""
    data, where = reader.at(0, reader.size), 2
    while match := _JPEG_MARKER.search(data, where):
        marker, where = match[1][0], match.end()
        if marker == _JPEG_END:
            return 1
        if marker not in _JPEG_STANDALONE:
            where += reader.numbers(where, ">H")[0]
    raise _Truncated


def _check_png(reader: _FileReader) -> int:
    where, frames = 8, 1
    while True:
        length, kind = struct.unpack(">I4s", reader.at(where, 8))
        if kind == b"acTL":
            frames = reader.numbers(where + 8, ">I")[0]
        where += 12 + length
        reader.require(where)
        if kind == b"IEND":
            return frames


def _check_gif(reader: _FileReader) -> int:
    where, frames = 13 + _gif_colours(reader.at(10, 1)[0]), 0
    while True:
        block = reader.at(where, 1)
        if block == b";":
            return frames
        if block == b",":
            frames += 1
            where += 11 + _gif_colours(reader.at(where + 9, 1)[0])
        elif block == b"!":
            where += 2
        else:
            raise _Truncated  # not a valid block of a GIF
        while length := reader.at(where, 1)[0]:
            where += 1 + length
        where += 1


def _gif_colours(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _check_webp(reader: _FileReader) -> int:
    end = 8 + reader.numbers(4, "<I")[0]
    reader.require(end)
    where, frames = 12, 0
    while where + 8 <= end:
        kind, length = struct.unpack("<4sI", reader.at(where, 8))
        frames += kind == b"ANMF"
        where += 8 + length + length % 2
    return max(1, frames)


def _check_bmp(reader: _FileReader) -> int:
    """Return 1 after checking the length of the pixel data, which is known unless it is compressed."""
    pixels, header = reader.numbers(10, "<II")
    if header < 40:
        width, height, _planes, depth = reader.numbers(18, "<HHHH")
        compression = 0
    else:
        width, height = reader.numbers(18, "<ii")
        _planes, depth, compression, size = reader.numbers(26, "<HHII")
        if compression in (1, 2):
            reader.require(pixels + size)
    if compression in (0, 3, 6):
        reader.require(pixels + (abs(width) * depth + 31) // 32 * 4 * abs(height))
    return 1


def _check_tga(reader: _FileReader) -> int:
    name, has_map, kind, _first, colours, colour_depth = reader.numbers(0, "<BBBHHB")
    width, height, depth = reader.numbers(12, "<HHB")
    where = 18 + name + (colours * ((colour_depth + 7) // 8) if has_map else 0)
    step, count = (depth + 7) // 8, width * height
    if kind in (1, 2, 3):
        reader.require(where + count * step)
    elif kind in (9, 10, 11):
        reader.require(where)
        data, position, pixels = reader.at(where, reader.size - where), 0, 0
        while pixels < count:
            if position >= len(data):
                raise _Truncated
            packet = data[position]
            pixels += (packet & 127) + 1
            position += 1 + (step if packet & 128 else step * ((packet & 127) + 1))
        reader.require(where + position)
    return 1


def _check_tiff(reader: _FileReader) -> int:
    """Return the number of pages, without the thumbnails and masks of a page."""
    tiff = _Tiff(reader)
    pages = 0
    for directory in tiff.directories():
        kind = (tiff.values(directory, _TIFF_SUBFILE) or (0,))[0]
        pages += not kind & (_TIFF_REDUCED | _TIFF_MASK)
        for starts, counts in _TIFF_DATA:
            for start, count in zip(tiff.values(directory, starts), tiff.values(directory, counts), strict=False):
                reader.require(start + count)
    return max(1, pages)


class _Tiff:
    """Reads the directories of a TIFF or BigTIFF file."""

    def __init__(self, reader: _FileReader) -> None:
        self._reader = reader
        start = reader.at(0, 4)
        self._order = "<" if start[:1] == b"I" else ">"
        self._big = b"+" in start
        self._offset = "Q" if self._big else "I"

    def directories(self) -> Iterator[dict[int, tuple[int, int, int]]]:
        """Yield each directory: the type, the count and the offset of the values by tag."""
        where, visited = self._number(8 if self._big else 4, self._offset), set[int]()
        while where and where not in visited and len(visited) < _MOST_PAGES:
            visited.add(where)
            count = self._number(where, "Q" if self._big else "H")
            where += 8 if self._big else 2
            size = 20 if self._big else 12
            self._reader.require(where + size * count)
            yield dict(self._entry(where + size * number) for number in range(count))
            where = self._number(where + size * count, self._offset)

    def values(self, directory: dict[int, tuple[int, int, int]], tag: int) -> tuple[int, ...]:
        """Return the integers of a tag; () if the directory doesn't have it."""
        kind, count, where = directory.get(tag, (0, 0, 0))
        if kind not in _TIFF_INTEGERS:
            return ()
        return self._reader.numbers(where, f"{self._order}{count}{_TIFF_INTEGERS[kind]}")

    def _entry(self, where: int) -> tuple[int, tuple[int, int, int]]:
        tag, kind = self._reader.numbers(where, f"{self._order}HH")
        count = self._number(where + 4, self._offset)
        inline = where + (12 if self._big else 8)
        if count * _TIFF_SIZES.get(kind, 8) > (8 if self._big else 4):
            return tag, (kind, count, self._number(inline, self._offset))
        return tag, (kind, count, inline)

    def _number(self, where: int, layout: str) -> int:
        return self._reader.numbers(where, self._order + layout)[0]
