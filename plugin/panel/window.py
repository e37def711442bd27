"""The panel's window: what is sent, the prompt, the options, and from one click to the next what became of it."""

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
from plugin.edit.draft import Draft, chosen, cost_text, draft
from plugin.edit.options import read
from plugin.errors import BadArguments, EditFailed, explain
from plugin.panel import sent_picture
from plugin.panel.inputs import Inputs
from plugin.panel.parts import PanelParts
from plugin.panel.results import Choices, ResultsView
from plugin.panel.session import Offer, Session
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
class Repeated:
    """An earlier edit that is made again: the area that it changed, and the layer that the new result replaces."""

    selection: Selection
    replaced: Gimp.Layer


class Panel:
    """The window of one image; `run` returns when it was closed."""

    def __init__(
        self,
        procedure: Gimp.Procedure,
        config: Gimp.ProcedureConfig,
        image: Gimp.Image,
        layers: Sequence[Gimp.Layer],
        repeated: Repeated | None = None,
    ) -> None:
        self._image = image
        self._selection = repeated.selection if repeated else None
        self._repeated = repeated
        self._selected_at_first = sent_picture.selection_state(image)
        self._config = config
        self._workers = Workers()
        self._session = Session(self._workers, self)
        self.generated = False
        self._draft: Draft | None = None
        self._told_without_image = False
        self._outcome = ""  # how the last edit ended, where there is no result
        self._seen: tuple[Any, ...] = ()
        title = _("Edit with Prompt – {image}").format(image=image.get_name())
        self._window = ProcedureWindow(procedure, config, title, EDIT_ARGUMENTS, self)
        self._engine = EngineNote(self._workers, self._open_settings, self._judge)
        self._parts = self._make_parts(list(layers))
        self._window.fill(self._parts.column(), "first-edit")

    def run(self) -> None:
        """Shows the window until it is closed."""
        self._window.run(self._parts.prompt.take_focus)
        self._session.keep()
        self._workers.close()
        self._window.dialog.destroy()

    def raise_window(self) -> None:
        """Brings the window to the front."""
        self._window.raise_window()

    def _make_parts(self, layers: list[Gimp.Layer]) -> PanelParts:
        session = self._session
        act = Choices(
            show=lambda number: self._try(lambda: session.show(number)),
            keep=lambda: self._settle(session.keep),
            keep_all=lambda: self._settle(session.keep_all),
            discard=lambda: self._settle(session.discard),
            more=self._more,
            use=self._use_as_input,
        )
        return PanelParts(
            self._config,
            Inputs(self._image, layers, self._window.refresh_soon),
            self._engine,
            Activity(session.cancel),
            ProblemBox(self._retry),
            ResultsView(act),
        )

    def _values(self) -> dict[str, Any]:
        """The arguments, without those that the chosen model and provider do not take."""
        values = values_of(self._config)
        provider, model = chosen(read({**defaults(), "provider": values["provider"], "model": values["model"]}))
        self._parts.form.follow(provider, model)
        return accepted(values, choices(model, provider, values["output-format"]), defaults())

    def refresh(self) -> None:
        """Looks again at all that would be sent."""
        if not self._image.is_valid():
            return
        self._seen = sent_picture.state(self._image)
        if self._selection and self._has_selected():
            self._selection = None
        problem = ""
        try:
            layers, options = self._parts.inputs.layers, read(self._values())
            self._draft = draft(self._image, layers, options, self._selection, self._replaced())
        except (BadArguments, EditFailed) as error:
            self._draft, problem = None, str(error)
        self._parts.follow(self._draft, problem or self._outcome or self._note())
        self._window.cost.set_text(cost_text(self._draft.cost) if self._draft else "")
        self._judge()

    def _replaced(self) -> Gimp.Layer | None:
        """The earlier result, which hides as the new one comes; it stays where quite another area is edited now."""
        if self._repeated is None:
            return None
        before, now = self._repeated.selection.bounds, ImageSelection(self._image).bounds
        is_apart = self._selection is None and before and now and before.intersect(now).empty
        return None if is_apart else self._repeated.replaced

    def _has_selected(self) -> bool:
        """Whether the user has selected something else since the panel was opened; Quick Mask alone is no change."""
        if quick_mask_is_on(self._image):
            return False
        return sent_picture.selection_state(self._image) != self._selected_at_first

    def _note(self) -> str:
        if not self._selection:
            return ""
        return _("The same area as in the earlier edit is sent. To edit another one, select it.")

    def _judge(self) -> None:
        """Generate can be clicked when there is something to send, and nothing is under way."""
        ready = self._draft is not None and not self._engine.refuses and self._session.running is None
        self._window.generate.set_sensitive(ready and self._image.is_valid())

    def on_focus(self) -> None:
        """The image may have changed meanwhile."""
        self._parts.inputs.refresh()
        self._window.refresh_soon()

    def on_changed(self) -> None:
        """An option has changed."""
        self._window.refresh_soon()

    def on_poll(self) -> None:
        """Follows the selection and the layers; without the image, the window stays for what is still to be kept."""
        if not self._image.is_valid():
            if self._session.running is None and self._session.offer is None and not self._told_without_image:
                self._window.close()
            self._judge()
        elif sent_picture.state(self._image) != self._seen:
            self.refresh()

    def on_generate(self) -> None:
        """Asks where that is due, then sends."""
        found, seen = self._draft, self._seen
        if found is None or self._session.running or not confirm_send(found, self._window.dialog):
            return
        if not self._image.is_valid():
            return
        if sent_picture.state(self._image) != seen:
            # Changed while the question was open: that is not what was agreed to.
            self.refresh()
            self.on_generate()
            return
        with contextlib.suppress(OSError):  # an edit is worth more than its prompt's place in a list
            prompts.remember(self._config.get_property("prompt") or "")
            last_used.remember(found.provider.name, found.options.model or "")
        self._start(lambda: self._session.generate(found))

    def may_close(self) -> bool:
        """Asks where an edit is under way, which is then cancelled."""
        if self._session.running is None:
            return True
        agreed = confirm_cancel(self._window.dialog)
        if agreed:
            self._session.cancel()
        return agreed

    def _more(self) -> None:
        """The request of the results once more, which may cost as much as they did."""
        if self._session.offer and confirm_send(self._session.offer.generation.draft, self._window.dialog):
            self._start(self._session.more)

    def _retry(self) -> None:
        """What the panel shows by now; what failed to join other results has to be like them."""
        if self._session.offer:
            self._more()
        else:
            self.on_generate()

    def _start(self, begin: Callable[[], None]) -> None:
        self._outcome = ""
        self._parts.begin()
        try:
            begin()
        except Exception as error:  # noqa: BLE001 - the main loop's edge: the panel would show an edit that is none
            self.on_error({"event": "error", "message": explain(error)})
        self._judge()

    def on_progress(self, event: Event) -> None:
        """Shows how far the edit is."""
        self._parts.activity.tell(event)

    def on_results(self, offer: Offer, chosen: int) -> None:
        """Shows the results to choose from."""
        self.generated = True
        self._end()
        self._parts.show_results(offer, chosen)

    def on_error(self, error: Event) -> None:
        """Shows what went wrong; where the image has gone, the panel stays for that."""
        self._end()
        self._told_without_image = not self._image.is_valid()
        self._parts.show_problem(error, again=not self._told_without_image)

    def on_idle(self, words: str) -> None:
        """Says how it ended where there is nothing to show."""
        self._end()
        self._outcome = words
        self._parts.say(words)

    def _end(self) -> None:
        self._parts.end(self._session.offer)
        self._judge()

    def _settle(self, act: Callable[[], None]) -> None:
        if self._try(act):
            self._parts.hide_results()
            self._window.refresh_soon()

    def _try(self, act: Callable[[], None]) -> bool:
        """Do something with the results, whose pixels may have been deleted; say what prevents it."""
        self._outcome = ""
        try:
            act()
        except Exception as error:  # noqa: BLE001 - the main loop's edge: nobody else would say it
            self._outcome = explain(error)
        self._parts.say(self._outcome)
        return not self._outcome

    def _use_as_input(self) -> None:
        """The result stays, and what is visible with it is the next first picture."""
        self._settle(self._session.keep)
        self._config.set_property("sample-merged", True)
        self._parts.prompt.take_focus()

    def _open_settings(self) -> None:
        from plugin.settings_dialog import open_settings

        open_settings(self._window.dialog, self._on_settings)

    def _on_settings(self) -> None:
        self._parts.form.list_choices()
        self._window.refresh_soon()
