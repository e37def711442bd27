"""The grid of jobs: a picture and two lines each; the picture before the edit is shown under the mouse, or by F9.

Only as many jobs as have been scrolled to are in the grid, and pictures are made as they become visible.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("GdkPixbuf", "2.0")
from gi.repository import Gdk, GdkPixbuf, GLib, GObject, Gtk, Pango

from lib.frame.geometry import Size
from lib.jobs import history
from lib.jobs.history_record import ORIGINAL, Record
from lib.translation import _
from plugin.history.criteria import Criteria
from plugin.history.formatting import format_cost, format_time
from plugin.ui import thumbnails
from plugin.worker.process import Event
from plugin.worker.workers import Workers

PICTURE_EDGE = 128
_SECONDS_AT_ONCE = 0.03
_PAGE = 100
_MOST_HELD = 400  # pictures in memory
_PICTURE, _LINES, _FOLDER = range(3)


class JobGrid(Gtk.ScrolledWindow):
    """The jobs, newest first; "changed" is emitted when the selection or the jobs change, "read" when all are read."""

    __gsignals__ = {
        "changed": (GObject.SignalFlags.RUN_FIRST, None, ()),
        "activated": (GObject.SignalFlags.RUN_FIRST, None, ()),
        "read": (GObject.SignalFlags.RUN_FIRST, None, ()),
    }

    def __init__(self, workers: Workers) -> None:
        super().__init__(hscrollbar_policy=Gtk.PolicyType.NEVER, min_content_height=240, min_content_width=320)
        self.set_shadow_type(Gtk.ShadowType.IN)
        self._workers = workers
        self.records: dict[str, Record] = {}
        self._criteria = Criteria()
        self._matches: list[str] = []  # of which the first are in the store
        self._held: OrderedDict[tuple[str, str], GdkPixbuf.Pixbuf | None] = OrderedDict()
        self._compared: set[str] = set()
        self._store = Gtk.ListStore(GdkPixbuf.Pixbuf, str, str)
        self._blank = thumbnails.blank(Size(PICTURE_EDGE, PICTURE_EDGE), 0x80808020)
        self.view = self._make_view()
        self.add(self.view)
        self.get_vadjustment().connect("value-changed", lambda *_ignored: self._on_scrolled())
        self.view.connect("size-allocate", lambda *_ignored: GLib.idle_add(self._on_scrolled))
        self._unread: Iterator[Record] = history.records()
        GLib.idle_add(self._read_more)

    @property
    def selected(self) -> list[Record]:
        """Return the selected jobs, newest first."""
        numbers = sorted(path.get_indices()[0] for path in self.view.get_selected_items())
        return [self.records[self._store[number][_FOLDER]] for number in numbers]

    @property
    def size(self) -> int:
        """Return the size of all jobs on disk, in bytes."""
        return sum(record.size for record in self.records.values())

    def show_only(self, criteria: Criteria) -> None:
        """Show only the jobs that match."""
        selected = {record.folder.name for record in self.selected}
        self._criteria = criteria
        self._matches = [name for name, record in self.records.items() if criteria.match(record)]
        self._store.clear()
        self._add_page()
        for number, name in enumerate(self._matches[: len(self._store)]):
            if name in selected:
                self.view.select_path(Gtk.TreePath.new_from_indices([number]))
        if not self.view.get_selected_items():
            self._select_first()
        self.emit("changed")

    def update(self, folder: Path) -> None:
        """Read one job again, and remove it from the grid where it was deleted."""
        name, record = folder.name, history.record(folder)
        row = self._row(name)
        if record:
            self.records[name] = record
            if row:
                row[_LINES] = _markup(record)
        else:
            self.records.pop(name, None)
            if row:
                self._store.remove(row.iter)
            self._matches = [each for each in self._matches if each != name]
        self.emit("changed")

    def compare(self, names: Iterable[str]) -> None:
        """Show the pictures of these jobs as they were before the edit, and all others with the result."""
        former, self._compared = self._compared, set(names)
        for name in former ^ self._compared:
            self._show_picture(name)

    def _make_view(self) -> Gtk.IconView:
        layout = self.create_pango_layout("")
        layout.set_markup(_lines("", format_time(time.time())), -1)
        width = max(PICTURE_EDGE, layout.get_pixel_size()[0])  # with large fonts a date is wider than a picture
        view = Gtk.IconView(model=self._store, item_width=width + 8, item_padding=4, margin=4)
        view.set_row_spacing(2)
        view.set_column_spacing(2)
        view.set_selection_mode(Gtk.SelectionMode.MULTIPLE)
        view.get_accessible().set_name(_("Earlier edits"))
        picture = Gtk.CellRendererPixbuf(width=PICTURE_EDGE, height=PICTURE_EDGE)
        lines = Gtk.CellRendererText(ellipsize=Pango.EllipsizeMode.END, alignment=Pango.Alignment.LEFT)
        lines.set_property("width", width)
        view.pack_start(picture, False)
        view.add_attribute(picture, "pixbuf", _PICTURE)
        view.pack_start(lines, False)
        view.add_attribute(lines, "markup", _LINES)
        view.connect("selection-changed", lambda *_ignored: self.emit("changed"))
        view.connect("item-activated", lambda *_ignored: self.emit("activated"))
        view.add_events(Gdk.EventMask.POINTER_MOTION_MASK | Gdk.EventMask.LEAVE_NOTIFY_MASK)
        view.connect("motion-notify-event", self._on_motion)
        view.connect("leave-notify-event", self._on_leave)
        return view

    def _read_more(self) -> bool:
        """Read jobs for a moment, so that thousands do not delay the window."""
        end = time.monotonic() + _SECONDS_AT_ONCE
        while record := self._next():
            self.records[record.folder.name] = record
            if self._criteria.match(record):
                self._matches.append(record.folder.name)
            if time.monotonic() > end:
                break
        if len(self._store) < _PAGE:
            self._add_page()
        if not self.view.get_selected_items():
            self._select_first()
        if not record:
            self.emit("read")
        return GLib.SOURCE_CONTINUE if record else GLib.SOURCE_REMOVE

    def _next(self) -> Record | None:
        try:
            return next(self._unread, None)
        except OSError:
            return None

    def _add_page(self) -> None:
        """Add the next matches to the store, up to a whole page."""
        start = len(self._store)
        for name in self._matches[start : start - start % _PAGE + _PAGE]:
            self._store.append([self._picture_of(name) or self._blank, _markup(self.records[name]), name])

    def _select_first(self) -> None:
        if len(self._store):
            first = Gtk.TreePath.new_first()
            self.view.select_path(first)
            self.view.set_cursor(first, None, False)

    def _on_scrolled(self) -> bool:
        """Request the pictures that are visible, and add more jobs near the end of the grid."""
        adjustment = self.get_vadjustment()
        below = adjustment.get_upper() - adjustment.get_value() - adjustment.get_page_size()
        if below < adjustment.get_page_size() and len(self._store) < len(self._matches):
            self._add_page()
        visible = self.view.get_visible_range() if self.view.get_realized() else None
        if visible:
            for number in range(visible[0].get_indices()[0], visible[1].get_indices()[0] + 1):
                self._show_picture(self._store[number][_FOLDER])
        return GLib.SOURCE_REMOVE

    def _row(self, name: str) -> Gtk.TreeModelRow | None:
        """Return the row of a job, if it is in the store, which has the first matches in their order."""
        number = self._matches.index(name) if name in self._matches else len(self._store)
        return self._store[number] if number < len(self._store) else None

    def _picture_of(self, name: str) -> GdkPixbuf.Pixbuf | None:
        """Return the picture that a job shows now; None where it is still to be made."""
        return self._held.get((name, ORIGINAL if name in self._compared else ""))

    def _show_picture(self, name: str) -> None:
        """Show the picture of a job; where it is still to be made, request it."""
        file = ORIGINAL if name in self._compared else ""
        row = self._row(name)
        if row is None:
            return
        if (name, file) not in self._held:
            self._hold((name, file), None)
            request = {"file": file} if file else {}
            on_answer = partial(self._on_picture, name, file)
            self._workers.ask("thumbnail", on_answer, job=str(self.records[name].folder), edge=PICTURE_EDGE, **request)
        picture = self._picture_of(name)
        if picture and row[_PICTURE] is not picture:
            row[_PICTURE] = picture
        lines = _before_markup(self.records[name]) if file and picture else _markup(self.records[name])
        if row[_LINES] != lines:
            row[_LINES] = lines

    def _on_picture(self, name: str, file: str, answer: Event) -> None:
        if "error" in answer:  # the worker has ended: request it again when the job is next visible
            self._held.pop((name, file), None)
            return
        self._hold((name, file), thumbnails.of_answer(answer))
        self._show_picture(name)

    def _hold(self, key: tuple[str, str], picture: GdkPixbuf.Pixbuf | None) -> None:
        self._held[key] = picture
        self._held.move_to_end(key)
        while len(self._held) > _MOST_HELD:
            (name, _file), _picture = self._held.popitem(last=False)
            if row := self._row(name):
                row[_PICTURE] = self._blank

    def _on_motion(self, view: Gtk.IconView, event: Gdk.EventMotion) -> bool:
        path = view.get_path_at_pos(int(event.x), int(event.y))
        name = self._store[path][_FOLDER] if path else ""
        self.compare([name] if name and self.records[name].results else [])
        return Gdk.EVENT_PROPAGATE

    def _on_leave(self, _view: Gtk.IconView, _event: Gdk.EventCrossing) -> bool:
        self.compare([])
        return Gdk.EVENT_PROPAGATE


def _markup(record: Record) -> str:
    """Return the lines of a job: its prompt, with a star where it has one, its state, its date and cost."""
    prompt = " ".join(record.prompt.split()) or _("(no prompt)")
    star = "★ " if record.is_starred else ""
    return _lines(f"{star}{prompt[:200]}", record.state.words, *_details(record))


def _before_markup(record: Record) -> str:
    return _lines(_("Before"), record.image, *_details(record))


def _details(record: Record) -> tuple[str, ...]:
    return (" · ".join(filter(None, (format_time(record.created), format_cost(record)))),)


def _lines(title: str, *others: str) -> str:
    small = (f"<small>{_escaped(line)}</small>" for line in others)
    return "\n".join((f"<b>{_escaped(title)}</b>", *small))


def _escaped(text: str) -> Any:
    return GLib.markup_escape_text(text, -1)
