"""Export the frame of a layer and of the selection as 8-bit PNG.

Only the frame is read, so that the time does not depend on the size of the canvas.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace

from gi.repository import Gegl, Gimp

from lib.frame.frame import Plan
from lib.frame.geometry import Rect, Size
from lib.translation import _
from plugin.errors import EditFailed
from plugin.expect import expect
from plugin.pixels import mask, png
from plugin.pixels.colour_space import ColourSpace, encoding
from plugin.pixels.raw import FORMATS, UNCLIPPED_FORMAT, Pixels
from plugin.pixels.reduced import reduced
from plugin.pixels.selection import NOTHING_SELECTED, Selection, StoredSelection

# The values of a selection are linear coverage, so they are read without gamma.
_SELECTION_FORMAT = "Y u8"
_SRGB = ColourSpace()
# The name of the channel that marks what must not be copied from.
AVOID_CHANNEL = "avoid"
QUICK_MASK = "Qmask"


def layer_pixels(image: Gimp.Image, layer: Gimp.Layer, area: Rect, space: ColourSpace = _SRGB) -> Pixels:
    """Return a layer in `area` of the canvas, with its mask and filters applied.

    `area` is the plan's frame, in coordinates of the canvas as it is now, which may be about to be extended.
    """
    return rendered(image, layer, area, space)


def visible_pixels(
    image: Gimp.Image, area: Rect, without: Sequence[Gimp.Layer | None] = (), space: ColourSpace = _SRGB
) -> Pixels:
    """Return what is visible in `area` of the canvas; transparent outside the canvas.

    The layers `without` count as hidden.
    """
    with duplicate(image, *without) as copy:
        # Only the canvas is reduced, so that GIMP renders no more than that. Layers are not cropped, as the result of
        # filters such as blur and vignette depends on the whole layer.
        copy.resize(area.width, area.height, -area.x, -area.y)
        return _read_visible(copy, space)


def sent_png(pixels: Pixels, plan: Plan) -> bytes:
    """Return the pixels of a plan's frame as the PNG that is sent, at the plan's size."""
    return _fit_plan(pixels, plan).png()


def markup_png(image: Gimp.Image, layer: Gimp.Layer, plan: Plan) -> bytes:
    """Return a layer in the plan's frame as an RGBA PNG at the plan's size, transparent wherever nothing is drawn.

    Raises EditFailed where the layer is empty in the frame, or hides all of it.
    """
    # Not padded like the picture: what is drawn at the canvas' edge is not repeated.
    drawn = rendered(image, layer, plan.frame).placed(plan.frame, plan.sent).scaled(plan.size)
    alpha = drawn.data[drawn.channels - 1 :: drawn.channels]
    if not any(alpha):
        message = _("Nothing is drawn on the markup layer “{name}” in the area that is sent.")
        raise EditFailed(message.format(name=layer.get_name()))
    if alpha.count(255) == len(alpha):
        message = _("The markup layer “{name}” hides the whole area that is sent. Draw on a transparent layer.")
        raise EditFailed(message.format(name=layer.get_name()))
    return drawn.png()


def avoid_png(image: Gimp.Image, area: Rect, plan: Plan) -> bytes | None:
    """Return the channel “avoid” as PNG, transparent where nothing must be copied from; None if there is none.

    `area` is the plan's frame, in coordinates of the canvas as it is now.
    """
    channel = image.get_channel_by_name(AVOID_CHANNEL)
    values = _get(channel, area, _SELECTION_FORMAT) if channel else b""
    return mask_of(values, plan) if any(values) else None


def mask_png(selection: Selection, plan: Plan, grow: int) -> bytes:
    """Return the mask as PNG: every pixel that is selected at all, grown by `grow` pixels of the canvas."""
    area = plan.frame.grow(grow)
    values = mask.selected(selection.values(area))
    return mask_of(mask.grow(values, area.width, grow), plan)


def mask_of(values: bytes, plan: Plan) -> bytes:
    """Return the mask as PNG from values of the plan's frame: one byte per pixel, 0 where nothing may be edited."""
    grown = Pixels(plan.frame.width, plan.frame.height, 1, mask.selected(values))
    sent = _fit_plan(grown, plan)
    return png.encode(sent.width, sent.height, 4, mask.edit_mask(mask.selected(sent.data)), flat=True)


def whole_layer_png(image: Gimp.Image, layer: Gimp.Layer, longest_edge: int) -> bytes:
    """Return a whole layer as PNG, scaled down where it is longer than `longest_edge`."""
    rect = layer_rect(layer)
    scale = min(1.0, longest_edge / rect.size.longest)
    size = Size(max(1, round(rect.width * scale)), max(1, round(rect.height * scale)))
    if scale < 1 and _is_plain(layer) and not layer.has_alpha():
        # GEGL averages the pixels while reading, so the layer is never read in full; exact without transparency.
        channels = 1 if layer.is_gray() else 3
        data = _get(layer, Rect(0, 0, size.width, size.height), FORMATS[channels], scale)
        return Pixels(size.width, size.height, channels, data).png()
    return rendered(image, layer, rect).scaled(size).png()


def layer_rect(layer: Gimp.Layer) -> Rect:
    """Return the layer's rectangle in canvas coordinates; it may extend beyond the canvas."""
    _success, left, top = layer.get_offsets()
    return Rect(left, top, layer.get_width(), layer.get_height())


@dataclass(frozen=True)
class ImageSelection:
    """The current selection of an image; see `plugin.pixels.selection.Selection`."""

    image: Gimp.Image

    @property
    def bounds(self) -> Rect | None:
        # The second value says whether anything is selected, not the first.
        _success, selected, left, top, right, bottom = Gimp.Selection.bounds(self.image)
        return Rect(left, top, right - left, bottom - top) if selected else None

    def values(self, area: Rect) -> bytes:
        return _get(self.image.get_selection(), area, _SELECTION_FORMAT)

    def thumbnail(self, area: Rect, size: Size) -> bytes:
        inside = area.intersect(Rect(0, 0, self.image.get_width(), self.image.get_height()))
        if inside.empty:
            return bytes(size.pixels)
        target = inside.translate(-area.x, -area.y).scaled(area.size, size)
        small = reduced(self.image.get_selection(), inside, target.size)
        placed = Rect(target.x, target.y, small.width, small.height)
        return StoredSelection(placed, small.data[:: small.channels]).values(Rect(0, 0, size.width, size.height))


def opaque_area(image: Gimp.Image, layer: Gimp.Layer) -> StoredSelection:
    """Return the canvas area that a layer covers, as a selection: its mask or, without one, its opacity."""
    layer_mask, rect = layer.get_mask(), layer_rect(layer)
    inside = rect.intersect(Rect(0, 0, image.get_width(), image.get_height()))
    if inside.empty:
        return NOTHING_SELECTED
    area = inside.translate(-rect.x, -rect.y)
    if layer_mask is None:
        return StoredSelection(inside, _opacity(layer, area))
    return StoredSelection(inside, _get(layer_mask, area, _SELECTION_FORMAT))


def quick_mask_is_on(image: Gimp.Image) -> bool:
    """Return whether Quick Mask is on: GIMP then has a channel of this name and reports no selection."""
    return image.get_channel_by_name(QUICK_MASK) is not None


def duplicate(image: Gimp.Image, *without: Gimp.Layer | None) -> AbstractContextManager[Gimp.Image]:
    """Duplicate an image temporarily, optionally with some of its layers hidden."""
    copy = image.duplicate()
    for layer in without:
        if layer is not None and layer.is_valid():
            _counterpart(copy, layer).set_visible(False)
    return _temporary(copy)


def _counterpart(copy: Gimp.Image, layer: Gimp.Layer) -> Gimp.Layer:
    """Return the layer of a duplicate at the same position in the stack."""
    parent = layer.get_parent()
    siblings = _counterpart(copy, expect(Gimp.Layer, parent)).get_children() if parent else copy.get_layers()
    return expect(Gimp.Layer, siblings[layer.get_image().get_item_position(layer)])


def rendered(image: Gimp.Image, layer: Gimp.Layer, area: Rect, space: ColourSpace = _SRGB) -> Pixels:
    """Read a layer as GIMP renders it alone; its buffer lacks filters, the layer mask and the layers of a group."""
    if _is_plain(layer):
        return _read(layer, area, space)
    with _empty(image, area.size) as alone:
        _insert_copy(layer, alone, area)
        return _read_visible(alone, space)


def rendered_together(image: Gimp.Image, layers: Sequence[Gimp.Layer], area: Rect) -> Pixels:
    """Read layers, the lowest first, as GIMP renders them above each other without the rest of the image."""
    with _empty(image, area.size) as alone:
        for layer in layers:
            if _is_plain(layer) and layer_rect(layer).contains(area):
                _insert_part(layer, alone, area)
            else:
                _insert_copy(layer, alone, area)
        return _read_visible(alone, _SRGB)


def _is_plain(layer: Gimp.Layer) -> bool:
    return not (layer.is_group() or layer.get_filters() or layer.get_mask())


def _insert_part(layer: Gimp.Layer, alone: Gimp.Image, area: Rect) -> None:
    """Insert a part of a layer's buffer into an image that shows `area`, without copying the rest."""
    part = Gimp.Layer.new(alone, "part", area.width, area.height, layer.type(), 100, Gimp.LayerMode.NORMAL)
    alone.insert_layer(part, None, 0)
    rect, target = layer_rect(layer), Gegl.Rectangle.new(0, 0, area.width, area.height)
    source = Gegl.Rectangle.new(area.x - rect.x, area.y - rect.y, area.width, area.height)
    buffer = part.get_buffer()
    layer.get_buffer().copy(source, Gegl.AbyssPolicy.NONE, buffer, target)
    buffer.flush()


def _insert_copy(layer: Gimp.Layer, alone: Gimp.Image, area: Rect) -> None:
    """Insert a copy of a layer into an image that shows `area`, outside any group, with normal mode and opacity."""
    copy = Gimp.Layer.new_from_drawable(layer, alone)
    alone.insert_layer(copy, None, 0)
    copy.set_lock_position(False)
    copy.set_lock_visibility(False)
    rect = layer_rect(layer)
    copy.set_offsets(rect.x - area.x, rect.y - area.y)
    copy.set_visible(True)
    copy.set_opacity(100)
    copy.set_mode(Gimp.LayerMode.NORMAL)
    copy.set_composite_mode(Gimp.LayerCompositeMode.UNION)
    if copy.get_mask():
        copy.set_show_mask(False)


def _empty(image: Gimp.Image, size: Size) -> AbstractContextManager[Gimp.Image]:
    """Create an empty temporary image of the same type, precision and profile, so that no layer is converted."""
    kind, precision = image.get_base_type(), image.get_precision()
    empty = Gimp.Image.new_with_precision(size.width, size.height, kind, precision)
    if profile := image.get_color_profile():
        empty.set_color_profile(profile)
    return _temporary(empty)


@contextmanager
def _temporary(image: Gimp.Image) -> Iterator[Gimp.Image]:
    """Delete an image afterwards. (A duplicate shares its tiles with the original until they change.)"""
    try:
        image.undo_disable()
        yield image
    finally:
        image.delete()


def _read_visible(image: Gimp.Image, space: ColourSpace) -> Pixels:
    """Read the visible pixels of an image. This may be slow: GEGL's blur reads whole rows and columns of its layer."""
    visible = Gimp.Layer.new_from_visible(image, image, "visible")
    image.insert_layer(visible, None, 0)
    return _read(visible, Rect(0, 0, image.get_width(), image.get_height()), space)


def _read(layer: Gimp.Layer, area: Rect, space: ColourSpace) -> Pixels:
    """Read the pixels of a layer's buffer in an area of the canvas; transparent outside the layer.

    They are read with the layer's own number of channels, as converting it takes babl 350 MB.
    """
    channels = (1 if layer.is_gray() else 3) + layer.has_alpha()
    rect = layer_rect(layer)
    inside = area.intersect(rect)
    part = inside.translate(-rect.x, -rect.y)
    data = _get(layer, part, encoding(FORMATS[channels], space.profile))
    pixels = Pixels(inside.width, inside.height, channels, data)
    if space.unclipped and pixels.may_be_clipped:
        pixels = replace(pixels, unclipped=_get(layer, part, encoding(UNCLIPPED_FORMAT, space.profile)))
    return pixels if inside == area else pixels.placed(inside, area)


def _opacity(layer: Gimp.Layer, area: Rect) -> bytes:
    """Return the alpha values in an area of a layer, one byte per pixel."""
    if not layer.has_alpha():
        return b"\xff" * area.size.pixels
    channels = 2 if layer.is_gray() else 4
    return _get(layer, area, FORMATS[channels])[channels - 1 :: channels]


def _get(
    drawable: Gimp.Drawable, area: Rect, encoding: str, scale: float = 1.0, abyss: Gegl.AbyssPolicy | None = None
) -> bytes:
    """Return the bytes of an area, which is given in scaled pixels."""
    if area.empty:
        return b""
    if abyss is None:
        abyss = Gegl.AbyssPolicy.NONE if scale == 1 else Gegl.AbyssPolicy.CLAMP
    rectangle = Gegl.Rectangle.new(area.x, area.y, area.width, area.height)
    return bytes(drawable.get_buffer().get(rectangle, scale, encoding, abyss))


def _fit_plan(pixels: Pixels, plan: Plan) -> Pixels:
    """Pad the frame as planned by repeating its edges, then scale it to the requested size."""
    return pixels.padded(plan.frame, plan.sent).scaled(plan.size)
