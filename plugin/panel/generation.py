"""One click on Generate: from the export to the results on the canvas, while GIMP and the panel go on working."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from gi.repository import Gegl

from lib import rescue
from lib.job import SELECTION, Job
from lib.translation import _
from plugin.canvas_layer import Appearance, CanvasLayer
from plugin.insert import layer_name
from plugin.panel.draft import Draft
from plugin.panel.sent_picture import selection_state
from plugin.procedure_parts import of_a_file
from plugin.task import Exported, Task, forget_pixels, forget_unsent, record_of, write_job
from plugin.worker_process import FINAL, Event, Worker


@dataclass(frozen=True)
class Variation:
    """One result: raw RGBA pixels of the frame's size, kept until the user has chosen."""

    job: Job
    kept: rescue.Kept

    def rgba(self) -> bytes:
        """The pixels; raises OSError where they are no longer there."""
        return rescue.data_of(self.job, self.kept)

    def forget(self) -> None:
        """Deletes the pixels; the history keeps the answer that they were made from."""
        rescue.forget(self.job, self.kept)


@dataclass
class Finished:
    """How a generation ended: its results, report and what the user should know of them, or the error's event."""

    generation: Generation
    variations: list[Variation] = field(default_factory=list)
    report: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    error: Event | None = None
    cancelled: bool = False


class Listener(Protocol):
    """Whoever is told of a generation's progress and of its end."""

    def on_progress(self, event: Event) -> None: ...

    def on_end(self, finished: Finished) -> None: ...


class Generation:
    """Runs one draft; `beside` is an earlier generation of the same edit, whose group the result joins."""

    def __init__(
        self, draft: Draft, worker: Worker, listener: Listener, beside: Generation | None = None
    ) -> None:
        self.draft = draft
        self.job = Job.new()
        self._worker = worker
        self._listener = listener
        edited = None if draft.options.sample_merged else draft.layers[0]
        canvas = CanvasLayer(draft.image, edited, draft.task.place.frame, beside.canvas if beside else None)
        self.canvas = canvas
        self._task = _again(draft.task, beside.job) if beside else draft.task
        self._was_cancelled = False
        self._report: dict[str, Any] = {}
        self._layer_mask: rescue.Kept | None = None
        self._selection = selection_state(draft.image)

    def start(self) -> None:
        """Exports, then sends; what happens next is told to the listener. Raises EditFailed or OSError."""
        self._listener.on_progress({"event": "stage", "name": "export"})
        Gegl.init(None)
        try:
            write_job(self.job, self._task, self.draft.options, interactive=True)
        except BaseException:
            forget_unsent(self.job)
            raise
        self._worker.start(self.job, self._heard)

    def cancel(self) -> None:
        """Stops it; the listener is told of the end within half a second."""
        self._was_cancelled = True
        self._worker.cancel(self.job)

    def insert(self, rgba: bytes) -> None:
        """Puts a result on the canvas: into the layer that is there, or as a new one."""
        if self.canvas.there:
            self.canvas.show(rgba)
        else:
            self.canvas.insert(rgba, self.look())
        self.job.mark_inserted()

    def look(self) -> Appearance:
        """The layer's name, mask and record, with what is known by now."""
        options, plan = self.draft.options, self._task.plan
        known = {"provider": options.provider, "model": self.draft.model.name, "size": str(plan.size)}
        record = record_of(options, {**known, "frame": plan.frame.to_list(), **self._report}, self._task.sources)
        return Appearance(layer_name(options.request["prompt"]), self._mask(), record)

    def _heard(self, event: Event) -> None:
        if event["event"] == "partial":
            self._preview(event)
        if event["event"] not in FINAL:
            self._listener.on_progress(event)
            return
        try:
            # An answer that comes after a cancel is not wanted any more.
            wanted = event["event"] == "done" and not self._was_cancelled
            finished = self._done(event) if wanted else self._stopped(event)
        except OSError as error:
            finished = Finished(self, error={"event": "error", "message": of_a_file(error)})
        forget_unsent(self.job)
        self._listener.on_end(finished)

    def _preview(self, event: Event) -> None:
        """The first image's previews appear in place; a layer that the user took away is not brought back."""
        path = self.job.path(event["layer"])
        shown = event["image"] == 0 and not self.canvas.was_removed and not self._was_cancelled
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

    def _stopped(self, event: Event) -> Finished:
        self.job.mark_told()
        self.canvas.remove()
        forget_pixels(self.job, event)
        # A worker that was killed after the cancel has ended as it was told.
        if self._was_cancelled or event["event"] == "cancelled":
            return Finished(self, cancelled=True)
        return Finished(self, error=event)

    def _mask(self) -> bytes | None:
        """The layer mask that was asked for; else the selection as it was exported, which may be another one by now."""
        if self._layer_mask:
            return rescue.data_of(self.job, self._layer_mask)
        path = self.job.path(SELECTION)
        return path.read_bytes() if path.exists() else None


def _again(task: Task, former: Job) -> Task:
    """The same pictures once more: what is on the canvas by now, the former result too, is not sent."""

    def export(job: Job) -> Exported:
        asked = former.read_json("job.json")
        if former.path(SELECTION).exists():
            job.write(SELECTION, former.path(SELECTION).read_bytes())
        pictures = [former.path(name).read_bytes() for name in asked["images"]]
        mask = former.path(asked["mask"]).read_bytes() if asked["mask"] else None
        return Exported(pictures, mask, asked["layer_mask"])

    return Task(task.plan, task.place, export, task.sources)
