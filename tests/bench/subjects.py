"""Measures the subject network on photographs whose true alpha is known, and its time and memory at 24 megapixels.

    python3 tests/run.py --python tests/bench/subjects.py [--out DIR]

The subjects are stamps of Debian's tuxpaint-stamps-default, photographs that come with their own alpha; they are put on
photographs of other packages. Needs apt-get (Debian or Ubuntu; no root). The downloads stay in the user's cache folder.
With --out the pictures, the masks and the cut-outs are written there, to be looked at.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from lib.endpoint.engine.cutout import cut_out  # noqa: E402
from lib.endpoint.engine.errors import Refused  # noqa: E402
from lib.endpoint.subject import network  # noqa: E402
from lib.endpoint.subject.subject import find_subject  # noqa: E402

STAMPS = "usr/share/tuxpaint/stamps"
SUBJECTS = (
    "animals/birds/crowned_crane", "animals/birds/helmeted_guineafowl", "animals/birds/pink_flamingo",
    "animals/insects/Brown_slug", "animals/insects/Woodlouse", "animals/insects/mantis", "animals/mammals/apes/chimp",
    "animals/mammals/aquatic/otter", "animals/mammals/bears/european-bear", "animals/mammals/bovines/gnu-baby-stand",
    "animals/mammals/bovines/gnu-baby", "animals/mammals/bovines/gnu-stand", "food/fruit/Apricot_whole",
    "food/fruit/Cherry_Stella", "food/fruit/Strawberry2", "food/fruit/cherimoya", "food/fruit/orange_seville",
    "food/spices/ginger", "hobbies/music/percussion/drum_tomtom_floor", "household/cylinder",
    "household/tools/cementmixer", "household/tools/spade", "medical/stethoscope", "military/final-roll-call",
    "military/vehicles/bradley", "military/vehicles/f22_raptor", "people/fireman200b", "people/fireman240a",
    "plants/flowers/anemone_red", "plants/flowers/daffodil", "plants/thyme", "plants/trees/holm_oak",
    "plants/trees/rambutan", "plants/trees/tree336", "seasonal/christmas/Christmas_Tree_photo",
    "seasonal/christmas/German_Christmas_toy", "seasonal/christmas/Mince_Pie", "seasonal/christmas/Roast_turkey",
    "vehicles/construction/dumper", "vehicles/emergency/firetruck", "vehicles/flight/balloon360",
    "vehicles/flight/planes/747", "vehicles/garbagetruck", "vehicles/race/indycar", "vehicles/wheel_tractor",
)  # fmt: skip
BACKGROUNDS = (
    *(f"usr/share/lxqt/wallpapers/{name}.jpg" for name in ("fog", "after-the-rain", "this-is-not-windows")),
    *(f"usr/share/backgrounds/mate/nature/{name}.jpg"
      for name in ("Garden", "Dune", "Wood", "Aqua", "Storm", "GreenMeadow", "RainDrops")),
    *(f"usr/share/wallpapers/{name}/contents/images/1920x1080.jpg"
      for name in ("BytheWater", "ColdRipple", "Grey", "FallenLeaf", "Path", "Autumn")),
    *(f"usr/share/palapeli/collection/{name}.jpg" for name in ("cincinnati-bridge", "castle-maintenon")),
)  # fmt: skip
PACKAGES = (
    "tuxpaint-stamps-default",
    "lxqt-themes",
    "mate-backgrounds",
    "plasma-workspace-wallpapers",
    "palapeli-data",
)
LONGEST = 420  # of a stamp; most are smaller
BAND = 8  # pixels on either side of the true edge


def fetch(cache: Path) -> Path:
    """Download and unpack the packages that are not in `cache` yet; return the folder with their files."""
    pictures, downloads = cache / "pictures", cache / "downloads"
    downloads.mkdir(parents=True, exist_ok=True)
    for package in PACKAGES:
        if not list(downloads.glob(f"{package}_*.deb")):
            subprocess.run(["apt-get", "-q", "download", package], cwd=downloads, check=True)
            subprocess.run(["dpkg-deb", "-x", next(downloads.glob(f"{package}_*.deb")), pictures], check=True)
    return pictures


def scenes(pictures: Path) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Yield each stamp's name, the picture with it (H, W, 4), and its alpha (H, W)."""
    backgrounds = [path for path in (pictures / name for name in BACKGROUNDS) if path.exists()]
    for number, name in enumerate(SUBJECTS):
        rng = random.Random(name)
        stamp = Image.open(pictures / STAMPS / f"{name}.png").convert("RGBA")
        stamp = stamp.crop(stamp.getchannel("A").point(lambda value: 255 * (value > 8)).getbbox())
        stamp.thumbnail((LONGEST, LONGEST), Image.Resampling.LANCZOS)
        size = (720, 540) if stamp.width > stamp.height else (540, 720)
        picture = _cover(Image.open(backgrounds[number % len(backgrounds)]).convert("RGB"), size, rng)
        free = size[0] - stamp.width, size[1] - stamp.height
        place = tuple(round(side * (0.5 + 0.6 * (rng.random() - 0.5))) for side in free)
        truth = Image.new("L", size)
        truth.paste(stamp.getchannel("A"), place)
        picture.paste(stamp, place, stamp)
        yield name.rpartition("/")[2], np.asarray(picture.convert("RGBA")), np.asarray(truth)


def _cover(picture: Image.Image, size: tuple[int, int], rng: random.Random) -> Image.Image:
    scale = max(size[0] / picture.width, size[1] / picture.height) * rng.uniform(1, 1.5)
    picture = picture.resize((round(picture.width * scale) + 1, round(picture.height * scale) + 1))
    left, top = rng.randint(0, picture.width - size[0]), rng.randint(0, picture.height - size[1])
    return picture.crop((left, top, left + size[0], top + size[1]))


def lasso(truth: np.ndarray, rng: random.Random) -> np.ndarray:
    """Return a rough selection around a subject: a wobbly ellipse, a quarter larger or more."""
    rows, columns = np.flatnonzero((truth > 127).any(1)), np.flatnonzero((truth > 127).any(0))
    middle = (columns[0] + columns[-1]) / 2, (rows[0] + rows[-1]) / 2
    radius = (columns[-1] - columns[0]) / 2, (rows[-1] - rows[0]) / 2
    points = []
    for turn in np.linspace(0, 2 * math.pi, 24, endpoint=False):
        wobble = 1.4 * rng.uniform(1, 1.15)
        points.append(
            (middle[0] + wobble * radius[0] * math.cos(turn), middle[1] + wobble * radius[1] * math.sin(turn))
        )
    area = Image.new("L", truth.shape[::-1])
    ImageDraw.Draw(area).polygon(points, fill=255)
    return np.asarray(area) > 0


def scores(mask: np.ndarray | None, truth: np.ndarray) -> tuple[float, float]:
    """Return the IoU, and the mean error of the alpha near the true edge."""
    mask = np.zeros_like(truth) if mask is None else mask
    cut, true = mask > 127, truth > 127
    edge = Image.fromarray(np.where(true, 255, 0).astype(np.uint8))
    size = 2 * BAND + 1
    band = np.asarray(edge.filter(ImageFilter.MaxFilter(size))) != np.asarray(edge.filter(ImageFilter.MinFilter(size)))
    error = np.abs(mask.astype(float) - truth)[band].mean() / 255
    return float((cut & true).sum() / (cut | true).sum()), float(error)


def on_green(picture: np.ndarray) -> np.ndarray:
    """Return the cut-out on green, where remains of the old background show."""
    try:
        cut = Image.fromarray(cut_out(picture, None))
    except Refused:
        return picture[..., :3]
    ground = Image.new("RGB", cut.size, (40, 160, 60))
    ground.paste(cut, mask=cut.getchannel("A"))
    return np.asarray(ground)


def large() -> tuple[float, float, float]:
    """Return the seconds, the CPU seconds and the peak memory in MB of a search in 24 megapixels."""
    y, x = np.mgrid[:4000, :6000].astype(np.float32)
    picture = np.empty((4000, 6000, 3), np.uint8)
    picture[..., 0], picture[..., 1], picture[..., 2] = x % 251, y % 241, (x + y) % 239
    picture[((x - 3000) ** 2 + (y - 2000) ** 2) < 1200**2] = (220, 120, 30)
    del x, y
    network.saliency(Image.new("RGB", (8, 8)))
    start, cpu = time.perf_counter(), time.process_time()
    find_subject(picture)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    return seconds, cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--large", action="store_true", help="only the time and memory at 24 megapixels")
    options = parser.parse_args()
    if options.large:
        seconds, cpu, memory = large()
        print(f"24 megapixels: {seconds:.2f} s, {cpu:.2f} s of CPU, peak {memory:.0f} MB")
        return
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    table = []
    for name, picture, truth in scenes(fetch(home / "generative-edit" / "fill-bench")):
        whole, rough = find_subject(picture), find_subject(picture, lasso(truth, random.Random(name)))
        table.append((*scores(whole, truth), *scores(rough, truth)))
        print(f"{name:24}" + "".join(f"{value:8.3f}" for value in table[-1]), flush=True)
        if options.out:
            options.out.mkdir(parents=True, exist_ok=True)
            masks = [np.zeros_like(truth) if mask is None else mask for mask in (whole, rough)]
            parts = [picture[..., :3], *(np.dstack([mask] * 3) for mask in masks), on_green(picture)]
            Image.fromarray(np.hstack(parts)).save(options.out / f"{name}.png")
    for label, row in (("mean", np.mean(table, 0)), ("median", np.median(table, 0))):
        print(f"{label:24}" + "".join(f"{value:8.3f}" for value in row))


if __name__ == "__main__":
    main()
