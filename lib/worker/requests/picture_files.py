"""The results of a folder run, encoded by the worker while GIMP opens the next picture: raw pixels in, files out."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from lib.imaging.picture_check import check_picture
from lib.storage.file_identity import describe_file
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
    except (OSError, ValueError) as error:  # ValueError: a format that cannot hold a picture as large as this
        told = _("The result cannot be written: {reason} Make room or access.")
        return {"error": {"message": told.format(reason=f"{getattr(error, 'strerror', None) or error}."), "hint": ""}}
    return {}


def check_pictures(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """Open finished files again; return "files", the "size" in bytes and "sha256" of each, or an "error".

    Each of "pictures" has "file", "format" and "size". An XCF file is only measured: GIMP itself has opened it.
    """
    try:
        return {"files": [_check(picture) for picture in message["pictures"]]}
    except (OSError, ValueError, SyntaxError) as error:
        reason = getattr(error, "strerror", None) or error
        text = _("The result was written, but cannot be read again: {reason}. Check the disk, then try again.")
        return {"error": {"message": text.format(reason=reason), "hint": ""}}


def _check(picture: Mapping[str, Any]) -> Mapping[str, Any]:
    path = Path(picture["file"])
    if picture["format"] != "xcf":
        _decode(path, picture["format"], tuple(picture["size"]))
    return describe_file(path, "")


def _decode(path: Path, kind: str, size: tuple[int, int]) -> None:
    """Decode a picture as a whole; raise OSError, SyntaxError or ValueError where that fails."""
    check_picture(path)
    try:
        with Image.open(path, formats=[kind]) as opened:
            if opened.size != size:
                raise ValueError(f"{opened.width}x{opened.height}")
            opened.load()
    except Image.DecompressionBombError:
        # So large that Pillow takes it for an attack: that it is complete must do.
        return


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
