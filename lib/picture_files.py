"""The results of a folder run, encoded by the worker while GIMP opens the next picture: raw pixels in, files out."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from lib.translation import _

PNG_COMPRESSION = 3  # a third of zlib's usual time, for a file about a twentieth larger
USUAL_QUALITY = 90  # GIMP's own, for both formats


def write_pictures(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """Writes the files that "pictures" asks for; an "error" where the disk refuses one.

    Each has "pixels", a file of raw bytes that is deleted afterwards, their "mode" as Pillow calls it, "size" and
    "resolution" (pairs), "profile" (base64, may be empty), the "format" (png, jpeg or webp), "quality" (-1: the usual
    one), and "file", the file to write.
    """
    try:
        for asked in message["pictures"]:
            _write(asked)
    except OSError as error:
        told = _("The result cannot be written: {reason} Make room or access.")
        return {"error": {"message": told.format(reason=f"{error.strerror or error}."), "hint": ""}}
    return {}


def _write(asked: Mapping[str, Any]) -> None:
    pixels = Path(asked["pixels"])
    picture = Image.frombytes(asked["mode"], tuple(asked["size"]), pixels.read_bytes())
    quality = asked["quality"] if asked["quality"] >= 0 else USUAL_QUALITY
    options: Mapping[str, Mapping[str, Any]] = {
        "png": {"compress_level": PNG_COMPRESSION, "dpi": asked["resolution"]},
        "jpeg": {"quality": quality, "subsampling": "4:4:4", "dpi": asked["resolution"]},
        "webp": {"quality": quality, "exact": True},
    }
    profile = base64.b64decode(asked["profile"]) or None
    picture.save(asked["file"], asked["format"], icc_profile=profile, **options[asked["format"]])
    pixels.unlink()
