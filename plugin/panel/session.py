"""The edits of one panel, in the order in which they were requested: those that wait, run, or are done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from lib.api.text import sentences
from lib.jobs import stored_data
from plugin.edit.draft import Draft
from plugin.edit.refine import SecondPass
from plugin.errors import EditFailed
from plugin.panel.generation import Generation, State
from plugin.panel.queue import ready_to_start
from plugin.panel.refinement import Refinement
from plugin.pixels.canvas_layer import CanvasLayer
from plugin.worker.process import Event
from plugin.worker.workers import Workers

_MOST_FINISHED = 12  # of older ones the result on the canvas is kept, as their pixels take much disk space


class SessionView(Protocol):
    """The callbacks of a session, which the panel implements."""

    def on_edits(self) -> None: ...

    def on_end(self, edit: Generation, message: str) -> None: ...


class Session:
    """The queue of a window and the results that wait for the user's choice; `selected` is the edit that is shown."""

    def __init__(self, workers: Workers, view: SessionView) -> None:
        self._workers = workers
        self._view = view
        self._canvas_layers: list[CanvasLayer] = []
        self.dollars = 0.0  # what the edits have cost, as far as that is known
        self.edits: list[Generation] = []
        self.selected: Generation | None = None

    @property
    def unfinished(self) -> list[Generation]:
        """The edits that wait or run."""
        return [edit for edit in self.edits if edit.is_unfinished]

    def add(self, draft: Draft, previous: Generation | None = None) -> None:
        """Export an edit as the image is now, and queue it; raise EditFailed or OSError if the export fails."""
        self._workers.get()  # its imports overlap with the export
        self._queue(Generation(draft, self._workers, self, previous, self._canvas_layers), previous)

    def refine(self, edit: Generation, second: SecondPass) -> None:
        """Export the tiles that refine the shown result of an edit, and queue them; raise EditFailed or OSError."""
        self._workers.get()
        self._queue(Refinement(edit, second, self._workers, self, self._canvas_layers), edit)

    def _queue(self, edit: Generation, previous: Generation | None) -> None:
        edit.export()
        self._canvas_layers.append(edit.canvas)
        self.edits.append(edit)
        self.selected = previous
        finished = [each for each in self.edits if not each.is_unfinished and each is not previous]
        for old in finished[:-_MOST_FINISHED]:
            self._remove(old)
            old.keep()
        self._start_ready()
        self._view.on_edits()

    def may_add_to(self, edit: Generation) -> bool:
        """Return whether more results of an edit can be requested: it is done, and no more are pending."""
        return edit.state is State.DONE and all(each.previous is not edit for each in self.unfinished)

    def cancel(self, edit: Generation) -> None:
        """Cancel an edit that waits or runs."""
        if edit.state is State.WAITING:
            edit.withdraw()
            self.on_end(edit)
        elif edit.state is State.RUNNING:
            edit.cancel()

    def redo(self, edit: Generation, number: int, match_colour: str, on_problem: Callable[[str], None]) -> None:
        """Make an edit's results of a job again from their saved answer, with colours matched or not.

        Nothing is sent. The panel shows the results again; `on_problem` gets the reason where they can't be made.
        """
        job = edit.variations[number].job

        def done(answer: Event) -> None:
            if "error" in answer:
                on_problem(sentences(answer["error"]["message"], answer["error"].get("hint")))
                return
            if answer["original"]:
                stored_data.delete(job, answer["original"])
            if edit not in self.edits:
                return
            edit.renew(job, match_colour, answer)
            self._view.on_edits()

        self._workers.ask("layers", done, job=str(job.folder), corrections={"match_colour": match_colour})

    def finish(self, edit: Generation) -> None:
        """Take an edit off the list, once the user has made a choice, and show the next one to choose from."""
        self._remove(edit)
        self.selected = self.selected or next((each for each in self.edits if each.state is State.DONE), None)
        self._view.on_edits()

    def close(self) -> None:
        """Cancel what waits or runs, without its preview on the canvas, and keep the results on the canvas."""
        for edit in self.edits:
            if edit.is_unfinished:
                self.cancel(edit)
                edit.canvas.remove()
            else:
                edit.keep()

    def on_progress(self, _event: Event) -> None:
        """Show how far the edits are."""
        self._view.on_edits()

    def on_end(self, end: Generation) -> None:
        """Show the results or the error of an edit, unless the user is looking at others; start the next edits."""
        self.dollars += end.report.get("cost") or 0.0
        message = ""
        if end.state is State.CANCELLED:
            message = end.cancelled_text
            self._remove(end)
        else:
            if end.previous in self.edits and end.state is State.DONE:
                self._remove(end.previous)
            if self.selected is None or self.selected.is_unfinished:
                self.selected = end
        self._start_ready()
        self._view.on_end(end, message)

    def _remove(self, edit: Generation | None) -> None:
        self.edits = [each for each in self.edits if each is not edit]
        if self.selected is edit:
            self.selected = None

    def _start_ready(self) -> None:
        waiting = [edit for edit in self.edits if edit.state is State.WAITING]
        running = [edit for edit in self.edits if edit.state is State.RUNNING]
        for edit in ready_to_start(waiting, running):
            try:
                edit.send()
            except EditFailed as error:
                edit.fail({"event": "error", "message": str(error)})
                self._view.on_end(edit, "")
