"""Run one edit in the background, from the export to the results on the canvas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from lib.jobs import stored_data
from lib.jobs.job import FRAME, SELECTION, Job
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
    """One result: raw RGBA pixels of the frame's size, stored until the user has made a choice.

    applied: what was corrected in it; None if nothing is known. stored_mask: its own layer mask, where it has one.
    """

    job: Job
    stored: stored_data.StoredData
    applied: Mapping[str, Any] | None = None
    stored_mask: stored_data.StoredData | None = None

    def rgba(self) -> bytes:
        """Return the pixels; raise OSError if they were deleted."""
        return stored_data.read(self.job, self.stored)

    def mask(self) -> bytes | None:
        """Return its own layer mask; raise OSError if it was deleted."""
        return stored_data.read(self.job, self.stored_mask) if self.stored_mask else None

    def delete(self) -> None:
        """Delete the pixels; the history still has the response that they were made from."""
        stored_data.delete(self.job, self.stored)
        stored_data.delete(self.job, FRAME)
        if self.stored_mask:
            stored_data.delete(self.job, self.stored_mask)


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
        self._is_cut_out = False
        self._selection = selection_state(draft.image)

    def insert(self, variation: Variation) -> None:
        """Show a result on the canvas, in the existing layer or in a new one."""
        mask = variation.mask()
        if self.canvas.is_present:
            self.canvas.show(variation.rgba(), mask)
        else:
            appearance = self.appearance()
            self.canvas.insert(variation.rgba(), replace(appearance, mask=appearance.mask if mask is None else mask))
        self.job.mark_inserted()

    def record_corrections(self, match_colour: str, corrections: list[Any]) -> None:
        """Change the record on the layer after its result was made again in another way."""
        self._report["corrections"] = corrections
        self.draft = replace(self.draft, options=replace(self.draft.options, match_colour=match_colour))
        self.canvas.set_record(self.appearance().record)

    def appearance(self) -> Appearance:
        """Return the layer's name, mask and record; the record is complete once the edit is done."""
        options, task = self.draft.options, self.draft.task
        details = {"provider": options.provider, "model": self.draft.model.name, "size": str(task.plan.size)}
        record = layer_record(options, {**details, "frame": task.plan.frame.to_list(), **self._report}, task.sources)
        name, mask = layer_name(options.request["prompt"]), layer_mask(self.job, self._layer_mask)
        return Appearance(name, mask, record, self._is_cut_out)

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
        corrections = event["report"].get("corrections") or [None] * len(event["layers"])
        masks = event.get("layer_masks") or [None] * len(event["layers"])
        parts = zip(event["layers"], corrections, masks, strict=True)
        variations = [Variation(self.job, *each) for each in parts]
        self._layer_mask = event["layer_mask"]
        self._is_cut_out = event.get("cut_out", False)
        self._report = dict(event["report"])
        notes = [*self._report["notes"], *self._changes_during_edit()]
        if not self.canvas.was_removed or not self.canvas.image.is_valid():
            if self._is_cut_out:
                self.canvas.remove()  # the preview, which has another layer mask
            self.insert(variations[0])
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
        if previous_job.path(FRAME).exists():
            job.write(FRAME, previous_job.path(FRAME).read_bytes())
        pictures = [previous_job.path(name).read_bytes() for name in job_spec["images"]]
        mask = previous_job.path(job_spec["mask"]).read_bytes() if job_spec["mask"] else None
        markup = previous_job.path(job_spec["markup"]).read_bytes() if job_spec["markup"] else None
        return Exported(pictures, mask, job_spec["layer_mask"], markup)

    return replace(task, export=export)
