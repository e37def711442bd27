"""GIMP's procedure dialog as a window that stays open, follows the image, and generates with Ctrl+Enter."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Protocol

import gi

gi.require_version("Gdk", "3.0")
gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import Gdk, Gimp, GimpUi, GLib, Gtk, Pango

from lib.frame.geometry import Rect
from lib.translation import _
from plugin.edit.arguments import Argument, set_values, with_settings
from plugin.expect import expect
from plugin.ui.display import keep_above_gimp
from plugin.ui.help import add_help_button
from plugin.ui.layout import FittingHeight, remember_place, restore_place
from plugin.ui.tooltips import calm_tooltips

_POLL_MILLISECONDS = 250
_RESET = 1  # GIMP's response id for the Reset button


class Owner(Protocol):
    """The callbacks of a window; `on_poll` is called four times a second, `refresh` once after several changes."""

    def refresh(self) -> None: ...

    def on_focus(self) -> None: ...

    def on_changed(self) -> None: ...

    def on_poll(self) -> None: ...

    def on_generate(self) -> None: ...

    def confirm_close(self) -> bool: ...


class ProcedureWindow:
    """The dialog, its Generate button, and above it the cost of the next edit and what was spent."""

    def __init__(
        self,
        procedure: Gimp.Procedure,
        config: Gimp.ProcedureConfig,
        title: str,
        arguments: tuple[Argument, ...],
        owner: Owner,
    ) -> None:
        self._config, self._arguments, self._owner = config, arguments, owner
        self._name = procedure.get_name()
        self._refreshing = 0
        self._loop = GLib.MainLoop()
        self.dialog = GimpUi.ProcedureDialog.new(procedure, config, title)
        self.dialog.set_ok_label(_("_Generate"))
        self.generate = expect(Gtk.Button, self.dialog.get_widget_for_response(Gtk.ResponseType.OK))
        expect(Gtk.Button, self.dialog.get_widget_for_response(Gtk.ResponseType.CANCEL)).set_label(_("_Close"))
        self.cost = Gtk.Label(xalign=1.0)
        self.spent = Gtk.Label(xalign=0.0, ellipsize=Pango.EllipsizeMode.END)
        self._costs = Gtk.Box(spacing=12, margin_start=12, margin_end=12)
        self._costs.pack_start(self.spent, True, True, 0)
        self._costs.pack_end(self.cost, False, False, 0)
        self._costs.show_all()

    def fill(self, column: Gtk.Box, topic: str, saved_settings: Gtk.Box | None = None) -> None:
        """Add a column of controls and a Help button that opens the topic's section.

        GIMP's buttons for saved settings are moved into `saved_settings`, where the window has a place for them.
        """
        content = self.dialog.get_content_area()
        presets = next(child for child in content.get_children() if isinstance(child, Gtk.ButtonBox))
        content.pack_start(column, True, True, 0)
        content.reorder_child(column, 0)
        if saved_settings:
            content.remove(presets)
            saved_settings.pack_start(presets, False, False, 0)
        content.pack_end(self._costs, False, False, 0)
        add_help_button(self.dialog, topic)
        self.dialog.connect("response", self._on_response)
        self.dialog.connect("key-press-event", self._on_key)
        self.dialog.connect("focus-in-event", lambda *_ignored: self._owner.on_focus())
        self._config.connect("notify", lambda *_ignored: self._owner.on_changed())
        calm_tooltips(self.dialog)

    def run(
        self,
        take_focus: Callable[[], None],
        avoided: Rect | None = None,
        on_cramped: Callable[[], None] | None = None,
    ) -> None:
        """Show the window until it is closed; `take_focus` focuses its first control.

        `avoided` is an area of the screen that the window leaves uncovered if it can. `on_cramped` hides what can be
        done without where the screen is not tall enough.
        """
        self._owner.refresh()
        keep_above_gimp(self.dialog)
        FittingHeight(self.dialog, restore_place(self.dialog, self._name, avoided), on_cramped)
        self.dialog.show()
        take_focus()
        polling = GLib.timeout_add(_POLL_MILLISECONDS, self._poll)
        self._loop.run()
        GLib.source_remove(polling)
        remember_place(self.dialog, self._name)

    def close(self) -> None:
        """Close the window: `run` returns."""
        self._loop.quit()

    def raise_window(self) -> None:
        """Bring the window to the front."""
        self.dialog.present_with_time(Gdk.CURRENT_TIME)

    def refresh_soon(self) -> None:
        """Refresh the window once, after all changes of this iteration of the main loop."""
        if not self._refreshing:
            self._refreshing = GLib.idle_add(self._refresh)

    def _refresh(self) -> bool:
        self._refreshing = 0
        self._owner.refresh()
        return GLib.SOURCE_REMOVE

    def _poll(self) -> bool:
        try:
            self._owner.on_poll()
        except Exception:  # noqa: BLE001 - edge of the main loop: polling goes on where the image is being closed
            traceback.print_exc()
        return GLib.SOURCE_CONTINUE

    def _on_key(self, _dialog: Gtk.Dialog, event: Gdk.EventKey) -> bool:
        enter = event.keyval in (Gdk.KEY_Return, Gdk.KEY_KP_Enter)
        if enter and event.state & Gdk.ModifierType.CONTROL_MASK:
            self._generate_now()
            return True
        return False

    def _generate_now(self) -> None:
        """Generate with the values on screen, including a number just typed and a refresh that is still to come."""
        focused = self.dialog.get_focus()
        if isinstance(focused, Gtk.SpinButton):
            focused.update()
        if self._refreshing:
            GLib.source_remove(self._refreshing)
            self._refresh()
        if self.generate.get_sensitive():
            self._owner.on_generate()

    def _on_response(self, dialog: Gtk.Dialog, response: int) -> None:
        if response == Gtk.ResponseType.OK:
            dialog.stop_emission_by_name("response")
            self._generate_now()
        elif response == _RESET:
            set_values(self._config, with_settings(self._arguments))
        elif self._owner.confirm_close():
            self.close()
