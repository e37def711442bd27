"""The edits of one panel: the running one, and the results that wait for the user's choice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from lib.api.text import sentences
from lib.jobs import stored_data
from lib.jobs.job import Job
from lib.translation import _, ngettext
from plugin.edit.draft import Draft
from plugin.panel.generation import Generation, GenerationResult, Variation
from plugin.pixels.insert import ResultLayers
from plugin.ui.activity import cancel_message
from plugin.worker.process import Event
from plugin.worker.workers import Workers


class SessionView(Protocol):
    """The callbacks of a session, which the panel implements."""

    def on_progress(self, event: Event) -> None: ...

    def on_results(self, pending: PendingResults, selected: int) -> None: ...

    def on_error(self, error: Event) -> None: ...

    def on_cancelled(self, message: str) -> None: ...


@dataclass
class PendingResults:
    """Results to choose from, all of the same frame; `generation` is the one that made the latest of them."""

    generation: Generation
    variations: list[Variation] = field(default_factory=list)
    message: str = ""

    def renew(self, job: Job, answer: Event) -> None:
        """Replace the variations of a job by those that the worker has made again."""
        made = iter(zip(answer["layers"], answer["corrections"], answer["layer_masks"], strict=True))
        self.variations = [
            Variation(job, *next(made)) if variation.job is job else variation for variation in self.variations
        ]


class Session:
    """Runs one edit after the other. Starting a new edit keeps the result that is on the canvas."""

    def __init__(self, workers: Workers, view: SessionView) -> None:
        self._workers = workers
        self._view = view
        self.running: Generation | None = None
        self.pending: PendingResults | None = None

    def generate(self, draft: Draft, previous: Generation | None = None) -> None:
        """Start an edit; raise EditFailed or OSError if the export fails."""
        if not previous:
            self.keep()
        self.running = Generation(draft, self._workers.get(), self, previous)
        try:
            self.running.start()
        except BaseException:
            self.running = None
            raise

    def generate_more(self) -> None:
        """Send the request of the pending results again, and add the new results to them."""
        if self.pending:
            self.generate(self.pending.generation.draft, self.pending.generation)

    def cancel(self) -> None:
        """Cancel the running edit."""
        if self.running:
            self.running.cancel()

    def show(self, number: int) -> None:
        """Show a result on the canvas."""
        if self.pending:
            self.pending.generation.insert(self.pending.variations[number])

    def redo(self, number: int, match_colour: str, on_problem: Callable[[str], None]) -> None:
        """Make the pending results of a job again from their saved answer, with colours matched or not.

        Nothing is sent. The panel shows the results again; `on_problem` gets the reason where they can't be made.
        """
        pending = self.pending
        if not pending:
            return
        job = pending.variations[number].job

        def done(answer: Event) -> None:
            if "error" in answer:
                on_problem(sentences(answer["error"]["message"], answer["error"].get("hint")))
                return
            if answer["original"]:
                stored_data.delete(job, answer["original"])
            if pending is not self.pending:
                return
            pending.renew(job, answer)
            self.show(number)
            pending.generation.record_corrections(match_colour, answer["corrections"])
            self._view.on_results(pending, number)

        self._workers.ask("layers", done, job=str(job.folder), corrections={"match_colour": match_colour})

    def keep(self) -> None:
        """Keep the result on the canvas; the others remain in the history."""
        if self.pending:
            for variation in self.pending.variations:
                variation.delete()
        self.pending = None

    def keep_all(self) -> None:
        """Insert all results as layers of one group in one undo step; only the first is visible."""
        if not self.pending:
            return
        appearance = self.pending.generation.appearance()
        pictures = [variation.rgba() for variation in self.pending.variations]
        masks = [variation.mask() for variation in self.pending.variations]
        results = ResultLayers(pictures, appearance.mask, appearance.name, appearance.record, masks)
        self.pending.generation.canvas.replace_by(results)
        self.keep()

    def discard(self) -> None:
        """Remove the result from the canvas."""
        if self.pending:
            self.pending.generation.canvas.remove()
        self.keep()

    def on_progress(self, event: Event) -> None:
        """Pass an event on to the panel."""
        self._view.on_progress(event)

    def on_end(self, result: GenerationResult) -> None:
        """Show the results to choose from, the error, or that the edit was cancelled."""
        self.running = None
        if result.error:
            self._view.on_error(result.error)
        elif result.cancelled:
            self._view.on_cancelled(cancel_message(result.generation.job, result.generation.draft.provider.name))
        else:
            earlier = self.pending.variations if self.pending else []
            self.pending = PendingResults(result.generation, [*earlier, *result.variations], _summary(result))
            self._view.on_results(self.pending, len(earlier))


def _summary(result: GenerationResult) -> str:
    """Return the number of results, their cost, and the notes, as one message."""
    count = len(result.variations)
    results = ngettext("{count} result", "{count} results", count).format(count=count)
    return sentences(results + _cost_suffix(result.report), *result.notes)


def _cost_suffix(report: dict[str, Any]) -> str:
    cost = report["cost"]
    if cost is None:
        return _(", cost unknown.")
    return _(", ${cost:.3f}.").format(cost=cost) if cost else "."
