"""The layer that shows an edit on the canvas: first its previews, then the result that the user selects."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gi.repository import Gimp

from lib.frame.geometry import Rect
from plugin.expect import expect
from plugin.pixels import provenance
from plugin.pixels.colour_space import ResultPixels
from plugin.pixels.insert import (
    Place,
    ResultLayers,
    attach,
    fill_mask,
    hide,
    insert_group,
    insert_results,
    new_layer,
    place_above,
    same_items_selected,
    undo_group,
)


@dataclass(frozen=True)
class Appearance:
    """The layer's name, its mask in the frame (the selection's values, or a cut-out's subject) and its record."""

    name: str
    mask: bytes | None
    record: Mapping[str, Any]
    is_cut_out: bool = False


class CanvasLayer:
    """A layer whose pixels change as previews and results arrive, in one undo step: its insertion.

    Pixels written into its buffer later are not recorded: undo removes the layer, redo restores the last pixels.
    It is inserted above the layer `edited`, or at the top of the stack for None. `previous` is an earlier layer of the
    same edit: both are then in one group, and the earlier one is hidden. Of `place`, only the frame and the replaced
    layer are used. `in_order` are the layers of all edits of a window as they were requested: where two overlap, the
    later one is inserted above the earlier one, whichever arrives first.
    """

    def __init__(
        self,
        image: Gimp.Image,
        edited: Gimp.Layer | None,
        place: Place,
        previous: "CanvasLayer | None" = None,
        in_order: "Sequence[CanvasLayer]" = (),
    ) -> None:
        self.image = image
        self.layer: Gimp.Layer | None = None
        self._edited = edited
        self.frame = place.frame
        self._replaced = place.replaced
        self._hidden: list[Gimp.Layer] = []
        self._mark: provenance.Mark | None = None
        self._record: Mapping[str, Any] | None = None
        self._has_own_mask = False
        self._previous = previous
        self._in_order = in_order
        self._group: Gimp.Layer | None = None

    @property
    def is_present(self) -> bool:
        """Return whether the layer is in an image: inserted, and not undone, deleted or closed with its image."""
        return self._valid_layer is not None

    @property
    def _valid_layer(self) -> Gimp.Layer | None:
        return self.layer if self.layer is not None and self.layer.is_valid() else None

    @property
    def was_removed(self) -> bool:
        """Return whether the layer was inserted, and then removed by the user."""
        return self.layer is not None and not self.layer.is_valid()

    @property
    def edited_was_deleted(self) -> bool:
        """Return whether the edited layer was deleted."""
        return self._edited is not None and not self._edited.is_valid()

    def insert(self, pixels: ResultPixels, appearance: Appearance) -> None:
        """Insert the layer in one undo step; into a new image where the image was closed.

        A cut-out hides the edited layer, or nothing of it would be seen.
        """
        if not self.image.is_valid():
            self._open_new_image()
        name, mask, record = appearance.name, appearance.mask, appearance.record
        self._record = record
        self.layer = new_layer(self.image, self.frame, name, pixels, mask, record)
        with undo_group(self.image), same_items_selected(self.image):
            place = self._place(name)
            self.image.insert_layer(self.layer, place.parent, place.position)
            layers = (self._replaced, self._edited if appearance.is_cut_out else None)
            self._hidden = [layer for layer in layers if layer and hide(layer)]
            self._mark = provenance.mark(self.image, record, self.frame, [mask])
        Gimp.displays_flush()

    def show(self, pixels: ResultPixels, mask: bytes | None = None) -> None:
        """Write other pixels, and another layer mask if there is one, into the layer, without an undo step.

        A layer that has a mask where this result has none gets a white one only if that mask was another result's.
        """
        if self.layer is None:
            raise ValueError("the layer is not inserted yet")
        if mask is not None or self._has_own_mask:
            self.image.undo_freeze()
            try:
                fill_mask(self.layer, mask or b"\xff" * (len(pixels.rgba) // 4))
                self._renew_mark(mask)
            finally:
                self.image.undo_thaw()
            self._has_own_mask = True
        self.write(pixels)

    def write(self, pixels: ResultPixels | None) -> None:
        """Write other pixels into the layer, transparent ones for None, without an undo step; its mask stays."""
        if layer := self._valid_layer:
            (pixels or ResultPixels(bytes(4 * self.frame.size.pixels))).write(layer)
            layer.update(0, 0, self.frame.width, self.frame.height)
            Gimp.displays_flush()

    def show_hidden(self, visible: bool) -> None:
        """Show or hide the layers that were hidden for this one, without an undo step."""
        self.image.undo_freeze()
        try:
            for layer in self._hidden:
                if layer.is_valid():
                    layer.set_visible(visible)
        finally:
            self.image.undo_thaw()

    def set_record(self, record: Mapping[str, Any]) -> None:
        """Replace the record on the layer, without an undo step."""
        if layer := self._valid_layer:
            self.image.undo_freeze()
            try:
                attach(layer, record)
            finally:
                self.image.undo_thaw()

    def remove(self) -> None:
        """Remove the layer; show the previous layer of the same edit again, and the layers that were hidden for it."""
        layer, previous = self._valid_layer, self._previous._valid_layer if self._previous else None
        if layer is None:
            return
        with undo_group(self.image):
            self.image.remove_layer(layer)
            if self._is_only_result:
                provenance.unmark(self.image, self._mark)
            if previous:
                previous.set_visible(True)
            for hidden in self._hidden:
                if hidden.is_valid():
                    hidden.set_visible(True)
        Gimp.displays_flush()

    @property
    def _is_only_result(self) -> bool:
        return not any(each.is_present for each in self._in_order if each is not self)

    def _renew_mark(self, mask: bytes | None) -> None:
        """Mark the image as this mask says; a preview, which has none, counted as the whole image."""
        if self._mark and self._is_only_result:
            provenance.unmark(self.image, self._mark)
            self._mark = provenance.mark(self.image, self._record, self.frame, [mask])

    def replace_by(self, results: ResultLayers) -> None:
        """Replace this layer, or its group, by a group of result layers, in one undo step."""
        current = self._top
        with undo_group(self.image):
            place = place_above(self.image, current, self.frame)
            insert_results(self.image, results, replace(place, replaced=self._replaced))
            siblings = place.parent.get_children() if place.parent else self.image.get_layers()
            self._group = expect(Gimp.Layer, siblings[place.position])
            if current:
                self.image.remove_layer(current)
        Gimp.displays_flush()

    def _open_new_image(self) -> None:
        frame = self.frame
        self.image = Gimp.Image.new(frame.width, frame.height, Gimp.ImageBaseType.RGB)
        self.frame, self._edited = Rect(0, 0, frame.width, frame.height), None
        Gimp.Display.new(self.image)

    def _place(self, name: str) -> Place:
        if self._previous and (other := self._previous._valid_layer):
            return self._place_in_group(other, self._previous._group, name)
        return self._ordered(place_above(self.image, None if self.edited_was_deleted else self._edited, self.frame))

    def _ordered(self, place: Place) -> Place:
        """Return the place below the overlapping results of later edits, and above those of earlier ones."""
        number = self._in_order.index(self) if self in self._in_order else 0
        below = [each._position_beside(place) for each in self._in_order[:number]]
        above = [each._position_beside(place) for each in self._in_order[number + 1 :]]
        position = max([place.position, *(each + 1 for each in above if each is not None)])
        position = min([position, *(each for each in below if each is not None)])
        return replace(place, position=position)

    def _position_beside(self, place: Place) -> int | None:
        """Return the position of this result in the parent of a place; None if it is elsewhere, or does not overlap."""
        top = self._top
        if top is None or self.frame.intersect(place.frame).empty:
            return None
        parents = [each.get_id() if each else None for each in (top.get_parent(), place.parent)]
        images = [top.get_image().get_id(), self.image.get_id()]
        return self.image.get_item_position(top) if len(set(parents)) == len(set(images)) == 1 else None

    @property
    def _top(self) -> Gimp.Layer | None:
        """Return the group of this edit's results, or else its layer; None if neither is present."""
        return self._group if self._group and self._group.is_valid() else self._valid_layer

    def _place_in_group(self, other: Gimp.Layer, group: Gimp.Layer | None, name: str) -> Place:
        """Return the place above `other` in its group, which is created for the second result."""
        other.set_visible(False)
        self._group = group
        if not (self._group and self._group.is_valid()):
            self._group = insert_group(self.image, place_above(self.image, other, self.frame), name)
            self.image.reorder_item(other, self._group, 0)
        return place_above(self.image, other, self.frame)
