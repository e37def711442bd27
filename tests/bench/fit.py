"""Measures alignment on photographs with a known misalignment: a table of errors, refusals and times.

    python tests/bench/fit.py [--prototype FILE] [--trials PART] [--only ROW …] [--out FILE]

Needs pip and, for the wallpapers, apt-get (Debian or Ubuntu; no root). The downloads stay in the user's cache.
With the prototype, both run on the same trials in turn, so that their times can be compared on a busy machine.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from lib.imaging.fit import correct, estimate  # noqa: E402
from lib.imaging.light import level  # noqa: E402
from tests.bench import fit_trials as trials  # noqa: E402
from tests.bench.fill_pictures import PHOTOGRAPHS, fetch  # noqa: E402

LARGE = [p for p in PHOTOGRAPHS if not p.path.startswith("skimage")]
SKIES = [p for p in LARGE if p.name in ("Storm", "sunset", "Dune", "GreenMeadow")]
DRIFT = trials.Drift((6, 4), 0.01, 0.0, (1.06, 1.0, 0.95))
BAND = "| 6/4 px, 1 % zoom, +6 % red, −5 % blue: error of the 16-px band | as it came | fitted | levelled |"
DAMAGES = {
    "no more": trials.Damage(),
    "noise of 2 levels, JPEG 85": trials.Damage(noise=2, quality=85),
    "a local tint of 3 levels": trials.Damage(local_tint=3),
}
HEAD = ("trials", "before", "median", "p90", "worst", "accepted", "wrong", "colour", "fit s", "apply s")


@dataclass(frozen=True)
class Row:
    """A kind of trial: how many, of which size, how much drift, which damage."""

    name: str
    count: int
    size: tuple[int, int] = (1024, 1024)
    times: float = 1.0
    damage: tuple[tuple[str, float], ...] = ()
    skies: bool = False


ROWS = [
    Row("photographs", 48),
    Row("skies", 8, skies=True),
    Row("wobble of 0.7 px", 36, damage=(("wobble", 0.7),)),
    Row("20 % repainted", 36, damage=(("repainted", 0.2),)),
    Row("three times the range", 36, times=3),
    Row("512×512", 14, (512, 512)),
    Row("1536×1024", 14, (1536, 1024)),
    Row("3840×2160", 5, (3840, 2160)),
]


@dataclass
class Result:
    """One trial measured: errors in pixels and levels, and seconds."""

    before: float
    error: float
    accepted: bool
    colour: float
    fit_seconds: float
    apply_seconds: float

    @property
    def wrong(self) -> bool:
        return self.accepted and self.error > 1 and self.error > self.before


Method = Callable[[trials.Trial], Result]


def cut(cache: Path, path: str, size: tuple[int, int], x: float, y: float) -> np.ndarray:
    """A part of a photograph, wider than `size` by the margin, reduced by two at most: uint8 (H, W, 3)."""
    width, height = (side + 2 * trials.MARGIN for side in size)
    with Image.open(cache / "pictures" / path) as file:
        picture = file.convert("RGB")
    scale = max(width / picture.width, height / picture.height, 0.5)
    left, top = (picture.width - width / scale) * x, (picture.height - height / scale) * y
    box = (left, top, left + width / scale, top + height / scale)
    return np.asarray(picture.resize((width, height), Image.Resampling.LANCZOS, box))


def made(row: Row, part: float, cache: Path) -> Iterator[trials.Trial]:
    """The row's trials, always the same ones."""
    rng = np.random.default_rng(ROWS.index(row) + 1)
    for number in range(max(1, round(row.count * part))):
        if row.skies and number % 2:
            wide = trials.sky(tuple(side + 2 * trials.MARGIN for side in row.size[::-1]), rng)
            name = "synthetic sky"
        else:
            photograph = SKIES[number // 2 % len(SKIES)] if row.skies else LARGE[number % len(LARGE)]
            name, place = photograph.name, (0.5, 0.0) if row.skies else tuple(rng.uniform(size=2))
            wide = cut(cache, photograph.path, row.size, *place)
        other = cut(cache, LARGE[(5 * number + 3) % len(LARGE)].path, row.size, 0.5, 0.5)
        damage = trials.random_damage(rng, **dict(row.damage))
        yield trials.make_trial(wide, other, trials.random_drift(rng, row.times), damage, rng, name)


def ours(trial: trials.Trial) -> Result:
    """What this project does."""
    start = time.perf_counter()
    fit = estimate(trial.original, trial.returned, trial.protected)
    middle = time.perf_counter()
    correct(trial.returned, fit, ~trial.protected)
    end = time.perf_counter()
    error = trials.mean_error(trial, fit.motion.turn, fit.motion.shift)
    colour = trials.colour_error(trial, fit.colour.gain, fit.colour.bias)
    return Result(trials.mean_error(trial, 1, 0), error, fit.accepted, colour, middle - start, end - middle)


def prototype(path: Path) -> Method:
    """The measured prototype, which only estimates."""
    spec = importlib.util.spec_from_file_location("fit_prototype", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def measured(trial: trials.Trial) -> Result:
        hole = Image.fromarray(~trial.protected).convert("L").filter(ImageFilter.MaxFilter(49))
        usable = np.asarray(hole) == 0
        start = time.perf_counter()
        p, gain, bias, details = module.robust_register(trial.original, trial.returned, usable)
        seconds = time.perf_counter() - start
        error = trials.mean_error(trial, complex(1 + p[0], p[1]), complex(p[2], p[3]))
        colour = trials.colour_error(trial, gain, bias)
        return Result(trials.mean_error(trial, 1, 0), error, details["accept"], colour, seconds, float("nan"))

    return measured


def line(name: str, results: list[Result]) -> str:
    """A row of the table; errors over the accepted trials, the rest over all."""
    errors = [r.error for r in results if r.accepted] or [float("nan")]
    cells = [
        name,
        str(len(results)),
        f"{np.mean([r.before for r in results]):.1f}",
        *(f"{value:.3f}" for value in (np.median(errors), np.quantile(errors, 0.9), max(errors))),
        str(sum(r.accepted for r in results)),
        str(sum(r.wrong for r in results)),
        f"{np.median([r.colour for r in results]):.2f}",
        *(f"{np.median([getattr(r, s) for r in results]):.2f}" for s in ("fit_seconds", "apply_seconds")),
    ]
    return "| " + " | ".join(cells) + " |"


def paired(ours: list[Result], theirs: list[Result]) -> str:
    """How much smaller our errors are on the trials that both accept, and how sure that is (a bootstrap's 95 %)."""
    both = [(a.error, b.error) for a, b in zip(ours, theirs, strict=True) if a.accepted and b.accepted]
    difference = np.subtract(*np.transpose(both))
    again = np.random.default_rng(0).choice(difference, (4000, len(both)))
    low, high = np.quantile(np.median(again, 1), (0.025, 0.975))
    return (
        f"median of our error less the prototype's on the same trial: {np.median(difference):+.4f} px "
        f"(95 %: {low:+.4f} to {high:+.4f}), ours smaller in {(difference < 0).sum()} of {len(both)}"
    )


def edge_band(protected: np.ndarray, width: int = 16) -> np.ndarray:
    """The selection's pixels that are less than `width` from its edge."""
    hole = Image.fromarray(~protected).convert("L")
    return ~protected & (np.asarray(hole.filter(ImageFilter.MinFilter(2 * width + 1))) == 0)


def faithful(cache: Path, what: str, damage: trials.Damage) -> str:
    """Nothing changed but a known drift: the mean error in levels in the band inside the selection's edge."""
    rng = np.random.default_rng(9)
    figures = []
    for photograph in LARGE:
        wide = cut(cache, photograph.path, (1024, 1024), 0.5, 0.5)
        trial = trials.make_trial(wide, wide, DRIFT, damage, rng, changed=False)
        aligned = correct(trial.returned, estimate(trial.original, trial.returned, trial.protected), ~trial.protected)
        near, truth = edge_band(trial.protected), trial.original.astype(float)
        steps = (trial.returned, aligned, level(trial.original, aligned, ~trial.protected).picture)
        figures.append([np.abs(picture - truth)[near].mean() for picture in steps])
    ends = zip(np.mean(figures, 0), np.max(figures, 0), strict=True)
    cells = [f"{mean:.2f} (worst {worst:.2f})" for mean, worst in ends]
    return f"| {what} | " + " | ".join(cells) + " |"


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prototype", type=Path, help="the measured prototype; its lines are left out without")
    parser.add_argument("--trials", type=float, default=1.0, help="the part of the trials to run, from 0 to 1")
    parser.add_argument("--only", nargs="*", help="names of rows")
    parser.add_argument("--out", type=Path, help="write the table here too")
    options = parser.parse_args()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "generative-edit" / "fill-bench"
    fetch(cache)
    ways: dict[str, Method] = {"": ours}
    if options.prototype:
        ways[", prototype"] = prototype(options.prototype)
    lines = ["| row | " + " | ".join(HEAD) + " |", "|---" * (len(HEAD) + 1) + "|"]
    comparisons: list[str] = []
    print("\n".join(lines), flush=True)
    for row in ROWS:
        if options.only and row.name not in options.only:
            continue
        results: dict[str, list[Result]] = {name: [] for name in ways}
        for trial in made(row, options.trials, cache):
            for name, method in ways.items():
                results[name].append(method(trial))
        for name in ways:
            lines.append(line(row.name + name, results[name]))
            print(lines[-1], flush=True)
        if options.prototype:
            comparisons.append(f"* {row.name}: {paired(*results.values())}")
            print(comparisons[-1], flush=True)
    lines += ["", *comparisons, "", BAND, "|---|---|---|---|"]
    lines += [faithful(cache, what, damage) for what, damage in DAMAGES.items()]
    print("\n".join(lines[-len(DAMAGES) - 3 :]))
    if options.out:
        options.out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
