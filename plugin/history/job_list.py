"""The searchable list of jobs, with a thumbnail and three lines each; thumbnails are made as rows become visible."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("GdkPixbuf", "2.0")
from gi.repository import GdkPixbuf, GLib, GObject, Gtk, Pango

from lib.jobs import history
from lib.jobs.history_record import JobState, Record
from lib.translation import _
from plugin.expect import expect
from plugin.history.formatting import format_cost, format_time
from plugin.ui import thumbnails
from plugin.worker.process import Event
from plugin.worker.workers import Workers

PICTURE_EDGE = 72
_AT_ONCE = 50
_PICTURE, _LINES, _FOLDER = range(3)


class JobList(Gtk.ScrolledWindow):
    """The jobs, newest first."""

    __gsignals__ = {
        "changed": (GObject.SignalFlags.RUN_FIRST, None, ()),
        "activated": (GObject.SignalFlags.RUN_FIRST, None, ()),
    }

    def __init__(self, workers: Workers) -> None:
        super().__init__(hscrollbar_policy=Gtk.PolicyType.NEVER, min_content_height=240, min_content_width=380)
        self._workers = workers
        self.records: dict[str, Record] = {}
        self._requested: set[str] = set()
        self._search_text = ""
        self._only_not_inserted = False
        self._store = Gtk.ListStore(GdkPixbuf.Pixbuf, str, str)
        self._blank = _blank()
        self._filter = self._store.filter_new()
        self._filter.set_visible_func(self._is_match)
        self._view = self._make_view()
        self.add(self._view)
        self.get_vadjustment().connect("value-changed", lambda *_ignored: self._request_thumbnails())
        self._view.connect("size-allocate", lambda *_ignored: self._request_thumbnails())
        self._unread: Iterator[Record] = history.records()
        GLib.idle_add(self._read_more)

    @property
    def view(self) -> Gtk.TreeView:
        """Return the widget that takes the keyboard focus."""
        return self._view

    @property
    def selected(self) -> list[Record]:
        """Return the selected jobs, from top to bottom."""
        model, paths = self._view.get_selection().get_selected_rows()
        return [self.records[model[path][_FOLDER]] for path in paths]

    @property
    def size(self) -> int:
        """Return the size of all jobs on disk, in bytes."""
        return sum(record.size for record in self.records.values())

    def show_only(self, search_text: str, only_not_inserted: bool) -> None:
        """Show only the jobs with all these words in their prompt, model, provider or state."""
        self._search_text, self._only_not_inserted = search_text.casefold(), only_not_inserted
        self._filter.refilter()
        if not self.selected and len(self._filter):
            self._view.set_cursor(Gtk.TreePath.new_first())
        self.emit("changed")
        GLib.idle_add(self._request_thumbnails)

    def update(self, folder: Path) -> None:
        """Read one job again, and remove it from the list where it was deleted."""
        row = next((row for row in self._store if row[_FOLDER] == folder.name), None)
        record = history.record(folder)
        if record and row:
            self.records[folder.name] = record
            row[_LINES] = _markup(record)
        elif row:
            del self.records[folder.name]
            self._store.remove(row.iter)
        self.emit("changed")

    def _make_view(self) -> Gtk.TreeView:
        view = Gtk.TreeView(model=self._filter, headers_visible=False, enable_search=False)
        view.get_accessible().set_name(_("Earlier edits"))
        picture = Gtk.CellRendererPixbuf(width=PICTURE_EDGE + 8, height=PICTURE_EDGE + 6)
        lines = Gtk.CellRendererText(ellipsize=Pango.EllipsizeMode.END, xpad=6)
        column = Gtk.TreeViewColumn()
        column.set_sizing(Gtk.TreeViewColumnSizing.FIXED)
        column.pack_start(picture, False)
        column.add_attribute(picture, "pixbuf", _PICTURE)
        column.pack_start(lines, True)
        column.add_attribute(lines, "markup", _LINES)
        view.append_column(column)
        view.set_fixed_height_mode(True)
        view.get_selection().set_mode(Gtk.SelectionMode.MULTIPLE)
        view.get_selection().connect("changed", lambda *_ignored: self.emit("changed"))
        view.connect("row-activated", lambda *_ignored: self.emit("activated"))
        return view

    def _read_more(self) -> bool:
        """Read a few jobs at a time, so that thousands do not delay the window."""
        is_first, record = not self.records, None
        for _turn in range(_AT_ONCE):
            record = self._next()
            if not record:
                break
            self.records[record.folder.name] = record
            self._store.append([self._blank, _markup(record), record.folder.name])
        if is_first and self.records:
            self._view.set_cursor(Gtk.TreePath.new_first())
        self.emit("changed")
        return GLib.SOURCE_CONTINUE if record else GLib.SOURCE_REMOVE

    def _next(self) -> Record | None:
        try:
            return next(self._unread, None)
        except OSError:
            return None

    def _is_match(self, model: Gtk.TreeModel, row: Gtk.TreeIter, _data: object) -> bool:
        record = self.records.get(model[row][_FOLDER])
        if not record or (self._only_not_inserted and record.state is not JobState.WAITING):
            return False
        text = f"{record.prompt} {record.provider} {record.model} {record.state.words}".casefold()
        return all(word in text for word in self._search_text.split())

    def _request_thumbnails(self) -> None:
        """Request the thumbnails of the visible rows."""
        visible = self._view.get_visible_range()
        if not visible:
            return
        for number in range(visible[0].get_indices()[0], visible[1].get_indices()[0] + 1):
            name = self._filter[number][_FOLDER]
            if name not in self._requested:
                self._requested.add(name)
                self._request_thumbnail(name)

    def _request_thumbnail(self, name: str) -> None:
        self._workers.ask(
            "thumbnail", lambda answer: self._show_thumbnail(name, answer), job=str(self.records[name].folder)
        )

    def _show_thumbnail(self, name: str, answer: Event) -> None:
        if "error" in answer:  # the worker has ended: request it again when the row is next visible
            self._requested.discard(name)
        picture = thumbnails.of_answer(answer)
        for row in self._store if picture else ():
            if row[_FOLDER] == name:
                row[_PICTURE] = picture


def _blank() -> GdkPixbuf.Pixbuf:
    pixbuf = GdkPixbuf.Pixbuf.new(GdkPixbuf.Colorspace.RGB, True, 8, PICTURE_EDGE, PICTURE_EDGE)
    picture = expect(GdkPixbuf.Pixbuf, pixbuf)
    picture.fill(0x80808020)
    return picture


def _markup(record: Record) -> str:
    """Return the lines of a job: its prompt, its state, and its date, model and cost."""
    prompt = " ".join(record.prompt.split()) or _("(no prompt)")
    details = (format_time(record.created), record.model or record.provider, format_cost(record))
    small = _escaped(" · ".join(filter(None, details)))
    lines = (f"<b>{_escaped(prompt[:200])}</b>", _escaped(record.state.words), f"<small>{small}</small>")
    return "\n".join(lines)


def _escaped(text: str) -> Any:
    return GLib.markup_escape_text(text, -1)
