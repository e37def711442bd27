"""Insert the returned pictures as layers at the frame's position, in one undo step."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from gi.repository import Gegl, Gimp

from lib.frame.geometry import Rect, Size
from plugin.expect import expect
from plugin.pixels import provenance
from plugin.pixels.colour_space import ResultPixels

PARASITE = "generative-edit"
# The values of a layer mask in the frame, one byte per pixel (linear coverage, as in a selection); None for no mask.
Mask = bytes | None
_LONGEST_NAME = 60


@dataclass(frozen=True)
class Place:
    """Where results are inserted: at `frame`, and at `position` in the group `parent` (None: outside any group).

    With `canvas`, a rectangle in coordinates of the current canvas, the image is resized to it first, and `frame` is
    relative to its corner. The layer `replaced` is hidden, and so is the one that a cut-out was `cut_from`. Results of
    another size than the frame's, `scaled_from`, are scaled to it.
    """

    frame: Rect
    parent: Gimp.Layer | None
    position: int
    canvas: Rect | None = None
    replaced: Gimp.Layer | None = None
    cut_from: Gimp.Layer | None = None
    scaled_from: Size | None = None


@dataclass(frozen=True)
class ResultLayers:
    """The results of an edit: pixels of the frame's size, and their layer mask, name and record.

    own_masks: the layer mask of each picture instead, where it has one of its own.
    """

    pictures: Sequence[ResultPixels]
    mask: Mask
    name: str
    record: Mapping[str, Any] | None
    own_masks: Sequence[Mask] = ()

    @property
    def masks(self) -> list[Mask]:
        """Return the layer mask of each picture."""
        own = self.own_masks or [None] * len(self.pictures)
        return [self.mask if mask is None else mask for mask in own]


def place_above(image: Gimp.Image, layer: Gimp.Layer | None, frame: Rect) -> Place:
    """Return the place above a layer; with None, at the top of the stack."""
    if layer is None:
        return Place(frame, None, 0)
    group = layer.get_parent()
    return Place(frame, expect(Gimp.Layer, group) if group else None, image.get_item_position(layer))


def insert_results(image: Gimp.Image, results: ResultLayers, place: Place) -> Gimp.ValueArray:
    """Insert results as layers, each with the layer mask, and with the record as a persistent parasite.

    Several are inserted in a group, with only the first visible. The image is marked as the record says. Returns the
    layers as a procedure's return values, as PyGObject cannot create an array of layers.
    """
    count = len(results.pictures)
    names = [results.name] if count == 1 else [f"{results.name} {number}" for number in range(1, count + 1)]
    # The layers are created, which may fail, before the image is changed.
    own_size = place.scaled_from or place.frame.size
    own_frame = Rect(place.frame.x, place.frame.y, own_size.width, own_size.height)
    layers = [
        new_layer(image, own_frame, name, picture, mask, results.record)
        for name, picture, mask in zip(names, results.pictures, results.masks, strict=True)
    ]
    for layer in layers[1:]:
        layer.set_visible(False)
    with undo_group(image), same_items_selected(image):
        hide(place.replaced)
        hide(place.cut_from)
        if place.canvas:
            image.resize(place.canvas.width, place.canvas.height, -place.canvas.x, -place.canvas.y)
        group = insert_group(image, place, results.name) if count > 1 else None
        for number, layer in enumerate(layers):
            image.insert_layer(layer, group or place.parent, number if group else place.position)
            if own_frame != place.frame:
                layer.scale(place.frame.width, place.frame.height, False)
                layer.set_offsets(place.frame.x, place.frame.y)
        provenance.mark(image, results.record, place.frame, results.masks)
        image.set_selected_layers(layers)
        return _selected_as_values(image)


def new_layer(
    image: Gimp.Image,
    frame: Rect,
    name: str,
    pixels: ResultPixels,
    mask: Mask = None,
    record: Mapping[str, Any] | None = None,
) -> Gimp.Layer:
    """Return a layer, not yet inserted, with pixels of the frame's size, a layer mask and a record.

    A layer without a record does not count as a result.
    """
    layer = _empty_layer(image, frame, name)
    pixels.write(layer)
    if mask is not None:
        fill_mask(layer, mask)
    if record is not None:
        attach(layer, record)
    return layer


@contextmanager
def undo_group(image: Gimp.Image) -> Iterator[None]:
    """Group changes into one undo step. It is always closed, as an open group would include the user's next steps."""
    image.undo_group_start()
    try:
        yield
    finally:
        image.undo_group_end()


@contextmanager
def same_items_selected(image: Gimp.Image) -> Iterator[None]:
    """Select the same layers or channels afterwards, unless they were deleted.

    The edited layer stays selected, so that the next edit starts from it and not from its result.
    """
    layers, channels = image.get_selected_layers(), image.get_selected_channels()
    try:
        yield
    finally:
        # GIMP does not accept an empty list, and selecting layers deselects channels.
        if layers := [layer for layer in layers if layer.is_valid()]:
            image.set_selected_layers(layers)
        elif channels := [channel for channel in channels if channel.is_valid()]:
            image.set_selected_channels(channels)


def hide(layer: Gimp.Layer | None) -> bool:
    """Hide a layer where it is valid and visible; return whether it was hidden."""
    if layer is None or not layer.is_valid() or not layer.get_visible():
        return False
    return bool(layer.set_visible(False))


def layer_name(prompt: str) -> str:
    """Return the prompt on one line, shortened to fit the Layers dialog."""
    name = " ".join(prompt.split())
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1].rstrip() + "…"


def insert_group(image: Gimp.Image, place: Place, name: str) -> Gimp.GroupLayer:
    """Insert an empty layer group."""
    group = Gimp.GroupLayer.new(image, name)
    image.insert_layer(group, place.parent, place.position)
    return group


def _empty_layer(image: Gimp.Image, frame: Rect, name: str) -> Gimp.Layer:
    gray = image.get_base_type() == Gimp.ImageBaseType.GRAY
    kind = Gimp.ImageType.GRAYA_IMAGE if gray else Gimp.ImageType.RGBA_IMAGE
    mode = image.get_default_new_layer_mode()
    layer = Gimp.Layer.new(image, name, frame.width, frame.height, kind, 100.0, mode)
    layer.set_offsets(frame.x, frame.y)
    return layer


def fill_mask(layer: Gimp.Layer, values: bytes) -> None:
    """Write the values over a whole layer mask, which is added where the layer has none."""
    mask = layer.get_mask()
    if mask is None:
        mask = layer.create_mask(Gimp.AddMaskType.WHITE)
        layer.add_mask(mask)
        layer.set_edit_mask(False)
    mask.get_buffer().set(Gegl.Rectangle.new(0, 0, layer.get_width(), layer.get_height()), "Y u8", values)
    mask.get_buffer().flush()


def attach(layer: Gimp.Layer, record: Mapping[str, Any]) -> None:
    """Attach a record to a layer, which is best not yet inserted.

    The parasite is undoable: otherwise GIMP adds a step that "can't be undone" and drops the redo steps. The JSON is
    ASCII, as libgimp takes bytes from Python as signed ones.
    """
    data = json.dumps(record).encode("ascii")
    flags = Gimp.PARASITE_PERSISTENT | Gimp.PARASITE_UNDOABLE
    layer.attach_parasite(Gimp.Parasite.new(PARASITE, flags, list(data)))


def _selected_as_values(image: Gimp.Image) -> Gimp.ValueArray:
    procedure = expect(Gimp.Procedure, Gimp.get_pdb().lookup_procedure("gimp-image-get-selected-layers"))
    config = procedure.create_config()
    config.set_property("image", image)
    return procedure.run(config)
