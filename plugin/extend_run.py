"""One click on Extend: from the export to the larger canvas, while GIMP and the dialog go on working."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from gi.repository import Gegl, Gimp

from lib import rescue
from lib.geometry import Rect
from lib.job import Job
from lib.translation import _
from plugin.insert import Place, place_above
from plugin.panel.activity import cancelled
from plugin.panel.draft import Draft
from plugin.procedure_parts import of_a_file
from plugin.task import forget_pixels, forget_unsent, insert_done, write_job
from plugin.worker_process import FINAL, Event, Worker


@dataclass(frozen=True)
class Ended:
    """How it ended: with an error's event, cancelled (in words), or done; `notes` is what the user should know."""

    error: Event | None = None
    cancelled: str = ""
    notes: tuple[str, ...] = ()


class Listener(Protocol):
    """Whoever is told of the progress, of previews (raw RGBA of the frame's size) and of the end."""

    def on_progress(self, event: Event) -> None: ...

    def on_preview(self, rgba: bytes) -> None: ...

    def on_end(self, ended: Ended) -> None: ...


class Extending:
    """Runs one draft. The image is touched when all is there, in one undo step."""

    def __init__(self, draft: Draft, worker: Worker, listener: Listener) -> None:
        self._draft = draft
        self._worker = worker
        self._listener = listener
        self._job = Job.new()
        self._canvas = draft.image.get_width(), draft.image.get_height()
        self._was_cancelled = False

    def start(self) -> None:
        """Exports, then sends; what happens next is told to the listener. Raises EditFailed or OSError."""
        self._listener.on_progress({"event": "stage", "name": "export"})
        Gegl.init(None)
        try:
            write_job(self._job, self._draft.task, self._draft.options, interactive=True)
        except BaseException:
            forget_unsent(self._job)
            raise
        self._worker.start(self._job, self._heard)

    def cancel(self) -> None:
        """Stops it; the listener is told of the end within half a second."""
        self._was_cancelled = True
        self._worker.cancel(self._job)

    def _heard(self, event: Event) -> None:
        if event["event"] == "partial":
            self._preview(event)
        if event["event"] not in FINAL:
            self._listener.on_progress(event)
            return
        try:
            # An answer that comes after a cancel is not wanted any more.
            wanted = event["event"] == "done" and not self._was_cancelled
            ended = self._done(event) if wanted else self._stopped(event)
        except OSError as error:
            ended = Ended(error={"event": "error", "message": of_a_file(error)})
        forget_unsent(self._job)
        self._listener.on_end(ended)

    def _preview(self, event: Event) -> None:
        if not event["layer"]:
            return
        path = self._job.path(event["layer"])
        if event["image"] == 0 and not self._was_cancelled:
            self._listener.on_preview(path.read_bytes())
        path.unlink()

    def _done(self, event: Event) -> Ended:
        draft, notes = self._draft, tuple(event["report"]["notes"])
        if self._is_as_it_was():
            edited = None if draft.options.sample_merged or not draft.layers[0].is_valid() else draft.layers[0]
            above = place_above(draft.image, edited, draft.task.plan.frame)
            place = replace(draft.task.place, parent=above.parent, position=above.position)
            insert_done(draft.image, replace(draft.task, place=place), draft.options, self._job, event)
        else:
            self._insert_in_new_image(event)
            told = _("The image was closed or its canvas was changed meanwhile, so the result is in a new image.")
            notes = (*notes, told)
        Gimp.displays_flush()
        return Ended(notes=notes)

    def _is_as_it_was(self) -> bool:
        image = self._draft.image
        return image.is_valid() and (image.get_width(), image.get_height()) == self._canvas

    def _insert_in_new_image(self, event: Mapping[str, Any]) -> None:
        """The whole frame, without the mask that would blend it into an edge."""
        task, frame = self._draft.task, self._draft.task.plan.frame
        image = Gimp.Image.new(frame.width, frame.height, Gimp.ImageBaseType.RGB)
        place = Place(Rect(0, 0, frame.width, frame.height), None, 0)
        unmasked = {**event, "layer_mask": None}
        insert_done(image, replace(task, place=place), self._draft.options, self._job, unmasked)
        if event["layer_mask"]:
            rescue.forget(self._job, event["layer_mask"])
        Gimp.Display.new(image)

    def _stopped(self, event: Event) -> Ended:
        self._job.mark_told()
        forget_pixels(self._job, event)
        # A worker that was killed after the cancel has ended as it was told.
        if self._was_cancelled or event["event"] == "cancelled":
            return Ended(cancelled=cancelled(self._job))
        return Ended(error=event)
