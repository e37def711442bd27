"""The page with the limits of the history, the log, and the folder of both."""

from typing import TYPE_CHECKING

from gi.repository import Gtk

from lib.settings import settings
from lib.settings.settings import Settings
from lib.translation import _
from plugin.settings_dialog.rows import Page, named, note, spin

if TYPE_CHECKING:
    from plugin.settings_dialog.window import SettingsDialog


class HistoryPage(Page):
    """The limits in days and megabytes, and the log of prompts."""

    def __init__(self, dialog: "SettingsDialog") -> None:
        super().__init__()
        self._dialog, self._filling = dialog, False
        self._days, self._megabytes = spin(0, 36_500, 1), spin(0, 100_000_000, 100)
        self._prompts = Gtk.CheckButton(label=_("_Log Prompts"), use_underline=True)
        named(self._prompts, _("_Log Prompts"))
        self.add_heading(_("History"))
        self.add_row(_("_Keep edits for at most (days):"), self._days)
        self.add_row(_("Keep edits up to (_megabytes):"), self._megabytes)
        self.add_wide(note(_("0: no limit. Results that were never inserted are kept four times as long.")))
        self.add_heading(_("Log"))
        self.add_wide(self._prompts)
        self.add_wide(note(_(
            "Writes the time, provider, model and prompt of each edit to worker.log, to help with problems. "
            "Otherwise no prompt is logged. The history always has the prompt of each edit. Keys are never written to "
            "the history or to a log."
        )))  # fmt: skip
        self.add_heading(_("Location"))
        self.add_wide(note(_location()))
        self._days.connect("value-changed", lambda days: self._set("history_days", days.get_value_as_int()))
        self._megabytes.connect("value-changed", lambda most: self._set("history_megabytes", most.get_value_as_int()))
        self._prompts.connect("toggled", lambda check: self._set("log_prompts", check.get_active()))

    def show_settings(self, current: Settings) -> None:
        """Show the current settings."""
        self._filling = True
        self._days.set_value(current.history_days)
        self._megabytes.set_value(current.history_megabytes)
        self._prompts.set_active(current.log_prompts)
        self._filling = False

    def _set(self, name: str, value: int | bool) -> None:
        if not self._filling:
            self._dialog.change(**{name: value})


def _location() -> str:
    """Return a sentence on where the user's data is."""
    try:
        return _("Settings, history and logs are in {folder}.").format(folder=settings.data_folder())
    except OSError as error:
        message = _("The folder for settings, history and logs can't be created: {reason}.")
        return message.format(reason=error.strerror or error)
