"""The panel's window: the controls of an edit, and the progress and results of the edits that it starts."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from gi.repository import Gimp

from lib.settings import last_used, prompts
from lib.translation import _
from plugin.edit.arguments import EDIT_ARGUMENTS, defaults, values_of
from plugin.edit.choices import accepted, choices
from plugin.edit.draft import Draft, cost_text, draft, provider_and_model
from plugin.edit.options import read
from plugin.errors import BadArguments, EditFailed, explain
from plugin.panel import sent_picture
from plugin.panel.inputs import InputList
from plugin.panel.parts import PanelParts
from plugin.panel.results import ResultActions, ResultsView
from plugin.panel.session import PendingResults, Session
from plugin.pixels.export import ImageSelection, quick_mask_is_on
from plugin.pixels.selection import Selection
from plugin.ui.activity import Activity
from plugin.ui.consent import confirm_cancel, confirm_send
from plugin.ui.engine_note import EngineNote
from plugin.ui.problem import ProblemBox
from plugin.ui.procedure_window import ProcedureWindow
from plugin.worker.process import Event
from plugin.worker.workers import Workers


@dataclass(frozen=True)
class RepeatTarget:
    """What Edit Again starts from: the area of the previous edit, and the layer that the new result replaces."""

    selection: Selection
    replaced: Gimp.Layer


class Panel:
    """The window of one image; `run` returns when it is closed."""

    def __init__(
        self,
        procedure: Gimp.Procedure,
        config: Gimp.ProcedureConfig,
        image: Gimp.Image,
        layers: Sequence[Gimp.Layer],
        repeat_target: RepeatTarget | None = None,
    ) -> None:
        self._image = image
        self._selection = repeat_target.selection if repeat_target else None
        self._repeat_target = repeat_target
        self._initial_selection = sent_picture.selection_state(image)
        self._config = config
        self._workers = Workers()
        self._session = Session(self._workers, self)
        self.generated = False
        self._draft: Draft | None = None
        self._error_after_image_closed = False
        self._outcome = ""  # the message about an edit that ended without a result
        self._image_state: tuple[Any, ...] = ()
        title = _("Edit with Prompt – {image}").format(image=image.get_name())
        self._window = ProcedureWindow(procedure, config, title, EDIT_ARGUMENTS, self)
        self._engine = EngineNote(
            self._workers,
            self._open_settings,
            self._update_generate_button,
            lambda prompt: config.set_property("prompt", prompt),
        )
        self._parts = self._create_parts(list(layers))
        self._window.fill(self._parts.column(), "first-edit")

    def run(self) -> None:
        """Show the window until it is closed."""
        self._window.run(self._parts.prompt.take_focus)
        self._session.keep()
        self._workers.close()
        self._window.dialog.destroy()

    def raise_window(self) -> None:
        """Bring the window to the front."""
        self._window.raise_window()

    def _create_parts(self, layers: list[Gimp.Layer]) -> PanelParts:
        session = self._session
        actions = ResultActions(
            show=lambda number: self._try(lambda: session.show(number)),
            keep=lambda: self._finish_choice(session.keep),
            keep_all=lambda: self._finish_choice(session.keep_all),
            discard=lambda: self._finish_choice(session.discard),
            more=self._generate_more,
            redo=lambda number, mode: self._try(lambda: session.redo(number, mode, self._parts.say)),
            use=self._use_as_input,
        )
        return PanelParts(
            self._config,
            InputList(self._image, layers, self._config, self._window.refresh_soon, self._workers),
            self._engine,
            Activity(session.cancel),
            ProblemBox(self._config, self._retry),
            ResultsView(actions),
        )

    def _values(self) -> dict[str, Any]:
        """Return the arguments, with defaults for those that the selected model and provider do not support."""
        values = values_of(self._config)
        names = {"provider": values["provider"], "model": values["model"]}
        provider, model = provider_and_model(read({**defaults(), **names}))
        self._parts.form.show_choices(provider, model)
        return accepted(values, choices(model, provider, values["output-format"]), defaults())

    def refresh(self) -> None:
        """Prepare the edit again from the image and the options, and show what would be sent."""
        if not self._image.is_valid():
            return
        self._image_state = sent_picture.state(self._image)
        if self._selection and self._selection_has_changed():
            self._selection = None
        problem = ""
        try:
            layers, options = self._parts.inputs.layers, read(self._values())
            self._draft = draft(self._image, layers, options, self._selection, self._replaced())
        except (BadArguments, EditFailed) as error:
            self._draft, problem = None, str(error)
        self._parts.follow(self._draft, problem or self._outcome or self._repeat_note())
        self._window.cost.set_text(cost_text(self._draft.cost) if self._draft else "")
        self._update_generate_button()

    def _replaced(self) -> Gimp.Layer | None:
        """Return the previous result, which the new one replaces; None if their areas do not overlap."""
        if self._repeat_target is None:
            return None
        before, now = self._repeat_target.selection.bounds, ImageSelection(self._image).bounds
        is_elsewhere = self._selection is None and before and now and before.intersect(now).empty
        return None if is_elsewhere else self._repeat_target.replaced

    def _selection_has_changed(self) -> bool:
        """Return whether the selection has changed since the panel was opened; turning Quick Mask on is no change."""
        if quick_mask_is_on(self._image):
            return False
        return sent_picture.selection_state(self._image) != self._initial_selection

    def _repeat_note(self) -> str:
        if not self._selection:
            return ""
        return _("The area of the previous edit will be sent. To edit another area, select it.")

    def _update_generate_button(self) -> None:
        """Enable Generate if there is an edit to send and none is running."""
        ready = self._draft is not None and not self._engine.refuses and self._session.running is None
        self._window.generate.set_sensitive(ready and self._image.is_valid())

    def on_focus(self) -> None:
        """Refresh the window, as the image may have changed."""
        self._parts.inputs.refresh()
        self._window.refresh_soon()

    def on_changed(self) -> None:
        """Refresh the window after an option has changed."""
        self._window.refresh_soon()

    def on_poll(self) -> None:
        """Follow the selection and the layers; close without the image, unless there is something left to show."""
        if not self._image.is_valid():
            if self._session.running is None and self._session.pending is None and not self._error_after_image_closed:
                self._window.close()
            self._update_generate_button()
        elif sent_picture.state(self._image) != self._image_state:
            self.refresh()

    def on_generate(self) -> None:
        """Ask for confirmation if needed, then send."""
        confirmed, image_state = self._draft, self._image_state
        if confirmed is None or self._session.running or not confirm_send(confirmed, self._window.dialog):
            return
        if not self._image.is_valid():
            return
        if sent_picture.state(self._image) != image_state:
            # The image was changed while the question was open, so the user has not confirmed this edit.
            self.refresh()
            self.on_generate()
            return
        with contextlib.suppress(OSError):  # a full disk must not prevent the edit
            prompts.remember(self._config.get_property("prompt") or "")
            last_used.remember(confirmed.provider.name, confirmed.options.model or "")
        self._start(lambda: self._session.generate(confirmed))

    def confirm_close(self) -> bool:
        """Return whether the window may close; ask whether to cancel a running edit."""
        if self._session.running is None:
            return True
        confirmed = confirm_cancel(self._window.dialog)
        if confirmed:
            self._session.cancel()
        return confirmed

    def _generate_more(self) -> None:
        """Send the request of the pending results again, after the same question about its cost."""
        if self._session.pending and confirm_send(self._session.pending.generation.draft, self._window.dialog):
            self._start(self._session.generate_more)

    def _retry(self) -> None:
        """Send the current edit; if the failed request was to add to pending results, send that request again."""
        if self._session.pending:
            self._generate_more()
        else:
            self.on_generate()

    def _start(self, start_edit: Callable[[], None]) -> None:
        self._outcome = ""
        self._parts.begin()
        try:
            start_edit()
        except Exception as error:  # noqa: BLE001 - edge of the main loop: the panel must show that no edit runs
            self.on_error({"event": "error", "message": explain(error)})
        self._update_generate_button()

    def on_progress(self, event: Event) -> None:
        """Show the progress of the edit."""
        self._parts.activity.show_event(event)

    def on_results(self, pending: PendingResults, selected: int) -> None:
        """Show the results to choose from."""
        self.generated = True
        self._end()
        self._parts.show_results(pending, selected)

    def on_error(self, error: Event) -> None:
        """Show an error; if the image was closed, the panel stays open so that the error can be read."""
        self._end()
        self._error_after_image_closed = not self._image.is_valid()
        self._parts.show_problem(error, can_retry=not self._error_after_image_closed)

    def on_cancelled(self, message: str) -> None:
        """Show that the edit was cancelled."""
        self._end()
        self._outcome = message
        self._parts.say(message)

    def _end(self) -> None:
        self._parts.end(self._session.pending)
        self._update_generate_button()

    def _finish_choice(self, action: Callable[[], None]) -> None:
        if self._try(action):
            self._parts.hide_results()
            self._window.refresh_soon()

    def _try(self, action: Callable[[], None]) -> bool:
        """Run an action on the results, whose files may have been deleted; return whether it succeeded."""
        self._outcome = ""
        try:
            action()
        except Exception as error:  # noqa: BLE001 - edge of the main loop: nothing else would report it
            self._outcome = explain(error)
        self._parts.say(self._outcome)
        return not self._outcome

    def _use_as_input(self) -> None:
        """Keep the result, and send all visible layers with the next edit."""
        self._finish_choice(self._session.keep)
        self._config.set_property("sample-merged", True)
        self._parts.prompt.take_focus()

    def _open_settings(self) -> None:
        from plugin.settings_dialog import open_settings

        open_settings(self._window.dialog, self._on_settings)

    def _on_settings(self) -> None:
        self._parts.form.reload_choices()
        self._window.refresh_soon()
