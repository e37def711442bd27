"""The window of Extend Canvas…: it follows what is asked for, sends it, and closes when the canvas was extended."""

from __future__ import annotations

from collections.abc import Sequence

import gi

gi.require_version("Gdk", "3.0")
gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import Gdk, Gimp, GimpUi, GLib, Gtk

from lib.geometry import Size
from lib.translation import _
from plugin.arguments import EXTEND_ARGUMENTS, BadArguments, defaults, values_of, with_settings
from plugin.extend_draft import asked, draft, extension_of
from plugin.extend_parts import ExtendParts
from plugin.extend_run import Ended, Extending
from plugin.help import give_help
from plugin.panel.consent import may_cancel, may_send
from plugin.panel.draft import Draft, in_words
from plugin.panel.engine_note import EngineNote
from plugin.panel.raising import answer_for, raise_open_panel
from plugin.panel.room import move_beside
from plugin.panel.workers import Workers
from plugin.procedure_parts import of_a_file
from plugin.task import EditFailed
from plugin.worker_process import Event

_POLL_MILLISECONDS = 500
_RESET = 1  # GIMP's own response of the Reset button
_WINDOW = "extend"


class ExtendDialog:
    """The window of one image; `run` returns when it was closed."""

    def __init__(
        self, procedure: Gimp.Procedure, config: Gimp.ProcedureConfig, image: Gimp.Image, layers: Sequence[Gimp.Layer]
    ) -> None:
        self._image, self._config, self._layers = image, config, list(layers)
        self._workers = Workers()
        self._running: Extending | None = None
        self._draft: Draft | None = None
        self._extended = False
        self._outcome = ""  # how the last try ended, until something is changed
        self._refreshing = 0
        self._canvas = _size(image)
        self._loop = GLib.MainLoop()
        title = _("Extend Canvas – {image}").format(image=image.get_name())
        self._dialog = GimpUi.ProcedureDialog.new(procedure, config, title)
        engine = EngineNote(self._workers, self._open_settings, self._judge)
        self._parts = ExtendParts(self._dialog, config, image, engine, self._cancel, self._send)
        give_help(self._dialog, "extending")
        self._dialog.connect("response", self._on_response)
        self._dialog.connect("key-press-event", self._on_key)
        self._dialog.connect("focus-in-event", lambda *_ignored: self._look_again())
        config.connect("notify", lambda *_ignored: self._on_changed())

    def run(self) -> bool:
        """Shows the window until it is closed; returns whether the canvas was extended."""
        self._refresh()
        move_beside(self._dialog)
        self._dialog.show()
        self._parts.sides.take_focus()
        polling = GLib.timeout_add(_POLL_MILLISECONDS, self._poll)
        self._loop.run()
        GLib.source_remove(polling)
        self._workers.close()
        self._dialog.destroy()
        return self._extended

    def raise_window(self) -> None:
        """Brings the window to the front."""
        self._dialog.present_with_time(Gdk.CURRENT_TIME)

    def _on_changed(self) -> None:
        self._outcome = ""
        self._refresh_soon()

    def _refresh_soon(self) -> None:
        """Once for all that changes in one turn of the main loop."""
        if not self._refreshing:
            self._refreshing = GLib.idle_add(self._refresh)

    def _look_again(self) -> None:
        if self._image.is_valid() and not self._running:
            self._parts.preview.look_again()
            self._refresh_soon()

    def _refresh(self) -> bool:
        self._refreshing = 0
        if not self._image.is_valid() or self._running:
            return GLib.SOURCE_REMOVE
        values, parts = with_settings(values_of(self._config, EXTEND_ARGUMENTS)), self._parts
        parts.show_extension(extension_of(self._canvas, values))
        self._draft, problem = None, ""
        try:
            parts.form.follow(*asked(values))
            self._draft = draft(self._image, self._valid_layers(), values)
        except (BadArguments, EditFailed) as error:
            problem = str(error)
        parts.say(problem or self._outcome)
        parts.form.show_plan(self._draft.task.plan if self._draft else None)
        parts.cost.set_text(in_words(self._draft.cost) if self._draft else "")
        parts.engine.follow(self._draft)
        self._judge()
        return GLib.SOURCE_REMOVE

    def _valid_layers(self) -> list[Gimp.Layer]:
        """The layers that were selected as the window opened; where these are gone, the ones that are now."""
        return [layer for layer in self._layers if layer.is_valid()] or self._image.get_selected_layers()

    def _judge(self) -> None:
        """Generate can be clicked when there is something to send, and nothing is under way."""
        ready = self._draft is not None and not self._parts.engine.refuses and self._running is None
        self._parts.generate.set_sensitive(ready)

    def _poll(self) -> bool:
        if not self._image.is_valid():
            if self._running is None:
                self._loop.quit()
        elif _size(self._image) != self._canvas and not self._running:
            self._canvas = _size(self._image)
            self._parts.sides.set_canvas(self._canvas)
            self._look_again()
        return GLib.SOURCE_CONTINUE

    def _ask_and_send(self) -> None:
        if self._draft and not self._running and may_send(self._draft, self._dialog):
            self._send()

    def _send(self) -> None:
        if self._draft is None:
            return
        try:
            running = Extending(self._draft, self._workers.get(), self)
            running.start()
        except (EditFailed, BadArguments) as error:
            self.on_end(Ended(error={"event": "error", "message": str(error)}))
        except OSError as error:
            self.on_end(Ended(error={"event": "error", "message": of_a_file(error)}))
        else:
            self._running = running
            self._parts.begin()
        self._judge()

    def _cancel(self) -> None:
        if self._running:
            self._running.cancel()

    def on_progress(self, event: Event) -> None:
        """Shows how far it is."""
        self._parts.activity.tell(event)

    def on_preview(self, rgba: bytes) -> None:
        """Shows what comes in the drawing: the canvas itself is touched once, in the end."""
        if self._draft:
            self._parts.preview.show_result(rgba, self._draft.task.plan.frame)

    def on_end(self, ended: Ended) -> None:
        """Closes the window, or says why nothing came."""
        self._running = None
        self._parts.end()
        if ended.error:
            self._parts.problem.tell(ended.error)
            self._parts.problem.show()
        elif ended.cancelled:
            self._outcome = _cancelled(ended)
        else:
            self._extended = True
            if ended.notes:
                Gimp.message(" ".join(ended.notes))
            self._loop.quit()
        self._refresh_soon()

    def _open_settings(self) -> None:
        from plugin.settings_dialog import open_settings

        open_settings(self._dialog, self._on_settings)

    def _on_settings(self) -> None:
        self._parts.form.list_choices()
        self._refresh_soon()

    def _on_key(self, _dialog: Gtk.Dialog, event: Gdk.EventKey) -> bool:
        enter = event.keyval in (Gdk.KEY_Return, Gdk.KEY_KP_Enter)
        if enter and event.state & Gdk.ModifierType.CONTROL_MASK and self._parts.generate.get_sensitive():
            self._ask_and_send()
            return True
        return False

    def _on_response(self, dialog: Gtk.Dialog, response: int) -> None:
        if response == Gtk.ResponseType.OK:
            dialog.stop_emission_by_name("response")
            self._ask_and_send()
        elif response == _RESET:
            for name, value in defaults(EXTEND_ARGUMENTS).items():
                self._config.set_property(name, value)
        elif self._running is None:
            self._loop.quit()
        elif may_cancel(self._dialog):
            self._cancel()
            self._loop.quit()


def open_extend(
    procedure: Gimp.Procedure, config: Gimp.ProcedureConfig, image: Gimp.Image, layers: Sequence[Gimp.Layer]
) -> bool:
    """Shows the window for an image until it is closed; returns whether the canvas was extended."""
    if raise_open_panel(image, _WINDOW):
        return False
    GimpUi.init("generative-edit")
    dialog = ExtendDialog(procedure, config, image, layers)
    silence = answer_for(procedure.get_plug_in(), image, dialog.raise_window, _WINDOW)
    try:
        return dialog.run()
    finally:
        silence()


def _size(image: Gimp.Image) -> Size:
    return Size(image.get_width(), image.get_height())


def _cancelled(ended: Ended) -> str:
    if ended.was_sent:
        return _("Cancelled. The request had been sent, so it may have been billed.")
    return _("Cancelled before anything was sent.")
