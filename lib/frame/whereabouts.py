"""Say in words where the selection is in the image that is sent, for a provider that ignores the mask."""

from __future__ import annotations

import math

from lib.frame.geometry import Rect

_COLUMNS, _ROWS = ("left", "", "right"), ("upper", "", "lower")
_WIDE = 0.75  # a selection that takes more of a side than this is not at one end of it


def describe_area(selection: Rect, sent: Rect) -> str:
    """Return an English sentence that limits an edit to the selection's bounds in `sent`, both on the canvas.

    It names the place, as in "the upper left part", and the bounds in per cent of the width and the height.
    """
    area = selection.intersect(sent)
    left, right = ((edge - sent.x) / sent.width for edge in (area.x, area.right))
    top, bottom = ((edge - sent.y) / sent.height for edge in (area.y, area.bottom))
    return (
        f"Change only the {_place(left, right, top, bottom)} of the image, from {_percent(left, right)} of its width "
        f"and from {_percent(top, bottom)} of its height. Leave everything else exactly as it is."
    )


def _percent(start: float, end: float) -> str:
    """Return a span of a side in whole per cent, rounded; a very small one is rounded outwards, not to be empty."""
    if round(100 * start) == round(100 * end):
        whole = min(99, math.floor(round(100 * start, 6)))
        return f"{whole}% to {whole + 1}%"
    return f"{start:.0%} to {end:.0%}"


def _place(left: float, right: float, top: float, bottom: float) -> str:
    words = [_ROWS[_third(top, bottom)], _COLUMNS[_third(left, right)]]
    return " ".join(filter(None, words)) + " part" if any(words) else "middle"


def _third(start: float, end: float) -> int:
    """Return in which third of a side the middle of a span is; 1, the middle one, for a wide span."""
    return 1 if end - start > _WIDE else min(2, int(3 * (start + end) / 2))
