"""The request that ends a second pass: its tiles are blended into the result that they refine."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lib.frame.geometry import Rect, Size
from lib.imaging import gamut, tiles
from lib.jobs import stored_data
from lib.jobs.job import Job
from lib.jobs.stored_data import FallbackWriter, StoredData
from lib.translation import _


def blend_tiles(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """Blend tiles into a `layer` of a job, whose file is replaced, and answer with that `layer` and with `notes`.

    The message also has the layer's `frame`, and the `tiles`, each with its `frame`, its `job` and its `layer`, which
    is None where the first result stays.
    """
    job, frame = Job(Path(message["job"])), Rect(*message["frame"])
    writer = FallbackWriter(job)
    try:
        result = _pixels(job, message["layer"], frame.size)
        parts = [_tile(tile, frame) for tile in message["tiles"]]
        rgba = tiles.blend(result, parts).tobytes()
        stored = writer.write(message["layer"], rgba)
        _keep_colours(job, message["layer"], stored, rgba, frame.size)
    except OSError as error:
        text = _("Couldn't open the pictures of this job ({reason}).").format(reason=error)
        return {"error": {"message": text, "hint": _("They are in {folder}.").format(folder=job.folder)}}
    return {"layer": stored, "notes": writer.notes}


def _tile(tile: Mapping[str, Any], frame: Rect) -> tiles.Tile:
    place = Rect(*tile["frame"])
    picture = _pixels(Job(Path(tile["job"])), tile["layer"], place.size) if tile["layer"] else None
    return tiles.Tile(place.translate(-frame.x, -frame.y), picture)


def _pixels(job: Job, stored: StoredData, size: Size) -> NDArray[np.uint8]:
    return np.frombuffer(stored_data.read(job, stored), np.uint8).reshape(size.height, size.width, 4)


def _keep_colours(job: Job, before: StoredData, after: StoredData, rgba: bytes, size: Size) -> None:
    """Write the pixels with the colours outside sRGB that the result had, where it had any and the tiles kept them."""
    source, path = stored_data.unclipped_path(job, before), stored_data.unclipped_path(job, after)
    if source is None or path is None or not source.exists():
        return
    original = np.frombuffer(source.read_bytes(), np.float32).reshape(size.height, size.width, 4)[..., :3]
    source.unlink()
    if restored := gamut.restore(rgba, original):
        Job(path.parent).write(path.name, restored.data)
