"""A few photographs for tests, out of scikit-image's wheel: fetched by pip into the user's cache, never committed."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

SCIKIT_IMAGE = "scikit-image==0.26.0"
FOLDER = "skimage/data/"


def photograph(name: str, width: int, height: int) -> np.ndarray:
    """One of the wheel's pictures, scaled to cover and cut to the size: uint8 (height, width, 3)."""
    with Image.open(_pictures() / FOLDER / name) as file:
        picture = file.convert("RGB")
    scale = max(width / picture.width, height / picture.height)
    box = (0, 0, width / scale, height / scale)
    return np.asarray(picture.resize((width, height), Image.Resampling.LANCZOS, box))


def _pictures() -> Path:
    """The folder they are in; raises CalledProcessError where pip cannot fetch them."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    cache = home / "generative-edit" / "fill-bench"  # the bench of the fill keeps them in the same place
    downloads, pictures = cache / "downloads", cache / "pictures"
    if not (pictures / FOLDER).is_dir():
        downloads.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(downloads), SCIKIT_IMAGE]
        subprocess.run(command, check=True)
        with zipfile.ZipFile(next(downloads.glob("scikit_image-*.whl"))) as wheel:
            wheel.extractall(pictures, [name for name in wheel.namelist() if name.startswith(FOLDER)])
    return pictures
