"""Compares ways to fill a hole on photographs: contact sheets to look at, and a table.

    python tests/bench/fill.py [--out DIR] [--prototype FILE] [--only NAME …] [--untuned]

Needs pip and, for the wallpapers, apt-get (Debian or Ubuntu; no root). What it fetches stays in the user's cache
folder. Results go to tests/output/fill unless --out says otherwise.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from lib.endpoint.fill import fill  # noqa: E402
from tests.bench import fill_metrics as metrics  # noqa: E402
from tests.bench.fill_pictures import PHOTOGRAPHS, SIZE, UNTUNED, fetch  # noqa: E402

Method = Callable[[np.ndarray, np.ndarray], np.ndarray]

STRIP = 96  # pixels of the extension task, at SIZE; smaller pictures get a narrower strip
MEASURES = ("PSNR", "SSIM", "seam", "|seam|", "SWD", "seconds")
CELL = 300


def object_hole(side: int) -> np.ndarray:
    """An organic blob of about 6.5 % of a square picture, a little off its centre."""
    rows, cols = np.mgrid[:side, :side] / side
    down, along = rows - 0.49, cols - 0.55
    angle = np.arctan2(down, along)
    radius = 0.142 * (1 + 0.2 * np.sin(3 * angle + 1) + 0.1 * np.sin(7 * angle))
    return np.hypot(down, along) < radius


def strip_hole(side: int, where: str) -> np.ndarray:
    """A strip along one side of a square picture."""
    hole = np.zeros((side, side), bool)
    hole[: STRIP * side // SIZE] = True
    turns = {"top": 0, "left": 1, "bottom": 2, "right": 3}[where]
    return np.rot90(hole, turns).copy()


def methods(cache: Path, prototype: Path | None) -> dict[str, Method]:
    """The ways to fill that are compared, by name."""
    methods: dict[str, Method] = {"ours": fill}
    if prototype:
        spec = importlib.util.spec_from_file_location("fill_prototype", prototype)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        methods = {"prototype": module.fill, **methods}
    sys.path.insert(0, str(cache / "patchmatch"))
    from patchmatch import patch_match

    def patchmatch(picture: np.ndarray, hole: np.ndarray) -> np.ndarray:
        result = patch_match.inpaint(picture, hole[..., None].astype(np.uint8) * 255, patch_size=3)
        return np.where(hole[..., None], result, picture)

    return {**methods, "PyPatchMatch": patchmatch}


def measure(method: Method, truth: np.ndarray, hole: np.ndarray) -> tuple[np.ndarray, dict[str, float]]:
    """The result of a method that does not see the truth in the hole, and its figures."""
    blank = np.where(hole[..., None], np.uint8(127), truth)
    start = time.perf_counter()
    result = method(blank, hole)
    seconds = time.perf_counter() - start
    seam = metrics.seam(result, truth, hole)
    return result, {
        "PSNR": metrics.psnr(result, truth, hole),
        "SSIM": metrics.ssim(result, truth, hole),
        "seam": seam,
        "|seam|": abs(seam),
        "SWD": metrics.texture_distance(result, truth, hole),
        "seconds": seconds if len(truth) == SIZE else float("nan"),  # small pictures would flatter
    }


def cell(picture: np.ndarray, hole: np.ndarray) -> Image.Image:
    """The hole's neighbourhood."""
    rows, cols = np.flatnonzero(hole.any(1)), np.flatnonzero(hole.any(0))
    margin = min(np.ptp(rows), np.ptp(cols)) // 2 + 20
    part = picture[max(0, rows[0] - margin) : rows[-1] + margin, max(0, cols[0] - margin) : cols[-1] + margin]
    image = Image.fromarray(np.ascontiguousarray(part))
    if image.height > 2 * image.width:
        image = image.rotate(90, expand=True)
    image.thumbnail((2 * CELL, CELL))
    return image


def sheet(rows: list[tuple[str, dict[str, Image.Image]]], path: Path) -> None:
    """Writes one row a photograph, one column a method."""
    names = list(rows[0][1])
    width = max(image.width for _, images in rows for image in images.values())
    height = sum(max(i.height for i in images.values()) + 16 for _, images in rows) + 16
    page = Image.new("RGB", ((width + 6) * len(names), height), "white")
    draw = ImageDraw.Draw(page)
    top = 0
    for photograph, images in rows:
        for column, name in enumerate(names):
            draw.text((column * (width + 6) + 2, top + 2), f"{photograph}: {name}", "black")
            page.paste(images[name], (column * (width + 6), top + 16))
        top += max(i.height for i in images.values()) + 16
    page.save(path)


def table(task: str, figures: dict[str, list[dict[str, float]]]) -> str:
    """A Markdown table of the means over all photographs."""
    names = [name.replace("|", "\\|") for name in MEASURES]
    lines = [f"| {task} | " + " | ".join(names) + " |", "|---" * (len(MEASURES) + 1) + "|"]
    for name, results in figures.items():
        means = [np.nanmean([r[measure] for r in results]) for measure in MEASURES]
        lines.append(f"| {name} | " + " | ".join(f"{mean:.3f}" for mean in means) + " |")
    return "\n".join(lines) + "\n"


def run(task: str, hole_of: Callable, ways: dict[str, Method], photographs: list, cache: Path, out: Path) -> str:
    """One task on all photographs; returns its table."""
    figures: dict[str, list[dict[str, float]]] = {name: [] for name in ways}
    rows = []
    for photograph in photographs:
        truth = photograph.load(cache)
        hole = hole_of(len(truth), photograph)
        images = {"truth": cell(truth, hole)}
        line = []
        for name, method in ways.items():
            result, numbers = measure(method, truth, hole)
            figures[name].append(numbers)
            images[name] = cell(result, hole)
            line.append(f"{name} SWD {numbers['SWD']:.3f} seam {numbers['seam']:+.2f} {numbers['seconds']:.1f} s")
        print(f"{task} {photograph.name}: " + " · ".join(line), flush=True)
        rows.append((photograph.name, images))
    for number, start in enumerate(range(0, len(rows), 5), 1):
        sheet(rows[start : start + 5], out / f"{task}-{number}.png")
    return table(task, figures)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("tests/output/fill"))
    parser.add_argument("--prototype", type=Path, help="another fill(image, hole) to compare with")
    parser.add_argument("--only", nargs="*", help="names of photographs")
    parser.add_argument("--untuned", action="store_true", help="the photographs that nothing was tuned on")
    options = parser.parse_args()
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    cache = Path(home) / "generative-edit" / "fill-bench"
    fetch(cache)
    options.out.mkdir(parents=True, exist_ok=True)
    photographs = [
        p for p in (UNTUNED if options.untuned else PHOTOGRAPHS) if not options.only or p.name in options.only
    ]
    ways = methods(cache, options.prototype)
    tasks = {
        "object": lambda side, _: object_hole(side),
        "extension": lambda side, photograph: strip_hole(side, photograph.side),
    }
    text = "\n".join(run(t, hole_of, ways, photographs, cache, options.out) for t, hole_of in tasks.items())
    (options.out / "table.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
