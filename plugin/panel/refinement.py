"""The second pass over a result: its tiles are sent one after the other, then blended into a result beside the first.

The first pass stays below the new layer, hidden, so that one undo step brings it back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from lib.jobs import stored_data
from lib.jobs.job import Job
from lib.jobs.stored_data import StoredData
from lib.translation import _, ngettext
from plugin.edit.draft import Draft
from plugin.edit.refine import SecondPass
from plugin.edit.run import JobRun, JobStarter, Listener, error_text, forget_pixels, forget_unsent
from plugin.errors import EditFailed
from plugin.panel.generation import Generation, State, Variation
from plugin.pixels.canvas_layer import Appearance, CanvasLayer
from plugin.ui.activity import cancel_message
from plugin.worker.process import Event
from plugin.worker.workers import Workers


class TileRun(JobRun["TileRun"]):
    """One tile: an edit of its own, whose result waits on disk for the others."""

    def __init__(self, draft: Draft, worker: JobStarter, listener: Listener[TileRun]) -> None:
        super().__init__(draft, worker, listener)
        self.layer: StoredData | None = None
        self.cost: float | None = 0.0
        self.error: Event | None = None
        self._final: Event = {}

    def describe(self) -> dict[str, Any]:
        """Return the tile as the worker blends it."""
        return {"frame": self.draft.task.plan.frame.to_list(), "job": str(self.job.folder), "layer": self.layer}

    def fail(self, error: Event) -> None:
        """End with an error; nothing remains of a tile that was never sent."""
        self.error = error
        self.cost = None if error.get("maybe_billed") else 0.0
        forget_unsent(self.job, error)

    def forget(self, *, inserted: bool) -> None:
        """Delete the pixels, or a job that was never sent; the answer stays in the history."""
        if self._final:
            forget_pixels(self.job, self._final)
            self.job.mark_inserted() if inserted else self.job.mark_notified()
        self.job.release()
        forget_unsent(self.job, {})

    def _preview(self, event: Event) -> None:
        """Show nothing: tiles have no previews."""

    def _done(self, event: Event) -> TileRun:
        self._final = event
        self.layer, self.cost = event["layers"][0], event["report"]["cost"]
        return self

    def _cancelled(self) -> TileRun:
        self.cost = None if self.job.maybe_billed else 0.0
        return self

    def _failed(self, error: Event) -> TileRun:
        self.fail(error)
        return self


class Refinement(Generation):
    """The second pass over the shown result of `previous`, an entry of the window's list like any other edit."""

    def __init__(
        self,
        previous: Generation,
        second: SecondPass,
        workers: Workers,
        listener: Listener[Generation],
        in_order: Sequence[CanvasLayer],
    ) -> None:
        self._base, self._base_report = previous.variations[previous.displayed], previous.report
        super().__init__(previous.draft, workers, listener, previous, in_order, self._base.job)
        self._workers = workers
        self._mask = second.mask
        self._number = _free_number(self.job)
        self._tiles = [TileRun(draft, workers, _TileListener(self)) for draft in second.tiles]
        self._waiting = list(self._tiles)
        self._running: list[TileRun] = []

    @property
    def requests(self) -> int:
        """The number of requests that are sent at once."""
        return min(self.limit, len(self._tiles))

    @property
    def cancelled_text(self) -> str:
        """What became of the tiles that had been sent."""
        if any(tile.layer for tile in self._tiles):
            return _("Cancelled. The result is as it was; the tiles that had arrived are in the history.")
        sent = next((tile.job for tile in self._tiles if tile.job.was_sent), self._tiles[0].job)
        return cancel_message(sent, self.provider_name)

    def export(self) -> None:
        """Write the files of all tiles from the image as it is now; raise EditFailed or OSError."""
        try:
            self._copy_result()
            for tile in self._tiles:
                tile.export()
        except BaseException:
            self.withdraw()
            raise

    def send(self) -> None:
        """Send as many tiles as the provider takes at once, and the others as these end."""
        self.state = State.RUNNING
        self._send_next()

    def cancel(self) -> None:
        """Cancel the tiles that are being sent, and send no more."""
        self.was_cancelled = True
        waiting, self._waiting = self._waiting, []
        for tile in waiting:
            forget_unsent(tile.job, {})
        for tile in list(self._running):
            tile.cancel()

    def withdraw(self) -> None:
        """Cancel while it still waits: nothing of it remains."""
        self.state = State.CANCELLED
        stored_data.delete(self.job, self._layer)
        self._forget_tiles()

    def appearance(self) -> Appearance:
        """Return the layer's name and record, and the mask that the refined layer had."""
        return replace(super().appearance(), mask=self._mask)

    def on_tile_progress(self, event: Event) -> None:
        """Show that the edit goes on, or why a request has to be repeated."""
        if event["event"] == "retry":
            self.progress.follow(event)
        self._listener.on_progress(event)

    def on_tile_end(self, tile: TileRun) -> None:
        """Send the next tile, or blend them after the last."""
        self._running.remove(tile)
        self._send_next()

    def _send_next(self) -> None:
        while self._waiting and len(self._running) < self.requests:
            tile = self._waiting.pop(0)
            try:
                tile.send()
            except EditFailed as error:
                tile.fail({"event": "error", "message": str(error)})
            else:
                self._running.append(tile)
        self._show_progress()
        if not self._running:
            self._blend()

    def _show_progress(self) -> None:
        count = len(self._tiles)
        ended = count - len(self._waiting) - len(self._running)
        text = _("Refining: tile {number} of {count}").format(number=min(ended + 1, count), count=count)
        self.progress.show(text, ended / count)
        self._listener.on_progress({"event": "stage", "name": "request"})

    def _blend(self) -> None:
        """Let the worker blend the tiles that arrived into the result."""
        costs = [tile.cost for tile in self._tiles if tile.job.was_sent]
        total = None if None in costs else sum(cost for cost in costs if cost)
        failed = [tile for tile in self._tiles if tile.error]
        self.report = {"cost": total}
        if self.was_cancelled:
            self._end(State.CANCELLED)
        elif len(failed) == len(self._tiles):
            self.error = failed[0].error
            self._end(State.FAILED)
        else:
            refined = {"tiles": len(self._tiles), "failed": len(failed)}
            self.report = {**self._base_report, "cost": total, "refined": refined}
            self.notes = _notes(failed)
            self._workers.ask(
                "blend-tiles", self._on_blended, job=str(self.job.folder), layer=self._layer,
                frame=self.draft.task.plan.frame.to_list(), tiles=[tile.describe() for tile in self._tiles],
            )  # fmt: skip

    @property
    def _layer(self) -> str:
        """The name of the file with the copied result, then with the refined one."""
        return f"layer-{self._number}.rgba"

    def _copy_result(self) -> None:
        """Copy the result's pixels, as the user may keep or discard it meanwhile; raise OSError."""
        pixels = self._base.pixels()
        self.job.write(self._layer, pixels.rgba)
        if pixels.unclipped and (path := stored_data.unclipped_path(self.job, self._layer)):
            self.job.write(path.name, pixels.unclipped)

    def _on_blended(self, answer: Event) -> None:
        try:
            self._take(answer)
        except Exception as error:  # noqa: BLE001 - the main loop's edge: the window would wait forever
            self.error = self._not_inserted(error)
            self._end(State.FAILED)

    def _take(self, answer: Event) -> None:
        """Show the blended result beside the others, unless it was cancelled meanwhile."""
        if "error" in answer:
            self.error = {"event": "error", **answer["error"]}
            self._end(State.FAILED)
            return
        mask: StoredData | None = None
        if self._base.stored_mask and self._mask:
            mask = f"layer-mask-{self._number}.raw"
            self.job.write(mask, self._mask)
        count = sum(tile.layer is not None for tile in self._tiles)
        refined = Variation(self.job, answer["layer"], {"refined": count}, mask)
        if self.was_cancelled:
            self._end(State.CANCELLED)
            return
        self.notes = [*self.notes, *answer["notes"], *self._changes_during_edit()]
        earlier = self.previous.variations if self.previous else []
        self.variations = [*earlier, refined]
        if not self.canvas.was_removed or not self.canvas.image.is_valid():
            self.show(len(earlier))
        self._end(State.DONE)

    def _end(self, state: State) -> None:
        self.state = state
        if state is not State.DONE:
            stored_data.delete(self.job, self._layer)
        self._forget_tiles(inserted=state is State.DONE)
        self._listener.on_end(self)

    def _forget_tiles(self, *, inserted: bool = False) -> None:
        for tile in self._tiles:
            tile.forget(inserted=inserted)


class _TileListener:
    """Passes on what the worker reports about one tile."""

    def __init__(self, refinement: Refinement) -> None:
        self._refinement = refinement

    def on_progress(self, event: Event) -> None:
        self._refinement.on_tile_progress(event)

    def on_end(self, end: TileRun) -> None:
        self._refinement.on_tile_end(end)


def _free_number(job: Job) -> int:
    """Return the number of a layer that no result of the job has."""
    number = len(list(job.folder.glob("result-*"))) + 1
    while job.path(f"layer-{number}.rgba").exists():
        number += 1
    return number


def _notes(failed: Sequence[TileRun]) -> list[str]:
    """Return why tiles were not refined; the first reason stands for all."""
    if not failed or not failed[0].error:
        return []
    text = ngettext(
        "{count} tile couldn't be refined, and is as it was: {reason}",
        "{count} tiles couldn't be refined, and are as they were: {reason}",
        len(failed),
    )
    return [text.format(count=len(failed), reason=error_text(failed[0].error))]
