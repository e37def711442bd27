"""The widgets of the Edit Folder window and their layout; nothing moves when a run starts, works or ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gi.repository import Gtk, Pango

from lib.translation import _
from plugin.folder_window.form import FolderForm
from plugin.folder_window.picture_list import PictureList
from plugin.ui.fields import button
from plugin.ui.labels import FixedText

_LINES = 2
_FORM_WIDTH = 430


@dataclass(frozen=True)
class Actions:
    """What the buttons call."""

    try_one: Callable[[], None]
    open_results: Callable[[], None]
    run_again: Callable[[], None]
    pause: Callable[[bool], None]
    finish: Callable[[], None]
    cancel: Callable[[], None]
    use_settings: Callable[[], None]


class WindowParts(Gtk.Box):
    """The form on the left, the list with its buttons on the right, the progress and a message below."""

    def __init__(self, form: FolderForm, pictures: PictureList, actions: Actions) -> None:
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=8, border_width=12)
        self._form, self._list = form, pictures
        self.details = FixedText(lines=_LINES)
        self.try_one = button(
            _("T_ry on One"), actions.try_one, _("Edit the selected picture, and open it with its result")
        )
        self.open_results = button(_("Open Resul_t"), actions.open_results, _("Open the selected results in GIMP"))
        self.run_again = button(
            _("Run A_gain"), actions.run_again, _("Edit the selected pictures that failed or are unknown")
        )
        self.progress_text = Gtk.Label(xalign=0.0, ellipsize=Pango.EllipsizeMode.END)
        self.bar = Gtk.ProgressBar(valign=Gtk.Align.CENTER)
        self.bar.get_accessible().set_name(_("Progress"))
        self.pause = Gtk.ToggleButton(label=_("Pau_se"), use_underline=True)
        self.pause.set_tooltip_text(_("Send nothing more until Pause is released; requests in progress continue"))
        self._pause_handler = self.pause.connect("toggled", lambda toggle: actions.pause(toggle.get_active()))
        self.finish = button(
            _("Stop After C_urrent"), actions.finish, _("Wait for the requests in progress, and send nothing more")
        )
        self.cancel = button(
            _("Cancel Ru_n"),
            actions.cancel,
            _("End at once; results of requests in progress are kept, and the next run collects them"),
        )
        self.message = FixedText(lines=_LINES)
        self.use_settings = button(
            _("Use Its Setti_ngs"), actions.use_settings, _("Set all options as in the earlier run")
        )
        self._lay_out()

    def set_running(self, is_running: bool) -> None:
        """Enable what can be used while a run works, or while none does."""
        self._form.set_sensitive(not is_running)
        for widget in (self.pause, self.finish, self.cancel):
            widget.set_sensitive(is_running)
        if not is_running:
            with self.pause.handler_block(self._pause_handler):
                self.pause.set_active(False)

    def _lay_out(self) -> None:
        form = Gtk.ScrolledWindow(can_focus=False, min_content_width=_FORM_WIDTH)
        form.set_policy(Gtk.PolicyType.NEVER, Gtk.PolicyType.AUTOMATIC)
        form.set_hexpand(False)  # its fields expand
        self._form.set_margin_end(12)
        form.add(self._form)
        right = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        right.pack_start(self._list, True, True, 0)
        right.pack_start(self.details, False, False, 0)
        right.pack_start(_row(self.try_one, self.open_results, self.run_again), False, False, 0)
        columns = Gtk.Box(spacing=6)
        columns.pack_start(form, False, False, 0)
        columns.pack_start(right, True, True, 0)
        self.pack_start(columns, True, True, 0)
        self.pack_start(self.progress_text, False, False, 0)
        progress = _row(self.pause, self.finish, self.cancel)
        progress.pack_start(self.bar, True, True, 0)
        progress.reorder_child(self.bar, 0)
        self.pack_start(progress, False, False, 0)
        message = Gtk.Box(spacing=6)
        message.pack_start(self.message, True, True, 0)
        self.use_settings.set_valign(Gtk.Align.CENTER)
        message.pack_start(self.use_settings, False, False, 0)
        self.pack_start(message, False, False, 0)
        self.use_settings.set_no_show_all(True)


def _row(*buttons: Gtk.Widget) -> Gtk.Box:
    row = Gtk.Box(spacing=6)
    for each in buttons:
        row.pack_start(each, False, False, 0)
    return row
