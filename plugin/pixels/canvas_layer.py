"""The layer that shows an edit on the canvas: a preview first, then whichever result the user looks at."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from gi.repository import Gimp

from lib.frame.geometry import Rect
from plugin.pixels.insert import (
    Place,
    ResultLayers,
    fill,
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
    """How the layer looks in the layers' list, its mask (the selection's values in the frame), and its record."""

    name: str
    mask: bytes | None
    record: Mapping[str, Any]


class CanvasLayer:
    """One layer whose pixels change as previews and results come, in a single undo step: its insertion.

    What is written into its buffer later is not recorded: undo takes the layer away, redo brings the last pixels back.
    `edited` is the layer that it lies above, None for the top of the stack. `beside` is an earlier such layer of the
    same edit: both then lie in one group, the earlier one hidden. Of `place` the frame counts, and what is replaced.
    """

    def __init__(
        self, image: Gimp.Image, edited: Gimp.Layer | None, place: Place, beside: "CanvasLayer | None" = None
    ) -> None:
        self.image = image
        self.layer: Gimp.Layer | None = None
        self._edited = edited
        self.frame = place.frame
        self._replaced = place.replaced
        self._has_replaced = False
        self._beside = beside
        self._group: Gimp.GroupLayer | None = None

    @property
    def there(self) -> bool:
        """Whether the layer is in the image: not yet inserted, undone, deleted or closed with its image is not."""
        return self._present is not None

    @property
    def _present(self) -> Gimp.Layer | None:
        return self.layer if self.layer is not None and self.layer.is_valid() else None

    @property
    def was_removed(self) -> bool:
        """Whether it had been there: the user took it away."""
        return self.layer is not None and not self.layer.is_valid()

    @property
    def edited_was_deleted(self) -> bool:
        """Whether the layer that it was to lie above has gone."""
        return self._edited is not None and not self._edited.is_valid()

    def insert(self, rgba: bytes, look: Appearance) -> None:
        """Inserts the layer, complete, in one undo step; an image that was closed is replaced by a new one."""
        if not self.image.is_valid():
            self._open_new_image()
        self.layer = new_layer(self.image, self.frame, look.name, rgba, look.mask, look.record)
        with undo_group(self.image), same_items_selected(self.image):
            place = self._place(look.name)
            self.image.insert_layer(self.layer, place.parent, place.position)
            self._has_replaced = hide(self._replaced)
        Gimp.displays_flush()

    def show(self, rgba: bytes) -> None:
        """Writes other pixels into the layer, with no undo step."""
        if self.layer is None:
            raise ValueError("the layer is not inserted yet")
        fill(self.layer, rgba)
        self.layer.update(0, 0, self.frame.width, self.frame.height)
        Gimp.displays_flush()

    def remove(self) -> None:
        """Takes the layer away; the earlier one of the same edit shows again, or what it has replaced."""
        layer, earlier = self._present, self._beside._present if self._beside else None
        if layer is None:
            return
        with undo_group(self.image):
            self.image.remove_layer(layer)
            if earlier:
                earlier.set_visible(True)
            if self._has_replaced and self._replaced and self._replaced.is_valid():
                self._replaced.set_visible(True)
        Gimp.displays_flush()

    def replace_by(self, results: ResultLayers) -> None:
        """Puts results as layers of one group in the place of this layer, and of its own group; one undo step."""
        shown = self._group if self._group and self._group.is_valid() else self._present
        with undo_group(self.image):
            place = place_above(self.image, shown, self.frame)
            insert_results(self.image, results, replace(place, replaced=self._replaced))
            if shown:
                self.image.remove_layer(shown)
        Gimp.displays_flush()

    def _open_new_image(self) -> None:
        frame = self.frame
        self.image = Gimp.Image.new(frame.width, frame.height, Gimp.ImageBaseType.RGB)
        self.frame, self._edited = Rect(0, 0, frame.width, frame.height), None
        Gimp.Display.new(self.image)

    def _place(self, name: str) -> Place:
        if self._beside and (other := self._beside._present):
            return self._place_beside(other, self._beside._group, name)
        return place_above(self.image, None if self.edited_was_deleted else self._edited, self.frame)

    def _place_beside(self, other: Gimp.Layer, group: Gimp.GroupLayer | None, name: str) -> Place:
        """Above `other`, in the group that holds it; the group is made here, at the second result."""
        other.set_visible(False)
        self._group = group
        if not (self._group and self._group.is_valid()):
            self._group = insert_group(self.image, place_above(self.image, other, self.frame), name)
            self.image.reorder_item(other, self._group, 0)
        return place_above(self.image, other, self.frame)
