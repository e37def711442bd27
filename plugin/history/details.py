"""The details of one job: its pictures, also as they were before the edit, its whole prompt and its figures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import gi

gi.require_version("Gdk", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import Gdk, GdkPixbuf, Gtk

from lib.jobs.history_record import ORIGINAL, Record, printable
from lib.translation import _
from plugin.history.formatting import format_cost, format_size, format_time, provider_title
from plugin.ui import thumbnails
from plugin.ui.labels import wrapped_label
from plugin.worker.process import Event
from plugin.worker.workers import Workers

_ONE_EDGE, _SEVERAL_EDGE, _WIDTH = 224, 104, 288
_MOST_PICTURES = 4
_LINE_CHARACTERS = 38


class JobDetails(Gtk.Box):
    """Shows the details of a job, or nothing; `on_star` is called with a job and whether it is to have a star."""

    def __init__(self, workers: Workers, on_star: Callable[[Record, bool], None]) -> None:
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        self._workers, self._on_star = workers, on_star
        self._thumbnails: list[tuple[Gtk.Image, GdkPixbuf.Pixbuf]] = []
        self._before: GdkPixbuf.Pixbuf | None = None
        self._compares = False
        self._token = object()  # of the job whose pictures are expected
        self._record: Record | None = None
        self._pictures = Gtk.FlowBox(selection_mode=Gtk.SelectionMode.NONE, homogeneous=True)
        self._pictures.set_size_request(_WIDTH, _ONE_EDGE)
        self.set_size_request(_WIDTH, -1)
        self._pictures.set_valign(Gtk.Align.START)
        self._pictures.get_accessible().set_name(_("Pictures of the edit"))
        self._prompt = Gtk.TextView(editable=False, wrap_mode=Gtk.WrapMode.WORD_CHAR, cursor_visible=False)
        self._prompt.set_accepts_tab(False)
        self._facts, self._note = _label(), _label()
        self._star = Gtk.ToggleButton(label=_("☆ St_ar"), use_underline=True)
        self._star.set_sensitive(False)
        self._star.set_tooltip_text(_("Edits with a star are kept: only you can delete them."))
        self._star_handler = self._star.connect("toggled", self._on_starred)
        self._lay_out()

    def show_record(self, record: Record | None) -> None:
        """Show a job, or nothing for None; its pictures appear when the worker has made them."""
        if record == self._record:
            return
        former, self._record = self._record, record
        if former and record and replace(record, is_starred=former.is_starred, size=former.size) == former:
            self._show_star()
            return
        token = self._token = object()
        self._thumbnails, self._before = [], None
        self._show_star()
        for child in self._pictures.get_children():
            child.destroy()
        self._prompt.get_buffer().set_text(record.prompt if record else "")
        self._facts.set_text(_facts(record) if record else "")
        self._facts.set_tooltip_text(printable(str(record.folder)) if record else None)
        self._note.set_text(record.note if record else "")
        self._note.set_visible(bool(record and record.note))
        if record is None:
            return
        several = len(self._names()) > 1
        self._pictures.set_max_children_per_line(2 if several else 1)
        for name in self._names():
            edge = _SEVERAL_EDGE if several else _ONE_EDGE
            request = {"job": str(record.folder), "edge": edge} | ({"file": name} if name else {})
            self._workers.ask("thumbnail", lambda answer: self._add(answer, record, token), **request)
        if record.results:
            request = {"job": str(record.folder), "edge": _SEVERAL_EDGE if several else _ONE_EDGE, "file": ORIGINAL}
            self._workers.ask("thumbnail", lambda answer: self._add_before(answer, token), **request)

    def compare(self, before: bool) -> None:
        """Show the pictures as they were before the edit, or with the results again."""
        self._compares = before
        for image, picture in self._thumbnails:
            image.set_from_pixbuf(self._before if before and self._before else picture)

    def _lay_out(self) -> None:
        label = Gtk.Label(label=_("P_rompt:"), use_underline=True, xalign=0.0, mnemonic_widget=self._prompt)
        scrolled = Gtk.ScrolledWindow(shadow_type=Gtk.ShadowType.IN, min_content_height=54)
        scrolled.add(self._prompt)
        hover = Gtk.EventBox()
        hover.add_events(Gdk.EventMask.ENTER_NOTIFY_MASK | Gdk.EventMask.LEAVE_NOTIFY_MASK)
        hover.connect("enter-notify-event", lambda *_ignored: self.compare(True))
        hover.connect("leave-notify-event", lambda *_ignored: self.compare(False))
        hover.add(self._pictures)
        hover.set_tooltip_text(_("The picture before the edit is shown while the mouse is here or F9 is held."))
        head = Gtk.Box(spacing=6)
        head.pack_start(label, True, True, 0)
        head.pack_end(self._star, False, False, 0)
        self.pack_start(hover, False, False, 0)
        self.pack_start(head, False, False, 0)
        self.pack_start(scrolled, True, True, 0)
        self.pack_start(self._note, False, False, 0)
        self.pack_start(self._facts, False, False, 0)

    def _names(self) -> list[str]:
        """Return the file names of the results; without any, an empty name for the picture that was edited."""
        if not self._record:
            return []
        return list(self._record.results[:_MOST_PICTURES]) or [""]

    def _add(self, answer: Event, record: Record, token: object) -> None:
        if token is not self._token:
            return
        if answer.get("content_credentials"):
            self._facts.set_text(f"{_facts(record)}\n{_('Content Credentials (C2PA): in the saved response')}")
        picture = thumbnails.of_answer(answer)
        if picture:
            image = Gtk.Image.new_from_pixbuf(picture)
            self._thumbnails.append((image, picture))
            self._pictures.add(image)
            self._pictures.show_all()

    def _add_before(self, answer: Event, token: object) -> None:
        if token is self._token:
            self._before = thumbnails.of_answer(answer)
            self.compare(self._compares)

    def _show_star(self) -> None:
        is_starred = bool(self._record and self._record.is_starred)
        with self._star.handler_block(self._star_handler):
            self._star.set_active(is_starred)
        self._star.set_label(_("★ St_ar") if is_starred else _("☆ St_ar"))
        self._star.set_sensitive(self._record is not None)

    def _on_starred(self, star: Gtk.ToggleButton) -> None:
        if self._record:
            self._on_star(self._record, star.get_active())


def _label() -> Gtk.Label:
    label = wrapped_label(characters=_LINE_CHARACTERS)
    label.set_selectable(True)
    label.set_can_focus(False)
    return label


def _facts(record: Record) -> str:
    size = record.plan.frame.size if record.plan else None
    rows = (
        (_("State"), record.state.words),
        (_("Image"), record.image),
        (_("When"), format_time(record.created)),
        (_("Provider"), provider_title(record.provider)),
        (_("Model"), record.model),
        (_("Cost"), format_cost(record)),
        (_("Frame"), f"{size.width} × {size.height}" if size else ""),
        (_("On disk"), format_size(record.size)),
        (_("Folder"), printable(record.folder.name)),
    )
    return "\n".join(_("{what}: {value}").format(what=what, value=value) for what, value in rows if value)
