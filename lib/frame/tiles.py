"""Plans the second pass over a result that was enlarged: overlapping tiles, in which no detail is lost.

The tiles form a grid. All have the same size, so that they cost the same.
"""

from __future__ import annotations

from itertools import groupby

from lib.api.models import FreeSize, SizeList
from lib.frame.frame import Plan, start_of_span
from lib.frame.geometry import Rect, Size
from lib.frame.sizes import Bounds, SizeChoice, choose_size, restrict

MIN_OVERLAP = 64  # pixels that neighbouring tiles have in common at least,
OVERLAP_PART = 8  # or one part of this many of their side, if that is more
MOST_TILES = 36


def plan_tiles(
    canvas: Size,
    area: Rect,
    *,
    rule: SizeList | FreeSize,
    size: Size | None = None,
    largest: int | None = None,
) -> list[Plan]:
    """Return the tiles that cover an area of the canvas, row by row: as few as possible, then as small as possible.

    rule, size, largest: see `lib.frame.frame.plan`. A tile sticks out of the canvas only if that is too small for it.
    Returns [] if the model has no fitting size, or too many tiles would be needed. Raises FrameError for the options.
    """
    rule, bounds = restrict(rule, size, largest), Bounds(canvas, canvas)
    numbers = range(1, MOST_TILES + 1)
    grids = sorted((columns * rows, columns, rows) for columns in numbers for rows in numbers)
    for count, same in groupby(grids, lambda grid: grid[0]):
        if count > MOST_TILES:
            break
        choices = [(choice, *grid[1:]) for grid in same if (choice := _tile(area.size, *grid[1:], bounds, rule))]
        if choices:
            choice, columns, rows = min(choices, key=lambda each: each[0].size.pixels)
            return _grid(area, canvas, choice, columns, rows)
    return []


def _tile(area: Size, columns: int, rows: int, bounds: Bounds, rule: SizeList | FreeSize) -> SizeChoice | None:
    """Return what a tile of a grid is sent as; None if it would be reduced."""
    least = Size(_side(area.width, columns), _side(area.height, rows))
    choice = choose_size(least, bounds, rule, prefer_context=True)
    is_reduced = choice.sent.width > choice.size.width or choice.sent.height > choice.size.height
    return None if is_reduced else choice


def _side(length: int, count: int) -> int:
    """Return the smallest side with which this many tiles cover a length and overlap as they should."""
    if count == 1:
        return length
    by_pixels = -(-(length + MIN_OVERLAP * (count - 1)) // count)
    by_part = -(-length * OVERLAP_PART // (count * OVERLAP_PART - (count - 1)))
    return max(by_pixels, by_part) + 1  # the starts are rounded


def _grid(area: Rect, canvas: Size, choice: SizeChoice, columns: int, rows: int) -> list[Plan]:
    whole = Rect(0, 0, canvas.width, canvas.height)
    lefts = _starts(area.x, area.width, choice.sent.width, columns, canvas.width)
    tops = _starts(area.y, area.height, choice.sent.height, rows, canvas.height)
    sent = [Rect(left, top, choice.sent.width, choice.sent.height) for top in tops for left in lefts]
    return [Plan(tile.intersect(whole), tile, choice.size) for tile in sent]


def _starts(start: int, length: int, side: int, count: int, canvas: int) -> list[int]:
    """Return where the tiles start that cover a span; one that is larger is centred on it, within the canvas."""
    if side >= length or count == 1:
        return [start_of_span(start, length, side, (0, canvas), canvas)]
    return [start + number * (length - side) // (count - 1) for number in range(count)]
