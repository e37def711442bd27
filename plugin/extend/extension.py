"""The arithmetic of extending a canvas: its new rectangle, and which pixels are new or blend into the old edge."""

from dataclasses import dataclass

from lib.frame.geometry import Rect, Size
from lib.translation import _

LEAST_OVERLAP, MOST_OVERLAP = 8, 48
MOST_PIXELS = 524_288  # of a side: GIMP's own limit


class ExtensionError(ValueError):
    """Sides that cannot be meant; the text says what is wrong and what to give."""


@dataclass(frozen=True)
class Extension:
    """A canvas that grows by `left`, `top`, `right`, `bottom` pixels."""

    canvas: Size
    left: int
    top: int
    right: int
    bottom: int

    @classmethod
    def read(cls, canvas: Size, left: str, top: str, right: str, bottom: str) -> "Extension":
        """Sides as a user writes them: pixels ("64"), a part of the canvas ("10%"), or nothing ("").

        Raises ExtensionError where a side is neither, or all are nothing.
        """
        extension = cls(
            canvas,
            _pixels("left", left, canvas.width),
            _pixels("top", top, canvas.height),
            _pixels("right", right, canvas.width),
            _pixels("bottom", bottom, canvas.height),
        )
        if extension.size == canvas:
            raise ExtensionError(_("left, top, right, bottom: give at least one of them, in pixels or percent."))
        if extension.size.longest > MOST_PIXELS:
            told = _("The new canvas would be {width}×{height} pixels, and {most} are the most. Grow it by less.")
            size = extension.size
            raise ExtensionError(told.format(width=size.width, height=size.height, most=MOST_PIXELS))
        return extension

    @property
    def size(self) -> Size:
        """The new canvas."""
        return Size(self.left + self.canvas.width + self.right, self.top + self.canvas.height + self.bottom)

    @property
    def whole(self) -> Rect:
        """The new canvas in coordinates of the old one."""
        return Rect(-self.left, -self.top, self.size.width, self.size.height)

    @property
    def old(self) -> Rect:
        """The old canvas in coordinates of the new one."""
        return Rect(self.left, self.top, self.canvas.width, self.canvas.height)

    @property
    def overlap(self) -> int:
        """How many pixels of the old edge blend with what is new: a sixteenth of the shorter side, within limits."""
        return min(max(min(self.canvas.width, self.canvas.height) // 16, LEAST_OVERLAP), MOST_OVERLAP)

    @property
    def changed(self) -> Rect:
        """The smallest rectangle, in coordinates of the new canvas, that holds all that may change."""
        sides = (
            Rect(0, 0, self.left and self.left + self.overlap, self.size.height),
            Rect(0, 0, self.size.width, self.top and self.top + self.overlap),
            Rect(self.old.right - self.overlap, 0, self.right and self.right + self.overlap, self.size.height),
            Rect(0, self.old.bottom - self.overlap, self.size.width, self.bottom and self.bottom + self.overlap),
        )
        found = Rect(0, 0, 0, 0)
        for side in sides:
            found = found.union(side)
        return found.intersect(Rect(0, 0, self.size.width, self.size.height))

    def values(self, frame: Rect) -> bytes:
        """One byte a pixel of `frame`, in the new canvas: 255 where all is new, falling to 0 across the overlap."""
        columns = self._fall(range(frame.x, frame.right), (self.left, self.old.x), (self.right, self.old.right))
        rows = self._fall(range(frame.y, frame.bottom), (self.top, self.old.y), (self.bottom, self.old.bottom))
        lines = {row: bytes(max(row, column) for column in columns) for row in set(rows)}
        return b"".join(lines[row] for row in rows)

    def _fall(self, places: range, near: tuple[int, int], far: tuple[int, int]) -> list[int]:
        """The values along one axis; each side is how far it grows, and where the old canvas begins or ends."""
        values = []
        for place in places:
            inside = [self.overlap]
            if near[0]:
                inside.append(place - near[1])
            if far[0]:
                inside.append(far[1] - 1 - place)
            depth = min(inside)
            part = 1.0 if depth < 0 else max(0.0, 1 - (depth + 0.5) / self.overlap)
            values.append(round(255 * part))
        return values


def _pixels(name: str, text: str, length: int) -> int:
    text = text.strip()
    number = text.removesuffix("%").strip()
    if not text:
        return 0
    try:
        value = float(number)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1_000_000:
        raise ExtensionError(
            _("{name} {text!r}: must be a number of pixels, or a percentage such as 10%.").format(name=name, text=text)
        )
    return round(value * length / 100 if text.endswith("%") else value)
