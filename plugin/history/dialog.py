"""The window of History…: earlier edits and their results, to insert again, to copy from or to delete."""

from __future__ import annotations

from collections.abc import Callable

import gi

gi.require_version("Gdk", "3.0")
gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import Gdk, Gimp, GimpUi, Gtk

from lib.jobs import history
from lib.jobs.history_record import JobState, Record, printable
from lib.settings import settings
from lib.translation import _, ngettext
from plugin.expect import expect
from plugin.history.details import JobDetails
from plugin.history.formatting import limits_text, usage_text
from plugin.history.insert import disabled_reason, fits, insert_and_report
from plugin.history.job_list import JobList
from plugin.history.recovery import unreported_results
from plugin.ui.display import keep_above_gimp
from plugin.ui.help import add_help_button
from plugin.ui.labels import WrappingText, wrap_dialog, wrapped_label
from plugin.worker.process import Event
from plugin.worker.workers import Workers

_INSERT, _NEW_IMAGE, _COPY, _DELETE = 1, 2, 3, 4
_SIZE = (820, 640)


class HistoryDialog:
    """The window; `run` returns when it is closed."""

    def __init__(self, image: Gimp.Image | None, workers: Workers) -> None:
        self._image = image
        self._workers = workers
        self._busy = False
        self._dialog = GimpUi.Dialog(title=_("Generative Edit: History"), role="generative-edit-history")
        self._list = JobList(workers)
        self._details = JobDetails(workers)
        self._search = Gtk.SearchEntry(placeholder_text=_("Prompt, model or state"))
        self._only_not_inserted = Gtk.CheckButton(label=_("Only results _not inserted"), use_underline=True)
        self._usage = wrapped_label()
        self._message = WrappingText()
        self._lay_out()
        add_help_button(self._dialog, "history")
        self._add_buttons()
        self._connect()

    def run(self) -> None:
        """Show the window until it is closed."""
        keep_above_gimp(self._dialog)
        self._dialog.get_content_area().show_all()
        self._list.view.grab_focus()
        self._message.set_text(unreported_results())
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
        search = Gtk.Box(spacing=6)
        search.pack_start(label, False, False, 0)
        search.pack_start(self._search, True, True, 0)
        search.pack_start(self._only_not_inserted, False, False, 0)
        jobs = Gtk.Box(spacing=12)
        jobs.pack_start(self._list, True, True, 0)
        # Details scroll, so that a long note does not make the window taller than a small screen.
        details = Gtk.ScrolledWindow(hscrollbar_policy=Gtk.PolicyType.NEVER)
        details.add(self._details)
        jobs.pack_start(details, False, False, 0)
        footer = Gtk.Box(spacing=12)
        footer.pack_start(self._usage, True, True, 0)
        self._limits = Gtk.Button(label=_("_Limits…"), use_underline=True)
        self._limits.set_tooltip_text(_("Set how long edits are kept"))
        footer.pack_start(self._limits, False, False, 0)
        box.pack_start(search, False, False, 0)
        box.pack_start(jobs, True, True, 0)
        box.pack_start(footer, False, False, 0)
        box.pack_start(self._message, False, False, 0)

    def _add_buttons(self) -> None:
        buttons = (
            (_("_Delete…"), _DELETE),
            (_("Copy _Prompt"), _COPY),
            (_("As New I_mage"), _NEW_IMAGE),
            (_("_Insert"), _INSERT),
            (_("_Close"), Gtk.ResponseType.CLOSE),
        )
        for label, response in buttons:
            self._dialog.add_button(label, response)
        self._dialog.set_default_response(_INSERT)

    def _connect(self) -> None:
        self._search.connect("search-changed", lambda *_ignored: self._filter())
        self._only_not_inserted.connect("toggled", lambda *_ignored: self._filter())
        self._list.connect("changed", lambda *_ignored: self._on_selection())
        self._list.connect("activated", lambda *_ignored: self._activate())
        self._limits.connect("clicked", lambda *_ignored: self._open_settings())
        self._dialog.connect("key-press-event", self._on_key)

    def _filter(self) -> None:
        self._list.show_only(self._search.get_text(), self._only_not_inserted.get_active())

    def _selected(self) -> Record | None:
        """Return the selected job where exactly one is."""
        selected = self._list.selected
        return selected[0] if len(selected) == 1 else None

    def _on_selection(self) -> None:
        """Show the selected job, and enable the buttons that apply to the selection."""
        record = self._selected()
        self._details.show_record(record)
        has_result = bool(record and (record.results or record.has_answer) and record.state is not JobState.RUNNING)
        can_open = has_result and not self._busy
        can_insert = record is not None and can_open and fits(record, self._image)
        self._enable(_INSERT, can_insert, "" if can_insert else disabled_reason(record, self._image))
        self._enable(_NEW_IMAGE, can_open, _("Open the result as a new image, above the picture that was sent"))
        self._enable(_COPY, bool(record and record.prompt), "")
        deletable = any(record.state is not JobState.RUNNING for record in self._list.selected)
        self._enable(_DELETE, deletable and not self._busy, _("Delete the selected edits from the disk"))
        current = settings.load()
        usage = usage_text(len(self._list.records), self._list.size)
        self._usage.set_text(f"{usage}. {limits_text(current.history_days, current.history_megabytes)}")

    def _enable(self, response: int, enabled: bool, tooltip: str) -> None:
        button = expect(Gtk.Button, self._dialog.get_widget_for_response(response))
        button.set_sensitive(enabled)
        button.set_tooltip_text(tooltip)

    def _activate(self) -> None:
        for response in (_INSERT, _NEW_IMAGE):
            if expect(Gtk.Button, self._dialog.get_widget_for_response(response)).get_sensitive():
                self._dialog.response(response)
                return

    def _insert(self, image: Gimp.Image | None) -> None:
        """Let the worker create the layers again, then insert them."""
        record = self._selected()
        if not record:
            return
        self._busy = True
        self._message.set_text(_("Creating the layers…"))
        self._on_selection()
        self._workers.ask("layers", lambda answer: self._finish(record, answer, image), job=str(record.folder))

    def _finish(self, record: Record, answer: Event, image: Gimp.Image | None) -> None:
        self._busy = False
        self._message.set_text(insert_and_report(record, answer, image))
        self._list.update(record.folder)
        self._list.view.grab_focus()

    def _copy(self) -> None:
        record = self._selected()
        if record:
            clipboard = Gtk.Clipboard.get(Gdk.SELECTION_CLIPBOARD)
            clipboard.set_text(record.prompt, -1)
            clipboard.store()
            self._message.set_text(_("The prompt was copied."))
        self._list.view.grab_focus()

    def _delete(self) -> None:
        selected = self._list.selected
        if not selected or not self._confirm_delete(selected):
            return
        self._message.set_text("")
        for record in selected:
            try:
                history.delete(record.folder)
            except OSError as error:
                message = _("Could not delete {folder}: {reason}.")
                self._message.set_text(message.format(folder=printable(record.folder.name), reason=error.strerror))
            self._list.update(record.folder)
        if any(record.folder.exists() for record in selected) and not self._message.get_text():
            self._message.set_text(_("An edit that is still running was not deleted. Try again when it has finished."))
        self._list.view.grab_focus()

    def _confirm_delete(self, selected: list[Record]) -> bool:
        count = len(selected)
        question = ngettext("Delete this edit?", "Delete these {count} edits?", count).format(count=count)
        waiting = sum(record.state in (JobState.WAITING, JobState.UNREAD) for record in selected)
        warning = ngettext(
            "{count} result was never inserted and would be lost.",
            "{count} results were never inserted and would be lost.",
            waiting,
        ).format(count=waiting)
        dialog = Gtk.MessageDialog(
            transient_for=self._dialog, modal=True, message_type=Gtk.MessageType.QUESTION, text=question
        )
        dialog.format_secondary_text(warning if waiting else _("Layers that are already in an image are not affected."))
        wrap_dialog(dialog)
        dialog.add_button(_("_Cancel"), Gtk.ResponseType.CANCEL)
        dialog.add_button(_("_Delete"), Gtk.ResponseType.OK)
        confirmed = dialog.run() == Gtk.ResponseType.OK
        dialog.destroy()
        return bool(confirmed)

    def _open_settings(self) -> None:
        from plugin.settings_dialog import open_settings

        open_settings(self._dialog, self._on_selection).show_history_page()

    def _on_key(self, _dialog: Gtk.Dialog, event: Gdk.EventKey) -> bool:
        if event.keyval == Gdk.KEY_f and event.state & Gdk.ModifierType.CONTROL_MASK:
            self._search.grab_focus()
            return True
        if event.keyval == Gdk.KEY_Delete and self._list.view.has_focus():
            self._dialog.response(_DELETE)
            return True
        return False


def show_history(image: Gimp.Image | None) -> None:
    """Show the window until it is closed; raise EditFailed where the worker cannot be started."""
    GimpUi.init("generative-edit")
    workers = Workers()
    workers.get()
    try:
        HistoryDialog(image, workers).run()
    finally:
        workers.close()
