"""Makes the mask of a job by its picture: of the subject or the background, or with the shadow of what is selected."""

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lib.api import raster
from lib.frame.frame import Plan
from lib.imaging import layer_mask
from lib.imaging.result import to_frame
from lib.jobs.job import SELECTION, Job
from lib.translation import _
from lib.worker.job_checks import JobFailed

BACKGROUND = "background"


def write(job: Job, job_spec: Mapping[str, Any], plan: Plan) -> None:
    """Write mask.png and the selection of a job that has a "mask_from"; raise JobFailed if nothing stands out."""
    from lib.endpoint.engine.cutout import find_mask
    from lib.endpoint.engine.errors import Refused

    picture = np.array(raster.decode(job.path("image-1.png")).convert("RGBA"))
    try:
        mask = find_mask(picture, None)
    except Refused as error:
        raise JobFailed(error.message, _("Nothing was sent.")) from None
    if job_spec["mask_from"] == BACKGROUND:
        mask = 255 - mask
    job.write(SELECTION, to_frame(Image.fromarray(mask), plan).tobytes())
    job.write("mask.png", _png(_editable(mask, job_spec)))


def add_shadow(job: Job, job_spec: Mapping[str, Any], plan: Plan) -> bool:
    """Add the shadow of what is selected to mask.png and the selection; return whether there is one."""
    from lib.endpoint.engine.shadow import find_shadow

    picture = np.array(raster.decode(job.path("image-1.png")).convert("RGB"))
    editable = np.array(raster.decode(job.path("mask.png")).convert("RGBA"))[..., 3] < 255
    shadow = find_shadow(picture, editable)
    if not shadow.any():
        return False
    values = np.where(shadow, 255, 0).astype(np.uint8)
    selection = np.frombuffer(job.path(SELECTION).read_bytes(), np.uint8)
    added = np.frombuffer(to_frame(Image.fromarray(values), plan).tobytes(), np.uint8)
    job.write(SELECTION, np.maximum(selection, added).tobytes())
    job.write("mask.png", _png(editable | _editable(values, job_spec)))
    return True


def _editable(mask: NDArray[np.uint8], job_spec: Mapping[str, Any]) -> NDArray[np.bool_]:
    """Return where the endpoint may edit, as the job grows its mask."""
    height, width = mask.shape
    grown = layer_mask.shape(mask.tobytes(), width, height, job_spec["mask_grow"], 0)
    return np.frombuffer(grown, np.uint8).reshape(height, width) > 0


def _png(editable: NDArray[np.bool_]) -> bytes:
    """Return the mask as endpoints read it: transparent and white where it may be edited, else opaque and black."""
    white = np.where(editable, 255, 0).astype(np.uint8)
    data = io.BytesIO()
    Image.fromarray(np.dstack([white, white, white, 255 - white])).save(data, "PNG", compress_level=1)
    return data.getvalue()
