"""Sizes and rectangles in whole pixels."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Size:
    """A width and a height in pixels."""

    width: int
    height: int

    @property
    def pixels(self) -> int:
        """The area in pixels."""
        return self.width * self.height

    @property
    def longest(self) -> int:
        """The longer side."""
        return max(self.width, self.height)

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


@dataclass(frozen=True, slots=True)
class Rect:
    """A rectangle by its left and top edge, which may be negative, its width and height."""

    x: int
    y: int
    width: int
    height: int

    @classmethod
    def from_edges(cls, left: int, top: int, right: int, bottom: int) -> Rect:
        """Return the rectangle between edges, as in GIMP's selection bounds; it is empty if opposite edges cross."""
        return cls(left, top, max(0, right - left), max(0, bottom - top))

    @property
    def right(self) -> int:
        """The first column past the rectangle."""
        return self.x + self.width

    @property
    def bottom(self) -> int:
        """The first row past the rectangle."""
        return self.y + self.height

    @property
    def size(self) -> Size:
        """The width and height."""
        return Size(self.width, self.height)

    @property
    def empty(self) -> bool:
        """Whether the rectangle contains no pixels."""
        return self.width <= 0 or self.height <= 0

    def intersect(self, other: Rect) -> Rect:
        """Return the common part of both; it is empty if they don't overlap."""
        return Rect.from_edges(
            max(self.x, other.x), max(self.y, other.y), min(self.right, other.right), min(self.bottom, other.bottom)
        )

    def union(self, other: Rect) -> Rect:
        """Return the smallest rectangle that contains both, ignoring an empty one."""
        if self.empty or other.empty:
            return other if self.empty else self
        return Rect.from_edges(
            min(self.x, other.x), min(self.y, other.y), max(self.right, other.right), max(self.bottom, other.bottom)
        )

    def grow(self, margin: int) -> Rect:
        """Return the rectangle grown by `margin` pixels on every side, or shrunk if that is negative."""
        return Rect.from_edges(self.x - margin, self.y - margin, self.right + margin, self.bottom + margin)

    def translate(self, dx: int, dy: int) -> Rect:
        """Return the rectangle moved by `dx` to the right and `dy` down."""
        return Rect(self.x + dx, self.y + dy, self.width, self.height)

    def scaled(self, of: Size, size: Size) -> Rect:
        """Return this area of a picture of the size `of` in a copy of another size: inside it, at least one pixel."""
        left = min(self.x * size.width // of.width, size.width - 1)
        top = min(self.y * size.height // of.height, size.height - 1)
        width = max(1, min(round(self.width * size.width / of.width), size.width - left))
        height = max(1, min(round(self.height * size.height / of.height), size.height - top))
        return Rect(left, top, width, height)

    def contains(self, other: Rect) -> bool:
        """Return whether all pixels of `other` are inside."""
        return other.empty or self.union(other) == self

    def to_list(self) -> list[int]:
        """Return `[x, y, width, height]`, the form in reports and jobs."""
        return [self.x, self.y, self.width, self.height]
