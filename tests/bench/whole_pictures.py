"""The photographs that colours, light and detail are measured on: fetched by apt-get into a cache, never committed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
from PIL import Image

PACKAGES = (
    "lxqt-themes", "plasma-workspace-wallpapers", "palapeli-data", "opencv-doc", "mate-backgrounds",
    "lomiri-wallpapers-16.04",
)  # fmt: skip
_SHARE = "usr/share/"
_PLASMA = {
    name: f"{_SHARE}wallpapers/{name}/contents/images/2560x1600.jpg"
    for name in (
        "FallenLeaf", "BytheWater", "Kite", "EveningGlow", "ColorfulCups", "Path", "ColdRipple", "Grey", "Autumn",
        "OneStandsOut",
    )
}  # fmt: skip
_EXAMPLES = _SHARE + "doc/opencv-doc/examples/data/"
PICTURES = {
    **_PLASMA,
    "fog": _SHARE + "lxqt/wallpapers/fog.jpg",
    "rain": _SHARE + "lxqt/wallpapers/after-the-rain.jpg",
    "hill": _SHARE + "lxqt/wallpapers/this-is-not-windows.jpg",
    "bee": _SHARE + "palapeli/collection/european-honey-bee.jpg",
    "citrus": _SHARE + "palapeli/collection/citrus-fruits.jpg",
    "bridge": _SHARE + "palapeli/collection/cincinnati-bridge.jpg",
    "castle": _SHARE + "palapeli/collection/castle-maintenon.jpg",
    "street": _EXAMPLES + "leuvenA.jpg",
    "building": _EXAMPLES + "building.jpg",
    "squirrel": _EXAMPLES + "squirrel_cls.jpg",
    "fruits": _EXAMPLES + "fruits.jpg",
    "Storm": _SHARE + "backgrounds/mate/nature/Storm.jpg",
    "Garden": _SHARE + "backgrounds/mate/nature/Garden.jpg",
    "Dune": _SHARE + "backgrounds/mate/nature/Dune.jpg",
    "friends": _SHARE + "backgrounds/friends_by_Aitzol_Berasategi.jpg",
    "Bridge": _SHARE + "backgrounds/Bridge_by_Sander_Klootwijk.jpg",
}
# One of each kind: water, leaves, sky, things, a street, an animal, a face, a wall.
LIGHT_PICTURES = ("BytheWater", "FallenLeaf", "Storm", "ColorfulCups", "street", "bee", "friends", "building")
DETAIL_PICTURES = ("FallenLeaf", "BytheWater", "Kite", "EveningGlow", "ColorfulCups", "Path")


def cache() -> Path:
    """The folder of the downloads, which the bench of the fill uses too."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "generative-edit" / "fill-bench"


def fetch() -> None:
    """Download and unpack what is missing."""
    downloads, pictures = cache() / "downloads", cache() / "pictures"
    downloads.mkdir(parents=True, exist_ok=True)
    for package in PACKAGES:
        if not list(downloads.glob(f"{package}_*.deb")):
            subprocess.run(["apt-get", "-q", "download", package], cwd=downloads, check=True)
            subprocess.run(["dpkg-deb", "-x", next(downloads.glob(f"{package}_*.deb")), pictures], check=True)


def load(name: str, short: int = 1024) -> np.ndarray:
    """A photograph with a short side of at most `short`, its long side at most 1.4 times that: uint8 (H, W, 3)."""
    with Image.open(cache() / "pictures" / PICTURES[name]) as file:
        picture = file.convert("RGB")
    limit = round(min(picture.size) * 1.4)
    left, top = (max(0, side - limit) // 2 for side in picture.size)
    picture = picture.crop((left, top, picture.width - left, picture.height - top))
    scale = min(1, short / min(picture.size))
    return np.asarray(picture.resize((round(picture.width * scale), round(picture.height * scale)), Image.LANCZOS))


def original(name: str) -> Image.Image:
    """A photograph as it is."""
    with Image.open(cache() / "pictures" / PICTURES[name]) as file:
        return file.convert("RGB")
