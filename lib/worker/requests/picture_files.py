"""The requests of a folder run to encode and check its results, while GIMP opens the next picture."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from lib.imaging.picture_check import check_picture
from lib.storage.file_identity import describe_file
from lib.translation import _

PNG_COMPRESSION = 3  # takes a third of the time of zlib's default, for a file about 5 % larger
DEFAULT_QUALITY = 90  # GIMP's own default, for both formats


def write_pictures(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """Encode and write each of "pictures"; answer with {}, or an "error" if that fails.

    A picture has "pixels", a file of raw bytes that is deleted afterwards, "mode" (Pillow's name), "size" and
    "resolution" (pairs), "profile" (base64, may be empty), "format" (png, jpeg or webp), "quality" (-1: the default),
    and "file", the file to write.
    """
    try:
        for picture in message["pictures"]:
            _write(picture)
    except (OSError, ValueError) as error:  # ValueError: the picture is too large for the format
        text = _("Couldn't save the result: {reason} Free some disk space or check the folder's permissions.")
        return {"error": {"message": text.format(reason=f"{getattr(error, 'strerror', None) or error}."), "hint": ""}}
    return {}


def check_pictures(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """Decode finished files; answer with "files", the "size" in bytes and "sha256" of each, or with an "error".

    Each of "pictures" has "file", "format" and "size". An XCF file is only hashed, as GIMP has opened it itself.
    """
    try:
        return {"files": [_check(picture) for picture in message["pictures"]]}
    except (OSError, ValueError, SyntaxError) as error:
        reason = getattr(error, "strerror", None) or error
        text = _("The result was saved, but couldn't be read back: {reason}. Check the disk, then try again.")
        return {"error": {"message": text.format(reason=reason), "hint": ""}}


def _check(picture: Mapping[str, Any]) -> Mapping[str, Any]:
    path = Path(picture["file"])
    if picture["format"] != "xcf":
        _decode(path, picture["format"], tuple(picture["size"]))
    return describe_file(path, "")


def _decode(path: Path, kind: str, size: tuple[int, int]) -> None:
    """Decode a whole picture; raise OSError, SyntaxError or ValueError if that fails or its size differs."""
    check_picture(path)
    try:
        with Image.open(path, formats=[kind]) as opened:
            if opened.size != size:
                raise ValueError(f"{opened.width}x{opened.height}")
            opened.load()
    except Image.DecompressionBombError:
        # Pillow refuses to decode so large a picture; it is complete, which must suffice.
        return


def _write(spec: Mapping[str, Any]) -> None:
    pixels = Path(spec["pixels"])
    picture = Image.frombytes(spec["mode"], tuple(spec["size"]), pixels.read_bytes())
    quality = spec["quality"] if spec["quality"] >= 0 else DEFAULT_QUALITY
    options: Mapping[str, Mapping[str, Any]] = {
        "png": {"compress_level": PNG_COMPRESSION, "dpi": spec["resolution"]},
        "jpeg": {"quality": quality, "subsampling": "4:4:4", "dpi": spec["resolution"]},
        "webp": {"quality": quality, "exact": True},
    }
    profile = base64.b64decode(spec["profile"]) or None
    picture.save(spec["file"], spec["format"], icc_profile=profile, **options[spec["format"]])
    pixels.unlink()
