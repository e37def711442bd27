"""The window of History…: what was asked and what came back, to insert once more, to copy from, or to delete."""

from __future__ import annotations

from collections.abc import Callable

import gi

gi.require_version("Gdk", "3.0")
gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import Gdk, Gimp, GimpUi, Gtk

from lib.jobs import history
from lib.jobs.history_record import Record, State, printable
from lib.settings import settings
from lib.translation import _, ngettext
from plugin.expect import expect
from plugin.history.details import JobDetails
from plugin.history.insert import disabled_reason, fits, insert_and_tell
from plugin.history.job_list import JobList
from plugin.history.recovery import forgotten_results
from plugin.history.words import limits, used
from plugin.ui.help import add_help_button
from plugin.ui.labels import WrappingText, wrap_dialog, wrapped_label
from plugin.worker.process import Event
from plugin.worker.workers import Workers

_INSERT, _NEW_IMAGE, _COPY, _DELETE = 1, 2, 3, 4
_SIZE = (820, 640)


class HistoryDialog:
    """The window; `run` returns when it was closed."""

    def __init__(self, image: Gimp.Image | None, workers: Workers) -> None:
        self._image = image
        self._workers = workers
        self._busy = False
        self._dialog = GimpUi.Dialog(title=_("Generative Edit: History"), role="generative-edit-history")
        self._list = JobList(workers)
        self._details = JobDetails(workers)
        self._search = Gtk.SearchEntry(placeholder_text=_("Words of the prompt, a model, a state"))
        self._waiting = Gtk.CheckButton(label=_("Only results _never inserted"), use_underline=True)
        self._used = wrapped_label()
        self._told = WrappingText()
        self._lay_out()
        add_help_button(self._dialog, "history")
        self._add_buttons()
        self._connect()

    def run(self) -> None:
        """Shows the window until it is closed."""
        self._dialog.get_content_area().show_all()
        self._list.view.grab_focus()
        self._told.set_text(forgotten_results())
        actions: dict[int, Callable[[], None]] = {
            _INSERT: lambda: self._insert(self._image),
            _NEW_IMAGE: lambda: self._insert(None),
            _COPY: self._copy,
            _DELETE: self._delete,
        }
        while (action := actions.get(self._dialog.run())) is not None:
            action()
        self._dialog.destroy()

    def _lay_out(self) -> None:
        box = self._dialog.get_content_area()
        box.set_border_width(12)
        box.set_spacing(8)
        self._dialog.set_default_size(*_SIZE)
        label = Gtk.Label(label=_("_Search:"), use_underline=True, mnemonic_widget=self._search)
        above = Gtk.Box(spacing=6)
        above.pack_start(label, False, False, 0)
        above.pack_start(self._search, True, True, 0)
        above.pack_start(self._waiting, False, False, 0)
        middle = Gtk.Box(spacing=12)
        middle.pack_start(self._list, True, True, 0)
        # A long note scrolls; the window must not outgrow a small screen.
        beside = Gtk.ScrolledWindow(hscrollbar_policy=Gtk.PolicyType.NEVER)
        beside.add(self._details)
        middle.pack_start(beside, False, False, 0)
        below = Gtk.Box(spacing=12)
        below.pack_start(self._used, True, True, 0)
        self._limits = Gtk.Button(label=_("_Limits…"), use_underline=True)
        self._limits.set_tooltip_text(_("How long jobs are kept, in the settings"))
        below.pack_start(self._limits, False, False, 0)
        box.pack_start(above, False, False, 0)
        box.pack_start(middle, True, True, 0)
        box.pack_start(below, False, False, 0)
        box.pack_start(self._told, False, False, 0)

    def _add_buttons(self) -> None:
        buttons = (
            (_("_Delete…"), _DELETE),
            (_("Copy _Prompt"), _COPY),
            (_("As New I_mage"), _NEW_IMAGE),
            (_("_Insert"), _INSERT),
            (_("_Close"), Gtk.ResponseType.CLOSE),
        )
        for words, response in buttons:
            self._dialog.add_button(words, response)
        self._dialog.set_default_response(_INSERT)

    def _connect(self) -> None:
        self._search.connect("search-changed", lambda *_ignored: self._filter())
        self._waiting.connect("toggled", lambda *_ignored: self._filter())
        self._list.connect("changed", lambda *_ignored: self._follow())
        self._list.connect("activated", lambda *_ignored: self._activate())
        self._limits.connect("clicked", lambda *_ignored: self._open_settings())
        self._dialog.connect("key-press-event", self._on_key)

    def _filter(self) -> None:
        self._list.show_only(self._search.get_text(), self._waiting.get_active())

    def _chosen(self) -> Record | None:
        chosen = self._list.selected
        return chosen[0] if len(chosen) == 1 else None

    def _follow(self) -> None:
        """Shows the chosen job, and enables what can be done with it."""
        chosen, one = self._list.selected, self._chosen()
        self._details.show_record(one)
        there = bool(one and (one.results or one.has_answer) and one.state is not State.RUNNING and not self._busy)
        in_image = one is not None and there and fits(one, self._image)
        self._enable(_INSERT, in_image, "" if in_image else disabled_reason(one, self._image))
        self._enable(_NEW_IMAGE, there, _("Opens the result over what was sent, as an image of its own"))
        self._enable(_COPY, bool(one and one.prompt), "")
        deletable = any(record.state is not State.RUNNING for record in chosen)
        self._enable(_DELETE, deletable and not self._busy, _("Deletes the chosen jobs from the disk"))
        kept = settings.load()
        words = used(len(self._list.records), self._list.size)
        self._used.set_text(f"{words}. {limits(kept.history_days, kept.history_megabytes)}")

    def _enable(self, response: int, can: bool, why: str) -> None:
        button = expect(Gtk.Button, self._dialog.get_widget_for_response(response))
        button.set_sensitive(can)
        button.set_tooltip_text(why)

    def _activate(self) -> None:
        for response in (_INSERT, _NEW_IMAGE):
            if expect(Gtk.Button, self._dialog.get_widget_for_response(response)).get_sensitive():
                self._dialog.response(response)
                return

    def _insert(self, image: Gimp.Image | None) -> None:
        """Lets the worker make the layers again, then inserts them."""
        record = self._chosen()
        if not record:
            return
        self._busy = True
        self._told.set_text(_("Making the layers…"))
        self._follow()
        self._workers.ask("layers", lambda made: self._finish(record, made, image), job=str(record.folder))

    def _finish(self, record: Record, made: Event, image: Gimp.Image | None) -> None:
        self._busy = False
        self._told.set_text(insert_and_tell(record, made, image))
        self._list.update(record.folder)
        self._list.view.grab_focus()

    def _copy(self) -> None:
        record = self._chosen()
        if record:
            clipboard = Gtk.Clipboard.get(Gdk.SELECTION_CLIPBOARD)
            clipboard.set_text(record.prompt, -1)
            clipboard.store()
            self._told.set_text(_("The prompt was copied."))
        self._list.view.grab_focus()

    def _delete(self) -> None:
        chosen = self._list.selected
        if not chosen or not self._may_delete(chosen):
            return
        self._told.set_text("")
        for record in chosen:
            try:
                history.delete(record.folder)
            except OSError as error:
                told = _("{folder} cannot be deleted: {reason}.")
                self._told.set_text(told.format(folder=printable(record.folder.name), reason=error.strerror))
            self._list.update(record.folder)
        if any(record.folder.exists() for record in chosen) and not self._told.get_text():
            self._told.set_text(_("A job that is still in use was not deleted. Try again when it has ended."))
        self._list.view.grab_focus()

    def _may_delete(self, chosen: list[Record]) -> bool:
        count = len(chosen)
        question = ngettext("Delete this job?", "Delete these {count} jobs?", count).format(count=count)
        waiting = sum(record.state in (State.WAITING, State.UNREAD) for record in chosen)
        more = ngettext(
            "{count} result was never inserted and would be lost.",
            "{count} results were never inserted and would be lost.",
            waiting,
        ).format(count=waiting)
        asking = Gtk.MessageDialog(
            transient_for=self._dialog, modal=True, message_type=Gtk.MessageType.QUESTION, text=question
        )
        asking.format_secondary_text(more if waiting else _("Layers that are in an image stay there."))
        wrap_dialog(asking)
        asking.add_button(_("_Cancel"), Gtk.ResponseType.CANCEL)
        asking.add_button(_("_Delete"), Gtk.ResponseType.OK)
        sure = asking.run() == Gtk.ResponseType.OK
        asking.destroy()
        return bool(sure)

    def _open_settings(self) -> None:
        from plugin.settings_dialog import open_settings

        open_settings(self._dialog, self._follow).turn_to_history()

    def _on_key(self, _dialog: Gtk.Dialog, event: Gdk.EventKey) -> bool:
        if event.keyval == Gdk.KEY_f and event.state & Gdk.ModifierType.CONTROL_MASK:
            self._search.grab_focus()
            return True
        if event.keyval == Gdk.KEY_Delete and self._list.view.has_focus():
            self._dialog.response(_DELETE)
            return True
        return False


def show_history(image: Gimp.Image | None) -> None:
    """Shows the window until it is closed; raises EditFailed where the worker cannot be started."""
    GimpUi.init("generative-edit")
    workers = Workers()
    workers.get()
    try:
        HistoryDialog(image, workers).run()
    finally:
        workers.close()
