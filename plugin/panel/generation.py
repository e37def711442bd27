"""Run one edit in the background, from the export to the results on the canvas."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from lib.jobs import stored_data
from lib.jobs.job import SELECTION, Job
from lib.translation import _
from plugin.edit.draft import Draft
from plugin.edit.record import layer_record
from plugin.edit.run import JobRun, Listener, layer_mask
from plugin.edit.task import Exported, Task
from plugin.panel.sent_picture import selection_state
from plugin.pixels.canvas_layer import Appearance, CanvasLayer
from plugin.pixels.insert import layer_name
from plugin.worker.process import Event, Worker


@dataclass(frozen=True)
class Variation:
    """One result: raw RGBA pixels of the frame's size, stored until the user has made a choice."""

    job: Job
    stored: stored_data.StoredData

    def rgba(self) -> bytes:
        """Return the pixels; raise OSError if they were deleted."""
        return stored_data.read(self.job, self.stored)

    def delete(self) -> None:
        """Delete the pixels; the history still has the response that they were made from."""
        stored_data.delete(self.job, self.stored)


@dataclass
class GenerationResult:
    """How a generation ended: with variations, a report and notes for the user, with an error event, or cancelled."""

    generation: Generation
    variations: list[Variation] = field(default_factory=list)
    report: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    error: Event | None = None
    cancelled: bool = False


class Generation(JobRun[GenerationResult]):
    """The run of one draft. With `previous`, a generation of the same edit, the result is added to the same group."""

    def __init__(
        self, draft: Draft, worker: Worker, listener: Listener[GenerationResult], previous: Generation | None = None
    ) -> None:
        super().__init__(draft, worker, listener)
        self._previous = previous
        edited = None if draft.options.sample_merged else draft.layers[0]
        previous_layer = previous.canvas if previous else None
        self.canvas: CanvasLayer = CanvasLayer(draft.image, edited, draft.task.place, previous_layer)
        self._report: dict[str, Any] = {}
        self._layer_mask: stored_data.StoredData | None = None
        self._selection = selection_state(draft.image)

    def insert(self, rgba: bytes) -> None:
        """Show a result on the canvas, in the existing layer or in a new one."""
        if self.canvas.is_present:
            self.canvas.show(rgba)
        else:
            self.canvas.insert(rgba, self.appearance())
        self.job.mark_inserted()

    def appearance(self) -> Appearance:
        """Return the layer's name, mask and record; the record is complete once the edit is done."""
        options, task = self.draft.options, self.draft.task
        details = {"provider": options.provider, "model": self.draft.model.name, "size": str(task.plan.size)}
        record = layer_record(options, {**details, "frame": task.plan.frame.to_list(), **self._report}, task.sources)
        return Appearance(layer_name(options.request["prompt"]), layer_mask(self.job, self._layer_mask), record)

    def _task(self) -> Task:
        return _resend(self.draft.task, self._previous.job) if self._previous else self.draft.task

    def _preview(self, event: Event) -> None:
        """Show a preview of the first image, unless the user has removed its layer."""
        path = self.job.path(event["layer"])
        visible = event["image"] == 0 and not self.canvas.was_removed and not self.was_cancelled
        if visible and self.canvas.is_present:
            self.canvas.show(path.read_bytes())
        elif visible and self.draft.image.is_valid():
            self.canvas.insert(path.read_bytes(), self.appearance())
        path.unlink()

    def _done(self, event: Event) -> GenerationResult:
        variations = [Variation(self.job, stored) for stored in event["layers"]]
        self._layer_mask = event["layer_mask"]
        self._report = dict(event["report"])
        notes = [*self._report["notes"], *self._changes_during_edit()]
        if not self.canvas.was_removed or not self.canvas.image.is_valid():
            self.insert(variations[0].rgba())
        return GenerationResult(self, variations, self._report, notes)

    def _changes_during_edit(self) -> list[str]:
        """Return notes on the user's changes during the edit and on where the result was put."""
        notes = []
        if not self.canvas.image.is_valid():
            return [_("The image was closed during the edit, so the result is in a new image.")]
        if self.canvas.was_removed:
            notes.append(_("The layer of the result was removed during the edit. Click a result to insert it."))
        elif not self.canvas.is_present and self.canvas.edited_was_deleted:
            notes.append(_("The edited layer was deleted, so the result is above all other layers."))
        if selection_state(self.canvas.image) != self._selection:
            notes.append(_("The selection was changed during the edit. The result is at the original selection."))
        return notes

    def _cancelled(self) -> GenerationResult:
        self.canvas.remove()
        return GenerationResult(self, cancelled=True)

    def _failed(self, error: Event) -> GenerationResult:
        self.canvas.remove()
        return GenerationResult(self, error=error)


def _resend(task: Task, previous_job: Job) -> Task:
    """Return a task that sends the previous job's pictures and mask again, not the canvas as it is now."""

    def export(job: Job) -> Exported:
        job_spec = previous_job.read_json("job.json")
        if previous_job.path(SELECTION).exists():
            job.write(SELECTION, previous_job.path(SELECTION).read_bytes())
        pictures = [previous_job.path(name).read_bytes() for name in job_spec["images"]]
        mask = previous_job.path(job_spec["mask"]).read_bytes() if job_spec["mask"] else None
        return Exported(pictures, mask, job_spec["layer_mask"])

    return replace(task, export=export)
