"""Checks that an XCF file is complete, as GIMP opens a truncated one too, with a warning on its terminal only.

The format is described in GIMP's sources, devel-docs/specifications/xcf.txt. The file's pointers lead to the tiles of
all layers, masks and channels; the last tile in the file is decoded, as its length isn't stored.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from lib.imaging.box_check import Reader

SIGNATURE = b"gimp xcf "
_TILE_SIDE = 64
_PRECISION_SINCE, _LONG_POINTERS_SINCE = 4, 11
_PROP_END, _PROP_COMPRESSION = 0, 17
_NONE, _RLE, _ZLIB = 0, 1, 2


class XcfReader(Reader, Protocol):
    """A reader that can check a file's length."""

    def require(self, end: int) -> None:
        """Raise if the file is shorter than `end` bytes."""


@dataclass(frozen=True)
class _Tile:
    """The offset of a tile's data, and its size when decoded."""

    start: int
    pixels: int
    channels: int


def check_xcf(reader: XcfReader) -> int:
    """Return 1, as an XCF file is one picture; the reader raises if the file is truncated."""
    xcf = _Xcf(reader)
    last = max(xcf.tiles(), key=lambda tile: tile.start, default=None)
    if last:
        xcf.check_tile(last)
    return 1


class _Xcf:
    def __init__(self, reader: XcfReader) -> None:
        self._reader = reader
        version = reader.at(len(SIGNATURE), 4)
        self._version = int(version[1:]) if version[1:].isdigit() else 0
        self._pointer = "Q" if self._version >= _LONG_POINTERS_SINCE else "I"
        self._compression = _NONE

    def tiles(self) -> Iterator[_Tile]:
        """Yield every tile of the layers, their masks, and the channels."""
        where = self._properties(30 if self._version >= _PRECISION_SINCE else 26)
        layers, where = self._pointers(where)
        channels, _end = self._pointers(where)
        for layer in layers:
            hierarchy, mask = self._two_pointers(self._after_name(layer + 12))
            yield from self._tiles_of(hierarchy)
            if mask:
                channels.append(mask)
        for channel in channels:
            hierarchy, _next = self._two_pointers(self._after_name(channel + 8), one=True)
            yield from self._tiles_of(hierarchy)

    def check_tile(self, tile: _Tile) -> None:
        """Make the reader raise if a tile's data is incomplete."""
        size = tile.pixels * tile.channels
        self._reader.require(tile.start + 1)
        data = self._reader.at(tile.start, min(self._reader.size - tile.start, 2 * size + 1024))
        if self._compression == _NONE:
            self._reader.require(tile.start + size)
        elif self._compression == _ZLIB:
            decompressor = zlib.decompressobj()
            try:
                decompressor.decompress(data)
            except zlib.error:
                return  # damaged in another way, which GIMP reports
            if not decompressor.eof:
                self._reader.require(self._reader.size + 1)
        else:
            self._reader.require(tile.start + _rle_length(data, tile))

    def _properties(self, where: int) -> int:
        """Return the end of a list of properties; the image's list has the compression of the tiles."""
        while True:
            kind, length = self._reader.numbers(where, ">II")
            where += 8
            if kind == _PROP_END:
                return where
            if kind == _PROP_COMPRESSION:
                self._compression = self._reader.at(where, 1)[0]
            where += length

    def _after_name(self, where: int) -> int:
        return self._properties(where + 4 + self._reader.numbers(where, ">I")[0])

    def _pointers(self, where: int) -> tuple[list[int], int]:
        """Return the pointers of a list that ends with 0, and its end."""
        pointers = []
        size = 8 if self._pointer == "Q" else 4
        while pointer := self._reader.numbers(where, f">{self._pointer}")[0]:
            pointers.append(pointer)
            where += size
        return pointers, where + size

    def _two_pointers(self, where: int, *, one: bool = False) -> tuple[int, int]:
        numbers = self._reader.numbers(where, f">{self._pointer}" + ("" if one else self._pointer))
        return numbers[0], 0 if one else numbers[1]

    def _tiles_of(self, hierarchy: int) -> Iterator[_Tile]:
        width, height, channels = self._reader.numbers(hierarchy, ">III")
        [level] = self._reader.numbers(hierarchy + 12, f">{self._pointer}")
        pointers, _end = self._pointers(level + 8)
        columns = max(1, -(-width // _TILE_SIDE))
        for number, start in enumerate(pointers):
            left, top = number % columns * _TILE_SIDE, number // columns * _TILE_SIDE
            pixels = min(_TILE_SIDE, width - left) * min(_TILE_SIDE, height - top)
            yield _Tile(start, pixels, channels)


def _rle_length(data: bytes, tile: _Tile) -> int:
    """Return the length of a run-length encoded tile in bytes, more than `data` has if it is truncated."""
    where = 0
    for _channel in range(tile.channels):
        remaining = tile.pixels
        while remaining > 0:
            if where >= len(data):
                return len(data) + 1
            code = data[where]
            long = code in (127, 128)
            length = (
                int.from_bytes(data[where + 1 : where + 3], "big") if long else code + 1 if code < 127 else 256 - code
            )
            where += (3 if long else 1) + (1 if code <= 127 else length)
            remaining -= max(1, length)
    return where
