"""The widgets of the panel, their layout, and which of them are visible when."""

from __future__ import annotations

from gi.repository import Gimp, Gtk

from lib.frame.geometry import Size
from lib.translation import _
from plugin.edit.draft import Draft
from plugin.panel.form import OptionsForm
from plugin.panel.inputs import InputList
from plugin.panel.results import ResultsView
from plugin.panel.sent_picture import SentPicture
from plugin.panel.session import PendingResults
from plugin.ui.activity import Activity
from plugin.ui.engine_note import EngineNote
from plugin.ui.labels import WrappingText
from plugin.ui.layout import scrollable_column
from plugin.ui.problem import ProblemBox
from plugin.ui.prompt_box import PromptBox
from plugin.worker.process import Event


class PanelParts:
    """The input images, the prompt and the options; below them the progress, the results and errors."""

    def __init__(
        self,
        config: Gimp.ProcedureConfig,
        inputs: InputList,
        engine: EngineNote,
        activity: Activity,
        problem: ProblemBox,
        results: ResultsView,
    ) -> None:
        self.inputs, self.activity = inputs, activity
        self.prompt = PromptBox(config)
        self.form = OptionsForm(config)
        self._config = config
        self._picture = SentPicture()
        self._engine, self._problem, self._results = engine, problem, results
        self._note = WrappingText(characters=56)
        inputs.subject.say = self.say

    def column(self) -> Gtk.Box:
        """Return all widgets in one column; on a small screen the input controls scroll."""
        inputs = Gtk.Box(spacing=8)
        inputs.pack_start(self._picture, False, False, 0)
        inputs.pack_start(self.inputs, True, True, 0)
        controls = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        for part in (inputs, self.prompt, self.form):
            controls.pack_start(part, part is self.prompt, part is self.prompt, 0)
        return scrollable_column(controls, (self._engine, self._note, self.activity, self._problem, self._results))

    def follow(self, draft: Draft | None, message: str) -> None:
        """Show the image and the size that a draft would send, and a message, which may be empty."""
        # The message of the results has the sentence, too.
        self.say(message or ("" if self._results.get_visible() else _addition_note(draft)))
        self._picture.show_draft(draft)
        self.inputs.set_sample_merged(self._config.get_property("sample-merged"))
        self.form.show_plan(draft.task.plan if draft else None)
        self._engine.set_compact(self._results.get_visible() or self._problem.get_visible())
        self._engine.follow(draft)

    def say(self, message: str) -> None:
        """Show a message; hide the label if it is empty."""
        self._note.set_text(message)
        self._note.set_visible(bool(message))

    def begin(self) -> None:
        """Show the progress of an edit instead of earlier results and errors."""
        self.say("")
        self._problem.hide()
        self._results.hide()
        self.activity.begin()
        self.activity.show()

    def end(self, pending: PendingResults | None) -> None:
        """Hide the progress, and show the results that are still pending."""
        self.activity.end()
        self.activity.hide()
        self._results.set_visible(pending is not None)

    def show_results(self, pending: PendingResults, selected: int) -> None:
        """Show the results to choose from."""
        frame = pending.generation.canvas.frame
        self._results.show_results(pending.variations, Size(frame.width, frame.height), selected, pending.message)
        self._results.show()
        self._engine.set_compact(True)

    def hide_results(self) -> None:
        """Hide the results once the user has made a choice."""
        self._results.hide()

    def show_problem(self, error: Event, *, can_retry: bool) -> None:
        """Show an error, with or without Try again."""
        self._problem.show_error(error, can_retry=can_retry)
        self._problem.show()
        self._engine.set_compact(True)


def _addition_note(draft: Draft | None) -> str:
    """Return what is added to the prompt of a draft, as text for the user; "" for nothing."""
    if not draft or not draft.task.prompt_addition:
        return ""
    text = _("{provider} ignores the mask. Added to the prompt: “{sentence}”")
    return text.format(provider=draft.receiver, sentence=draft.task.prompt_addition)
