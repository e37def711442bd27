"""A small picture of what would be sent, the hole marked, that follows the selection."""

from __future__ import annotations

from typing import Any

from gi.repository import Gimp, Gtk, Pango

from lib.frame.geometry import Rect, Size
from lib.translation import _
from plugin.edit.draft import Draft
from plugin.pixels.export import ImageSelection, quick_mask_is_on
from plugin.ui import thumbnails

_ROOM = Size(200, 120)
_PROBE = Size(64, 64)


class SentPicture(Gtk.Box):
    """The frame's picture with its measures below."""

    def __init__(self) -> None:
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=3)
        self._picture = Gtk.Image()
        self._picture.set_size_request(_ROOM.width, _ROOM.height)
        self._picture.get_accessible().set_name(_("What is sent, the selection marked"))
        self._measures = Gtk.Label(ellipsize=Pango.EllipsizeMode.END)
        self.pack_start(self._picture, False, False, 0)
        self.pack_start(self._measures, False, False, 0)

    def show_draft(self, draft: Draft | None) -> None:
        """Shows the frame of a draft, or nothing."""
        if draft is None:
            self._picture.clear()
            self._measures.set_text("")
            return
        layer = None if draft.options.sample_merged else draft.layers[0]
        area, canvas = draft.task.plan.frame, Rect(0, 0, draft.image.get_width(), draft.image.get_height())
        seen = thumbnails.of_frame(draft.image, layer, area.intersect(canvas), _ROOM, draft.task)
        self._picture.set_from_pixbuf(seen)
        self._measures.set_text(_("{width}×{height} pixels").format(width=area.width, height=area.height))


def state(image: Gimp.Image) -> tuple[Any, ...]:
    """What changes when the selection or the layers change: cheap enough to be read four times a second."""
    layers = tuple(layer.get_id() for layer in image.get_layers())
    return image.get_width(), image.get_height(), quick_mask_is_on(image), selection_state(image), layers


def selection_state(image: Gimp.Image) -> tuple[Rect, bytes] | None:
    """What changes when the selection changes; None where nothing is selected."""
    selection = ImageSelection(image)
    selected = selection.bounds
    if not selected:
        return None
    return selected, selection.thumbnail(selected, thumbnails.fitting(selected.size, _PROBE))
