"""An error message in a window, with buttons to copy its details, to try again where that is safe, and remedies."""

from __future__ import annotations

import json
from collections.abc import Callable

from gi.repository import Gdk, Gimp, Gtk

from lib.translation import _
from plugin.edit.run import error_text
from plugin.ui.fields import button
from plugin.ui.labels import FixedText, WrappingText
from plugin.ui.remedies import Remedies
from plugin.worker.process import Event

_DETAILS = ("message", "hint", "code", "request_id", "maybe_billed")


class ProblemBox(Gtk.Box):
    """An error with its buttons. With `lines` the message has an area of so many lines, and a longer one scrolls."""

    def __init__(self, config: Gimp.ProcedureConfig, on_retry: Callable[[], None], lines: int = 0) -> None:
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=4)
        self._event: Event = {}
        self._message: FixedText | WrappingText = (
            FixedText(lines=lines, selectable=True) if lines else WrappingText(characters=52, selectable=True)
        )
        icon = Gtk.Image.new_from_icon_name("dialog-warning", Gtk.IconSize.LARGE_TOOLBAR)
        self._remedies = Remedies(config)
        icon.set_valign(Gtk.Align.START)
        retry_tooltip = _("Send the edit again with the current options. Nothing was billed.")
        self._retry = button(_("_Try again"), on_retry, retry_tooltip)
        copy = button(_("Copy _details"), self._copy, _("Copy the details for a bug report. They contain no key."))
        row = Gtk.Box(spacing=8)
        row.pack_start(icon, False, False, 0)
        row.pack_start(self._message, True, True, 0)
        buttons = Gtk.Box(spacing=4, halign=Gtk.Align.END)
        buttons.pack_start(copy, False, False, 0)
        buttons.pack_start(self._retry, False, False, 0)
        self.pack_start(row, bool(lines), True, 0)
        self.pack_start(self._remedies, False, False, 0)
        self.pack_start(buttons, False, False, 0)
        self._retry.set_no_show_all(True)

    def show_error(self, event: Event, *, can_retry: bool = True) -> None:
        """Show the error of an event.

        Try again is only offered for a request that was not billed, and that would not be refused again as it is.
        """
        can_retry = can_retry and not event.get("maybe_billed") and not event.get("refused")
        self._event = event
        self._message.set_text(error_text(event))
        self._remedies.offer(event.get("remedies", ()))
        self._retry.set_visible(can_retry)

    def _copy(self) -> None:
        details = {name: self._event[name] for name in _DETAILS if self._event.get(name) is not None}
        clipboard = Gtk.Clipboard.get(Gdk.SELECTION_CLIPBOARD)
        clipboard.set_text(json.dumps(details, ensure_ascii=False, indent=1), -1)
        clipboard.store()
