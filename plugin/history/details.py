"""The details of one job: its pictures, its whole prompt and its figures."""

from __future__ import annotations

import gi

gi.require_version("Gtk", "3.0")
from gi.repository import Gtk

from lib.jobs.history_record import Record, printable
from lib.translation import _
from plugin.history.formatting import format_cost, format_size, format_time
from plugin.ui import thumbnails
from plugin.ui.labels import wrapped_label
from plugin.worker.process import Event
from plugin.worker.workers import Workers

_ONE_EDGE, _SEVERAL_EDGE, _WIDTH = 224, 104, 288
_MOST_PICTURES = 4
_LINE_CHARACTERS = 38


class JobDetails(Gtk.Box):
    """Shows the details of a job, or nothing."""

    def __init__(self, workers: Workers) -> None:
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        self._workers = workers
        self._record: Record | None = None
        self._pictures = Gtk.FlowBox(selection_mode=Gtk.SelectionMode.NONE, homogeneous=True)
        self._pictures.set_size_request(_WIDTH, _ONE_EDGE)
        self.set_size_request(_WIDTH, -1)
        self._pictures.set_valign(Gtk.Align.START)
        self._pictures.get_accessible().set_name(_("Pictures of the edit"))
        self._prompt = Gtk.TextView(editable=False, wrap_mode=Gtk.WrapMode.WORD_CHAR, cursor_visible=False)
        self._prompt.set_accepts_tab(False)
        self._facts, self._note = _label(), _label()
        self._lay_out()

    def show_record(self, record: Record | None) -> None:
        """Show a job, or nothing for None; its pictures appear when the worker has made them."""
        if record == self._record:
            return
        self._record = record
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
            self._workers.ask("thumbnail", lambda answer: self._add(answer, record), **request)

    def _lay_out(self) -> None:
        label = Gtk.Label(label=_("P_rompt:"), use_underline=True, xalign=0.0, mnemonic_widget=self._prompt)
        scrolled = Gtk.ScrolledWindow(shadow_type=Gtk.ShadowType.IN, min_content_height=54)
        scrolled.add(self._prompt)
        self.pack_start(self._pictures, False, False, 0)
        self.pack_start(label, False, False, 0)
        self.pack_start(scrolled, True, True, 0)
        self.pack_start(self._note, False, False, 0)
        self.pack_start(self._facts, False, False, 0)

    def _names(self) -> list[str]:
        """Return the file names of the results; without any, an empty name for the picture that was edited."""
        if not self._record:
            return []
        return list(self._record.results[:_MOST_PICTURES]) or [""]

    def _add(self, answer: Event, record: Record | None) -> None:
        if record is self._record and record and answer.get("content_credentials"):
            self._facts.set_text(f"{_facts(record)}\n{_('Content Credentials (C2PA): in the saved response')}")
        picture = thumbnails.of_answer(answer)
        if picture and record is self._record:
            image = Gtk.Image.new_from_pixbuf(picture)
            self._pictures.add(image)
            self._pictures.show_all()


def _label() -> Gtk.Label:
    label = wrapped_label(characters=_LINE_CHARACTERS)
    label.set_selectable(True)
    label.set_can_focus(False)
    return label


def _facts(record: Record) -> str:
    size = record.plan.frame.size if record.plan else None
    rows = (
        (_("State"), record.state.words),
        (_("When"), format_time(record.created)),
        (_("Provider"), record.provider),
        (_("Model"), record.model),
        (_("Cost"), format_cost(record)),
        (_("Frame"), f"{size.width} × {size.height}" if size else ""),
        (_("On disk"), format_size(record.size)),
        (_("Folder"), printable(record.folder.name)),
    )
    return "\n".join(_("{what}: {value}").format(what=what, value=value) for what, value in rows if value)
