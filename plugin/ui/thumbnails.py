"""Thumbnails made from raw pixels, as the image loaders of GdkPixbuf do not work in every GIMP."""

from __future__ import annotations

import base64

import gi

gi.require_version("GdkPixbuf", "2.0")
from gi.repository import GdkPixbuf, Gimp, GLib

from lib.frame.geometry import Rect, Size
from plugin.edit.task import Task
from plugin.expect import expect
from plugin.pixels.export import ImageSelection, duplicate, layer_rect
from plugin.pixels.raw import Pixels
from plugin.pixels.reduced import reduced
from plugin.pixels.selection import Selection
from plugin.worker.process import Event

_MARK_COLOUR = (224, 48, 144)  # a colour that is rare in images
_MARK_OPACITY = 160
_MAX_THUMBNAIL = 1024  # GIMP makes no larger thumbnails


def fit_size(size: Size, max_size: Size) -> Size:
    """Return the size of a picture scaled down to fit into `max_size`; at least one pixel, never enlarged."""
    scale = min(1.0, max_size.width / size.width, max_size.height / size.height)
    return Size(max(1, round(size.width * scale)), max(1, round(size.height * scale)))


def of_image(image: Gimp.Image, max_size: Size) -> GdkPixbuf.Pixbuf:
    """Return a thumbnail of all visible layers."""
    size = fit_size(Size(image.get_width(), image.get_height()), max_size)
    return _of_data(image.get_thumbnail_data(size.width, size.height))


def of_layer(layer: Gimp.Layer, max_size: Size) -> GdkPixbuf.Pixbuf:
    """Return a thumbnail of a whole layer."""
    whole = Rect(0, 0, layer.get_width(), layer.get_height())
    return _of_reduced(reduced(layer, whole, fit_size(whole.size, max_size)))


def of_frame(image: Gimp.Image, layer: Gimp.Layer | None, frame: Rect, max_size: Size, task: Task) -> GdkPixbuf.Pixbuf:
    """Return a thumbnail of the frame with the area to change highlighted; a `layer` of None is all visible layers."""
    size = fit_size(frame.size, max_size)
    picture = blank(size, 0x80808080)
    visible = _visible(image, frame, size, task.place.replaced) if layer is None else _layer_part(layer, frame, size)
    if visible:
        part, x, y = visible
        part.copy_area(0, 0, part.get_width(), part.get_height(), picture, x, y)
    if task.selection is not None and task.selection.bounds is not None:
        _mark(task.selection, frame, picture)
    return picture


def blank(size: Size, colour: int) -> GdkPixbuf.Pixbuf:
    """Return a picture filled with one colour, 0xRRGGBBAA."""
    pixbuf = GdkPixbuf.Pixbuf.new(GdkPixbuf.Colorspace.RGB, True, 8, size.width, size.height)
    picture = expect(GdkPixbuf.Pixbuf, pixbuf)
    picture.fill(colour)
    return picture


def of_pixels(rgba: bytes, size: Size, max_size: Size) -> GdkPixbuf.Pixbuf:
    """Return a thumbnail of raw RGBA pixels."""
    whole = _pixbuf(rgba, size)
    small = fit_size(size, max_size)
    return _resized(whole, small)


def of_answer(answer: Event, max_size: Size | None = None) -> GdkPixbuf.Pixbuf | None:
    """Return the picture in the worker's answer, scaled down to fit into `max_size`; None where it has none."""
    if "rgb" not in answer:
        return None
    width, height = answer["width"], answer["height"]
    data = GLib.Bytes.new(base64.b64decode(answer["rgb"]))
    picture = GdkPixbuf.Pixbuf.new_from_bytes(data, GdkPixbuf.Colorspace.RGB, False, 8, width, height, width * 3)
    return _resized(picture, fit_size(Size(width, height), max_size)) if max_size else picture


def of_selected(image: Gimp.Image, max_size: Size) -> GdkPixbuf.Pixbuf:
    """Return a thumbnail of all visible layers with the selection highlighted."""
    picture = expect(GdkPixbuf.Pixbuf, of_image(image, max_size).copy())
    selection = ImageSelection(image)
    if selection.bounds is not None:
        _mark(selection, Rect(0, 0, image.get_width(), image.get_height()), picture)
    return picture


def of_part(rgba: bytes, size: Size, part: Rect, max_size: Size) -> GdkPixbuf.Pixbuf:
    """Return a part of raw RGBA pixels of a size, scaled up or down to fit into `max_size`."""
    whole = _pixbuf(rgba, size)
    scale = min(max_size.width / part.width, max_size.height / part.height)
    fitting = Size(max(1, round(part.width * scale)), max(1, round(part.height * scale)))
    return _resized(whole.new_subpixbuf(part.x, part.y, part.width, part.height), fitting)


def _resized(picture: GdkPixbuf.Pixbuf, size: Size) -> GdkPixbuf.Pixbuf:
    return expect(GdkPixbuf.Pixbuf, picture.scale_simple(size.width, size.height, GdkPixbuf.InterpType.BILINEAR))


def _layer_part(layer: Gimp.Layer, frame: Rect, size: Size) -> tuple[GdkPixbuf.Pixbuf, int, int] | None:
    """Return the part of a layer inside the frame, and its position in the thumbnail."""
    layer_area = layer_rect(layer)
    inside = frame.intersect(layer_area)
    if inside.empty:
        return None
    target = inside.translate(-frame.x, -frame.y).scaled(frame.size, size)
    in_layer = inside.translate(-layer_area.x, -layer_area.y)
    return _clip(_of_reduced(reduced(layer, in_layer, target.size)), target, size)


def _visible(
    image: Gimp.Image, frame: Rect, size: Size, without: Gimp.Layer | None
) -> tuple[GdkPixbuf.Pixbuf, int, int] | None:
    """Return the part of the canvas inside the frame, and its position in the thumbnail.

    It is cut from a thumbnail of the whole image, which is as large as needed, up to GIMP's limit.
    """
    if without is not None and without.is_valid() and without.get_visible():
        with duplicate(image, without) as copy:
            return _visible(copy, frame, size, None)
    canvas = Size(image.get_width(), image.get_height())
    inside = frame.intersect(Rect(0, 0, canvas.width, canvas.height))
    longest = min(_MAX_THUMBNAIL, -(-canvas.longest * size.longest // frame.size.longest))
    whole = _of_data(image.get_thumbnail_data(longest, longest))
    cut = inside.scaled(canvas, Size(whole.get_width(), whole.get_height()))
    target = inside.translate(-frame.x, -frame.y).scaled(frame.size, size)
    part = whole.new_subpixbuf(cut.x, cut.y, cut.width, cut.height)
    return _clip(_resized(part, target.size), target, size)


def _clip(part: GdkPixbuf.Pixbuf, target: Rect, size: Size) -> tuple[GdkPixbuf.Pixbuf, int, int]:
    """Return a part cropped to the thumbnail, and its position; GIMP may have made it a pixel too large."""
    width = min(part.get_width(), size.width - target.x)
    height = min(part.get_height(), size.height - target.y)
    return part.new_subpixbuf(0, 0, width, height), target.x, target.y


def _mark(selection: Selection, frame: Rect, picture: GdkPixbuf.Pixbuf) -> None:
    size = Size(picture.get_width(), picture.get_height())
    values = selection.thumbnail(frame, size)
    overlay = bytearray(bytes((*_MARK_COLOUR, 0)) * (size.width * size.height))
    overlay[3::4] = values.translate(bytes(value * _MARK_OPACITY // 255 for value in range(256)))
    overlay_picture = _pixbuf(bytes(overlay), size)
    nearest = GdkPixbuf.InterpType.NEAREST
    overlay_picture.composite(picture, 0, 0, size.width, size.height, 0, 0, 1, 1, nearest, 255)


def _of_data(data: tuple[GLib.Bytes | None, int, int, int]) -> GdkPixbuf.Pixbuf:
    """Return a picture from GIMP's thumbnail data: bytes, width, height, bytes per pixel.

    GIMP's functions that return a pixbuf are not used, as Python frees such a pixbuf twice.
    """
    values, width, height, channels = data
    return _of_reduced(Pixels(width, height, channels, expect(bytes, expect(GLib.Bytes, values).get_data())))


def _of_reduced(pixels: Pixels) -> GdkPixbuf.Pixbuf:
    planes = [pixels.data[channel :: pixels.channels] for channel in range(pixels.channels)]
    colours = planes[:3] if pixels.channels > 2 else planes[:1] * 3
    rgba = bytearray(b"\xff" * (4 * pixels.size.pixels))
    for channel, plane in enumerate(colours):
        rgba[channel::4] = plane
    if pixels.channels in (2, 4):
        rgba[3::4] = planes[-1]
    return _pixbuf(bytes(rgba), pixels.size)


def _pixbuf(rgba: bytes, size: Size) -> GdkPixbuf.Pixbuf:
    data = GLib.Bytes.new(rgba)
    rgb = GdkPixbuf.Colorspace.RGB
    return GdkPixbuf.Pixbuf.new_from_bytes(data, rgb, True, 8, size.width, size.height, size.width * 4)
