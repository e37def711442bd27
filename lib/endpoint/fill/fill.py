"""Content-aware fill: fill a hole with pixels copied from its surroundings, without visible seams."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from ..cancellation import checkpoint
from .blend import correction
from .pyramid import Floats, Level, Mask, build, double
from .refine import FINE_ROUNDS, refine
from .shiftmap import ShiftMap, find

Picture = NDArray[np.uint8]
OnPartial = Callable[[Picture], None]

MIN_MARGIN = 96  # the smallest width, in pixels, of the surroundings to copy from
SCREENING = 3e-4  # at full size; four times as much at each coarser level
FIRST_STEPS = 250  # of the solver at the coarsest level; the others start from its solution
NEXT_STEPS = 41


class NothingToCopyFrom(ValueError):  # noqa: N818 - the name says what is wrong
    """The hole covers the whole picture, so there are no pixels to copy."""


def fill(
    image: Picture,
    hole: Mask,
    *,
    seed: int = 0,
    avoid: Mask | None = None,
    on_partial: OnPartial | None = None,
) -> Picture:
    """Return a copy of `image` (H, W, 3) with `hole` (H, W) filled; all other pixels stay unchanged.

    Pixels of `avoid` (H, W) are never copied. The same seed gives the same bytes. `on_partial` receives the whole
    picture after each level, coarse to fine; its exceptions reach the caller. Raise NothingToCopyFrom if the hole
    covers the whole picture, ValueError for wrong shapes or types.
    """
    _check(image, hole, avoid)
    if not hole.any():
        return image.copy()
    if hole.all():
        raise NothingToCopyFrom("The hole covers the whole picture: leave something to fill it from.")
    source = ~hole if avoid is None else ~(hole | avoid)
    window = _surroundings(hole, source)
    levels = build(Level(image[window].astype(np.float32), ~hole[window], source[window]))
    partials = None if on_partial is None else _ProgressViews(image, window, levels, on_partial)
    result = image.copy()
    _insert(result[window], hole[window], _solve(levels, seed, partials))
    return result


def _check(image: Picture, hole: Mask, avoid: Mask | None) -> None:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"The picture must be 8-bit (height, width, 3), not {image.dtype} {image.shape}.")
    for name, mask in (("hole", hole), ("avoided part", avoid)):
        if mask is not None and (mask.dtype != np.bool_ or mask.shape != image.shape[:2]):
            raise ValueError(f"The {name} must be bool {image.shape[:2]}, not {mask.dtype} {mask.shape}.")


def _surroundings(hole: Mask, source: Mask) -> tuple[slice, slice]:
    """Return the hole's bounding box with a margin of about its short side; the whole picture if that is too small."""
    rows, cols = np.flatnonzero(hole.any(1)), np.flatnonzero(hole.any(0))
    sides = sorted((int(rows[-1] - rows[0]) + 1, int(cols[-1] - cols[0]) + 1))
    margin = max(sides[0], sides[1] // 4, MIN_MARGIN)
    window = (
        slice(max(0, int(rows[0]) - margin), int(rows[-1]) + 1 + margin),
        slice(max(0, int(cols[0]) - margin), int(cols[-1]) + 1 + margin),
    )
    if np.count_nonzero(source[window]) >= np.count_nonzero(hole) // 4:
        return window
    return slice(0, hole.shape[0]), slice(0, hole.shape[1])


def _insert(part: Picture, hole: Mask, colours: Floats) -> None:
    part[hole] = np.clip(colours + 0.5, 0, 255).astype(np.uint8)


class _ProgressViews:
    """Passes intermediate states to the caller, each enlarged to the full picture."""

    def __init__(self, image: Picture, window: tuple[slice, slice], levels: list[Level], on_partial: OnPartial) -> None:
        self.image, self.window, self.levels, self.on_partial = image, window, levels, on_partial

    def __call__(self, number: int, colours: Floats | None) -> None:
        """Pass on level `number` with `colours` (n, 3) in its hole, or with its membrane for None."""
        level = self.levels[number]
        state = level.image.copy()
        if colours is not None:
            state[~level.context] = colours
        for finer in self.levels[number - 1 :: -1] if number else []:
            state = np.where(finer.context[..., None], finer.image, double(state, finer.shape))
        picture = self.image.copy()
        hole = ~self.levels[0].context
        _insert(picture[self.window], hole, state[hole])
        self.on_partial(picture)


def shift_maps(levels: list[Level], seed: int) -> Iterator[ShiftMap]:
    """Yield the shift map of each level, coarsest first."""
    checkpoint()
    shift_map = find(levels[-1], np.random.default_rng(seed))
    yield shift_map
    for number in range(len(levels) - 2, -1, -1):
        shift_map = refine(shift_map, levels[number], FINE_ROUNDS if number else 0)
        yield shift_map


def _solve(levels: list[Level], seed: int, partials: _ProgressViews | None) -> Floats:
    """Return the colours (n, 3) of the finest level's hole pixels, in reading order."""
    colours, added = np.empty((0, 3), np.float32), None
    if partials:
        partials(len(levels) - 1, None)
    for number, shift_map in zip(range(len(levels) - 1, -1, -1), shift_maps(levels, seed), strict=True):
        colours, added = _blend(shift_map, added, number)
        if partials and number:
            partials(number, colours)
    return colours


def _blend(shift_map: ShiftMap, coarser: Floats | None, number: int) -> tuple[Floats, Floats]:
    """Return the blended colours (n, 3), and the correction (H, W, 3) from which the next level starts."""
    graph = shift_map.graph
    start = None if coarser is None else double(coarser, graph.level.shape)[graph.rows, graph.cols]
    steps = FIRST_STEPS if start is None else NEXT_STEPS
    copied, added = correction(graph, shift_map.moves, start, SCREENING * 4**number, steps)
    dense = np.zeros((*graph.level.shape, 3), np.float32)
    dense[graph.rows, graph.cols] = added
    return copied + added, dense
