"""Run an extension in the background, from the export to the larger canvas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from gi.repository import Gimp

from lib.frame.geometry import Rect
from lib.translation import _
from plugin.edit.draft import Draft
from plugin.edit.run import JobRun, Listener, insert_done
from plugin.pixels.insert import Place, place_above
from plugin.ui.activity import cancel_message
from plugin.worker.process import Event, Worker


@dataclass(frozen=True)
class ExtendResult:
    """How an extension ended: with an error event, cancelled with a message, or done with notes for the user."""

    error: Event | None = None
    cancel_message: str = ""
    notes: tuple[str, ...] = ()


class ExtendListener(Listener[ExtendResult], Protocol):
    """A listener that also receives previews: raw RGBA pixels of the frame's size."""

    def on_preview(self, rgba: bytes) -> None: ...


class ExtendRun(JobRun[ExtendResult]):
    """The run of one draft. The image is changed only once, at the end, in one undo step."""

    def __init__(self, draft: Draft, worker: Worker, listener: ExtendListener) -> None:
        super().__init__(draft, worker, listener)
        self._extend_listener = listener
        self._canvas = draft.image.get_width(), draft.image.get_height()

    def _preview(self, event: Event) -> None:
        if not event["layer"]:
            return
        path = self.job.path(event["layer"])
        if event["image"] == 0 and not self.was_cancelled:
            self._extend_listener.on_preview(path.read_bytes())
        path.unlink()

    def _done(self, event: Event) -> ExtendResult:
        draft, notes = self.draft, tuple(event["report"]["notes"])
        if self._canvas_is_unchanged():
            edited = None if draft.options.sample_merged or not draft.layers[0].is_valid() else draft.layers[0]
            above = place_above(draft.image, edited, draft.task.plan.frame)
            place = replace(draft.task.place, parent=above.parent, position=above.position)
            insert_done(draft.image, replace(draft.task, place=place), draft.options, self.job, event)
        else:
            self._insert_in_new_image(event)
            note = _("The image was closed or its canvas was resized, so the result is in a new image.")
            notes = (*notes, note)
        Gimp.displays_flush()
        return ExtendResult(notes=notes)

    def _canvas_is_unchanged(self) -> bool:
        image = self.draft.image
        return image.is_valid() and (image.get_width(), image.get_height()) == self._canvas

    def _insert_in_new_image(self, event: Mapping[str, Any]) -> None:
        """Insert the whole frame, without the layer mask that would blend it into the old edge."""
        task, frame = self.draft.task, self.draft.task.plan.frame
        image = Gimp.Image.new(frame.width, frame.height, Gimp.ImageBaseType.RGB)
        place = Place(Rect(0, 0, frame.width, frame.height), None, 0)
        insert_done(image, replace(task, place=place), self.draft.options, self.job, event, masked=False)
        Gimp.Display.new(image)

    def _cancelled(self) -> ExtendResult:
        return ExtendResult(cancel_message=cancel_message(self.job, self.draft.provider.name))

    def _failed(self, error: Event) -> ExtendResult:
        return ExtendResult(error=error)
