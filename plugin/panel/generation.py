"""One edit of the panel: its place in the queue, its run in the background, and its results on the canvas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Any

from lib.frame.geometry import Rect
from lib.jobs import stored_data
from lib.jobs.job import FRAME, PROFILE, SELECTION, UNCLIPPED, Job
from lib.translation import _
from plugin.edit.draft import Draft
from plugin.edit.record import layer_record
from plugin.edit.run import JobRun, JobStarter, Listener, forget_frame, forget_unsent, layer_mask, result_pixels
from plugin.edit.task import Exported, Task
from plugin.pixels.canvas_layer import Appearance, CanvasLayer
from plugin.pixels.colour_space import ResultPixels
from plugin.pixels.insert import ResultLayers, layer_name
from plugin.ui.activity import EditProgress, cancel_message
from plugin.worker.process import Event


@dataclass(frozen=True)
class Variation:
    """One result: pixels of the frame's size, stored until the user has made a choice.

    applied: what was corrected in it; None if nothing is known. stored_mask: its own layer mask, where it has one.
    """

    job: Job
    stored: stored_data.StoredData
    applied: Mapping[str, Any] | None = None
    stored_mask: stored_data.StoredData | None = None

    @property
    def is_refined(self) -> bool:
        """Whether it was made by a second pass."""
        return bool((self.applied or {}).get("refined"))

    def pixels(self) -> ResultPixels:
        """Return the pixels; raise OSError if they were deleted."""
        return result_pixels(self.job, self.stored)

    def mask(self) -> bytes | None:
        """Return its own layer mask; raise OSError if it was deleted."""
        return stored_data.read(self.job, self.stored_mask) if self.stored_mask else None

    def delete(self) -> None:
        """Delete the pixels; the history still has the response that they were made from."""
        stored_data.delete(self.job, self.stored)
        forget_frame(self.job)
        if self.stored_mask:
            stored_data.delete(self.job, self.stored_mask)


class State(Enum):
    """The states of an edit; it waits from its export until the queue sends it."""

    WAITING = auto()
    RUNNING = auto()
    DONE = auto()
    FAILED = auto()
    CANCELLED = auto()


class Generation(JobRun["Generation"]):
    """The run of one draft. With `previous`, a generation of the same edit, the result is added to the same group.

    `in_order` are the canvas layers of the window's edits, in the order in which these were requested. Once it is done,
    `variations` are the results to choose from, also those of `previous`, and `displayed` is the number of the one on
    the canvas.
    """

    def __init__(
        self,
        draft: Draft,
        worker: JobStarter,
        listener: Listener[Generation],
        previous: Generation | None = None,
        in_order: Sequence[CanvasLayer] = (),
        job: Job | None = None,
    ) -> None:
        super().__init__(draft, worker, listener, job)
        self.previous = previous
        self.state = State.WAITING
        self.progress = EditProgress(_("Waiting"))
        self.variations: list[Variation] = []
        self.displayed = 0
        self.report: dict[str, Any] = {}
        self.notes: list[str] = []
        self.error: Event | None = None
        edited = None if draft.options.sample_merged else draft.layers[0]
        previous_layer = previous.canvas if previous else None
        self.canvas: CanvasLayer = CanvasLayer(draft.image, edited, draft.task.place, previous_layer, in_order)
        self.selected_area = _selected_area(draft)
        self._layer_mask: stored_data.StoredData | None = None
        self._is_cut_out = False

    @property
    def prompt(self) -> str:
        """The prompt, on one line and shortened."""
        return layer_name(self.draft.options.request["prompt"])

    @property
    def provider_name(self) -> str:
        """The name of the provider."""
        return self.draft.provider.name

    @property
    def requests(self) -> int:
        """The number of requests that are sent at once: one, or one for each result."""
        request = self.draft.options.request
        return 1 if self.draft.provider.supports_n and not request.get("stream") else request.get("n") or 1

    @property
    def limit(self) -> int:
        """The number of requests that the provider gets at the same time."""
        return self.draft.provider.concurrency

    @property
    def is_unfinished(self) -> bool:
        """Whether the edit waits or runs."""
        return self.state in (State.WAITING, State.RUNNING)

    @property
    def cancelled_text(self) -> str:
        """What became of an edit that was cancelled."""
        return cancel_message(self.job, self.provider_name)

    def send(self) -> None:
        """Let the worker send the exported job; raise EditFailed."""
        self.state, self.progress = State.RUNNING, EditProgress(_("Starting"))
        super().send()

    def withdraw(self) -> None:
        """Cancel an edit that still waits: nothing of it remains."""
        self.state = State.CANCELLED
        forget_unsent(self.job, {})

    def fail(self, error: Event) -> None:
        """End with an error; nothing remains of an edit that was never sent."""
        self.state, self.error = State.FAILED, error
        forget_unsent(self.job, error)

    def show(self, number: int) -> None:
        """Show a result on the canvas, in the existing layer or in a new one; raise OSError if it was deleted."""
        variation = self.variations[number]
        mask = variation.mask()
        if self.canvas.is_present:
            self.canvas.show(variation.pixels(), mask)
        else:
            appearance = self.appearance()
            self.canvas.insert(variation.pixels(), replace(appearance, mask=appearance.mask if mask is None else mask))
        self.job.mark_inserted()
        self.displayed = number

    def renew(self, job: Job, match_colour: str, answer: Event) -> None:
        """Replace the results of a job by those that the worker has made again, with colours matched or not."""
        made = iter(zip(answer["layers"], answer["corrections"], answer["layer_masks"], strict=True))
        self.variations = [
            Variation(job, *next(made)) if variation.job is job and not variation.is_refined else variation
            for variation in self.variations
        ]
        self.show(self.displayed)
        self.report["corrections"] = answer["corrections"]
        self.draft = replace(self.draft, options=replace(self.draft.options, match_colour=match_colour))
        self.canvas.set_record(self.appearance().record)

    def keep(self) -> None:
        """Keep the result on the canvas; the others remain in the history."""
        for variation in self.variations:
            variation.delete()
        self.variations = []

    def keep_all(self) -> None:
        """Insert all results as layers of one group in one undo step; only the first is visible."""
        appearance = self.appearance()
        pictures = [variation.pixels() for variation in self.variations]
        masks = [variation.mask() for variation in self.variations]
        self.canvas.replace_by(ResultLayers(pictures, appearance.mask, appearance.name, appearance.record, masks))
        self.keep()

    def discard(self) -> None:
        """Remove the result from the canvas; it remains in the history."""
        self.canvas.remove()
        self.keep()

    def appearance(self) -> Appearance:
        """Return the layer's name, mask and record; the record is complete once the edit is done."""
        options, task = self.draft.options, self.draft.task
        details = {"provider": options.provider, "model": self.draft.model.name, "size": str(task.plan.size)}
        record = layer_record(options, {**details, "frame": task.plan.frame.to_list(), **self.report}, task.sources)
        return Appearance(self.prompt, layer_mask(self.job, self._layer_mask), record, self._is_cut_out)

    def _report(self, event: Event) -> None:
        if self.state is State.RUNNING:
            self.progress.follow(event)
        super()._report(event)

    def _task(self) -> Task:
        return _resend(self.draft.task, self.previous.job) if self.previous else self.draft.task

    def _preview(self, event: Event) -> None:
        """Show a preview of the first image, unless the user has removed its layer."""
        path = self.job.path(event["layer"])
        visible = event["image"] == 0 and not self.canvas.was_removed and not self.was_cancelled
        if visible and self.canvas.is_present:
            self.canvas.show(result_pixels(self.job, event["layer"]))
        elif visible and self.draft.image.is_valid():
            self.canvas.insert(result_pixels(self.job, event["layer"]), self.appearance())
        path.unlink()

    def _done(self, event: Event) -> Generation:
        earlier = self.previous.variations if self.previous else []
        self._layer_mask = event["layer_mask"]
        self._is_cut_out = event.get("cut_out", False)
        self.report = dict(event["report"])
        self.notes = [*self.report["notes"], *self._changes_during_edit()]
        corrections = self.report.get("corrections") or [None] * len(event["layers"])
        masks = event.get("layer_masks") or [None] * len(event["layers"])
        parts = zip(event["layers"], corrections, masks, strict=True)
        self.variations = [*earlier, *(Variation(self.job, *each) for each in parts)]
        if not self.canvas.was_removed or not self.canvas.image.is_valid():
            if self._is_cut_out:
                self.canvas.remove()  # the preview, which has another layer mask
            self.show(len(earlier))
        self.state = State.DONE
        return self

    def _changes_during_edit(self) -> list[str]:
        """Return notes on the user's changes during the edit and on where the result was put."""
        if not self.canvas.image.is_valid():
            return [_("The image was closed during the edit, so the result is in a new image.")]
        if self.canvas.was_removed:
            return [_("The layer of the result was removed during the edit. Click a result to insert it.")]
        if not self.canvas.is_present and self.canvas.edited_was_deleted:
            return [_("The edited layer was deleted, so the result is above all other layers.")]
        return []

    def _cancelled(self) -> Generation:
        self.canvas.remove()
        self.state = State.CANCELLED
        return self

    def _failed(self, error: Event) -> Generation:
        self.canvas.remove()
        self.fail(error)
        return self


def _selected_area(draft: Draft) -> Rect:
    """Return the selected part of the frame, in coordinates of the frame; all of it without a selection."""
    frame, selection = draft.task.plan.frame, draft.task.selection
    bounds = selection.bounds if selection else None
    selected = bounds.intersect(frame) if bounds else frame
    return (frame if selected.empty else selected).translate(-frame.x, -frame.y)


def _resend(task: Task, previous_job: Job) -> Task:
    """Return a task that sends the previous job's pictures and mask again, not the canvas as it is now."""

    def export(job: Job) -> Exported:
        job_spec = previous_job.read_json("job.json")
        for name in (SELECTION, FRAME, UNCLIPPED, PROFILE):
            if previous_job.path(name).exists():
                job.write(name, previous_job.path(name).read_bytes())
        pictures = [previous_job.path(name).read_bytes() for name in job_spec["images"]]
        mask = previous_job.path(job_spec["mask"]).read_bytes() if job_spec["mask"] else None
        markup = previous_job.path(job_spec["markup"]).read_bytes() if job_spec["markup"] else None
        avoid = previous_job.path(job_spec["avoid"]).read_bytes() if job_spec["avoid"] else None
        return Exported(pictures, mask, job_spec["layer_mask"], markup, avoid)

    return replace(task, export=export)
