"""The picture without a result, as long as a key or a button is held.

Transparent pixels are written into the result's layer, without an undo step. A file says which layer that is, so that
the next window of this GIMP puts the result back if the process was killed meanwhile.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from gi.repository import Gimp

from lib.jobs.job import Job
from lib.settings import settings
from lib.storage.stored_json import StoredJson
from plugin.edit.run import result_pixels
from plugin.panel.generation import Generation, Variation
from plugin.pixels.colour_space import ResultPixels
from plugin.pixels.insert import PARASITE

_VERSION = 1


@dataclass(frozen=True)
class _Hidden:
    """A hidden result, and its pixels, so that it is put back at once."""

    edit: Generation
    variation: Variation
    pixels: ResultPixels


class Comparison:
    """Hides the result of one edit at a time."""

    def __init__(self) -> None:
        self._hidden: _Hidden | None = None

    @property
    def is_active(self) -> bool:
        """Whether a result is hidden."""
        return self._hidden is not None

    def begin(self, edit: Generation) -> None:
        """Hide the result of an edit; raise OSError, before anything is hidden, if it could not be put back."""
        if self._hidden or not edit.canvas.is_present or edit.canvas.layer is None:
            return
        variation = edit.variations[edit.displayed]
        hidden = _Hidden(edit, variation, variation.pixels())
        _remember(edit.canvas.layer, variation)
        self._hidden = hidden
        edit.canvas.show_hidden(True)
        edit.canvas.write(None)

    def end(self) -> None:
        """Put the result back, or the one that was selected meanwhile; raise OSError if that was deleted."""
        hidden, self._hidden = self._hidden, None
        if hidden and hidden.edit.canvas.is_present:
            edit = hidden.edit
            edit.canvas.show_hidden(False)
            if edit.variations and edit.variations[edit.displayed] is not hidden.variation:
                edit.show(edit.displayed)
            else:
                edit.canvas.write(hidden.pixels)
        if hidden:
            _forget()


def put_back(image: Gimp.Image) -> None:
    """Put back the result that a killed process has left hidden in this image."""
    data = _file().read().data
    if data.get("gimp") != os.getppid() or data.get("image") != image.get_id():
        return
    layer = Gimp.Layer.get_by_id(data["layer"]) if isinstance(data.get("layer"), int) else None
    with contextlib.suppress(OSError, TypeError):  # the history still has the result
        path = Path(data.get("pixels", ""))
        pixels = result_pixels(Job(path.parent), path.name)
        if layer and layer.get_parasite(PARASITE) and len(pixels.rgba) == 4 * layer.get_width() * layer.get_height():
            pixels.write(layer)
            layer.update(0, 0, layer.get_width(), layer.get_height())
            Gimp.displays_flush()
    _forget()


def _remember(layer: Gimp.Layer, variation: Variation) -> None:
    where = {"gimp": os.getppid(), "image": layer.get_image().get_id(), "layer": layer.get_id()}
    pixels = str(variation.job.path(variation.stored)) if isinstance(variation.stored, str) else ""
    _file().change(lambda data: data | where | {"pixels": pixels})


def _forget() -> None:
    with contextlib.suppress(OSError):  # then the same pixels are written once more
        _file().remove()


def _file() -> StoredJson:
    # Nothing is to be put back after the computer has stopped, as GIMP has ended too.
    return StoredJson(settings.data_folder() / "hidden-result.json", _VERSION, durable=False)
