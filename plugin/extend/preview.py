"""The drawing of the new canvas: the image, the new area, and edges that can be dragged."""

from __future__ import annotations

from collections.abc import Callable

import gi

gi.require_version("Gdk", "3.0")
gi.require_version("GdkPixbuf", "2.0")
gi.require_version("Gtk", "3.0")
from gi.repository import Gdk, GdkPixbuf, Gimp, Gtk

from lib.frame.geometry import Rect, Size
from lib.translation import _
from plugin.extend.extension import Extension
from plugin.extend.outline import Outline
from plugin.ui import thumbnails

_MAX_SIZE = Size(330, 204)
_TRANSPARENT, _OLD = 0x00000000, 0x9A9A9AFF
_NEW = 0xE03090A0  # the colour in which the panel highlights the area to change
_LINE, _RIM = 0xFFFFFFFF, 0x303030FF
_HANDLE = 8
_CURSORS = {("left",): "ew-resize", ("right",): "ew-resize", ("top",): "ns-resize", ("bottom",): "ns-resize",
            ("left", "top"): "nwse-resize", ("right", "bottom"): "nwse-resize",
            ("right", "top"): "nesw-resize", ("left", "bottom"): "nesw-resize"}  # fmt: skip


class ExtendPreview(Gtk.EventBox):
    """Draws an extension; `on_drag` is called with a side and the pixels by which it is to grow.

    It fills pixbufs, as the Python of some GIMPs cannot draw with cairo.
    """

    def __init__(self, image: Gimp.Image, on_drag: Callable[[str, int], None]) -> None:
        super().__init__(halign=Gtk.Align.CENTER, valign=Gtk.Align.CENTER, visible_window=False)
        self._image = image
        self._on_drag = on_drag
        self._dragged: tuple[str, ...] = ()
        self._outline: Outline | None = None
        self._thumbnail: GdkPixbuf.Pixbuf | None = None
        self._result: tuple[GdkPixbuf.Pixbuf, Rect] | None = None
        self._picture = Gtk.Image()
        self._picture.set_size_request(_MAX_SIZE.width, _MAX_SIZE.height)
        self._picture.get_accessible().set_name(_("The new canvas around the image"))
        self.set_tooltip_text(_("Drag an edge or a corner to extend the canvas."))
        self.add(self._picture)
        mask = Gdk.EventMask
        self.add_events(mask.BUTTON_PRESS_MASK | mask.BUTTON_RELEASE_MASK | mask.POINTER_MOTION_MASK)
        self.connect("button-press-event", self._on_press)
        self.connect("motion-notify-event", self._on_motion)
        self.connect("button-release-event", self._on_release)

    def reload_thumbnail(self) -> None:
        """Reload the thumbnail of the image."""
        self._thumbnail = thumbnails.of_image(self._image, _MAX_SIZE)

    def show_extension(self, extension: Extension) -> None:
        """Draw the old canvas inside the new one; while an edge is dragged, the old canvas does not move."""
        if self._dragged and self._outline and self._outline.canvas == extension.canvas:
            self._outline = self._outline.with_extent(extension.whole)
        else:
            self._outline = Outline.fit(extension.canvas, extension.whole, _MAX_SIZE)
        self._draw()

    def show_result(self, rgba: bytes, frame: Rect) -> None:
        """Show a preview of the result: raw RGBA pixels of a frame of the new canvas."""
        self._result = thumbnails.of_pixels(rgba, frame.size, _MAX_SIZE), frame
        self._draw()

    def clear_result(self) -> None:
        """Remove the preview of the result."""
        self._result = None
        self._draw()

    def _draw(self) -> None:
        outline = self._outline
        if outline is None:
            return
        if self._thumbnail is None:
            self._thumbnail = thumbnails.of_image(self._image, _MAX_SIZE)
        drawing = thumbnails.blank(_MAX_SIZE, _TRANSPARENT)
        _fill(drawing, outline.new.grow(2), _RIM)
        _fill(drawing, outline.new.grow(1), _LINE)
        _fill(drawing, outline.new, _NEW)
        _fill(drawing, outline.old, _OLD)
        _paste(drawing, self._thumbnail, outline.old)
        if self._result:
            _paste(drawing, self._result[0], outline.to_drawing(self._result[1]))
        elif self.get_sensitive():
            _draw_handles(drawing, outline.new)
        self._picture.set_from_pixbuf(drawing)

    def _on_press(self, _box: Gtk.EventBox, event: Gdk.EventButton) -> bool:
        if self._outline and event.button == Gdk.BUTTON_PRIMARY:
            self._dragged = self._outline.sides_at(*self._to_drawing(event))
        return bool(self._dragged)

    def _on_motion(self, _box: Gtk.EventBox, event: Gdk.EventMotion) -> bool:
        if not self._outline:
            return False
        point = self._to_drawing(event)
        for side in self._dragged:
            self._on_drag(side, self._outline.growth_at(side, *point))
        name = _CURSORS.get(self._dragged or self._outline.sides_at(*point))
        cursor = Gdk.Cursor.new_from_name(self.get_display(), name) if name else None
        event.window.set_cursor(cursor)
        return bool(self._dragged)

    def _on_release(self, _box: Gtk.EventBox, _event: Gdk.EventButton) -> bool:
        if not self._dragged or not self._outline:
            return False
        self._dragged = ()
        outline = self._outline
        self._outline = Outline.fit(outline.canvas, outline.whole, _MAX_SIZE)
        self._draw()
        return True

    def _to_drawing(self, event: Gdk.EventButton | Gdk.EventMotion) -> tuple[float, float]:
        """Return the pointer's position in the drawing, which is centred in its allocation."""
        allocation = self.get_allocation()
        return event.x - (allocation.width - _MAX_SIZE.width) / 2, event.y - (allocation.height - _MAX_SIZE.height) / 2


def _fill(drawing: GdkPixbuf.Pixbuf, area: Rect, colour: int) -> None:
    inside = area.intersect(Rect(0, 0, drawing.get_width(), drawing.get_height()))
    if not inside.empty:
        drawing.new_subpixbuf(inside.x, inside.y, inside.width, inside.height).fill(colour)


def _paste(drawing: GdkPixbuf.Pixbuf, picture: GdkPixbuf.Pixbuf, area: Rect) -> None:
    """Scale a picture to an area of the drawing; the part outside the drawing is clipped."""
    inside = area.intersect(Rect(0, 0, drawing.get_width(), drawing.get_height()))
    if inside.empty:
        return
    across, down = area.width / picture.get_width(), area.height / picture.get_height()
    smooth = GdkPixbuf.InterpType.BILINEAR
    picture.composite(
        drawing, inside.x, inside.y, inside.width, inside.height, area.x, area.y, across, down, smooth, 255
    )


def _draw_handles(drawing: GdkPixbuf.Pixbuf, new: Rect) -> None:
    for x in (new.x, new.x + new.width // 2, new.right):
        for y in (new.y, new.y + new.height // 2, new.bottom):
            if (x, y) != (new.x + new.width // 2, new.y + new.height // 2):
                square = Rect(x - _HANDLE // 2, y - _HANDLE // 2, _HANDLE, _HANDLE)
                _fill(drawing, square, _RIM)
                _fill(drawing, square.grow(-1), _LINE)
