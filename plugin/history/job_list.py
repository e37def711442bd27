"""The list of kept jobs in a window: a picture and three lines each, searchable; pictures are made as they are seen."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("GdkPixbuf", "2.0")
from gi.repository import GdkPixbuf, GLib, GObject, Gtk, Pango

from lib.jobs import history
from lib.jobs.history_record import Record, State
from lib.translation import _
from plugin.expect import expect
from plugin.history.words import cost_of, when
from plugin.worker.process import Event
from plugin.worker.workers import Workers

PICTURE_EDGE = 72
_AT_ONCE = 50
_PICTURE, _LINES, _FOLDER = range(3)


class JobList(Gtk.ScrolledWindow):
    """The jobs, the newest first; `selected` are those that the user has chosen."""

    __gsignals__ = {
        "changed": (GObject.SignalFlags.RUN_FIRST, None, ()),
        "activated": (GObject.SignalFlags.RUN_FIRST, None, ()),
    }

    def __init__(self, workers: Workers) -> None:
        super().__init__(hscrollbar_policy=Gtk.PolicyType.NEVER, min_content_height=240, min_content_width=380)
        self._workers = workers
        self.records: dict[str, Record] = {}
        self._asked: set[str] = set()
        self._words = ""
        self._only_waiting = False
        self._store = Gtk.ListStore(GdkPixbuf.Pixbuf, str, str)
        self._blank = _blank()
        self._filter = self._store.filter_new()
        self._filter.set_visible_func(self._is_shown)
        self._view = self._make_view()
        self.add(self._view)
        self.get_vadjustment().connect("value-changed", lambda *_ignored: self._look())
        self._view.connect("size-allocate", lambda *_ignored: self._look())
        self._coming: Iterator[Record] = history.records()
        GLib.idle_add(self._read_more)

    @property
    def view(self) -> Gtk.TreeView:
        """What the keyboard goes to."""
        return self._view

    @property
    def selected(self) -> list[Record]:
        """The chosen jobs, from top to bottom."""
        model, paths = self._view.get_selection().get_selected_rows()
        return [self.records[model[path][_FOLDER]] for path in paths]

    @property
    def size(self) -> int:
        """Bytes on disk of all that was read."""
        return sum(record.size for record in self.records.values())

    def show_only(self, words: str, only_waiting: bool) -> None:
        """Shows the jobs that have all these words in their prompt, model, provider or state."""
        self._words, self._only_waiting = words.casefold(), only_waiting
        self._filter.refilter()
        if not self.selected and len(self._filter):
            self._view.set_cursor(Gtk.TreePath.new_first())
        self.emit("changed")
        GLib.idle_add(self._look)

    def update(self, folder: Path) -> None:
        """Reads one job again; a job that has gone leaves the list."""
        row = next((row for row in self._store if row[_FOLDER] == folder.name), None)
        found = history.record(folder)
        if found and row:
            self.records[folder.name] = found
            row[_LINES] = _markup(found)
        elif row:
            del self.records[folder.name]
            self._store.remove(row.iter)
        self.emit("changed")

    def _make_view(self) -> Gtk.TreeView:
        view = Gtk.TreeView(model=self._filter, headers_visible=False, enable_search=False)
        view.get_accessible().set_name(_("Kept jobs"))
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
        """A few at a time, so that thousands do not keep the window from opening."""
        first, found = not self.records, None
        for _turn in range(_AT_ONCE):
            found = self._next()
            if not found:
                break
            self.records[found.folder.name] = found
            self._store.append([self._blank, _markup(found), found.folder.name])
        if first and self.records:
            self._view.set_cursor(Gtk.TreePath.new_first())
        self.emit("changed")
        return GLib.SOURCE_CONTINUE if found else GLib.SOURCE_REMOVE

    def _next(self) -> Record | None:
        try:
            return next(self._coming, None)
        except OSError:
            return None

    def _is_shown(self, model: Gtk.TreeModel, place: Gtk.TreeIter, _data: object) -> bool:
        found = self.records.get(model[place][_FOLDER])
        if not found or (self._only_waiting and found.state is not State.WAITING):
            return False
        text = f"{found.prompt} {found.provider} {found.model} {found.state.words}".casefold()
        return all(word in text for word in self._words.split())

    def _look(self) -> None:
        """Asks for the pictures of the rows that are in sight."""
        seen = self._view.get_visible_range()
        if not seen:
            return
        for number in range(seen[0].get_indices()[0], seen[1].get_indices()[0] + 1):
            name = self._filter[number][_FOLDER]
            if name not in self._asked:
                self._asked.add(name)
                self._ask(name)

    def _ask(self, name: str) -> None:
        self._workers.ask(
            "thumbnail", lambda answer: self._show_picture(name, answer), job=str(self.records[name].folder)
        )

    def _show_picture(self, name: str, answer: Event) -> None:
        if "error" in answer:  # the worker has ended: the picture is made when the row is seen next
            self._asked.discard(name)
        picture = pixbuf_of(answer)
        for row in self._store if picture else ():
            if row[_FOLDER] == name:
                row[_PICTURE] = picture


def pixbuf_of(answer: Event) -> GdkPixbuf.Pixbuf | None:
    """The small picture that the worker made; None where it could not. GdkPixbuf's loaders fail in some GIMPs."""
    if "rgb" not in answer:
        return None
    width, height = answer["width"], answer["height"]
    data = GLib.Bytes.new(base64.b64decode(answer["rgb"]))
    return GdkPixbuf.Pixbuf.new_from_bytes(data, GdkPixbuf.Colorspace.RGB, False, 8, width, height, width * 3)


def _blank() -> GdkPixbuf.Pixbuf:
    made = GdkPixbuf.Pixbuf.new(GdkPixbuf.Colorspace.RGB, True, 8, PICTURE_EDGE, PICTURE_EDGE)
    picture = expect(GdkPixbuf.Pixbuf, made)
    picture.fill(0x80808020)
    return picture


def _markup(found: Record) -> str:
    """Prompt, state and what it was done with, a line each."""
    prompt = " ".join(found.prompt.split()) or _("(no prompt)")
    told = " · ".join(filter(None, (when(found.created), found.model or found.provider, cost_of(found))))
    lines = (f"<b>{_escaped(prompt[:200])}</b>", _escaped(found.state.words), f"<small>{_escaped(told)}</small>")
    return "\n".join(lines)


def _escaped(text: str) -> Any:
    return GLib.markup_escape_text(text, -1)
