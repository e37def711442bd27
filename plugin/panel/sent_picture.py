"""A thumbnail of the frame to be sent, with the area to be changed highlighted."""

from __future__ import annotations

from typing import Any

from gi.repository import Gimp, Gtk, Pango

from lib.frame.geometry import Rect, Size
from lib.translation import _
from plugin.edit.draft import Draft
from plugin.pixels.export import ImageSelection, quick_mask_is_on
from plugin.ui import thumbnails

_MAX_SIZE = Size(200, 120)
_SAMPLE_SIZE = Size(64, 64)


class SentPicture(Gtk.Box):
    """The thumbnail of the frame, with the frame's size below it."""

    def __init__(self) -> None:
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=3)
        self._picture = Gtk.Image()
        self._picture.set_size_request(_MAX_SIZE.width, _MAX_SIZE.height)
        self._picture.get_accessible().set_name(_("Image to be sent, with the selection highlighted"))
        self._size_label = Gtk.Label(ellipsize=Pango.EllipsizeMode.END)
        self.pack_start(self._picture, False, False, 0)
        self.pack_start(self._size_label, False, False, 0)

    def show_draft(self, draft: Draft | None) -> None:
        """Show the frame of a draft; nothing for None."""
        if draft is None:
            self._picture.clear()
            self._size_label.set_text("")
            return
        layer = None if draft.options.sample_merged else draft.layers[0]
        area, canvas = draft.task.plan.frame, Rect(0, 0, draft.image.get_width(), draft.image.get_height())
        thumbnail = thumbnails.of_frame(draft.image, layer, area.intersect(canvas), _MAX_SIZE, draft.task)
        self._picture.set_from_pixbuf(thumbnail)
        self._size_label.set_text(_("{width}×{height} pixels").format(width=area.width, height=area.height))


def state(image: Gimp.Image) -> tuple[Any, ...]:
    """Return a value that changes with the selection and the layers, cheap enough to compute four times a second."""
    layers = tuple(layer.get_id() for layer in image.get_layers())
    return image.get_width(), image.get_height(), quick_mask_is_on(image), selection_state(image), layers


def selection_state(image: Gimp.Image) -> tuple[Rect, bytes] | None:
    """Return a value that changes with the selection; None if nothing is selected."""
    selection = ImageSelection(image)
    selected = selection.bounds
    if not selected:
        return None
    return selected, selection.thumbnail(selected, thumbnails.fit_size(selected.size, _SAMPLE_SIZE))
