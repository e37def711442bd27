"""The list of a folder's pictures: a small picture, its size and mask, its row in the prompts file, status and result.

Only what is visible is drawn and asked for, so that thousands of pictures are listed at once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from gi.repository import GLib, Gtk, Pango

from lib.frame.geometry import Size
from lib.storage.file_identity import readable_name
from lib.translation import _
from plugin.folder.arguments import InputPicture
from plugin.folder_window.previews import EDGE, HEIGHT, Previews
from plugin.folder_window.statuses import Status, Statuses
from plugin.ui import thumbnails

_PAD = 4
_NAME_WIDTH, _COLUMN_WIDTH, _STATUS_WIDTH = 170, 110, 190
_LONGEST_CELL = 200
_Cell = TypeVar("_Cell", bound=Gtk.CellRenderer)


@dataclass(frozen=True)
class ListActions:
    """What the list calls: `select` when the selection changes, `activate` with the name of an activated picture."""

    select: Callable[[], None]
    activate: Callable[[str], None]


class PictureList(Gtk.ScrolledWindow):
    """The pictures in the order of the run; several can be selected."""

    def __init__(self, previews: Callable[[], Previews], statuses: Statuses, actions: ListActions) -> None:
        super().__init__(shadow_type=Gtk.ShadowType.IN, min_content_width=320, min_content_height=160)
        self._previews, self._statuses = previews, statuses
        self._pictures: Sequence[InputPicture] = ()
        self._out: Path | None = None
        self._rows: dict[str, int] = {}
        self._columns: list[str] = []
        self._blank = thumbnails.blank(Size(EDGE, HEIGHT), 0x80808020)
        self.view = Gtk.TreeView(fixed_height_mode=True, enable_search=False, headers_visible=True)
        self.view.get_accessible().set_name(_("Pictures"))
        self._selection = self.view.get_selection()
        self._selection.set_mode(Gtk.SelectionMode.MULTIPLE)
        self._selection.connect("changed", lambda *_ignored: actions.select())
        self.view.connect("row-activated", lambda _view, path, *_ignored: actions.activate(self._name_at(path)))
        self.view.set_has_tooltip(True)
        self.view.connect("query-tooltip", self._on_query_tooltip)
        self._store = Gtk.ListStore(int)
        self.view.set_model(self._store)  # without one there are no titles
        self._show_columns([])
        self.add(self.view)

    @property
    def selected(self) -> list[str]:
        """Return the names of the selected pictures, from top to bottom."""
        _model, paths = self._selection.get_selected_rows()
        return [self._name_at(path) for path in paths]

    def show_pictures(self, pictures: Sequence[InputPicture], out: Path | None) -> None:
        """Show the pictures of a run, with a column for each option that the prompts file sets."""
        self._out = out
        if [picture.name for picture in pictures] != [picture.name for picture in self._pictures]:
            self.view.set_model(None)
            self._store = Gtk.ListStore(int)
            for number in range(len(pictures)):
                self._store.append((number,))
            self._rows = {picture.name: number for number, picture in enumerate(pictures)}
            self._pictures = pictures
            self.view.set_model(self._store)
            if pictures:
                self.view.set_cursor(Gtk.TreePath.new_first())
        self._pictures = pictures
        columns = list(dict.fromkeys(name for picture in pictures for name in picture.values))
        if columns != self._columns:
            self._show_columns(columns)
        self.view.queue_draw()

    def refresh(self, name: str) -> None:
        """Redraw one picture, if it is in the list."""
        number = self._rows.get(name)
        if number is not None:
            path = Gtk.TreePath.new_from_indices([number])
            self._store.row_changed(path, self._store.get_iter(path))

    def select_only(self, names: Collection[str]) -> None:
        """Select these pictures and no others."""
        self._selection.unselect_all()
        for name in names:
            if name in self._rows:
                self._selection.select_path(Gtk.TreePath.new_from_indices([self._rows[name]]))

    def _name_at(self, path: Gtk.TreePath) -> str:
        return self._pictures[path.get_indices()[0]].name

    def _show_columns(self, options: list[str]) -> None:
        self._columns = options
        for column in self.view.get_columns():
            self.view.remove_column(column)
        self._add_column(_("Picture"), EDGE + 2 * _PAD, Gtk.CellRendererPixbuf(), self._draw_source)
        self._add_column(_("Name, size and mask"), _NAME_WIDTH, _text_cell(), self._draw_name, expand=True)
        for option in options:
            draw = lambda cell, picture, option=option: _draw_option(cell, picture, option)  # noqa: E731
            self._add_column(option, _COLUMN_WIDTH, _text_cell(), draw)
        self._add_column(_("Status"), _STATUS_WIDTH, _text_cell(), self._draw_status)
        self._add_column(_("Result"), EDGE + 2 * _PAD, Gtk.CellRendererPixbuf(), self._draw_result)

    def _add_column(
        self,
        title: str,
        width: int,
        cell: _Cell,
        draw: Callable[[_Cell, InputPicture], None],
        *,
        expand: bool = False,
    ) -> None:
        column = Gtk.TreeViewColumn(title)
        column.set_resizable(True)
        column.set_expand(expand)
        column.set_sizing(Gtk.TreeViewColumnSizing.FIXED)
        column.set_fixed_width(width)
        cell.set_property("height", HEIGHT + 2 * _PAD)
        cell.set_property("xpad", _PAD)
        column.pack_start(cell, True)
        column.set_cell_data_func(  # type: ignore[type-var]  # the stubs' variable has too narrow a bound
            cell, lambda _column, cell, model, row, _data: draw(cell, self._pictures[model[row][0]])
        )
        self.view.append_column(column)

    def _draw_source(self, cell: Gtk.CellRendererPixbuf, picture: InputPicture) -> None:
        preview = self._previews().of_picture(picture.name)
        cell.set_property("pixbuf", preview.picture if preview and preview.picture else self._blank)

    def _draw_name(self, cell: Gtk.CellRendererText, picture: InputPicture) -> None:
        preview = self._previews().of_picture(picture.name)
        size = f"{preview.size.width} × {preview.size.height}" if preview and preview.size else ""
        mask = (preview.problem or _("Mask: {mask}").format(mask=preview.mask)) if preview and preview.size else ""
        if preview and not preview.size:
            mask = preview.problem
        details = "\n".join((size, mask))
        name = readable_name(picture.name)
        cell.set_property("markup", f"{_escaped(name)}\n<small>{_escaped(details)}</small>")

    def _draw_status(self, cell: Gtk.CellRendererText, picture: InputPicture) -> None:
        status = self._statuses.of(picture.name)
        lines = f"{_escaped(status.text)}\n<small>{_escaped(_one_line(status))}</small>"
        cell.set_property("markup", lines)

    def _draw_result(self, cell: Gtk.CellRendererPixbuf, picture: InputPicture) -> None:
        outputs, small = self._statuses.of(picture.name).outputs, None
        if outputs and self._out:
            preview = self._previews().of_result(picture.name, self._out / outputs[0])
            small = preview.picture if preview else self._blank
        cell.set_property("pixbuf", small)

    def _on_query_tooltip(self, view: Gtk.TreeView, x: int, y: int, by_key: bool, tooltip: Gtk.Tooltip) -> bool:
        """Show why a picture failed, where the mouse is over its row."""
        is_row, _x, _y, _model, path, _row = view.get_tooltip_context(x, y, by_key)
        message = self._statuses.of(self._name_at(path)).message if is_row and path else ""
        if not message:
            return False
        tooltip.set_text(message)
        view.set_tooltip_row(tooltip, path)
        return True


def _text_cell() -> Gtk.CellRendererText:
    return Gtk.CellRendererText(ellipsize=Pango.EllipsizeMode.END, yalign=0.5)


def _draw_option(cell: Gtk.CellRendererText, picture: InputPicture, option: str) -> None:
    text = str(picture.values[option]) if option in picture.values else ""
    cell.set_property("text", " ".join(text[:_LONGEST_CELL].split()))


def _one_line(status: Status) -> str:
    return "" if status.stage else " ".join(status.message[:_LONGEST_CELL].split())


def _escaped(text: str) -> str:
    return str(GLib.markup_escape_text(text, -1))
