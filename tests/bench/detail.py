"""Measures how much of the original's fine detail a result gets back that was made at a lower resolution.

    python tests/bench/detail.py [--prototype FILE] [--only NAME …] [--crops FOLDER]

Needs apt-get (Debian or Ubuntu; no root). An edit grades and relights everything and replaces one area; the answer has
1/2.11 of the resolution. PSNR against the truth where the original was kept, and where it was replaced.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from lib.imaging import detail  # noqa: E402
from tests.bench import fit_trials as trials  # noqa: E402
from tests.bench import whole_pictures as pictures  # noqa: E402

LONG, SCALE = 2400, 2.11
CASES = ("clean", "JPEG 90", "redrawn", "sharpened")


def edited(original: np.ndarray, other: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The truth of the edit at full size, float32, and where it is new."""
    height, width = original.shape[:2]
    hole = trials.blobs((height, width), 0.08, rng)
    x, y = np.linspace(-1, 1, width, dtype=np.float32), np.linspace(-1, 1, height, dtype=np.float32)
    relight = 1 + 0.15 * x[None] - 0.1 * y[:, None]
    graded = 255 * np.power(original.astype(np.float32) / 255, np.float32([0.9, 1.0, 1.12])) * relight[..., None]
    graded[hole] = other[:height, :width][hole]
    return np.clip(graded, 0, 255), hole


def answer_of(truth: np.ndarray, size: tuple[int, int], case: str, rng: np.random.Generator) -> np.ndarray:
    """What the model returns: uint8, of a smaller size."""
    small = np.stack([np.asarray(Image.fromarray(truth[..., b]).resize(size, Image.LANCZOS)) for b in range(3)], 2)
    if case == "redrawn":
        small = trials.wobbled(small, 0.35, rng) + rng.normal(0, 2, small.shape)
    if case == "sharpened":
        blurred = np.asarray(Image.fromarray(_bytes(small)).filter(ImageFilter.GaussianBlur(1.2)))
        small = small + 0.8 * (small - blurred)
    return trials.through_jpeg(_bytes(small), 90 if case == "JPEG 90" else None)


def psnr(picture: np.ndarray, truth: np.ndarray, where: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.square(picture[where].astype(float) - truth[where]).mean()))


def _bytes(picture: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(picture, 0, 255)).astype(np.uint8)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prototype", type=Path)
    parser.add_argument("--only", nargs="*", default=list(pictures.DETAIL_PICTURES))
    parser.add_argument("--long", type=int, default=LONG)
    parser.add_argument("--crops", type=Path)
    options = parser.parse_args()
    pictures.fetch()
    module = None
    if options.prototype:
        spec = importlib.util.spec_from_file_location("detail_prototype", options.prototype)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    print(
        "| picture | case | kept: bicubic | prototype | ours | new: bicubic | ours | restored | seconds |\n|"
        + "---|" * 9,
        flush=True,
    )
    for name in options.only:
        picture = pictures.original(name)
        picture.thumbnail((options.long, options.long), Image.LANCZOS)
        original = np.asarray(picture)
        height, width = original.shape[:2]
        size = (round(width / SCALE), round(height / SCALE))
        other = np.asarray(pictures.original("Garden" if name != "Garden" else "Storm").resize((width, height)))
        sent = np.asarray(picture.resize(size, Image.LANCZOS))
        for case in CASES:
            rng = np.random.default_rng(5)
            truth, hole = edited(original, other, rng)
            answer = answer_of(truth, size, case, rng)
            near = np.asarray(Image.fromarray(hole.astype(np.float32)).reduce(8).resize((width, height))) > 0
            retained, new = ~near, hole
            bicubic = np.asarray(Image.fromarray(answer).resize((width, height), Image.BICUBIC))
            proto = float("nan")
            if module:
                made, _c, _u = module.transfer(original.astype(np.float32), answer.astype(np.float32))
                proto = psnr(_bytes(made), truth, retained)
            start = time.process_time()
            result = detail.restore(original, sent, answer, (0, 0, *size))
            seconds = time.process_time() - start
            figures = [psnr(bicubic, truth, retained), proto, psnr(result.picture, truth, retained)]
            figures += [psnr(bicubic, truth, new), psnr(result.picture, truth, new)]
            cells = [name, case, *(f"{figure:.2f}" for figure in figures), f"{result.part:.0%}", f"{seconds:.1f}"]
            print("| " + " | ".join(cells) + " |", flush=True)
            if options.crops:
                save_crops(options.crops, f"{name}-{case}", (original, bicubic, result.picture, _bytes(truth)), hole)


def save_crops(folder: Path, name: str, parts: tuple[np.ndarray, ...], hole: np.ndarray) -> None:
    """Original, bicubic, result and truth side by side at 100 %, at the edge of the new area."""
    folder.mkdir(parents=True, exist_ok=True)
    edge = np.argwhere(hole & ~np.roll(hole, 1, 1))
    row, col = edge[len(edge) // 2]
    row, col = (int(np.clip(at, 200, side - 200)) for at, side in zip((row, col), hole.shape, strict=True))
    crops = [part[row - 200 : row + 200, col - 200 : col + 200] for part in parts]
    Image.fromarray(np.hstack(crops)).save(folder / f"{name.replace(' ', '-')}.png")


if __name__ == "__main__":
    main()
