"""The geometry of the drawing of the old and the new canvas, and of dragging an edge in it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from lib.frame.geometry import Rect, Size

MARGIN = 0.14  # of the new canvas's longer side, left free on each side for dragging an edge outwards
GRAB_DISTANCE = 8  # pixels of the drawing within which a click grabs an edge


@dataclass(frozen=True)
class Outline:
    """The old canvas, the new one (`whole`) in coordinates of the old, and how both map to the drawing.

    `scale` is drawing pixels per canvas pixel; the old canvas's top left corner is drawn at `left`, `top`.
    """

    canvas: Size
    whole: Rect
    scale: float
    left: float
    top: float

    @classmethod
    def fit(cls, canvas: Size, whole: Rect, max_size: Size) -> Outline:
        """Return the largest outline that fits into `max_size`, margin included."""
        margin = 2 * MARGIN * whole.size.longest
        scale = min(max_size.width / (whole.width + margin), max_size.height / (whole.height + margin))
        left = (max_size.width - whole.width * scale) / 2 - whole.x * scale
        top = (max_size.height - whole.height * scale) / 2 - whole.y * scale
        return cls(canvas, whole, scale, left, top)

    def with_extent(self, whole: Rect) -> Outline:
        """Return an outline of another new canvas in which the old canvas is drawn at the same position."""
        return replace(self, whole=whole)

    @property
    def old(self) -> Rect:
        """The old canvas in the drawing."""
        return self._scale(Rect(0, 0, self.canvas.width, self.canvas.height))

    @property
    def new(self) -> Rect:
        """The new canvas in the drawing."""
        return self._scale(self.whole)

    def to_drawing(self, area: Rect) -> Rect:
        """Return an area of the new canvas in coordinates of the drawing."""
        return self._scale(area.translate(self.whole.x, self.whole.y))

    def sides_at(self, x: float, y: float) -> tuple[str, ...]:
        """Return the sides whose edges are near a point of the drawing: none, one, or two at a corner."""
        new = self.new
        near = new.grow(GRAB_DISTANCE)
        if not (near.x <= x <= near.right and near.y <= y <= near.bottom):
            return ()
        across = {"left": abs(x - new.x), "right": abs(x - new.right)}
        down = {"top": abs(y - new.y), "bottom": abs(y - new.bottom)}
        nearest = [min(edges.items(), key=lambda edge: edge[1]) for edges in (across, down)]
        return tuple(name for name, distance in nearest if distance <= GRAB_DISTANCE)

    def growth_at(self, side: str, x: float, y: float) -> int:
        """Return the canvas pixels by which a side grows when its edge is dragged to a point of the drawing."""
        old = self.old
        beyond = {"left": old.x - x, "right": x - old.right, "top": old.y - y, "bottom": y - old.bottom}[side]
        return max(0, round(beyond / self.scale))

    def _scale(self, area: Rect) -> Rect:
        x, y = math.floor(self.left + area.x * self.scale), math.floor(self.top + area.y * self.scale)
        right = math.ceil(self.left + area.right * self.scale)
        bottom = math.ceil(self.top + area.bottom * self.scale)
        return Rect.from_edges(x, y, max(x + 1, right), max(y + 1, bottom))
