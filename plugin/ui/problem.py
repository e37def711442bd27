"""An error in the panel: what happened, what to do, its details for a report, and Try again where that is safe."""

from __future__ import annotations

import json
from collections.abc import Callable

from gi.repository import Gdk, Gtk

from lib.translation import _
from plugin.edit.task import error_text
from plugin.ui.fields import button
from plugin.ui.labels import WrappingText
from plugin.worker.process import Event

_TOLD = ("message", "hint", "code", "request_id", "maybe_billed")


class ProblemBox(Gtk.Box):
    """Shows one error; hidden while there is none."""

    def __init__(self, on_retry: Callable[[], None]) -> None:
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=4)
        self._event: Event = {}
        self._message = WrappingText(characters=52, selectable=True)
        icon = Gtk.Image.new_from_icon_name("dialog-warning", Gtk.IconSize.LARGE_TOOLBAR)
        self._retry = button(_("_Try again"), on_retry)
        copy = button(_("Copy _details"), self._copy, _("For a bug report; there is no key in them."))
        row = Gtk.Box(spacing=8)
        row.pack_start(icon, False, False, 0)
        row.pack_start(self._message, True, True, 0)
        buttons = Gtk.Box(spacing=4, halign=Gtk.Align.END)
        buttons.pack_start(copy, False, False, 0)
        buttons.pack_start(self._retry, False, False, 0)
        self.pack_start(row, False, False, 0)
        self.pack_start(buttons, False, False, 0)

    def tell(self, event: Event, *, again: bool = True) -> None:
        """Shows the error of an event; a request that may have been billed is never offered `again`."""
        again = again and not event.get("maybe_billed")
        self._event = event
        self._message.set_text(error_text(event))
        self._retry.set_sensitive(again)
        told = _("Sends it again as it is shown now; nothing was billed.")
        self._retry.set_tooltip_text(told if again else None)

    def _copy(self) -> None:
        told = {name: self._event[name] for name in _TOLD if self._event.get(name) is not None}
        clipboard = Gtk.Clipboard.get(Gdk.SELECTION_CLIPBOARD)
        clipboard.set_text(json.dumps(told, ensure_ascii=False, indent=1), -1)
        clipboard.store()
