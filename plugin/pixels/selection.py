"""The area that an edit changes: the selection of an image, or the stored values of one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from lib.frame.geometry import Rect, Size


class Selection(Protocol):
    """A selection on the canvas; its values are one byte per pixel, 0 where nothing is selected."""

    @property
    def bounds(self) -> Rect | None:
        """Return the rectangle of all selected pixels; None where nothing is selected."""

    def values(self, area: Rect) -> bytes:
        """Return the values in an area of the canvas."""

    def thumbnail(self, area: Rect, size: Size) -> bytes:
        """Return the values in an area of the canvas, scaled down to the size."""


@dataclass(frozen=True)
class StoredSelection:
    """A selection given by its values in one rectangle; nothing is selected outside it."""

    rect: Rect
    data: bytes

    @cached_property
    def bounds(self) -> Rect | None:
        rows = [(number, row) for number, row in enumerate(self._rows()) if row.strip(b"\0")]
        if not rows:
            return None
        left = min(len(row) - len(row.lstrip(b"\0")) for _number, row in rows)
        right = max(len(row.rstrip(b"\0")) for _number, row in rows)
        x, y = self.rect.x, self.rect.y
        return Rect.from_edges(x + left, y + rows[0][0], x + right, y + rows[-1][0] + 1)

    def values(self, area: Rect) -> bytes:
        inside = area.intersect(self.rect)
        if inside.empty:
            return bytes(area.size.pixels)
        first, skipped = inside.y - self.rect.y, inside.x - self.rect.x
        before, after = bytes(inside.x - area.x), bytes(area.right - inside.right)
        rows = self._rows()[first : first + inside.height]
        rows = [before + row[skipped : skipped + inside.width] + after for row in rows]
        above, below = area.width * (inside.y - area.y), area.width * (area.bottom - inside.bottom)
        return bytes(above) + b"".join(rows) + bytes(below)

    def thumbnail(self, area: Rect, size: Size) -> bytes:
        values = self.values(area)
        columns = [x * area.width // size.width for x in range(size.width)]
        starts = [y * area.height // size.height * area.width for y in range(size.height)]
        return bytes(values[start + column] for start in starts for column in columns)

    def _rows(self) -> list[bytes]:
        width = self.rect.width
        return [self.data[start : start + width] for start in range(0, len(self.data), width or 1)]


NOTHING_SELECTED = StoredSelection(Rect(0, 0, 0, 0), b"")
