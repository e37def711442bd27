"""Content-aware fill: a hole filled with pixels copied from around it, so that the seams do not show."""

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

LEAST_MARGIN = 96  # pixels of surroundings to copy from, at least
SCREENING = 3e-4  # at full size; four times as much at each coarser level
FIRST_STEPS = 250  # of the solver at the coarsest level; it starts from there at the others
NEXT_STEPS = 41


class NothingToCopyFrom(ValueError):  # noqa: N818 - it says what is wrong, not that something is
    """The hole leaves no known pixel, so there is nothing that it could be filled with."""


def fill(
    image: Picture,
    hole: Mask,
    *,
    seed: int = 0,
    avoid: Mask | None = None,
    on_partial: OnPartial | None = None,
) -> Picture:
    """A copy of `image` (H, W, 3) in which `hole` (H, W) is filled; all other pixels stay as they are.

    Pixels of `avoid` (H, W) are never copied. The same seed gives the same bytes. `on_partial` gets the whole
    picture after each level, coarse to fine; what it raises reaches the caller.
    Raises NothingToCopyFrom where the hole is the whole picture, ValueError on wrong shapes or types.
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
    """The hole's box and about its short side all round; the whole picture where that holds too little."""
    rows, cols = np.flatnonzero(hole.any(1)), np.flatnonzero(hole.any(0))
    sides = sorted((int(rows[-1] - rows[0]) + 1, int(cols[-1] - cols[0]) + 1))
    margin = max(sides[0], sides[1] // 4, LEAST_MARGIN)
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
    """Shows the caller the states on the way, each enlarged to the full picture."""

    def __init__(
        self, image: Picture, window: tuple[slice, slice], levels: list[Level], show: OnPartial
    ) -> None:
        self.image, self.window, self.levels, self.show = image, window, levels, show

    def __call__(self, number: int, colours: Floats | None) -> None:
        """Shows level `number` with `colours` (n, 3) in its hole; None: its membrane."""
        level = self.levels[number]
        state = level.image.copy()
        if colours is not None:
            state[~level.known] = colours
        for finer in self.levels[number - 1 :: -1] if number else []:
            state = np.where(finer.known[..., None], finer.image, double(state, finer.shape))
        picture = self.image.copy()
        hole = ~self.levels[0].known
        _insert(picture[self.window], hole, state[hole])
        self.show(picture)


def shift_maps(levels: list[Level], seed: int) -> Iterator[ShiftMap]:
    """From where the hole's pixels are copied, for each level, coarsest first."""
    checkpoint()
    found = find(levels[-1], np.random.default_rng(seed))
    yield found
    for number in range(len(levels) - 2, -1, -1):
        found = refine(found, levels[number], FINE_ROUNDS if number else 0)
        yield found


def _solve(levels: list[Level], seed: int, partials: _ProgressViews | None) -> Floats:
    """The colours (n, 3) of the finest level's hole pixels, in reading order."""
    colours, added = np.empty((0, 3), np.float32), None
    if partials:
        partials(len(levels) - 1, None)
    for number, found in zip(range(len(levels) - 1, -1, -1), shift_maps(levels, seed), strict=True):
        colours, added = _blended(found, added, number)
        if partials and number:
            partials(number, colours)
    return colours


def _blended(found: ShiftMap, coarser: Floats | None, number: int) -> tuple[Floats, Floats]:
    """The blended colours (n, 3), and the correction (H, W, 3) for the next level to start from."""
    graph = found.graph
    start = None if coarser is None else double(coarser, graph.level.shape)[graph.rows, graph.cols]
    steps = FIRST_STEPS if start is None else NEXT_STEPS
    copied, added = correction(graph, found.moves, start, SCREENING * 4**number, steps)
    dense = np.zeros((*graph.level.shape, 3), np.float32)
    dense[graph.rows, graph.cols] = added
    return copied + added, dense
