"""The files given as references, as an endpoint should see them: upright, whether it heeds a camera's note or not."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

from lib.jobs.job import Job

_ORIENTATION = 0x0112
_UPRIGHT = 1
_JPEG_QUALITY = 95
_OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "PNG": {},
    "JPEG": {"quality": _JPEG_QUALITY},
    "WEBP": {"quality": _JPEG_QUALITY},
}


def upright(job: Job, number: int, path: str) -> str | Path:
    """Return the path, or that of a copy in the job's folder where the picture has to be turned; raise OSError.

    What Pillow cannot read is left as it is: the client says what is wrong with it.
    """
    try:
        with Image.open(path, formats=list(_OPTIONS)) as picture:
            if picture.getexif().get(_ORIENTATION, _UPRIGHT) == _UPRIGHT:
                return path
            # A phone's JPEG with a second picture in it is an MPO to Pillow.
            kind = "JPEG" if picture.format in (None, "MPO") else picture.format
            profile = picture.info.get("icc_profile")
            turned = ImageOps.exif_transpose(picture)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return path
    copy = job.path(f"reference-{number}.{kind.lower()}")
    turned.save(copy, kind, icc_profile=profile, **_OPTIONS[kind])
    return copy
