"""Measures how exactly the layer mask covers what changed in an edit without a selection.

    python tests/bench/changes.py [--only NAME …] [--short PIXELS]

Needs apt-get (Debian or Ubuntu; no root). A part of each photograph is replaced; the rest comes back moved, tinted,
redrawn by some tenths of a pixel, with noise and JPEG.
"""

from __future__ import annotations

import argparse
import io
import sys
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from lib.frame.frame import Plan  # noqa: E402
from lib.frame.geometry import Rect, Size  # noqa: E402
from lib.imaging.result import Original, layer_pixels  # noqa: E402
from tests.bench import fit_trials as trials  # noqa: E402
from tests.bench import whole_pictures as pictures  # noqa: E402

NAMES = (
    "BytheWater",
    "FallenLeaf",
    "ColorfulCups",
    "Path",
    "hill",
    "citrus",
    "street",
    "squirrel",
    "Garden",
    "friends",
)


def measure(name: str, other: str, short: int, wobble: float) -> tuple[float, float, float]:
    """Return how much of the change is covered, how much of the rest is untouched, and the part that is new."""
    rng = np.random.default_rng(3)
    wide = pictures.load(name, short + 2 * trials.MARGIN)
    filling = np.asarray(Image.fromarray(pictures.load(other)).resize(wide.shape[1::-1]))
    damage = trials.Damage(noise=rng.uniform(0, 3), quality=int(rng.integers(75, 96)), wobble=wobble)
    trial = trials.make_trial(wide, filling, trials.random_drift(rng), damage, rng, name)
    file = io.BytesIO()
    Image.fromarray(trial.returned).save(file, "png")
    height, width = trial.protected.shape
    area = Rect(0, 0, width, height)
    original = Original(trial.original, np.ones_like(trial.protected))
    layer = layer_pixels(file.getvalue(), Plan(area, area, Size(width, height)), original, transparent=False)
    mask = np.full(trial.protected.shape, 255, np.uint8)
    if layer.mask is not None:
        mask = np.frombuffer(layer.mask, np.uint8).reshape(height, width)
    changed = ~trial.protected
    return float((mask[changed] > 128).mean()), float((mask[~changed] == 0).mean()), float(changed.mean())


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", default=list(NAMES))
    parser.add_argument("--short", type=int, default=1024)
    options = parser.parse_args()
    pictures.fetch()
    print("| picture | wobble | new | covered | rest untouched |\n|---|---|---|---|---|", flush=True)
    for number, name in enumerate(options.only):
        for wobble in (0.0, 0.3):
            covered, untouched, part = measure(name, NAMES[(number + 3) % len(NAMES)], options.short, wobble)
            print(f"| {name} | {wobble} | {part:.1%} | {covered:.1%} | {untouched:.1%} |", flush=True)


if __name__ == "__main__":
    main()
