"""Find the subject of a layer with the worker, and select it in one undo step."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gi.repository import Gegl, Gimp, GLib

from lib.api.text import sentences
from lib.frame.geometry import Rect
from lib.settings import settings
from lib.translation import _
from plugin.edit.task import check_quick_mask
from plugin.errors import BadArguments, EditFailed
from plugin.pixels import export
from plugin.pixels.insert import undo_group
from plugin.pixels.select_values import select_values
from plugin.worker.process import LOG, Event, Worker

OPERATIONS = {
    "replace": Gimp.ChannelOps.REPLACE,
    "add": Gimp.ChannelOps.ADD,
    "subtract": Gimp.ChannelOps.SUBTRACT,
    "intersect": Gimp.ChannelOps.INTERSECT,
}


def operation_of(name: str) -> str:
    """Return the name of an operation, "replace" for ""; raise BadArguments."""
    if (name or "replace") not in OPERATIONS:
        message = _("{name} {text!r}: must be {allowed}.")
        raise BadArguments([message.format(name="operation", text=name, allowed=", ".join(OPERATIONS))])
    return name or "replace"


def select_subject(image: Gimp.Image, layer: Gimp.Layer, operation: str, python: str) -> dict[str, Any]:
    """Select the subject of a layer and return the report: the bounds of what is selected then.

    Raises EditFailed or OSError, with the selection as it was.
    """
    loop = GLib.MainLoop()
    answers: list[Event] = []

    def on_answer(answer: Event) -> None:
        answers.append(answer)
        loop.quit()

    with SubjectSearch(image, layer, operation) as search:
        worker = Worker(python, search.folder / LOG)
        try:
            search.export()
            search.ask(worker.ask, on_answer)
            loop.run()
        finally:
            worker.close()
        search.select(answers[0])
    selected = export.ImageSelection(image).bounds
    return {"selected": selected.to_list() if selected else None}


class SubjectSearch:
    """The search for a layer's subject in a temporary folder: exported, answered by a worker, then selected.

    With "replace", and where something is selected, that is a rough selection: the thing inside it is searched for.
    """

    def __init__(self, image: Gimp.Image, layer: Gimp.Layer, operation: str) -> None:
        check_quick_mask(image)
        self._image, self._layer, self._operation = image, layer, operation
        self._area = export.layer_rect(layer).intersect(Rect(0, 0, image.get_width(), image.get_height()))
        selection = export.ImageSelection(image)
        self._region = selection if operation == "replace" and selection.bounds else None
        if self._area.empty or (selection.bounds and self._region and self._area.intersect(selection.bounds).empty):
            raise EditFailed(_("The selection is outside of the layer. Clear it or select inside the layer."))
        self._temporary = tempfile.TemporaryDirectory(prefix="select-subject-", dir=settings.data_folder())
        self.folder = Path(self._temporary.name)
        self._pixels = self.folder / "pixels.raw"
        self._channels = 0

    def __enter__(self) -> SubjectSearch:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Delete the temporary folder."""
        self._temporary.cleanup()

    def export(self) -> None:
        """Write the layer's pixels, and the rough selection, for the worker."""
        Gegl.init(None)
        picture = export.rendered(self._image, self._layer, self._area)
        self._channels = picture.channels
        self._pixels.write_bytes(picture.data)
        if self._region:
            (self.folder / "region.raw").write_bytes(self._region.values(self._area))

    def ask(self, ask: Callable[..., None], on_answer: Callable[[Event], None]) -> None:
        """Send the request with a worker's `ask`."""
        ask(
            "find-subject",
            on_answer,
            pixels=str(self._pixels),
            size=[self._area.width, self._area.height],
            channels=self._channels,
            region=str(self.folder / "region.raw") if self._region else "",
        )

    def select(self, answer: Event) -> None:
        """Select what a worker has found, in one undo step; raise EditFailed if it found nothing, or OSError."""
        if error := answer.get("error"):
            raise EditFailed(sentences(error["message"], error.get("hint") or ""))
        values = self._pixels.read_bytes()
        with undo_group(self._image):
            select_values(self._image, self._area, values, OPERATIONS[self._operation])
        Gimp.displays_flush()
