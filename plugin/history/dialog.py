"""The window of History…: earlier edits and their results, to insert again, to copy from or to delete."""

from __future__ import annotations

from collections.abc import Callable

import gi

gi.require_version("Gdk", "3.0")
gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import Gdk, Gimp, GimpUi, Gtk

from lib.api.text import sentences
from lib.jobs import history
from lib.jobs.history_record import JobState, Record, printable
from lib.jobs.job import Job
from lib.settings import settings
from lib.translation import _
from plugin.edit.task import name_of
from plugin.errors import file_error_message
from plugin.expect import expect
from plugin.history import questions
from plugin.history.details import JobDetails
from plugin.history.filter_bar import FilterBar
from plugin.history.formatting import limits_text, usage_text
from plugin.history.insert import can_be_relative, disabled_reason, fits, insert_and_report, is_possible
from plugin.history.job_grid import JobGrid
from plugin.history.placement import Placement
from plugin.history.recovery import unreported_results
from plugin.ui.display import keep_above_gimp
from plugin.ui.help import add_help_button
from plugin.ui.labels import WrappingText, wrapped_label
from plugin.ui.layout import open_large
from plugin.ui.start import init_windows
from plugin.worker.process import Event
from plugin.worker.workers import Workers

_INSERT, _NEW_IMAGE, _COPY, _DELETE = 1, 2, 3, 4
_SIZE = (960, 640)


class HistoryDialog:
    """The window; `run` returns when it is closed."""

    def __init__(self, image: Gimp.Image | None, workers: Workers) -> None:
        self._image = image
        self._workers = workers
        self._busy = False
        self._messages: dict[str, None] = {}  # about the results that are being inserted, each once
        self._dialog = GimpUi.Dialog(title=_("Generative Edit: History"), role="generative-edit-history")
        self._grid = JobGrid(workers)
        self._details = JobDetails(workers, self._star)
        self._filter = FilterBar(lambda: self._grid.show_only(self._filter.criteria))
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
        self._grid.view.grab_focus()
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
        open_large(self._dialog, *_SIZE)
        jobs = Gtk.Box(spacing=12)
        jobs.pack_start(self._grid, True, True, 0)
        # Details scroll, so that a long note does not make the window taller than a small screen.
        details = Gtk.ScrolledWindow(hscrollbar_policy=Gtk.PolicyType.NEVER)
        details.set_overlay_scrolling(False)  # only the bar says that there is more
        details.add(self._details)
        jobs.pack_start(details, False, False, 0)
        footer = Gtk.Box(spacing=12)
        footer.pack_start(self._usage, True, True, 0)
        self._limits = Gtk.Button(label=_("_Limits…"), use_underline=True)
        self._limits.set_tooltip_text(_("Set how long edits are kept"))
        footer.pack_start(self._limits, False, False, 0)
        box.pack_start(self._filter, False, False, 0)
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
        self._grid.connect("changed", lambda *_ignored: self._on_selection())
        self._grid.connect("activated", lambda *_ignored: self._activate())
        self._grid.connect("read", lambda *_ignored: self._on_read())
        self._limits.connect("clicked", lambda *_ignored: self._open_settings())
        self._dialog.connect("key-press-event", self._on_key)
        self._dialog.connect("key-release-event", self._on_key_release)
        self._dialog.connect("focus-out-event", lambda *_ignored: self._compare(False))

    def _on_read(self) -> None:
        """Offer the images, days and models of all jobs."""
        image = self._image
        self._filter.offer(self._grid.records.values(), name_of(image) if image and image.is_valid() else "")
        self._on_selection()

    def _selected(self) -> Record | None:
        """Return the selected job where exactly one is."""
        selected = self._grid.selected
        return selected[0] if len(selected) == 1 else None

    def _on_selection(self) -> None:
        """Show the selected job, and enable the buttons that apply to the selection."""
        record, selected = self._selected(), self._grid.selected
        self._details.show_record(record)
        with_result = [each for each in selected if each.has_result]
        can_insert = not self._busy and any(is_possible(each, self._image) for each in selected)
        reason = disabled_reason(with_result[0] if with_result else None, self._image)
        self._enable(_INSERT, can_insert, _("Insert the selected results as new layers") if can_insert else reason)
        can_open = bool(with_result) and not self._busy
        self._enable(_NEW_IMAGE, can_open, _("Open the result as a new image, above the picture that was sent"))
        self._enable(_COPY, bool(record and record.prompt), "")
        deletable = any(record.state is not JobState.RUNNING for record in selected)
        self._enable(_DELETE, deletable and not self._busy, _("Delete the selected edits from the disk"))
        current = settings.load()
        usage = usage_text(len(self._grid.records), self._grid.size)
        self._usage.set_text(sentences(usage, limits_text(current.history_days, current.history_megabytes)))

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
        """Insert the selected results one after the other; ask first where an image of another size gets them."""
        selected = [record for record in self._grid.selected if record.has_result]
        if image:
            selected = [record for record in selected if is_possible(record, image)]
        elsewhere = [record for record in selected if image and not fits(record, image)]
        placement: Placement | None = Placement.SAME
        if elsewhere:
            is_relative = any(map(can_be_relative, elsewhere))
            placement = questions.ask_placement(self._dialog, len(elsewhere), can_be_relative=is_relative)
        if placement:
            places = [(record, placement if record in elsewhere else Placement.SAME) for record in selected]
            self._messages.clear()
            self._insert_next(places[::-1], image)  # the first is the last, and so above the others

    def _insert_next(self, places: list[tuple[Record, Placement]], image: Gimp.Image | None) -> None:
        """Let the worker create the layers of the first job, insert them, and go on with the others."""
        self._busy = bool(places)
        self._message.set_text(_("Creating the layers…") if places else " ".join(self._messages))
        self._on_selection()
        if not places:
            self._grid.view.grab_focus()
            return
        (record, placement), *others = places

        def finish(answer: Event) -> None:
            message = insert_and_report(record, answer, image, placement)
            self._messages[message] = None
            self._grid.update(record.folder)
            self._insert_next(others, image)

        self._workers.ask("layers", finish, job=str(record.folder))

    def _copy(self) -> None:
        record = self._selected()
        if record:
            clipboard = Gtk.Clipboard.get(Gdk.SELECTION_CLIPBOARD)
            clipboard.set_text(record.prompt, -1)
            clipboard.store()
            self._message.set_text(_("The prompt was copied."))
        self._grid.view.grab_focus()

    def _delete(self) -> None:
        selected = self._grid.selected
        if not selected or not questions.confirm_delete(self._dialog, selected):
            return
        self._message.set_text("")
        for record in selected:
            try:
                history.delete(record.folder)
            except OSError as error:
                message = _("Could not delete {folder}: {reason}.")
                self._message.set_text(message.format(folder=printable(record.folder.name), reason=error.strerror))
            self._grid.update(record.folder)
        if any(record.folder.exists() for record in selected) and not self._message.get_text():
            self._message.set_text(_("An edit that is still running was not deleted. Try again when it has finished."))
        self._grid.view.grab_focus()

    def _open_settings(self) -> None:
        from plugin.settings_dialog import open_settings

        open_settings(self._dialog, self._on_selection).show_history_page()

    def _on_key(self, _dialog: Gtk.Dialog, event: Gdk.EventKey) -> bool:
        if event.keyval == Gdk.KEY_f and event.state & Gdk.ModifierType.CONTROL_MASK:
            self._filter.search.grab_focus()
            return True
        if event.keyval == Gdk.KEY_F9:
            self._compare(True)
            return True
        if event.keyval == Gdk.KEY_Delete and self._grid.view.has_focus():
            self._dialog.response(_DELETE)
            return True
        return False

    def _on_key_release(self, _dialog: Gtk.Dialog, event: Gdk.EventKey) -> bool:
        if event.keyval == Gdk.KEY_F9:
            self._compare(False)
        return False

    def _compare(self, before: bool) -> bool:
        """Show the selected jobs' pictures as they were before the edit, or with the results again."""
        self._grid.compare([record.folder.name for record in self._grid.selected if record.results] if before else [])
        self._details.compare(before)
        return False

    def _star(self, record: Record, is_starred: bool) -> None:
        try:
            Job(record.folder).star(is_starred)
        except OSError as error:
            self._message.set_text(file_error_message(error))
        self._grid.update(record.folder)


def show_history(image: Gimp.Image | None) -> None:
    """Show the window until it is closed; raise EditFailed where the worker cannot be started."""
    init_windows()
    workers = Workers()
    workers.get()
    try:
        HistoryDialog(image, workers).run()
    finally:
        workers.close()
