"""A canvas and what it grows to, drawn to fit some room: where both lie, and what dragging an edge means."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from lib.frame.geometry import Rect, Size

SPARE = 0.14  # of the longer side of the new canvas, kept free on each side: room to drag an edge into
NEAR = 8  # pixels of the drawing from an edge that still grasp it


@dataclass(frozen=True)
class Outline:
    """The old canvas, the new one in coordinates of the old, and how they are drawn.

    `scale` leads from the canvas to the drawing, `left` and `top` are where the old canvas's corner is drawn.
    """

    canvas: Size
    whole: Rect
    scale: float
    left: float
    top: float

    @classmethod
    def fit(cls, canvas: Size, whole: Rect, room: Size) -> Outline:
        """As large as the room allows, with some to spare."""
        spare = 2 * SPARE * whole.size.longest
        scale = min(room.width / (whole.width + spare), room.height / (whole.height + spare))
        left = (room.width - whole.width * scale) / 2 - whole.x * scale
        top = (room.height - whole.height * scale) / 2 - whole.y * scale
        return cls(canvas, whole, scale, left, top)

    def grown(self, whole: Rect) -> Outline:
        """Another new canvas, the old one staying where it is drawn: as an edge is dragged."""
        return replace(self, whole=whole)

    @property
    def old(self) -> Rect:
        """Where the old canvas is drawn."""
        return self._drawn(Rect(0, 0, self.canvas.width, self.canvas.height))

    @property
    def new(self) -> Rect:
        """Where the new canvas is drawn."""
        return self._drawn(self.whole)

    def drawn(self, area: Rect) -> Rect:
        """Where an area of the new canvas is drawn."""
        return self._drawn(area.translate(self.whole.x, self.whole.y))

    def sides_at(self, x: float, y: float) -> tuple[str, ...]:
        """The sides whose edge is near a point of the drawing: none, one, or two at a corner."""
        new = self.new
        if not (new.x - NEAR <= x <= new.right + NEAR and new.y - NEAR <= y <= new.bottom + NEAR):
            return ()
        across = {"left": abs(x - new.x), "right": abs(x - new.right)}
        down = {"top": abs(y - new.y), "bottom": abs(y - new.bottom)}
        nearest = [min(edges.items(), key=lambda edge: edge[1]) for edges in (across, down)]
        return tuple(name for name, distance in nearest if distance <= NEAR)

    def dragged(self, side: str, x: float, y: float) -> int:
        """How many pixels a side grows by when its edge is at a point of the drawing."""
        old = self.old
        beyond = {"left": old.x - x, "right": x - old.right, "top": old.y - y, "bottom": y - old.bottom}[side]
        return max(0, round(beyond / self.scale))

    def _drawn(self, area: Rect) -> Rect:
        x, y = math.floor(self.left + area.x * self.scale), math.floor(self.top + area.y * self.scale)
        right = math.ceil(self.left + area.right * self.scale)
        bottom = math.ceil(self.top + area.bottom * self.scale)
        return Rect.from_edges(x, y, max(x + 1, right), max(y + 1, bottom))
