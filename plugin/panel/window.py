"""The panel's window: the controls of an edit, and the progress and results of the edits that it starts."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gi

gi.require_version("Gdk", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import Gdk, Gimp, Gtk

from lib.api.text import sentences
from lib.frame.geometry import Rect, Size
from lib.settings import last_used, prompts, spending
from lib.translation import _
from plugin.edit.arguments import EDIT_ARGUMENTS, defaults, values_of
from plugin.edit.choices import accepted, choices
from plugin.edit.draft import Draft, cost_text, draft, provider_and_model
from plugin.edit.options import read
from plugin.edit.refine import SecondPass, can_be_refined, second_pass
from plugin.errors import BadArguments, EditFailed, explain
from plugin.panel import sent_picture
from plugin.panel.comparison import Comparison, put_back
from plugin.panel.edit_list import EditList
from plugin.panel.generation import Generation, State
from plugin.panel.inputs import InputList
from plugin.panel.parts import PanelParts
from plugin.panel.recipe_menu import RecipeMenu
from plugin.panel.refinement import Refinement
from plugin.panel.results import ResultActions, ResultsView
from plugin.panel.selection_help import selection_warning
from plugin.panel.session import Session
from plugin.pixels import quick_mask
from plugin.pixels.export import ImageSelection, quick_mask_is_on
from plugin.pixels.selection import Selection
from plugin.select_subject.button import SubjectButton
from plugin.ui.beside import on_screen
from plugin.ui.consent import confirm_cancel, confirm_send
from plugin.ui.display import active_window
from plugin.ui.engine_note import EngineNote
from plugin.ui.fields import button
from plugin.ui.layout import side_by_side
from plugin.ui.problem import ProblemBox
from plugin.ui.procedure_window import ProcedureWindow
from plugin.worker.workers import Workers

_ERROR_LINES = 5


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
        self._comparison = Comparison()
        self.generated = False
        self._draft: Draft | None = None
        self._error_after_image_closed = False
        self._outcome = ""  # the message about an edit that ended without a result
        self._image_state: tuple[Any, ...] = ()
        title = _("Edit with Prompt – {image}").format(image=image.get_name())
        self._window = ProcedureWindow(procedure, config, title, EDIT_ARGUMENTS, self)
        self._engine = EngineNote(
            self._workers, self.open_settings, self._on_engine, lambda prompt: config.set_property("prompt", prompt)
        )
        self._parts = self._create_parts(list(layers))
        self._recipes = RecipeMenu(config, self._parts.inputs, self._workers, self._say)
        self._parts.form.add_button(self._recipes)
        subject = SubjectButton(image, lambda: self._parts.inputs.layers, self._workers, self._say)
        subject.show()
        self._quick_mask = button(
            _("_Quick Mask"), self._turn_on_quick_mask, _("Paint the selection; Shift+Q in the image ends it")
        )
        self._quick_mask.show()
        self._parts.form.content("area").pack_start(side_by_side(subject, self._quick_mask), False, False, 0)
        self._window.fill(self._parts.column(), "first-edit", self._parts.form.content("more"))
        self._window.dialog.connect("key-press-event", self._on_key_press)
        self._window.dialog.connect("key-release-event", self._on_key_release)
        self._window.dialog.connect("focus-out-event", lambda *_ignored: self._compare(False))

    def run(self) -> None:
        """Show the window until it is closed."""
        put_back(self._image)
        self._parts.show_session(self._session)
        self._window.run(self._parts.prompt.take_focus, self._selection_on_screen(), self._parts.give_way)
        self._compare(False)
        self._session.close()
        self._parts.stop()
        self._workers.close()
        self._window.dialog.destroy()

    def _selection_on_screen(self) -> Rect | None:
        """Return where the selection probably is on the screen; None if that cannot be known."""
        selected, gimp = ImageSelection(self._image).bounds, active_window()
        if not selected or not gimp:
            return None
        return on_screen(selected, Size(self._image.get_width(), self._image.get_height()), gimp)

    def raise_window(self) -> None:
        """Bring the window to the front."""
        self._window.raise_window()

    def _create_parts(self, layers: list[Gimp.Layer]) -> PanelParts:
        session = self._session
        actions = ResultActions(
            show=lambda number: self._try(lambda: self._selected.show(number)),
            compare=self._compare,
            keep=lambda: self._finish_choice(self._selected.keep),
            keep_all=lambda: self._finish_choice(self._selected.keep_all),
            discard=lambda: self._finish_choice(self._selected.discard),
            more=self._generate_more,
            redo=lambda number, mode: self._try(lambda: session.redo(self._selected, number, mode, self._say)),
            use=self._use_as_input,
            refine=self._refine,
            second_pass=self._second_pass,
        )
        return PanelParts(
            self._config,
            InputList(self._image, layers, self._config, self._window.refresh_soon),
            self._engine,
            EditList(self._select, lambda edit: session.cancel(edit) if edit.is_unfinished else self._dismiss(edit)),
            ProblemBox(self._config, self._retry, lines=_ERROR_LINES),
            ResultsView(actions),
        )

    @property
    def _selected(self) -> Generation:
        """The edit whose results or error are shown."""
        if self._session.selected is None:
            raise ValueError
        return self._session.selected

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
        self._quick_mask.set_sensitive(not quick_mask_is_on(self._image))
        if self._selection and self._selection_has_changed():
            self._selection = None
        problem = ""
        try:
            layers, options = self._parts.inputs.layers, read(self._values())
            self._draft = draft(self._image, layers, options, self._selection, self._replaced())
        except (BadArguments, EditFailed) as error:
            self._draft, problem = None, str(error)
        notes = (self._repeat_note(), self._addition_note(), self._selection_note())
        self._parts.follow(self._draft, problem or self._outcome or next(filter(None, notes), ""))
        self._recipes.follow(self._draft)
        self._window.cost.set_text(cost_text(self._draft.cost) if self._draft else "")
        self._update_generate_button()
        self._show_spent()

    def _show_spent(self) -> None:
        """Show what the edits of this window and of this month have cost."""
        text = _("This window: ${session:.2f} · this month: ${month:.2f}")
        self._window.spent.set_text(text.format(session=self._session.dollars, month=spending.total()))

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

    def _turn_on_quick_mask(self) -> None:
        if self._image.is_valid():
            self._try(lambda: quick_mask.turn_on(self._image))
            self.refresh()

    def _repeat_note(self) -> str:
        if not self._selection:
            return ""
        return _("The area of the previous edit will be sent. To edit another area, select it.")

    def _update_generate_button(self) -> None:
        """Enable Generate if there is an edit to send."""
        ready = self._draft is not None and not self._engine.refuses
        self._window.generate.set_sensitive(ready and self._image.is_valid())

    def _on_engine(self) -> None:
        """Show why the built-in engine refuses the prompt, or no longer does."""
        self._update_generate_button()
        self._window.refresh_soon()

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
            if not self._session.edits and not self._error_after_image_closed:
                self._window.close()
            self._update_generate_button()
        elif sent_picture.state(self._image) != self._image_state:
            self.refresh()

    def on_generate(self) -> None:
        """Ask for confirmation if needed, then send."""
        confirmed, image_state = self._draft, self._image_state
        if confirmed is None or not confirm_send(confirmed, self._window.dialog):
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
        self._start(lambda: self._session.add(confirmed))

    def confirm_close(self) -> bool:
        """Return whether the window may close; ask once whether to cancel the edits that wait or run."""
        count = len(self._session.unfinished)
        return not count or confirm_cancel(self._window.dialog, count)

    def _generate_more(self) -> None:
        """Send the request of the shown results again, after the same question about its cost."""
        edit = self._selected
        if confirm_send(edit.draft, self._window.dialog):
            self._start(lambda: self._session.add(edit.draft, edit))

    def _second_pass(self, edit: Generation) -> SecondPass | None:
        """Return the second pass over the shown result of an edit; None where it can't be refined."""
        is_refined = edit.variations[edit.displayed].is_refined
        if is_refined or not can_be_refined(edit.draft):
            return None
        try:
            return second_pass(edit.draft, edit.canvas.layer)
        except (BadArguments, EditFailed):
            return None

    def _refine(self) -> None:
        """Refine the shown result, after a question about the cost of all tiles."""
        edit = self._selected
        try:
            second = second_pass(edit.draft, edit.canvas.layer)
        except (BadArguments, EditFailed) as error:  # the image was changed meanwhile
            self._say(str(error))
            return
        if confirm_send(second.draft, self._window.dialog, confirm_unknown_cost=True):
            self._start(lambda: self._session.refine(edit, second))

    def _retry(self) -> None:
        """Send the current edit; if the failed request was to add to results, send that request again."""
        failed = self._selected
        previous = failed.previous
        self._dismiss(failed)
        if previous and previous in self._session.edits:
            self._session.selected = previous
            self._refine() if isinstance(failed, Refinement) else self._generate_more()
        elif not isinstance(failed, Refinement):
            self.on_generate()

    def _addition_note(self) -> str:
        """Return what is added to the prompt; "" for nothing."""
        if not self._draft or not self._draft.task.prompt_addition:
            return ""
        text = _("{provider} ignores the mask. Added to the prompt: “{sentence}”")
        return text.format(provider=self._draft.receiver, sentence=self._draft.task.prompt_addition)

    def _selection_note(self) -> str:
        """Return what is unusual about the selection; the built-in engine's own note is more useful without one."""
        is_local = self._draft is not None and self._draft.provider.name == "local"
        return "" if is_local and ImageSelection(self._image).bounds is None else selection_warning(self._image)

    def _say(self, message: str) -> None:
        """Show a message until something else happens."""
        self._outcome = message
        self._parts.say(message)

    def _select(self, edit: Generation) -> None:
        self._session.selected = edit
        self._say(sentences(*edit.notes))
        self._parts.show_session(self._session)

    def _dismiss(self, edit: Generation) -> None:
        """Take an edit off the list; its result stays on the canvas."""
        edit.keep()
        self._session.finish(edit)

    def _start(self, start_edit: Callable[[], None]) -> None:
        self._outcome = ""
        self._compare(False)
        try:
            start_edit()
        except Exception as error:  # noqa: BLE001 - edge of the main loop: nothing else would report it
            self._outcome = explain(error)
        self._parts.say(self._outcome)
        self._update_generate_button()

    def on_edits(self) -> None:
        """Show the edits and how far they are."""
        self._parts.show_session(self._session)

    def on_end(self, edit: Generation, message: str) -> None:
        """Show how an edit ended; if the image was closed, the panel stays open so that an error can be read."""
        self.generated = self.generated or edit.state is State.DONE
        self._error_after_image_closed = edit.error is not None and not self._image.is_valid()
        self._parts.show_session(self._session)
        self._say(message or sentences(*edit.notes))
        self._update_generate_button()
        self._show_spent()

    def _finish_choice(self, action: Callable[[], None]) -> None:
        edit = self._selected
        self._compare(False)
        if self._try(action):
            self._session.finish(edit)
            self._window.refresh_soon()

    def _try(self, action: Callable[[], object]) -> bool:
        """Run an action on the results, whose files may have been deleted; return whether it succeeded."""
        self._outcome = ""
        try:
            action()
        except Exception as error:  # noqa: BLE001 - edge of the main loop: nothing else would report it
            self._outcome = explain(error)
        self._parts.say(self._outcome)
        return not self._outcome

    def _compare(self, without_result: bool) -> bool:
        """Show the picture without the selected edit's result, or with it again."""
        edit = self._session.selected
        if without_result and edit and edit.state is State.DONE:
            self._try(lambda: self._comparison.begin(edit))
        elif not without_result and self._comparison.is_active:
            self._try(self._comparison.end)
        return False

    def _on_key_press(self, _dialog: Gtk.Dialog, event: Gdk.EventKey) -> bool:
        """Compare while F9 is held; select results by 1 to 9 and the arrow keys, except where text is typed."""
        edit = self._session.selected
        if edit is None or edit.state is not State.DONE:
            return False
        if event.keyval == Gdk.KEY_F9:
            self._compare(True)
            return True
        alt = event.state & Gdk.ModifierType.MOD1_MASK
        is_typing = isinstance(self._window.dialog.get_focus(), (Gtk.Entry, Gtk.TextView))
        digit = Gdk.keyval_to_unicode(event.keyval) - ord("1")
        return bool((alt or not is_typing) and 0 <= digit < 9 and self._parts.results.select(digit))

    def _on_key_release(self, _dialog: Gtk.Dialog, event: Gdk.EventKey) -> bool:
        if event.keyval == Gdk.KEY_F9:
            self._compare(False)
        return False

    def _use_as_input(self) -> None:
        """Keep the result, and send all visible layers with the next edit."""
        self._finish_choice(self._selected.keep)
        self._config.set_property("sample-merged", True)
        self._parts.prompt.take_focus()

    def open_settings(self) -> None:
        """Open Settings above this window."""
        from plugin.settings_dialog import open_settings

        open_settings(self._window.dialog, self._on_settings)

    def _on_settings(self) -> None:
        self._parts.form.reload_choices()
        self._window.refresh_soon()
