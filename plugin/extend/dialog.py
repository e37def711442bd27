"""The window of Extend Canvas…: it follows what is asked for, sends it, and closes when the canvas was extended."""

from __future__ import annotations

from collections.abc import Sequence

import gi

gi.require_version("GimpUi", "3.0")
from gi.repository import Gimp, GimpUi

from lib.api.text import sentences
from lib.frame.geometry import Size
from lib.translation import _
from plugin.edit.arguments import EXTEND_ARGUMENTS, start_with_settings, values_of
from plugin.edit.draft import Draft, cost_text
from plugin.errors import BadArguments, EditFailed, explain
from plugin.extend.draft import asked, draft, extension_of
from plugin.extend.parts import ExtendParts
from plugin.extend.run import Ended, Extending
from plugin.pixels.export import quick_mask_is_on
from plugin.ui.consent import confirm_cancel, confirm_send
from plugin.ui.engine_note import EngineNote
from plugin.ui.procedure_window import ProcedureWindow
from plugin.ui.single_window import single_window
from plugin.worker.process import Event
from plugin.worker.workers import Workers


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
        self._told_without_image = False
        self._outcome = ""  # how the last try ended, until something is changed
        self._canvas = _size(image)
        self._quick_mask = quick_mask_is_on(image)
        title = _("Extend Canvas – {image}").format(image=image.get_name())
        self._window = ProcedureWindow(procedure, config, title, EXTEND_ARGUMENTS, self)
        engine = EngineNote(self._workers, self._open_settings, self._judge)
        self._parts = ExtendParts(config, image, engine, self._cancel, self.on_generate)
        self._window.fill(self._parts.column(), "extending")

    def run(self) -> bool:
        """Shows the window until it is closed; returns whether the canvas was extended."""
        self._window.run(self._parts.sides.take_focus)
        self._workers.close()
        self._window.dialog.destroy()
        return self._extended

    def raise_window(self) -> None:
        """Brings the window to the front."""
        self._window.raise_window()

    def on_changed(self) -> None:
        """What was told of the last try is over."""
        self._outcome = ""
        self._window.refresh_soon()

    def on_focus(self) -> None:
        """The image may have changed meanwhile."""
        if self._image.is_valid() and not self._running:
            self._parts.preview.look_again()
            self._window.refresh_soon()

    def refresh(self) -> None:
        """Looks again at all that would be sent."""
        if not self._image.is_valid() or self._running:
            return
        values, parts = values_of(self._config, EXTEND_ARGUMENTS), self._parts
        parts.show_extension(extension_of(self._canvas, values))
        self._draft, problem = None, ""
        try:
            parts.form.follow(*asked(values))
            self._draft = draft(self._image, self._valid_layers(), values)
        except (BadArguments, EditFailed) as error:
            problem = str(error)
        parts.say(problem or self._outcome)
        parts.form.show_plan(self._draft.task.plan if self._draft else None)
        self._window.cost.set_text(cost_text(self._draft.cost) if self._draft else "")
        parts.engine.follow(self._draft)
        self._judge()

    def _valid_layers(self) -> list[Gimp.Layer]:
        """The layers that were selected as the window opened; where these are gone, the ones that are now."""
        return [layer for layer in self._layers if layer.is_valid()] or self._image.get_selected_layers()

    def _judge(self) -> None:
        """Generate can be clicked when there is something to send, and nothing is under way."""
        ready = self._draft is not None and not self._parts.engine.refuses and self._running is None
        self._window.generate.set_sensitive(ready and self._image.is_valid())

    def on_poll(self) -> None:
        """Follows the canvas and Quick Mask; without the image, the window closes."""
        if not self._image.is_valid():
            if self._running is None and not self._told_without_image:
                self._window.close()
            self._judge()
        elif _size(self._image) != self._canvas and not self._running:
            self._canvas = _size(self._image)
            self._parts.sides.set_canvas(self._canvas)
            self.on_focus()
        elif quick_mask_is_on(self._image) != self._quick_mask:
            self._quick_mask = not self._quick_mask
            self.refresh()

    def on_generate(self) -> None:
        """Asks where that is due, then sends."""
        if self._draft and not self._running and confirm_send(self._draft, self._window.dialog):
            self._send()

    def _send(self) -> None:
        if self._draft is None:
            return
        try:
            running = Extending(self._draft, self._workers.get(), self)
            running.start()
        except Exception as error:  # noqa: BLE001 - the main loop's edge: nobody else would say it
            self.on_end(Ended(error={"event": "error", "message": explain(error)}))
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
            self._parts.problem.tell(ended.error, again=self._image.is_valid())
            self._parts.problem.show()
            self._told_without_image = not self._image.is_valid()
        elif ended.cancelled:
            self._outcome = ended.cancelled
        else:
            self._extended = True
            if ended.notes:
                Gimp.message(sentences(*ended.notes))
            self._window.close()
        self._window.refresh_soon()

    def _open_settings(self) -> None:
        from plugin.settings_dialog import open_settings

        open_settings(self._window.dialog, self._on_settings)

    def _on_settings(self) -> None:
        self._parts.form.list_choices()
        self._window.refresh_soon()

    def may_close(self) -> bool:
        """Asks where an edit is under way, which is then cancelled."""
        if self._running is None:
            return True
        agreed = confirm_cancel(self._window.dialog)
        if agreed:
            self._cancel()
        return agreed


def open_extend(
    procedure: Gimp.Procedure, config: Gimp.ProcedureConfig, image: Gimp.Image, layers: Sequence[Gimp.Layer]
) -> bool:
    """Shows the window for an image until it is closed; returns whether the canvas was extended."""
    with single_window(image, "extend") as place:
        if place is None:
            return False
        GimpUi.init("generative-edit")
        start_with_settings(config, EXTEND_ARGUMENTS)
        dialog = ExtendDialog(procedure, config, image, layers)
        place.register(dialog.raise_window)
        return dialog.run()


def _size(image: Gimp.Image) -> Size:
    return Size(image.get_width(), image.get_height())
