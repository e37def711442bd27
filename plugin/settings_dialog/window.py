"""Settings…: each change is saved at once and by itself, so that two open windows do not undo each other's changes."""

from collections.abc import Callable
from typing import Any

import gi

gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import GimpUi, GLib, Gtk

from lib.settings import settings
from lib.translation import _
from plugin.settings_dialog.cost import CostPage
from plugin.settings_dialog.defaults import DefaultsPage
from plugin.settings_dialog.history import HistoryPage
from plugin.settings_dialog.providers import ProvidersPage
from plugin.settings_dialog.rows import SPACE
from plugin.ui.display import keep_above_gimp
from plugin.ui.help import add_help_button
from plugin.ui.labels import WrappingText
from plugin.ui.start import init_windows
from plugin.worker.process import Event, OnEvent
from plugin.worker.workers import Workers

_SAVE_DELAY = 400  # milliseconds


def open_settings(parent: Gtk.Window | None, on_changed: Callable[[], None]) -> "SettingsDialog":
    """Open the window and return it; `on_changed` is called after each change."""
    return SettingsDialog(parent, on_changed)


def run_settings() -> None:
    """Open the window; return when it is closed."""
    loop = GLib.MainLoop()
    dialog = open_settings(None, lambda: None)
    dialog.window.connect("destroy", lambda _window: loop.quit())
    loop.run()


class SettingsDialog:
    """The window; its pages use it to change settings, to send requests to the worker and to show problems."""

    def __init__(self, parent: Gtk.Window | None, on_changed: Callable[[], None]) -> None:
        init_windows()
        self._on_changed = on_changed
        self._workers = Workers()
        self._open = True
        self._pending: dict[str, Any] = {}
        self._timer = 0
        self._displayed = settings.Settings()
        self.window = GimpUi.Dialog(title=_("Generative Edit Settings"), role="generative-edit-settings")
        add_help_button(self.window, "providers")
        self.window.add_button(_("_Close"), Gtk.ResponseType.CLOSE)
        self.window.set_default_response(Gtk.ResponseType.CLOSE)
        self._banner = _Banner()
        self._pages = (ProvidersPage(self), DefaultsPage(self), CostPage(self), HistoryPage(self))
        self._fill()
        self._connect(parent)

    def change(self, **values: Any) -> None:
        """Save these settings after a short delay, as the user may be typing."""
        self._pending.update(values)
        if self._timer:
            GLib.source_remove(self._timer)
        self._timer = GLib.timeout_add(_SAVE_DELAY, self._on_timer)

    def save(self, write: Callable[[], object]) -> bool:
        """Call a function that writes settings; return whether it succeeded, and show why where it did not."""
        self._save_pending()
        try:
            write()
        except OSError as error:
            message = _("Could not save the settings: {reason}. Check the disk space and permissions, then try again.")
            self.show_problem(message.format(reason=error.strerror or error))
            return False
        except ValueError as error:
            self.show_problem(str(error))
            return False
        self.refresh()
        self.notify_changed()
        return True

    def notify_changed(self) -> None:
        """Call `on_changed`."""
        self._on_changed()

    def ask(self, do: str, on_answer: OnEvent, **values: Any) -> None:
        """Send a request to the worker; an answer that arrives after the window was closed is dropped."""

        def on_answer_while_open(answer: Event) -> None:
            if self._open:
                on_answer(answer)

        self._workers.ask(do, on_answer_while_open, **values)

    def show_problem(self, text: str) -> None:
        """Show a problem at the top of the window."""
        self._banner.show_text(text)

    def show_history_page(self) -> None:
        """Show the page with the limits of the history."""
        self._book.set_current_page(-1)

    def refresh(self) -> None:
        """Show the current settings on every page."""
        self._displayed = settings.load()
        for page in self._pages:
            page.show_settings(self._displayed)

    def _fill(self) -> None:
        area = self.window.get_content_area()
        area.pack_start(self._banner, False, False, 0)
        self._book = book = Gtk.Notebook(border_width=SPACE)
        book.get_accessible().set_name(_("Settings"))
        for page, title in zip(
            self._pages, (_("Pro_viders and Keys"), _("_Defaults"), _("C_ost"), _("Histor_y and Log")), strict=True
        ):
            label = Gtk.Label(label=title, use_underline=True)
            book.append_page(page, label)
        area.pack_start(book, True, True, 0)
        problem = settings.problem()
        if problem:
            self.show_problem(problem)
        self.refresh()

    def _connect(self, parent: Gtk.Window | None) -> None:
        self.window.connect("response", self._on_response)
        self.window.connect("destroy", lambda _window: self._close())
        self.window.connect("focus-in-event", lambda _window, _event: self._reload())
        if parent:
            self.window.set_transient_for(parent)
            self.window.set_modal(True)
        keep_above_gimp(self.window)
        self.window.show_all()
        self._banner.hide_if_empty()
        self._pages[0].grab_focus()

    def _reload(self) -> bool:
        """Show changes that another window, or another GIMP, has made in the meantime."""
        if not self._pending and settings.load() != self._displayed:
            self.refresh()
        return False

    def _on_timer(self) -> bool:
        self._timer = 0
        self._save_pending()
        return GLib.SOURCE_REMOVE

    def _save_pending(self) -> None:
        values, self._pending = self._pending, {}
        if values:
            self.save(lambda: settings.change(**values))

    def _on_response(self, _window: Gtk.Window, _response: int) -> None:
        for page in self._pages:
            page.commit()
        if self._timer:
            GLib.source_remove(self._timer)
            self._timer = 0
        self._save_pending()
        self._acknowledge()
        self.window.destroy()

    def _acknowledge(self) -> None:
        """Record that the user has seen the message about a broken file."""
        try:
            settings.acknowledge()
        except OSError:
            # The message is shown again the next time.
            return

    def _close(self) -> None:
        self._open = False
        self._workers.close()


class _Banner(Gtk.InfoBar):
    """A message at the top of the window; hidden while it is empty."""

    def __init__(self) -> None:
        super().__init__(message_type=Gtk.MessageType.WARNING)
        # GTK's close button has no accessible name.
        self.add_button(_("Dismiss"), Gtk.ResponseType.CLOSE)
        self._message = WrappingText(characters=70)
        self.get_content_area().pack_start(self._message, True, True, 0)
        self.connect("response", lambda bar, _response: bar.hide())

    def show_text(self, text: str) -> None:
        self._message.set_text(text)
        self.show()

    def hide_if_empty(self) -> None:
        if not self._message.get_text():
            self.hide()
