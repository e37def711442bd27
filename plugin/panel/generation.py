"""One click on Generate: from the export to the results on the canvas, while GIMP and the panel go on working."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from lib.jobs import stored_data
from lib.jobs.job import SELECTION, Job
from lib.translation import _
from plugin.edit.draft import Draft
from plugin.edit.job_run import JobRun, Listener
from plugin.edit.record import layer_record
from plugin.edit.task import Exported, Task, layer_mask
from plugin.panel.sent_picture import selection_state
from plugin.pixels.canvas_layer import Appearance, CanvasLayer
from plugin.pixels.insert import layer_name
from plugin.worker.process import Event, Worker


@dataclass(frozen=True)
class Variation:
    """One result: raw RGBA pixels of the frame's size, kept until the user has chosen."""

    job: Job
    kept: stored_data.StoredData

    def rgba(self) -> bytes:
        """The pixels; raises OSError where they are no longer there."""
        return stored_data.read(self.job, self.kept)

    def forget(self) -> None:
        """Deletes the pixels; the history keeps the answer that they were made from."""
        stored_data.delete(self.job, self.kept)


@dataclass
class Finished:
    """How a generation ended: its results, report and what the user should know of them, or the error's event."""

    generation: Generation
    variations: list[Variation] = field(default_factory=list)
    report: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    error: Event | None = None
    cancelled: bool = False


class Generation(JobRun[Finished]):
    """Runs one draft; `beside` is an earlier generation of the same edit, whose group the result joins."""

    def __init__(
        self, draft: Draft, worker: Worker, listener: Listener[Finished], beside: Generation | None = None
    ) -> None:
        super().__init__(draft, worker, listener)
        self._beside = beside
        edited = None if draft.options.sample_merged else draft.layers[0]
        self.canvas: CanvasLayer = CanvasLayer(draft.image, edited, draft.task.place, beside.canvas if beside else None)
        self._report: dict[str, Any] = {}
        self._layer_mask: stored_data.StoredData | None = None
        self._selection = selection_state(draft.image)

    def insert(self, rgba: bytes) -> None:
        """Puts a result on the canvas: into the layer that is there, or as a new one."""
        if self.canvas.there:
            self.canvas.show(rgba)
        else:
            self.canvas.insert(rgba, self.look())
        self.job.mark_inserted()

    def look(self) -> Appearance:
        """The layer's name, mask and record, with what is known by now."""
        options, task = self.draft.options, self.draft.task
        known = {"provider": options.provider, "model": self.draft.model.name, "size": str(task.plan.size)}
        record = layer_record(options, {**known, "frame": task.plan.frame.to_list(), **self._report}, task.sources)
        return Appearance(layer_name(options.request["prompt"]), layer_mask(self.job, self._layer_mask), record)

    def _task(self) -> Task:
        return _again(self.draft.task, self._beside.job) if self._beside else self.draft.task

    def _preview(self, event: Event) -> None:
        """The first image's previews appear in place; a layer that the user took away is not brought back."""
        path = self.job.path(event["layer"])
        shown = event["image"] == 0 and not self.canvas.was_removed and not self.was_cancelled
        if shown and self.canvas.there:
            self.canvas.show(path.read_bytes())
        elif shown and self.draft.image.is_valid():
            self.canvas.insert(path.read_bytes(), self.look())
        path.unlink()

    def _done(self, event: Event) -> Finished:
        variations = [Variation(self.job, kept) for kept in event["layers"]]
        self._layer_mask = event["layer_mask"]
        self._report = dict(event["report"])
        notes = [*self._report["notes"], *self._meanwhile()]
        if not self.canvas.was_removed or not self.canvas.image.is_valid():
            self.insert(variations[0].rgba())
        return Finished(self, variations, self._report, notes)

    def _meanwhile(self) -> list[str]:
        """What the user changed while the endpoint worked, and where the result is therefore."""
        notes = []
        if not self.canvas.image.is_valid():
            return [_("The image was closed meanwhile, so it is in a new one.")]
        if self.canvas.was_removed:
            notes.append(_("Its layer had been taken away meanwhile: click a result to insert it."))
        elif not self.canvas.there and self.canvas.edited_was_deleted:
            notes.append(_("The layer that was edited was deleted meanwhile, so the result is above all others."))
        if selection_state(self.canvas.image) != self._selection:
            notes.append(_("The selection was changed meanwhile; the result is where the selection had been."))
        return notes

    def _cancelled(self) -> Finished:
        self.canvas.remove()
        return Finished(self, cancelled=True)

    def _failed(self, error: Event) -> Finished:
        self.canvas.remove()
        return Finished(self, error=error)


def _again(task: Task, former: Job) -> Task:
    """The same pictures once more: what is on the canvas by now, the former result too, is not sent."""

    def export(job: Job) -> Exported:
        asked = former.read_json("job.json")
        if former.path(SELECTION).exists():
            job.write(SELECTION, former.path(SELECTION).read_bytes())
        pictures = [former.path(name).read_bytes() for name in asked["images"]]
        mask = former.path(asked["mask"]).read_bytes() if asked["mask"] else None
        return Exported(pictures, mask, asked["layer_mask"])

    return replace(task, export=export)
