"""Say in words where the selection is in the image that is sent, for a provider that ignores the mask."""

from __future__ import annotations

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
        f"Change only the {_place(left, right, top, bottom)} of the image, from {left:.0%} to {right:.0%} of its width "
        f"and from {top:.0%} to {bottom:.0%} of its height. Leave everything else exactly as it is."
    )


def _place(left: float, right: float, top: float, bottom: float) -> str:
    words = [_ROWS[_third(top, bottom)], _COLUMNS[_third(left, right)]]
    return " ".join(filter(None, words)) + " part" if any(words) else "middle"


def _third(start: float, end: float) -> int:
    """Return in which third of a side the middle of a span is; 1, the middle one, for a wide span."""
    return 1 if end - start > _WIDE else min(2, int(3 * (start + end) / 2))
