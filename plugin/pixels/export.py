"""Pixels out of GIMP: the frame of a layer and of the selection, as PNG bytes in sRGB, 8 bit.

Only the frame is read, so that the time does not grow with the canvas.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from gi.repository import Gegl, Gimp

from lib.frame.frame import Plan
from lib.frame.geometry import Rect, Size
from plugin.expect import expect
from plugin.pixels import mask, png
from plugin.pixels.raw import FORMATS, Pixels
from plugin.pixels.selection import NOTHING_SELECTED, Selection, StoredSelection

# Values of a selection are linear coverage, not light: no gamma is wanted.
_SELECTION_FORMAT = "Y u8"


def layer_png(image: Gimp.Image, layer: Gimp.Layer, plan: Plan, area: Rect) -> bytes:
    """The layer's pixels in `area` of the canvas, its mask and filters applied, at the size that the plan asks for.

    `area` has the size of the plan's frame and is it, but where the canvas is about to grow.
    """
    return _fit_plan(_read_as_seen(image, layer, area), plan).png()


def visible_png(image: Gimp.Image, plan: Plan, area: Rect, without: Gimp.Layer | None = None) -> bytes:
    """What is visible in `area` of the canvas, transparent beyond it, at the size that the plan asks for.

    `without` is a layer that counts as hidden.
    """
    with duplicate(image, without) as copy:
        # Only the canvas is made smaller, so that GIMP computes no more than that. Layers are not cropped: filters
        # such as blur and vignette would then see another layer.
        copy.resize(area.width, area.height, -area.x, -area.y)
        return _fit_plan(_read_visible(copy), plan).png()


def mask_png(selection: Selection, plan: Plan, grow: int) -> bytes:
    """What may be edited: all that is selected at all, grown by `grow` canvas pixels; `mask` tells the colours."""
    area = plan.frame.grow(grow)
    values = mask.selected(selection.values(area))
    return mask_of(mask.grow(values, area.width, grow), plan)


def mask_of(values: bytes, plan: Plan) -> bytes:
    """The same from values of the plan's frame, one byte a pixel, 0 where nothing may be edited."""
    grown = Pixels(plan.frame.width, plan.frame.height, 1, mask.selected(values))
    sent = _fit_plan(grown, plan)
    return png.encode(sent.width, sent.height, 4, mask.edit_mask(mask.selected(sent.data)), flat=True)


def whole_layer_png(image: Gimp.Image, layer: Gimp.Layer, longest_edge: int) -> bytes:
    """A reference layer, whole, scaled down where it is longer than a model looks at."""
    here = layer_rect(layer)
    scale = min(1.0, longest_edge / here.size.longest)
    size = Size(max(1, round(here.width * scale)), max(1, round(here.height * scale)))
    if scale < 1 and _is_plain(layer) and not layer.has_alpha():
        # GEGL's own mean of pixels: exact where no colour hides under transparency, and never read in full.
        channels = 1 if layer.is_gray() else 3
        data = _get(layer, Rect(0, 0, size.width, size.height), FORMATS[channels], scale)
        return Pixels(size.width, size.height, channels, data).png()
    return _read_as_seen(image, layer, here).scaled(size).png()


def layer_rect(layer: Gimp.Layer) -> Rect:
    """The layer's rectangle on the canvas; parts of it may be outside."""
    _success, left, top = layer.get_offsets()
    return Rect(left, top, layer.get_width(), layer.get_height())


@dataclass(frozen=True)
class ImageSelection:
    """The selection of an image, as it is when it is read; see `plugin.pixels.selection.Selection`."""

    image: Gimp.Image

    @property
    def bounds(self) -> Rect | None:
        # The second value says whether anything is selected, not the first.
        _success, selected, left, top, right, bottom = Gimp.Selection.bounds(self.image)
        return Rect(left, top, right - left, bottom - top) if selected else None

    def values(self, area: Rect) -> bytes:
        return _get(self.image.get_selection(), area, _SELECTION_FORMAT)

    def thumbnail(self, area: Rect, size: Size) -> bytes:
        scale = size.width / area.width
        scaled = Rect(round(area.x * scale), round(area.y * scale), size.width, size.height)
        return _get(self.image.get_selection(), scaled, _SELECTION_FORMAT, scale, Gegl.AbyssPolicy.NONE)


def opaque_area(image: Gimp.Image, layer: Gimp.Layer) -> StoredSelection:
    """Return the canvas area that a layer covers, as a selection: its mask or, without one, its opacity."""
    mask_of_layer, here = layer.get_mask(), layer_rect(layer)
    inside = here.intersect(Rect(0, 0, image.get_width(), image.get_height()))
    if inside.empty:
        return NOTHING_SELECTED
    area = inside.translate(-here.x, -here.y)
    if mask_of_layer is None:
        return StoredSelection(inside, _opacity(layer, area))
    return StoredSelection(inside, _get(mask_of_layer, area, _SELECTION_FORMAT))


def quick_mask_is_on(image: Gimp.Image) -> bool:
    """Whether the selection is being painted: GIMP then keeps it in a channel of this name, and reports none."""
    return image.get_channel_by_name("Qmask") is not None


def duplicate(image: Gimp.Image, without: Gimp.Layer | None = None) -> AbstractContextManager[Gimp.Image]:
    """A copy of an image to work in, deleted afterwards; one layer of it may be hidden."""
    copy = image.duplicate()
    if without is not None and without.is_valid():
        _counterpart(copy, without).set_visible(False)
    return _deleted(copy)


def _counterpart(copy: Gimp.Image, layer: Gimp.Layer) -> Gimp.Layer:
    """The layer of a duplicate that is in the same place of the stack."""
    parent = layer.get_parent()
    siblings = _counterpart(copy, expect(Gimp.Layer, parent)).get_children() if parent else copy.get_layers()
    return expect(Gimp.Layer, siblings[layer.get_image().get_item_position(layer)])


def _read_as_seen(image: Gimp.Image, layer: Gimp.Layer, area: Rect) -> Pixels:
    """The layer by itself as the user sees it. Its buffer alone would leave out filters, masks and groups' layers."""
    if _is_plain(layer):
        return _read(layer, area)
    with _empty(image, area.size) as alone:
        _show(layer, alone, area)
        return _read_visible(alone)


def _is_plain(layer: Gimp.Layer) -> bool:
    return not (layer.is_group() or layer.get_filters() or layer.get_mask())


def _show(layer: Gimp.Layer, alone: Gimp.Image, area: Rect) -> None:
    """Puts a twin of the layer into an image that shows `area`, out of its groups and without opacity and mode."""
    twin = Gimp.Layer.new_from_drawable(layer, alone)
    alone.insert_layer(twin, None, 0)
    twin.set_lock_position(False)
    twin.set_lock_visibility(False)
    place = layer_rect(layer)
    twin.set_offsets(place.x - area.x, place.y - area.y)
    twin.set_visible(True)
    twin.set_opacity(100)
    twin.set_mode(Gimp.LayerMode.NORMAL)
    twin.set_composite_mode(Gimp.LayerCompositeMode.UNION)
    if twin.get_mask():
        twin.set_show_mask(False)


def _empty(image: Gimp.Image, size: Size) -> AbstractContextManager[Gimp.Image]:
    """An image of the same kind with nothing in it: its layers need not be converted, and the others not be copied."""
    kind, precision = image.get_base_type(), image.get_precision()
    empty = Gimp.Image.new_with_precision(size.width, size.height, kind, precision)
    if profile := image.get_color_profile():
        empty.set_color_profile(profile)
    return _deleted(empty)


@contextmanager
def _deleted(image: Gimp.Image) -> Iterator[Gimp.Image]:
    """An image to work in, deleted afterwards; a duplicate shares its tiles with the original until they change."""
    try:
        image.undo_disable()
        yield image
    finally:
        image.delete()


def _read_visible(image: Gimp.Image) -> Pixels:
    """What an image shows. A filter costs what it reads, and GEGL's blur reads whole rows and columns of its layer."""
    seen = Gimp.Layer.new_from_visible(image, image, "seen")
    image.insert_layer(seen, None, 0)
    return _read(seen, Rect(0, 0, image.get_width(), image.get_height()))


def _read(layer: Gimp.Layer, area: Rect) -> Pixels:
    """The layer's pixels in a canvas area; transparent where the layer does not reach.

    Read in the layer's own number of channels: a change of it costs 350 MB in the colour library.
    """
    channels = (1 if layer.is_gray() else 3) + layer.has_alpha()
    here = layer_rect(layer)
    inside = area.intersect(here)
    data = _get(layer, inside.translate(-here.x, -here.y), FORMATS[channels])
    pixels = Pixels(inside.width, inside.height, channels, data)
    return pixels if inside == area else pixels.placed(inside, area)


def _opacity(layer: Gimp.Layer, area: Rect) -> bytes:
    """The layer's alpha values in an area of it, one byte a pixel."""
    if not layer.has_alpha():
        return b"\xff" * area.size.pixels
    channels = 2 if layer.is_gray() else 4
    return _get(layer, area, FORMATS[channels])[channels - 1 :: channels]


def _get(
    drawable: Gimp.Drawable, area: Rect, encoding: str, scale: float = 1.0, abyss: Gegl.AbyssPolicy | None = None
) -> bytes:
    """Bytes of an area, which is counted in scaled pixels."""
    if area.empty:
        return b""
    if abyss is None:
        abyss = Gegl.AbyssPolicy.NONE if scale == 1 else Gegl.AbyssPolicy.CLAMP
    rectangle = Gegl.Rectangle.new(area.x, area.y, area.width, area.height)
    return bytes(drawable.get_buffer().get(rectangle, scale, encoding, abyss))


def _fit_plan(pixels: Pixels, plan: Plan) -> Pixels:
    """Adds the plan's padding by repeating the edges, then scales to the size that is asked for."""
    return pixels.padded(plan.frame, plan.sent).scaled(plan.size)
