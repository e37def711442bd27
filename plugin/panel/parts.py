"""The parts of the panel: how they lie in it, and which of them are seen when."""

from __future__ import annotations

from gi.repository import Gimp, Gtk

from lib.frame.geometry import Size
from plugin.edit.draft import Draft
from plugin.panel.form import OptionsForm
from plugin.panel.inputs import Inputs
from plugin.panel.results import ResultsView
from plugin.panel.sent_picture import SentPicture
from plugin.panel.session import Offer
from plugin.ui.activity import Activity
from plugin.ui.engine_note import EngineNote
from plugin.ui.labels import WrappingText
from plugin.ui.layout import scrollable_column
from plugin.ui.problem import ProblemBox
from plugin.ui.prompt_box import PromptBox
from plugin.worker.process import Event


class PanelParts:
    """What is sent, the prompt and the options; below them what happens, and then what came of it."""

    def __init__(
        self,
        config: Gimp.ProcedureConfig,
        inputs: Inputs,
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

    def column(self) -> Gtk.Box:
        """All of them, one below the other; what is asked for scrolls where the screen is small."""
        sent = Gtk.Box(spacing=8)
        sent.pack_start(self._picture, False, False, 0)
        sent.pack_start(self.inputs, True, True, 0)
        asked = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        for part in (sent, self.prompt, self.form):
            asked.pack_start(part, part is self.prompt, part is self.prompt, 0)
        return scrollable_column(asked, (self._engine, self._note, self.activity, self._problem, self._results))

    def follow(self, draft: Draft | None, words: str) -> None:
        """Shows what would be sent, and a sentence, or none."""
        self.say(words)
        self._picture.show_draft(draft)
        self.inputs.set_merged(self._config.get_property("sample-merged"))
        self.form.show_plan(draft.task.plan if draft else None)
        self._engine.be_brief(self._results.get_visible() or self._problem.get_visible())
        self._engine.follow(draft)

    def say(self, words: str) -> None:
        """Shows a sentence, or none."""
        self._note.set_text(words)
        self._note.set_visible(bool(words))

    def begin(self) -> None:
        """An edit is under way."""
        self.say("")
        self._problem.hide()
        self._results.hide()
        self.activity.begin()
        self.activity.show()

    def end(self, offer: Offer | None) -> None:
        """It is no longer; earlier results that are still offered are shown again."""
        self.activity.end()
        self.activity.hide()
        self._results.set_visible(offer is not None)

    def show_results(self, offer: Offer, chosen: int) -> None:
        """Shows the results to choose from."""
        frame = offer.generation.canvas.frame
        self._results.offer(offer.variations, Size(frame.width, frame.height), chosen, offer.words)
        self._results.show()
        self._engine.be_brief(True)

    def hide_results(self) -> None:
        """The choice is made."""
        self._results.hide()

    def show_problem(self, error: Event, *, again: bool) -> None:
        """Shows what went wrong, and whether it can be tried again."""
        self._problem.tell(error, again=again)
        self._problem.show()
        self._engine.be_brief(True)
