"""The window of Extend Canvas…, which sends the edit and closes once the canvas is extended."""

from __future__ import annotations

from collections.abc import Sequence

from gi.repository import Gimp

from lib.api.text import sentences
from lib.frame.geometry import Size
from lib.translation import _
from plugin.edit.arguments import EXTEND_ARGUMENTS, start_with_settings, values_of
from plugin.edit.draft import Draft, cost_text
from plugin.errors import BadArguments, EditFailed, explain
from plugin.extend.draft import draft, extension_to_draw, selected_provider_and_model
from plugin.extend.parts import ExtendParts
from plugin.extend.run import ExtendResult, ExtendRun
from plugin.pixels.export import quick_mask_is_on
from plugin.ui.consent import confirm_cancel, confirm_send
from plugin.ui.engine_note import EngineNote
from plugin.ui.procedure_window import ProcedureWindow
from plugin.ui.single_window import single_window
from plugin.ui.start import init_windows
from plugin.worker.process import Event
from plugin.worker.workers import Workers


class ExtendDialog:
    """The window of one image; `run` returns when it is closed."""

    def __init__(
        self, procedure: Gimp.Procedure, config: Gimp.ProcedureConfig, image: Gimp.Image, layers: Sequence[Gimp.Layer]
    ) -> None:
        self._image, self._config, self._layers = image, config, list(layers)
        self._workers = Workers()
        self._running: ExtendRun | None = None
        self._draft: Draft | None = None
        self._extended = False
        self._error_after_image_closed = False
        self._outcome = ""  # the message about the last edit, until an option changes
        self._canvas = _size(image)
        self._quick_mask = quick_mask_is_on(image)
        title = _("Extend Canvas – {image}").format(image=image.get_name())
        self._window = ProcedureWindow(procedure, config, title, EXTEND_ARGUMENTS, self)
        engine = EngineNote(
            self._workers,
            self._open_settings,
            self._update_generate_button,
            lambda prompt: config.set_property("prompt", prompt),
        )
        self._parts = ExtendParts(config, image, engine, self._cancel, self.on_generate)
        self._window.fill(self._parts.column(), "extending")

    def run(self) -> bool:
        """Show the window until it is closed; return whether the canvas was extended."""
        self._window.run(self._parts.sides.take_focus)
        self._workers.close()
        self._window.dialog.destroy()
        return self._extended

    def raise_window(self) -> None:
        """Bring the window to the front."""
        self._window.raise_window()

    def on_changed(self) -> None:
        """Clear the message about the last edit and refresh the window."""
        self._outcome = ""
        self._window.refresh_soon()

    def on_focus(self) -> None:
        """Refresh the window, as the image may have changed."""
        if self._image.is_valid() and not self._running:
            self._parts.preview.reload_thumbnail()
            self._window.refresh_soon()

    def refresh(self) -> None:
        """Prepare the edit again from the image and the options, and show what would be sent."""
        if not self._image.is_valid() or self._running:
            return
        values, parts = values_of(self._config, EXTEND_ARGUMENTS), self._parts
        parts.show_extension(extension_to_draw(self._canvas, values))
        self._draft, problem = None, ""
        try:
            parts.form.show_choices(*selected_provider_and_model(values))
            self._draft = draft(self._image, self._valid_layers(), values)
        except (BadArguments, EditFailed) as error:
            problem = str(error)
        parts.say(problem or self._outcome)
        parts.form.show_plan(self._draft.task.plan if self._draft else None)
        self._window.cost.set_text(cost_text(self._draft.cost) if self._draft else "")
        parts.engine.follow(self._draft)
        self._update_generate_button()

    def _valid_layers(self) -> list[Gimp.Layer]:
        """Return the layers that were selected at the start; if all were deleted, those selected now."""
        return [layer for layer in self._layers if layer.is_valid()] or self._image.get_selected_layers()

    def _update_generate_button(self) -> None:
        """Enable Generate if there is an edit to send and none is running."""
        ready = self._draft is not None and not self._parts.engine.refuses and self._running is None
        self._window.generate.set_sensitive(ready and self._image.is_valid())

    def on_poll(self) -> None:
        """Follow the canvas size and Quick Mask; close without the image, unless an error is shown."""
        if not self._image.is_valid():
            if self._running is None and not self._error_after_image_closed:
                self._window.close()
            self._update_generate_button()
        elif _size(self._image) != self._canvas and not self._running:
            self._canvas = _size(self._image)
            self._parts.sides.set_canvas(self._canvas)
            self.on_focus()
        elif quick_mask_is_on(self._image) != self._quick_mask:
            self._quick_mask = not self._quick_mask
            self.refresh()

    def on_generate(self) -> None:
        """Ask for confirmation if needed, then send."""
        if self._draft and not self._running and confirm_send(self._draft, self._window.dialog):
            self._send()

    def _send(self) -> None:
        if self._draft is None:
            return
        try:
            running = ExtendRun(self._draft, self._workers.get(), self)
            running.start()
        except Exception as error:  # noqa: BLE001 - edge of the main loop: nothing else would report it
            self.on_end(ExtendResult(error={"event": "error", "message": explain(error)}))
        else:
            self._running = running
            self._parts.begin()
        self._update_generate_button()

    def _cancel(self) -> None:
        if self._running:
            self._running.cancel()

    def on_progress(self, event: Event) -> None:
        """Show the progress of the edit."""
        self._parts.activity.show_event(event)

    def on_preview(self, rgba: bytes) -> None:
        """Show a preview in the drawing; the image itself is changed only once, at the end."""
        if self._draft:
            self._parts.preview.show_result(rgba, self._draft.task.plan.frame)

    def on_end(self, result: ExtendResult) -> None:
        """Close the window, or show why there is no result."""
        self._running = None
        self._parts.end()
        if result.error:
            self._parts.problem.show_error(result.error, can_retry=self._image.is_valid())
            self._parts.problem.show()
            self._error_after_image_closed = not self._image.is_valid()
        elif result.cancel_message:
            self._outcome = result.cancel_message
        else:
            self._extended = True
            if result.notes:
                Gimp.message(sentences(*result.notes))
            self._window.close()
        self._window.refresh_soon()

    def _open_settings(self) -> None:
        from plugin.settings_dialog import open_settings

        open_settings(self._window.dialog, self._on_settings)

    def _on_settings(self) -> None:
        self._parts.form.reload_choices()
        self._window.refresh_soon()

    def confirm_close(self) -> bool:
        """Return whether the window may close; ask whether to cancel a running edit."""
        if self._running is None:
            return True
        confirmed = confirm_cancel(self._window.dialog)
        if confirmed:
            self._cancel()
        return confirmed


def open_extend(
    procedure: Gimp.Procedure, config: Gimp.ProcedureConfig, image: Gimp.Image, layers: Sequence[Gimp.Layer]
) -> bool:
    """Show the window of an image until it is closed; return whether the canvas was extended."""
    with single_window(image, "extend") as slot:
        if slot is None:
            return False
        init_windows()
        start_with_settings(config, EXTEND_ARGUMENTS)
        dialog = ExtendDialog(procedure, config, image, layers)
        slot.register(dialog.raise_window)
        return dialog.run()


def _size(image: Gimp.Image) -> Size:
    return Size(image.get_width(), image.get_height())
