"""Measures whether edits of the colours stay, drift is undone, and no outline shows under new light.

    python tests/bench/colours.py [--trials COUNT] [--light] [--montage FOLDER]

Needs apt-get (Debian or Ubuntu; no root). Every figure is of the finished result, after alignment, colours and light.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from lib.frame.frame import Plan  # noqa: E402
from lib.frame.geometry import Rect, Size  # noqa: E402
from lib.imaging.fit import correct, estimate  # noqa: E402
from lib.imaging.result import Corrections, Original, layer_pixels  # noqa: E402
from tests.bench import fit_trials as trials  # noqa: E402
from tests.bench import whole_pictures as pictures  # noqa: E402

Edit = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def gains(*ranges: tuple[float, float], lift: float = 0) -> Edit:
    """An edit that multiplies the channels by gains within ranges, then adds `lift`."""
    return lambda scene, rng: scene * np.float32([rng.uniform(*each) for each in ranges]) + np.float32(lift)


def brighter(scene: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """By a gain, by an offset or by a curve."""
    kind = rng.integers(3)
    if kind == 0:
        return scene * np.float32(rng.uniform(1.15, 1.35))
    if kind == 1:
        return scene + np.float32(rng.uniform(18, 40))
    return 255 * np.power(np.clip(scene, 0, 255) / 255, rng.uniform(0.6, 0.8), dtype=np.float32)


def toned(matrix: list[list[float]]) -> Edit:
    """An edit that mixes the channels."""
    return lambda scene, _rng: scene @ np.float32(matrix).T


LUMA = [0.299, 0.587, 0.114]
EDITS: dict[str, Edit] = {
    "night": gains((0.25, 0.45), (0.3, 0.5), (0.45, 0.7)),
    "warmer": gains((1.1, 1.2), (0.98, 1.04), (0.75, 0.9)),
    "brighter": brighter,
    "sepia": toned([[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]]),
    "black and white": toned([LUMA] * 3),
}
SHORT = 1024  # pixels of the short side
PROMPT = "put a wooden boat here"


def finish(trial: trials.Trial, returned: np.ndarray, prompt: str = PROMPT) -> tuple[np.ndarray, dict]:
    """The finished result and what was applied."""
    height, width = trial.protected.shape
    file = io.BytesIO()
    Image.fromarray(returned).save(file, "png")
    area = Rect(0, 0, width, height)
    layer = layer_pixels(
        file.getvalue(), Plan(area, area, Size(width, height)), Original(trial.original, trial.protected),
        transparent=False, corrections=Corrections(prompt=prompt),
    )  # fmt: skip
    return np.frombuffer(layer.rgba, np.uint8).reshape(height, width, 4)[..., :3], layer.applied


def left_inside(result: np.ndarray, before: np.ndarray, edited: np.ndarray, inside: np.ndarray) -> float:
    """How much of the wanted change is in the result: 1 is all of it."""
    expected, got = (side[inside].astype(float) - before[inside] for side in (edited, result))
    return float((expected * got).sum() / (expected * expected).sum())


def scene_of(name: str, rng: np.random.Generator) -> tuple[trials.Trial, np.ndarray, np.ndarray, trials.Drift]:
    """A trial without any change, the scene with its margin, the hole, and a drift."""
    picture = pictures.load(name, SHORT + 2 * trials.MARGIN)
    drift = trials.random_drift(rng)
    plain = trials.make_trial(picture, picture, drift, trials.Damage(), rng, name, changed=False)
    return plain, picture, ~plain.protected, drift


def returned_picture(scene: np.ndarray, drift: trials.Drift, rng: np.random.Generator, *, tint: bool) -> np.ndarray:
    """What comes back of a scene: moved, tinted, with noise and JPEG."""
    inner = (slice(trials.MARGIN, -trials.MARGIN),) * 2
    moved = trials.moved_picture(np.clip(scene, 0, 255).astype(np.float32), drift, 0, rng)[inner]
    if tint:
        moved = moved * np.float32(drift.gain) + np.float32(drift.bias)
    moved += rng.normal(0, rng.uniform(0, 3), moved.shape)
    returned = np.clip(np.rint(moved), 0, 255).astype(np.uint8)
    return trials.through_jpeg(returned, int(rng.integers(75, 96)))


def colour_row(name: str, count: int, *, everywhere: bool) -> str:
    """An edit of the whole picture, or inside the selection alone under drift: what is left of it inside."""
    edit = EDITS[name]
    shares, decided = [], 0
    for number in range(count):
        rng = np.random.default_rng((number, list(EDITS).index(name)))
        plain, picture, hole, drift = scene_of(list(pictures.PICTURES)[number % len(pictures.PICTURES)], rng)
        inner = (slice(trials.MARGIN, -trials.MARGIN),) * 2
        edited = np.clip(edit(picture.astype(np.float32), rng), 0, 255)
        scene = edited if everywhere else picture.astype(np.float32)
        if not everywhere:
            scene[inner][hole] = edited[inner][hole]
        returned = returned_picture(scene, drift, rng, tint=not everywhere)
        result, applied = finish(plain, returned)
        share = left_inside(result, plain.original, edited[inner], hole)
        shares.append(share)
        decided += applied["colours"] == "kept"
        if share < 0.85:
            print("   ", plain.name, f"{share:.2f}", applied, flush=True)
    where = "whole picture" if everywhere else "inside only"
    cells = [
        name,
        where,
        str(count),
        f"{np.mean(shares):.0%}",
        f"{min(shares):.0%}",
        str(sum(s >= 0.85 for s in shares)),
        str(decided),
    ]
    return "| " + " | ".join(cells) + " |"


def drift_row(count: int) -> str:
    """Drift alone: the error inside as it came and in the result, and how often the tint was undone."""
    before, after, undone = [], [], 0
    for number in range(count):
        rng = np.random.default_rng((number, 99))
        plain, picture, hole, drift = scene_of(list(pictures.PICTURES)[number % len(pictures.PICTURES)], rng)
        returned = returned_picture(picture.astype(np.float32), drift, rng, tint=True)
        result, applied = finish(plain, returned)
        tinted = plain.original * np.float32(drift.gain) + np.float32(drift.bias)
        before.append(np.abs(tinted - plain.original)[hole].mean())
        after.append(np.abs((result.astype(float) - plain.original)[hole].mean(0)).mean())
        undone += applied["colours"] != "kept"
        if applied["colours"] == "kept":
            print("   ", plain.name, applied, np.round(drift.gain, 3), np.round(drift.bias, 1), flush=True)
    return f"drift, {count} trials: {undone} undone; tint inside {np.mean(before):.2f} → {np.mean(after):.2f} levels"


def slope(shape: tuple[int, int], part: float) -> np.ndarray:
    """Light from the left: a gain from 1 − part/2 to 1 + part/2."""
    return np.broadcast_to(np.linspace(1 - part / 2, 1 + part / 2, shape[1], dtype=np.float32), shape)[..., None]


def vignette(shape: tuple[int, int]) -> np.ndarray:
    """Dark corners: 45 % less there."""
    y, x = np.meshgrid(np.linspace(-1, 1, shape[0]), np.linspace(-1, 1, shape[1]), indexing="ij")
    return (1 - 0.225 * (x * x + y * y)).astype(np.float32)[..., None]


def glow(hole: np.ndarray) -> np.ndarray:
    """Light that a new thing sheds around itself: some 20 levels at its edge."""
    soft = Image.fromarray((hole * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(70))
    return (np.asarray(soft, np.float32) / 255 * 40)[..., None] * np.float32([1, 0.9, 0.6])


def visible_step(result: np.ndarray, original: np.ndarray, hole: np.ndarray) -> float:
    """The mean step at the selection's edge in levels, which the truth doesn't have: over stretches of 32 px."""
    difference = (result.astype(np.float32) - original) * hole[..., None]
    inner = hole & (np.asarray(Image.fromarray(~hole).convert("L").filter(ImageFilter.MaxFilter(9))) > 0)
    weight = Image.fromarray(inner.astype(np.float32)).reduce(32)
    usable = np.asarray(weight) > 0.02
    sums = [np.asarray(Image.fromarray(difference[..., b] * inner).reduce(32)) for b in range(3)]
    return float(np.mean([np.abs(each[usable] / np.asarray(weight)[usable]).mean() for each in sums]))


def light_rows(montage: Path | None) -> list[str]:
    """The steps at the edge under different lights."""
    kinds: dict[str, Callable[[tuple[int, int], np.ndarray], tuple[np.ndarray | float, np.ndarray | float]]] = {
        "drift only": lambda shape, hole: (1.0, 0.0),
        "light 12 %": lambda shape, hole: (slope(shape, 0.12), 0.0),
        "light 20 %": lambda shape, hole: (slope(shape, 0.2), 0.0),
        "light 36 %": lambda shape, hole: (slope(shape, 0.36), 0.0),
        "vignette": lambda shape, hole: (vignette(shape), 0.0),
        "glow": lambda shape, hole: (1.0, glow(hole)),
    }
    lines = ["| light | fitted | levelled | worst | decided to keep |", "|---|---|---|---|---|"]
    for kind, made in kinds.items():
        steps, kept_count = [], 0
        for name in pictures.LIGHT_PICTURES:
            rng = np.random.default_rng(7)
            plain, picture, hole, drift = scene_of(name, rng)
            wide = np.pad(hole, trials.MARGIN)
            gain, bias = made(picture.shape[:2], wide)
            scene = picture.astype(np.float32) * gain + bias
            returned = returned_picture(scene, drift, rng, tint=True)
            fitted = correct(returned, estimate(plain.original, returned, plain.protected), hole)
            result, applied = finish(plain, returned)
            kept_count += applied["colours"] == "kept"
            steps.append((visible_step(fitted, plain.original, hole), visible_step(result, plain.original, hole)))
            if montage:
                save_edge(montage / f"{kind.replace(' ', '-')}-{name}.png", plain, (fitted, result))
        fitted_steps, levelled = np.transpose(steps)
        cells = (kind, f"{fitted_steps.mean():.2f}", f"{levelled.mean():.2f}", f"{levelled.max():.2f}", str(kept_count))
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def crossing_row() -> str:
    """A new thing that crosses the edge, under drift: the error of the 16-px band inside."""
    errors = []
    for name, other in zip(
        pictures.LIGHT_PICTURES, pictures.LIGHT_PICTURES[1:] + pictures.LIGHT_PICTURES[:1], strict=True
    ):
        rng = np.random.default_rng(7)
        plain, picture, hole, drift = scene_of(name, rng)
        thing = trials.blobs(hole.shape, 0.02, rng)
        edge = np.argwhere(hole & ~np.roll(hole, 1, 1))
        row, col = edge[len(edge) // 2]
        centre = np.argwhere(thing).mean(0).astype(int)
        thing = np.roll(thing, (row - centre[0], col - centre[1]), (0, 1))
        scene = picture.astype(np.float32)
        inner = (slice(trials.MARGIN, -trials.MARGIN),) * 2
        source = np.asarray(Image.fromarray(pictures.load(other)).resize(hole.shape[::-1]))
        scene[inner][thing] = source[thing]
        truth = scene[inner].copy()
        returned = returned_picture(scene, drift, rng, tint=True)
        fitted = correct(returned, estimate(plain.original, returned, plain.protected), hole)
        result, _applied = finish(plain, returned)
        band = hole & (np.asarray(Image.fromarray(hole).convert("L").filter(ImageFilter.MinFilter(33))) == 0)
        near = band & (np.asarray(Image.fromarray(thing).convert("L").filter(ImageFilter.MaxFilter(65))) > 0)
        errors.append([np.abs(each.astype(float) - truth)[near].mean() for each in (fitted, result)])
    fitted_error, levelled = np.mean(errors, 0)
    return f"new thing over the edge, error of the band: fitted {fitted_error:.2f}, levelled {levelled:.2f}"


def save_edge(path: Path, trial: trials.Trial, results: tuple[np.ndarray, ...]) -> None:
    """A montage at 200 % of the selection's edge: the original, then each result over it."""
    hole = ~trial.protected
    edge = np.argwhere(hole & ~np.roll(hole, 1, 1))
    row, col = edge[len(edge) // 2]
    row, col = (int(np.clip(at, 130, side - 130)) for at, side in zip((row, col), hole.shape, strict=True))
    at = (slice(row - 128, row + 128), slice(col - 128, col + 128))
    parts = [trial.original[at], *(np.where(hole[..., None], each, trial.original)[at] for each in results)]
    Image.fromarray(np.hstack(parts)).resize((256 * 2 * len(parts), 512), Image.NEAREST).save(path)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=20, help="trials of each edit, and five times as many of drift")
    parser.add_argument("--short", type=int, default=SHORT, help="the pictures' short side")
    parser.add_argument("--light", action="store_true", help="the rows on light instead")
    parser.add_argument("--montage", type=Path, help="save pictures of the edges at 200 % here")
    options = parser.parse_args()
    globals()["SHORT"] = options.short
    pictures.fetch()
    if options.montage:
        options.montage.mkdir(parents=True, exist_ok=True)
    if not options.light:  # the rows on the colours
        print(
            "| edit | where | trials | left inside | worst | ≥ 85 % | kept |\n|---|---|---|---|---|---|---|", flush=True
        )
        for name in EDITS:
            for everywhere in (True, False):
                print(colour_row(name, options.trials, everywhere=everywhere), flush=True)
        print(drift_row(options.trials * 5), flush=True)
    else:
        print("\n".join(light_rows(options.montage)))
        print(crossing_row())


if __name__ == "__main__":
    main()
