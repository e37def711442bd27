"""The widgets of the panel and their layout: the next edit above, and below it the edits that were requested.

Progress, results and errors have areas of fixed size, so that nothing moves when they come.
"""

from __future__ import annotations

from gi.repository import Gimp, Gtk

from lib.translation import _
from plugin.edit.draft import Draft
from plugin.panel.edit_list import EditList
from plugin.panel.form import OptionsForm
from plugin.panel.generation import Generation, State
from plugin.panel.inputs import InputList
from plugin.panel.results import ResultsView
from plugin.panel.sent_picture import SentPicture
from plugin.panel.session import Session
from plugin.ui.engine_note import EngineNote
from plugin.ui.group import Group
from plugin.ui.labels import FixedText, wrapped_label
from plugin.ui.layout import scrolling
from plugin.ui.problem import ProblemBox
from plugin.ui.prompt_box import PromptBox

_MIN_HEIGHT = 92


class PanelParts:
    """The prompt and the options; below them a message, the list of edits, and the results or the error of one."""

    def __init__(
        self,
        config: Gimp.ProcedureConfig,
        inputs: InputList,
        engine: EngineNote,
        edits: EditList,
        problem: ProblemBox,
        results: ResultsView,
    ) -> None:
        self.inputs = inputs
        self.prompt = PromptBox(config)
        self.form = OptionsForm(config)
        self._config = config
        self._picture = SentPicture()
        self._engine, self._edits, self._problem, self.results = engine, edits, problem, results
        self._note = FixedText(lines=2)
        self._notes = Gtk.Stack()
        self._details = Gtk.Stack()
        self._requested = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        self._has_edits = False
        self._scroller = scrolling(_MIN_HEIGHT)

    def column(self) -> Gtk.Box:
        """Return all widgets in one column; the options scroll where the screen is not tall enough."""
        column = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        column.pack_start(self.prompt, False, False, 0)
        self._fill_options()
        column.pack_start(self._scroller, True, True, 0)
        engine = Gtk.Box()
        engine.pack_start(self._engine, True, True, 0)
        for name, note in (("note", self._note), ("engine", engine)):
            self._notes.add_named(note, name)
        hint = wrapped_label(_("The results of an edit are shown here."), characters=44)
        hint.set_xalign(0.5)
        for name, page in (("hint", hint), ("results", self.results), ("problem", self._problem)):
            self._details.add_named(page, name)
        self._requested.pack_start(self._edits, False, False, 0)
        self._requested.pack_start(self._details, False, False, 0)
        column.pack_start(self._notes, False, False, 0)
        column.pack_start(self._requested, False, False, 0)
        column.show_all()
        self._engine.set_no_show_all(True)
        return column

    def follow(self, draft: Draft | None, message: str) -> None:
        """Show the image and the size that a draft would send, and a message, which may be empty."""
        self.say(message)
        self._picture.show_draft(draft)
        self.inputs.set_sample_merged(self._config.get_property("sample-merged"))
        self.form.show_plan(draft.task.plan if draft else None)
        self._engine.follow(draft)

    def say(self, message: str) -> None:
        """Show a message; without one, the note on the engine."""
        self._note.set_text(message)
        self._notes.set_visible_child_name("note" if message and not self._engine.refuses else "engine")

    def give_way(self) -> None:
        """Leave the place of the edits to the options while there are no edits."""
        self._requested.set_visible(self._has_edits)
        # A bar that comes would move the options.
        self._scroller.set_policy(Gtk.PolicyType.NEVER, Gtk.PolicyType.ALWAYS)

    def show_session(self, session: Session) -> None:
        """Show the edits, and the results or the error of the selected one."""
        if session.edits:
            self._has_edits = True
            self._requested.show()
        self._edits.show_edits(session.edits, session.selected)
        selected = session.selected
        if selected and selected.state is State.DONE:
            self.results.show_edit(selected, can_add=session.may_add_to(selected))
        elif selected and selected.error:
            self._problem.show_error(selected.error, can_retry=selected.draft.image.is_valid())
        self._details.set_visible_child_name(_page(selected))

    def stop(self) -> None:
        """Stop the clocks."""
        self._edits.stop()

    def _fill_options(self) -> None:
        images = Gtk.Box(spacing=8)
        images.pack_start(self._picture, False, False, 0)
        images.pack_start(self.inputs, True, True, 0)
        options = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        options.pack_start(self.form, False, False, 0)
        self.form.add_group(Group("images", _("Images to send"), images))
        self._scroller.add(options)


def _page(edit: Generation | None) -> str:
    if edit is None or edit.is_unfinished:
        return "hint"
    return "results" if edit.state is State.DONE else "problem"
