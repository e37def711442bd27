"""Where a new window leaves the selection uncovered.

GIMP does not tell plug-ins where an image is on the screen, so this is an estimate: an image that fits is in the middle
of its window, between the docks.
"""

from __future__ import annotations

from lib.frame.geometry import Rect, Size

_DOCKS = 0.2  # of the window's width, on either side
_BARS = 0.1  # of its height, above and below
_MARGIN = 12


def on_screen(selection: Rect, canvas: Size, window: Rect) -> Rect:
    """Return where a selection is probably seen in the window of its image."""
    across, down = round(window.width * _DOCKS), round(window.height * _BARS)
    view = Rect(window.x + across, window.y + down, window.width - 2 * across, window.height - 2 * down)
    scale = min(1.0, view.width / canvas.width, view.height / canvas.height)
    left = view.x + (view.width - canvas.width * scale) / 2
    top = view.y + (view.height - canvas.height * scale) / 2
    return Rect.from_edges(
        round(left + selection.x * scale),
        round(top + selection.y * scale),
        round(left + selection.right * scale),
        round(top + selection.bottom * scale),
    )


def place_beside(size: Size, screen: Rect, avoided: Rect | None) -> tuple[int, int]:
    """Return the corner of a window at the right edge of the screen, or at the left one where that covers less."""
    top = screen.y + _MARGIN
    right = Rect(screen.right - size.width - _MARGIN, top, size.width, size.height)
    left = Rect(screen.x + _MARGIN, top, size.width, size.height)
    best = right
    if avoided and left.intersect(avoided).size.pixels < right.intersect(avoided).size.pixels:
        best = left
    return best.x, best.y
