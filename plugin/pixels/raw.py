"""Raw pixels in memory: pad, place and scale them with GEGL, and encode them as PNG."""

from __future__ import annotations

import math
from dataclasses import dataclass

from gi.repository import Gegl

from lib.frame.geometry import Rect, Size
from plugin.pixels import png

# babl's names of 8-bit sRGB formats, by the number of channels.
FORMATS = {1: "Y' u8", 2: "Y'A u8", 3: "R'G'B' u8", 4: "R'G'B'A u8"}
UNCLIPPED_FORMAT = "R'G'B' float"
_UNCLIPPED_BYTES = 12
# Linear formats for the same bytes, so that GEGL scales without gamma, as the worker does when it scales back.
_LINEAR_FORMATS = {1: "Y u8", 2: "YA u8", 3: "RGB u8", 4: "RGBA u8"}
# GEGL truncates the mean of bytes, which makes it a quarter to a half level too dark at each halving.
_DEEP_FORMATS = {1: "Y u16", 3: "RGB u16"}


@dataclass(frozen=True)
class Pixels:
    """The raw 8-bit pixels of a picture with 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGBA) channels.

    unclipped: its colours in UNCLIPPED_FORMAT, where the bytes may lack some; placed, but not padded or scaled.
    """

    width: int
    height: int
    channels: int
    data: bytes
    unclipped: bytes | None = None

    def png(self) -> bytes:
        """Return an RGB or RGBA PNG, as endpoints reject grey ones; an alpha that is opaque everywhere is left out."""
        return png.encode(self.width, self.height, *_rgb(self.channels, self.data))

    @property
    def size(self) -> Size:
        """Return the width and height."""
        return Size(self.width, self.height)

    @property
    def may_be_clipped(self) -> bool:
        """Whether a channel of some colour is at an end of its range."""
        colours = [self.data[i :: self.channels] for i in range(self.channels - (self.channels in (2, 4)))]
        return any(0 in plane or 255 in plane for plane in colours)

    def placed(self, inside: Rect, area: Rect) -> Pixels:
        """Return the picture, which covers `inside`, placed in a larger, transparent `area`."""
        channels, data = _with_alpha(self.channels, self.data)
        unclipped = None if self.unclipped is None else _placed(self.unclipped, _UNCLIPPED_BYTES, inside, area)
        return Pixels(area.width, area.height, channels, _placed(data, channels, inside, area), unclipped)

    def padded(self, inside: Rect, area: Rect) -> Pixels:
        """Return the picture, which covers `inside`, padded to `area` by repeating its edges."""
        if inside == area:
            return self
        left, top, n = inside.x - area.x, inside.y - area.y, self.channels
        right, bottom = area.width - inside.width - left, area.height - inside.height - top
        stride = self.width * n
        rows = [self.data[start : start + stride] for start in range(0, len(self.data), stride)]
        rows = [row[:n] * left + row + row[-n:] * right for row in rows]
        rows = [rows[0]] * top + rows + [rows[-1]] * bottom
        return Pixels(area.width, area.height, n, b"".join(rows))

    def scaled(self, size: Size) -> Pixels:
        """Return the picture scaled to a size, whose aspect may differ by a tenth of a percent.

        The colours of transparent pixels do not bleed into their neighbours.
        """
        if self.size == size:
            return self
        encoding = _LINEAR_FORMATS[self.channels]
        across, down = size.width / self.width, size.height / self.height
        halvings = int(-math.log2(max(across, down)))
        if halvings > 0 and self.channels in _DEEP_FORMATS:
            source = self._halved(halvings)
            across, down = across * 2**halvings, down * 2**halvings
        else:
            source = _buffer(encoding, self.size, self.data)
        result = _buffer(encoding, size)
        _scale(source, result, across, down)
        return Pixels(size.width, size.height, self.channels, _bytes(result, size, 1.0, encoding))

    def _halved(self, times: int) -> Gegl.Buffer:
        """Return the mean of squares of 2, 4, 8 … pixels: ten times as fast as scaling, but wrong with alpha."""
        encoding = _DEEP_FORMATS[self.channels]
        source = _buffer(encoding, self.size, self.data, _LINEAR_FORMATS[self.channels])
        size = Size(-(-self.width // 2**times), -(-self.height // 2**times))
        return _buffer(encoding, size, _bytes(source, size, 0.5**times, encoding))


def _buffer(encoding: str, size: Size, data: bytes | None = None, data_encoding: str | None = None) -> Gegl.Buffer:
    """Return a buffer in an encoding, filled with bytes that may be in a different one."""
    buffer = Gegl.Buffer.new(encoding, 0, 0, size.width, size.height)
    if data is not None:
        buffer.set(Gegl.Rectangle.new(0, 0, size.width, size.height), data_encoding or encoding, data)
    return buffer


def _bytes(buffer: Gegl.Buffer, size: Size, scale: float, encoding: str) -> bytes:
    return bytes(buffer.get(Gegl.Rectangle.new(0, 0, size.width, size.height), scale, encoding, Gegl.AbyssPolicy.CLAMP))


def _scale(source: Gegl.Buffer, result: Gegl.Buffer, across: float, down: float) -> None:
    """Scale one buffer into another with linear sampling, which averages an area when it scales down."""
    graph = Gegl.Node()
    reading, scaling = graph.create_child("gegl:buffer-source"), graph.create_child("gegl:scale-ratio")
    writing = graph.create_child("gegl:write-buffer")
    reading.set_property("buffer", source)
    scaling.set_property("x", across)
    scaling.set_property("y", down)
    scaling.set_property("sampler", Gegl.SamplerType.LINEAR)
    scaling.set_property("abyss-policy", Gegl.AbyssPolicy.CLAMP)
    writing.set_property("buffer", result)
    reading.link(scaling)
    scaling.link(writing)
    writing.process()


def _placed(data: bytes, size: int, inside: Rect, area: Rect) -> bytes:
    """Return pixels of `size` bytes, which cover `inside`, in a larger `area` of zeros."""
    stride, left = inside.width * size, (inside.x - area.x) * size
    right = area.width * size - left - stride
    empty_row = bytes(area.width * size)
    rows = [bytes(left) + data[start : start + stride] + bytes(right) for start in range(0, len(data), stride or 1)]
    above = inside.y - area.y
    rows = [empty_row] * above + rows + [empty_row] * (area.height - above - len(rows))
    return b"".join(rows)


def _with_alpha(channels: int, data: bytes) -> tuple[int, bytes]:
    if channels in (2, 4):
        return channels, data
    return channels + 1, _interleave([data[i::channels] for i in range(channels)] + [b"\xff" * (len(data) // channels)])


def _rgb(channels: int, data: bytes) -> tuple[int, bytes]:
    """Return the pixels as RGB, or as RGBA where some are not opaque."""
    planes = [data[i::channels] for i in range(channels)] if channels != 3 else []
    if channels in (2, 4) and planes[-1].count(255) == len(planes[-1]):
        planes.pop()
        channels -= 1
    if channels >= 3:
        return channels, _interleave(planes) if planes and len(planes) == 3 else data
    return channels + 2, _interleave([planes[0]] * 3 + planes[1:])


def _interleave(planes: list[bytes]) -> bytes:
    interleaved = bytearray(len(planes) * len(planes[0]))
    for i, plane in enumerate(planes):
        interleaved[i :: len(planes)] = plane
    return bytes(interleaved)
