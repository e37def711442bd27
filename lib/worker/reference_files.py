"""Turns reference files upright, as not every endpoint respects the Exif orientation."""

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


def upright_copy(job: Job, number: int, path: str) -> str | Path:
    """Return the path of an upright copy in the job's folder, or `path` itself if the picture is upright already.

    A file that Pillow can't read is not copied: the client reports the problem. Raises OSError.
    """
    try:
        with Image.open(path, formats=list(_OPTIONS)) as picture:
            if picture.getexif().get(_ORIENTATION, _UPRIGHT) == _UPRIGHT:
                return path
            # Pillow calls a phone's JPEG with an embedded second picture an MPO.
            kind = "JPEG" if picture.format in (None, "MPO") else picture.format
            profile = picture.info.get("icc_profile")
            turned = ImageOps.exif_transpose(picture)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return path
    copy = job.path(f"reference-{number}.{kind.lower()}")
    turned.save(copy, kind, icc_profile=profile, **_OPTIONS[kind])
    return copy
