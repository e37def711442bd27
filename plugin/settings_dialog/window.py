"""Settings…: a window in which each change is written at once and alone: two of them take nothing from each other."""

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
from plugin.ui.help import add_help_button
from plugin.ui.labels import WrappingText
from plugin.worker.process import Event, OnEvent
from plugin.worker.workers import Workers

_MOMENT = 400


def open_settings(parent: Gtk.Window | None, on_changed: Callable[[], None]) -> "SettingsDialog":
    """Opens the window and returns; `on_changed` is called whenever something is another than before."""
    return SettingsDialog(parent, on_changed)


def run_settings() -> None:
    """Opens the window and returns when it is closed."""
    loop = GLib.MainLoop()
    dialog = open_settings(None, lambda: None)
    dialog.window.connect("destroy", lambda _window: loop.quit())
    loop.run()


class SettingsDialog:
    """The window with its pages; what they have in common: changing, asking the worker, saying what went wrong."""

    def __init__(self, parent: Gtk.Window | None, on_changed: Callable[[], None]) -> None:
        GimpUi.init("generative-edit")
        self._on_changed = on_changed
        self._workers = Workers()
        self._open = True
        self._pending: dict[str, Any] = {}
        self._timer = 0
        self._shown = settings.Settings()
        self.window = GimpUi.Dialog(title=_("Generative Edit Settings"), role="generative-edit-settings")
        add_help_button(self.window, "providers")
        self.window.add_button(_("_Close"), Gtk.ResponseType.CLOSE)
        self.window.set_default_response(Gtk.ResponseType.CLOSE)
        self._banner = _Banner()
        self._pages = (ProvidersPage(self), DefaultsPage(self), CostPage(), HistoryPage(self))
        self._fill()
        self._connect(parent)

    def change(self, **values: Any) -> None:
        """Writes these settings in a moment, as somebody may be typing."""
        self._pending.update(values)
        if self._timer:
            GLib.source_remove(self._timer)
        self._timer = GLib.timeout_add(_MOMENT, self._write_timer)

    def written(self, write: Callable[[], object]) -> bool:
        """Does what writes settings; says so where the disk or a value refuses, else tells all who show them."""
        self._write_pending()
        try:
            write()
        except OSError as error:
            told = _("The settings cannot be written ({reason}). Make room or access, then try again.")
            self.tell(told.format(reason=error.strerror or error))
            return False
        except ValueError as error:
            self.tell(str(error))
            return False
        self.refresh()
        self.changed()
        return True

    def changed(self) -> None:
        """Tells whoever has opened the window that something is another than before."""
        self._on_changed()

    def ask(self, do: str, on_answer: OnEvent, **values: Any) -> None:
        """Asks the worker; an answer after the window's end is dropped."""

        def heard(answer: Event) -> None:
            if self._open:
                on_answer(answer)

        self._workers.ask(do, heard, **values)

    def tell(self, text: str) -> None:
        """Says at the top of the window what went wrong."""
        self._banner.tell(text)

    def turn_to_history(self) -> None:
        """Shows the page with the history's limits."""
        self._book.set_current_page(-1)

    def refresh(self) -> None:
        """Shows on every page what is set now."""
        self._shown = settings.load()
        for page in self._pages:
            page.show_settings(self._shown)

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
            self.tell(problem)
        self.refresh()

    def _connect(self, parent: Gtk.Window | None) -> None:
        self.window.connect("response", self._on_response)
        self.window.connect("destroy", lambda _window: self._close())
        self.window.connect("focus-in-event", lambda _window, _event: self._look_again())
        if parent:
            self.window.set_transient_for(parent)
            self.window.set_modal(True)
        self.window.show_all()
        self._banner.hide_unless_told()
        self._pages[0].grab_focus()

    def _look_again(self) -> bool:
        """Another window, or another GIMP, may have changed something meanwhile."""
        if not self._pending and settings.load() != self._shown:
            self.refresh()
        return False

    def _write_timer(self) -> bool:
        self._timer = 0
        self._write_pending()
        return GLib.SOURCE_REMOVE

    def _write_pending(self) -> None:
        values, self._pending = self._pending, {}
        if values:
            self.written(lambda: settings.change(**values))

    def _on_response(self, _window: Gtk.Window, _response: int) -> None:
        for page in self._pages:
            page.commit()
        if self._timer:
            GLib.source_remove(self._timer)
            self._timer = 0
        self._write_pending()
        self._acknowledge()
        self.window.destroy()

    def _acknowledge(self) -> None:
        """A broken file that was set aside has been told of now."""
        try:
            settings.acknowledge()
        except OSError:
            # It is told of once more the next time.
            return

    def _close(self) -> None:
        self._open = False
        self._workers.close()


class _Banner(Gtk.InfoBar):
    """A sentence at the top of the window; empty, it is not there."""

    def __init__(self) -> None:
        super().__init__(message_type=Gtk.MessageType.WARNING)
        # GTK's own close button has no name for screen readers.
        self.add_button(_("Dismiss"), Gtk.ResponseType.CLOSE)
        self._message = WrappingText(characters=70)
        self.get_content_area().pack_start(self._message, True, True, 0)
        self.connect("response", lambda bar, _response: bar.hide())

    def tell(self, text: str) -> None:
        self._message.set_text(text)
        self.show()

    def hide_unless_told(self) -> None:
        if not self._message.get_text():
            self.hide()
