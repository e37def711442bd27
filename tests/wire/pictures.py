"""Small pictures for tests, made by Pillow."""

from __future__ import annotations

import io
from functools import cache

from PIL import Image


@cache
def picture(kind: str = "PNG", width: int = 64, height: int = 48, mode: str = "RGBA") -> bytes:
    file = io.BytesIO()
    Image.new("RGB" if kind == "JPEG" else mode, (width, height)).save(file, kind)
    return file.getvalue()
