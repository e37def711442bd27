"""The edits of one panel: the one that runs, and the results that wait for the user's choice."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from lib.api.text import sentences
from lib.translation import _, ngettext
from plugin.edit.draft import Draft
from plugin.panel.generation import Finished, Generation, Variation
from plugin.pixels.insert import ResultLayers
from plugin.ui.activity import cancelled
from plugin.worker.process import Event
from plugin.worker.workers import Workers


class View(Protocol):
    """The panel, as a session tells it what has happened."""

    def on_progress(self, event: Event) -> None: ...

    def on_results(self, offer: Offer, chosen: int) -> None: ...

    def on_error(self, error: Event) -> None: ...

    def on_idle(self, words: str) -> None: ...


@dataclass
class Offer:
    """Results to choose from; all have the size of the same frame. `generation` is the last one that made some."""

    generation: Generation
    variations: list[Variation] = field(default_factory=list)
    words: str = ""


class Session:
    """One edit after the other. Results that are not chosen yet are kept when the next edit begins."""

    def __init__(self, workers: Workers, view: View) -> None:
        self._workers = workers
        self._view = view
        self.running: Generation | None = None
        self.offer: Offer | None = None

    def generate(self, draft: Draft, beside: Generation | None = None) -> None:
        """Starts an edit; raises EditFailed or OSError where it cannot even be exported."""
        if not beside:
            self.keep()
        self.running = Generation(draft, self._workers.get(), self, beside)
        try:
            self.running.start()
        except BaseException:
            self.running = None
            raise

    def more(self) -> None:
        """The request of the results once more; what comes joins them."""
        if self.offer:
            self.generate(self.offer.generation.draft, self.offer.generation)

    def cancel(self) -> None:
        """Stops the edit that runs."""
        if self.running:
            self.running.cancel()

    def show(self, number: int) -> None:
        """Puts a result on the canvas."""
        if self.offer:
            self.offer.generation.insert(self.offer.variations[number].rgba())

    def keep(self) -> None:
        """Leaves the canvas as it is; the other results stay in the history."""
        if self.offer:
            for variation in self.offer.variations:
                variation.forget()
        self.offer = None

    def keep_all(self) -> None:
        """Makes all results layers of one group, in one undo step, the first visible."""
        if not self.offer:
            return
        look = self.offer.generation.look()
        pictures = [variation.rgba() for variation in self.offer.variations]
        self.offer.generation.canvas.replace_by(ResultLayers(pictures, look.mask, look.name, look.record))
        self.keep()

    def discard(self) -> None:
        """Takes the result off the canvas."""
        if self.offer:
            self.offer.generation.canvas.remove()
        self.keep()

    def on_progress(self, event: Event) -> None:
        """Passed on to the panel."""
        self._view.on_progress(event)

    def on_end(self, finished: Finished) -> None:
        """Offers what came, or says why nothing did."""
        self.running = None
        if finished.error:
            self._view.on_error(finished.error)
        elif finished.cancelled:
            self._view.on_idle(cancelled(finished.generation.job, finished.generation.draft.provider.name))
        else:
            earlier = self.offer.variations if self.offer else []
            self.offer = Offer(finished.generation, [*earlier, *finished.variations], _in_words(finished))
            self._view.on_results(self.offer, len(earlier))


def _in_words(finished: Finished) -> str:
    """What came, what it cost, and what is to be known about it."""
    count = len(finished.variations)
    results = ngettext("{count} result", "{count} results", count).format(count=count)
    return sentences(results + _price(finished.report), *finished.notes)


def _price(report: dict[str, Any]) -> str:
    cost = report["cost"]
    if cost is None:
        return _(", cost not known.")
    return _(", ${cost:.3f}.").format(cost=cost) if cost else "."

