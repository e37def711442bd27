"""GIMP's dialog of a procedure as our windows use it: it stays open, follows what changes, and Ctrl+Enter generates."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Protocol

import gi

gi.require_version("Gdk", "3.0")
gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import Gdk, Gimp, GimpUi, GLib, Gtk

from lib.translation import _
from plugin.edit.arguments import Argument, set_values, with_settings
from plugin.expect import expect
from plugin.ui.help import give_help
from plugin.ui.layout import FittingHeight, move_beside

_POLL_MILLISECONDS = 250
_RESET = 1  # GIMP's own response of the Reset button


class Owner(Protocol):
    """What a window is for; `on_poll` comes four times a second, `refresh` once after all that changed."""

    def refresh(self) -> None: ...

    def on_focus(self) -> None: ...

    def on_changed(self) -> None: ...

    def on_poll(self) -> None: ...

    def on_generate(self) -> None: ...

    def may_close(self) -> bool: ...


class ProcedureWindow:
    """The dialog, its Generate button, and the cost beside it."""

    def __init__(
        self,
        procedure: Gimp.Procedure,
        config: Gimp.ProcedureConfig,
        title: str,
        arguments: tuple[Argument, ...],
        owner: Owner,
    ) -> None:
        self._config, self._arguments, self._owner = config, arguments, owner
        self._refreshing = 0
        self._loop = GLib.MainLoop()
        self.dialog = GimpUi.ProcedureDialog.new(procedure, config, title)
        self.dialog.set_ok_label(_("_Generate"))
        self.generate = expect(Gtk.Button, self.dialog.get_widget_for_response(Gtk.ResponseType.OK))
        expect(Gtk.Button, self.dialog.get_widget_for_response(Gtk.ResponseType.CANCEL)).set_label(_("_Close"))
        self.cost = Gtk.Label(xalign=1.0)
        self.cost.show()

    def fill(self, column: Gtk.Box, topic: str) -> None:
        """Shows a column of controls; Help opens the topic's section."""
        content = self.dialog.get_content_area()
        presets = next(child for child in content.get_children() if isinstance(child, Gtk.ButtonBox))
        content.pack_start(column, True, True, 0)
        content.reorder_child(column, 0)
        presets.pack_end(self.cost, True, True, 0)
        presets.set_child_secondary(self.cost, True)
        presets.set_child_non_homogeneous(self.cost, True)
        give_help(self.dialog, topic)
        self.dialog.connect("response", self._on_response)
        self.dialog.connect("key-press-event", self._on_key)
        self.dialog.connect("focus-in-event", lambda *_ignored: self._owner.on_focus())
        self._config.connect("notify", lambda *_ignored: self._owner.on_changed())

    def run(self, take_focus: Callable[[], None]) -> None:
        """Shows the window until it is closed; it begins at the control that takes the focus."""
        self._owner.refresh()
        move_beside(self.dialog)
        FittingHeight(self.dialog)
        self.dialog.show()
        take_focus()
        polling = GLib.timeout_add(_POLL_MILLISECONDS, self._poll)
        self._loop.run()
        GLib.source_remove(polling)

    def close(self) -> None:
        """Ends `run`."""
        self._loop.quit()

    def raise_window(self) -> None:
        """Brings the window to the front."""
        self.dialog.present_with_time(Gdk.CURRENT_TIME)

    def refresh_soon(self) -> None:
        """Once for all that changes in one turn of the main loop."""
        if not self._refreshing:
            self._refreshing = GLib.idle_add(self._refresh)

    def _refresh(self) -> bool:
        self._refreshing = 0
        self._owner.refresh()
        return GLib.SOURCE_REMOVE

    def _poll(self) -> bool:
        try:
            self._owner.on_poll()
        except Exception:  # noqa: BLE001 - the main loop's edge: the image may go at any moment, and GLib would look no more
            traceback.print_exc()
        return GLib.SOURCE_CONTINUE

    def _on_key(self, _dialog: Gtk.Dialog, event: Gdk.EventKey) -> bool:
        enter = event.keyval in (Gdk.KEY_Return, Gdk.KEY_KP_Enter)
        if enter and event.state & Gdk.ModifierType.CONTROL_MASK:
            self._generate_now()
            return True
        return False

    def _generate_now(self) -> None:
        """Generates with what is seen: keys come faster than numbers are taken over and drafts are made."""
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
        elif self._owner.may_close():
            self.close()
