"""Small pictures for the panel: made from raw bytes, as GdkPixbuf's own loaders do not work in every GIMP."""

from __future__ import annotations

import gi

gi.require_version("GdkPixbuf", "2.0")
from gi.repository import GdkPixbuf, Gimp, GLib

from lib.frame.geometry import Rect, Size
from plugin.edit.task import Task
from plugin.expect import expect
from plugin.pixels.export import duplicate, layer_rect
from plugin.pixels.selection import Selection

_HOLE = (224, 48, 144)  # a colour that few pictures have
_HOLE_OPACITY = 160
_LARGEST = 1024  # GIMP makes no larger thumbnails


def fitting(size: Size, room: Size) -> Size:
    """The size in which a picture fits into some room, never enlarged, at least a pixel."""
    scale = min(1.0, room.width / size.width, room.height / size.height)
    return Size(max(1, round(size.width * scale)), max(1, round(size.height * scale)))


def of_image(image: Gimp.Image, room: Size) -> GdkPixbuf.Pixbuf:
    """All that is visible on the canvas."""
    size = fitting(Size(image.get_width(), image.get_height()), room)
    return _of_data(image.get_thumbnail_data(size.width, size.height))


def of_layer(layer: Gimp.Layer, room: Size) -> GdkPixbuf.Pixbuf:
    """A whole layer."""
    size = fitting(Size(layer.get_width(), layer.get_height()), room)
    return _of_data(layer.get_thumbnail_data(size.width, size.height))


def of_frame(image: Gimp.Image, layer: Gimp.Layer | None, frame: Rect, room: Size, task: Task) -> GdkPixbuf.Pixbuf:
    """A layer (None: what is visible) in a frame of the canvas, what the task would change marked in a colour."""
    size = fitting(frame.size, room)
    picture = blank(size, 0x80808080)
    seen = _visible(image, frame, size, task.place.replaced) if layer is None else _part(layer, frame, size)
    if seen:
        part, x, y = seen
        part.copy_area(0, 0, part.get_width(), part.get_height(), picture, x, y)
    if task.selection is not None and task.selection.bounds is not None:
        _mark(task.selection, frame, picture)
    return picture


def blank(size: Size, colour: int) -> GdkPixbuf.Pixbuf:
    """One colour, 0xRRGGBBAA."""
    made = GdkPixbuf.Pixbuf.new(GdkPixbuf.Colorspace.RGB, True, 8, size.width, size.height)
    picture = expect(GdkPixbuf.Pixbuf, made)
    picture.fill(colour)
    return picture


def of_pixels(rgba: bytes, size: Size, room: Size) -> GdkPixbuf.Pixbuf:
    """Raw RGBA bytes."""
    whole = _pixbuf(rgba, size)
    small = fitting(size, room)
    return _resized(whole, small)


def _resized(picture: GdkPixbuf.Pixbuf, size: Size) -> GdkPixbuf.Pixbuf:
    return expect(GdkPixbuf.Pixbuf, picture.scale_simple(size.width, size.height, GdkPixbuf.InterpType.BILINEAR))


def _part(layer: Gimp.Layer, frame: Rect, size: Size) -> tuple[GdkPixbuf.Pixbuf, int, int] | None:
    """What of a layer lies in the frame, and where in the picture it goes."""
    here = layer_rect(layer)
    inside = frame.intersect(here)
    if inside.empty:
        return None
    place = _scaled(inside.translate(-frame.x, -frame.y), size, frame.size)
    own = inside.translate(-here.x, -here.y)
    data = layer.get_sub_thumbnail_data(own.x, own.y, own.width, own.height, place.width, place.height)
    return _at(_of_data(data), place, size)


def _visible(
    image: Gimp.Image, frame: Rect, size: Size, without: Gimp.Layer | None
) -> tuple[GdkPixbuf.Pixbuf, int, int] | None:
    """The frame cut from a thumbnail of the whole image, as large as is needed or as GIMP makes it."""
    if without is not None and without.is_valid() and without.get_visible():
        with duplicate(image, without) as copy:
            return _visible(copy, frame, size, None)
    canvas = Size(image.get_width(), image.get_height())
    inside = frame.intersect(Rect(0, 0, canvas.width, canvas.height))
    wanted = min(_LARGEST, -(-canvas.longest * size.longest // frame.size.longest))
    whole = _of_data(image.get_thumbnail_data(wanted, wanted))
    cut = _scaled(inside, Size(whole.get_width(), whole.get_height()), canvas)
    place = _scaled(inside.translate(-frame.x, -frame.y), size, frame.size)
    part = whole.new_subpixbuf(cut.x, cut.y, cut.width, cut.height)
    return _at(_resized(part, place.size), place, size)


def _at(part: GdkPixbuf.Pixbuf, place: Rect, size: Size) -> tuple[GdkPixbuf.Pixbuf, int, int]:
    """A part and its place; GIMP may have made it a pixel larger or smaller than asked."""
    width = min(part.get_width(), size.width - place.x)
    height = min(part.get_height(), size.height - place.y)
    return part.new_subpixbuf(0, 0, width, height), place.x, place.y


def _scaled(area: Rect, size: Size, of: Size) -> Rect:
    """An area of a picture of the size `of` in its copy of another size; at least a pixel, and inside."""
    left = min(area.x * size.width // of.width, size.width - 1)
    top = min(area.y * size.height // of.height, size.height - 1)
    width = max(1, min(round(area.width * size.width / of.width), size.width - left))
    height = max(1, min(round(area.height * size.height / of.height), size.height - top))
    return Rect(left, top, width, height)


def _mark(selection: Selection, frame: Rect, picture: GdkPixbuf.Pixbuf) -> None:
    size = Size(picture.get_width(), picture.get_height())
    values = selection.thumbnail(frame, size)
    overlay = bytearray(bytes((*_HOLE, 0)) * (size.width * size.height))
    overlay[3::4] = values.translate(bytes(value * _HOLE_OPACITY // 255 for value in range(256)))
    hole = _pixbuf(bytes(overlay), size)
    nearest = GdkPixbuf.InterpType.NEAREST
    hole.composite(picture, 0, 0, size.width, size.height, 0, 0, 1, 1, nearest, 255)


def _of_data(data: tuple[GLib.Bytes | None, int, int, int]) -> GdkPixbuf.Pixbuf:
    """GIMP's thumbnail data: bytes, width, height, bytes a pixel. Its own pixbufs are freed twice under Python."""
    values, width, height, channels = data
    pixels = expect(bytes, expect(GLib.Bytes, values).get_data())
    planes = [pixels[channel::channels] for channel in range(channels)]
    colours = planes[:3] if channels > 2 else planes[:1] * 3
    rgba = bytearray(b"\xff" * (4 * width * height))
    for channel, plane in enumerate(colours):
        rgba[channel::4] = plane
    if channels in (2, 4):
        rgba[3::4] = planes[-1]
    return _pixbuf(bytes(rgba), Size(width, height))


def _pixbuf(rgba: bytes, size: Size) -> GdkPixbuf.Pixbuf:
    data = GLib.Bytes.new(rgba)
    rgb = GdkPixbuf.Colorspace.RGB
    return GdkPixbuf.Pixbuf.new_from_bytes(data, rgb, True, 8, size.width, size.height, size.width * 4)
