"""One click on Extend: from the export to the larger canvas, while GIMP and the dialog go on working."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from gi.repository import Gimp

from lib.frame.geometry import Rect
from lib.translation import _
from plugin.edit.draft import Draft
from plugin.edit.job_run import JobRun, Listener
from plugin.edit.task import insert_done
from plugin.pixels.insert import Place, place_above
from plugin.ui.activity import cancelled
from plugin.worker.process import Event, Worker


@dataclass(frozen=True)
class Ended:
    """How it ended: with an error's event, cancelled (in words), or done; `notes` is what the user should know."""

    error: Event | None = None
    cancelled: str = ""
    notes: tuple[str, ...] = ()


class ExtensionListener(Listener[Ended], Protocol):
    """Whoever is told of the progress, of previews (raw RGBA of the frame's size) and of the end."""

    def on_preview(self, rgba: bytes) -> None: ...


class Extending(JobRun[Ended]):
    """Runs one draft. The image is touched when all is there, in one undo step."""

    def __init__(self, draft: Draft, worker: Worker, watcher: ExtensionListener) -> None:
        super().__init__(draft, worker, watcher)
        self._watcher = watcher
        self._canvas = draft.image.get_width(), draft.image.get_height()

    def _preview(self, event: Event) -> None:
        if not event["layer"]:
            return
        path = self.job.path(event["layer"])
        if event["image"] == 0 and not self.was_cancelled:
            self._watcher.on_preview(path.read_bytes())
        path.unlink()

    def _done(self, event: Event) -> Ended:
        draft, notes = self.draft, tuple(event["report"]["notes"])
        if self._is_as_it_was():
            edited = None if draft.options.sample_merged or not draft.layers[0].is_valid() else draft.layers[0]
            above = place_above(draft.image, edited, draft.task.plan.frame)
            place = replace(draft.task.place, parent=above.parent, position=above.position)
            insert_done(draft.image, replace(draft.task, place=place), draft.options, self.job, event)
        else:
            self._insert_in_new_image(event)
            told = _("The image was closed or its canvas was changed meanwhile, so the result is in a new image.")
            notes = (*notes, told)
        Gimp.displays_flush()
        return Ended(notes=notes)

    def _is_as_it_was(self) -> bool:
        image = self.draft.image
        return image.is_valid() and (image.get_width(), image.get_height()) == self._canvas

    def _insert_in_new_image(self, event: Mapping[str, Any]) -> None:
        """The whole frame, without the mask that would blend it into an edge."""
        task, frame = self.draft.task, self.draft.task.plan.frame
        image = Gimp.Image.new(frame.width, frame.height, Gimp.ImageBaseType.RGB)
        place = Place(Rect(0, 0, frame.width, frame.height), None, 0)
        insert_done(image, replace(task, place=place), self.draft.options, self.job, event, masked=False)
        Gimp.Display.new(image)

    def _cancelled(self) -> Ended:
        return Ended(cancelled=cancelled(self.job, self.draft.provider.name))

    def _failed(self, error: Event) -> Ended:
        return Ended(error=error)
