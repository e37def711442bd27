"""The photographs that the fill is measured on: named here, fetched into a cache folder, never committed."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

SIZE = 1024
SCIKIT_IMAGE = "scikit-image==0.26.0"
PATCHMATCH = "pypatchmatch==2.2.0"
DEBIAN = ("mate-backgrounds", "lomiri-wallpapers-16.04")
LOMIRI = "usr/share/backgrounds/"
MATE = LOMIRI + "mate/nature/"
SKIMAGE = "skimage/data/"


@dataclass(frozen=True)
class Photograph:
    """A picture of one of the packages, and on which side the extension task cuts it."""

    path: str
    side: str

    @property
    def name(self) -> str:
        return Path(self.path).stem.split("_by_")[0]

    def load(self, cache: Path) -> np.ndarray:
        """The central square, reduced to SIZE where it is larger: uint8 (H, W, 3)."""
        with Image.open(cache / "pictures" / self.path) as file:
            picture = file.convert("RGB")
        short = min(picture.size)
        left, top = (picture.width - short) // 2, (picture.height - short) // 2
        square = picture.crop((left, top, left + short, top + short))
        side = min(short, SIZE)
        return np.asarray(square.resize((side, side), Image.Resampling.LANCZOS))


PHOTOGRAPHS = [
    Photograph(LOMIRI + "aitzgorri_by_Aitzol_Berasategi.jpg", "left"),
    Photograph(LOMIRI + "Bridge_by_Sander_Klootwijk.jpg", "right"),
    Photograph(LOMIRI + "Dragonfly_by_Bolly.jpg", "left"),
    Photograph(LOMIRI + "friends_by_Aitzol_Berasategi.jpg", "top"),
    Photograph(LOMIRI + "life_by_Aitzol_Berasategi.jpg", "bottom"),
    Photograph(LOMIRI + "picosdeeuropa_by_Aitzol_Berasategi.jpg", "right"),
    Photograph(LOMIRI + "seeding_by_Clements_Engelhardt.jpg", "right"),
    Photograph(LOMIRI + "sunset_by_Aitzol_Berasategi.jpg", "left"),
    Photograph(LOMIRI + "Wine_by_Jakkub_Mede.jpg", "left"),
    Photograph(MATE + "Dune.jpg", "bottom"),
    Photograph(MATE + "GreenMeadow.jpg", "top"),
    Photograph(MATE + "RainDrops.jpg", "right"),
    Photograph(MATE + "Storm.jpg", "top"),
    Photograph(MATE + "Wood.jpg", "bottom"),
    Photograph(SKIMAGE + "astronaut.png", "left"),
    Photograph(SKIMAGE + "coffee.png", "right"),
    Photograph(SKIMAGE + "brick.png", "left"),
    Photograph(SKIMAGE + "grass.png", "top"),
    Photograph(SKIMAGE + "gravel.png", "right"),
]

# Nothing was ever tuned on these.
UNTUNED = [
    Photograph(MATE + "Garden.jpg", "left"),
    Photograph(MATE + "Aqua.jpg", "right"),
    Photograph(MATE + "TwoWings.jpg", "top"),
    Photograph(MATE + "Blinds.jpg", "bottom"),
    Photograph(MATE + "FreshFlower.jpg", "left"),
    Photograph(MATE + "LadyBird.jpg", "right"),
    Photograph(MATE + "YellowFlower.jpg", "top"),
    Photograph(LOMIRI + "Picture_1A_by_freespace.jpg", "bottom"),
    Photograph(LOMIRI + "greentock_by_Peter_Nerlich.jpg", "left"),
    Photograph(LOMIRI + "free_by_Peter_Nerlich.jpg", "right"),
    Photograph(LOMIRI + "umang_by_Abhishek_Mudgal.jpg", "top"),
    Photograph(LOMIRI + "Picture_0B_by_freespace.jpg", "bottom"),
]


def fetch(cache: Path) -> None:
    """Downloads and unpacks what is not in `cache` yet: a wheel by pip, Debian packages by apt-get."""
    pictures = cache / "pictures"
    downloads = cache / "downloads"
    downloads.mkdir(parents=True, exist_ok=True)
    if not (pictures / SKIMAGE).is_dir():
        _run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", downloads, SCIKIT_IMAGE])
        with zipfile.ZipFile(next(downloads.glob("scikit_image-*.whl"))) as wheel:
            wheel.extractall(pictures, [n for n in wheel.namelist() if n.startswith(SKIMAGE)])
    for package in DEBIAN:
        if not list(downloads.glob(f"{package}_*.deb")):
            _run(["apt-get", "-q", "download", package], downloads)
            _run(["dpkg-deb", "-x", next(downloads.glob(f"{package}_*.deb")), pictures])
    if not (cache / "patchmatch" / "patchmatch").is_dir():
        target = ["--target", cache / "patchmatch"]
        _run([sys.executable, "-m", "pip", "install", "-q", "--no-deps", *target, PATCHMATCH])


def _run(command: list, folder: Path | None = None) -> None:
    subprocess.run([str(part) for part in command], cwd=folder, check=True)
