"""The geometry of an extended canvas: its rectangles, and the mask of the new area and the blended edge."""

from dataclasses import dataclass

from lib.frame.geometry import Rect, Size
from lib.translation import _

MIN_OVERLAP, MAX_OVERLAP = 8, 48
MAX_PIXELS = 524_288  # GIMP's limit for each side of an image


class ExtensionError(ValueError):
    """Invalid amounts; the message says what is wrong and what to enter."""


@dataclass(frozen=True)
class Extension:
    """A canvas that grows by `left`, `top`, `right`, `bottom` pixels."""

    canvas: Size
    left: int
    top: int
    right: int
    bottom: int

    @classmethod
    def parse(cls, canvas: Size, left: str, top: str, right: str, bottom: str) -> "Extension":
        """Parse amounts as a user writes them: pixels ("64"), a percentage of the canvas ("10%"), or nothing ("").

        Raise ExtensionError if an amount is invalid, all are 0, or the new canvas is too large.
        """
        extension = cls(
            canvas,
            _pixels("left", left, canvas.width),
            _pixels("top", top, canvas.height),
            _pixels("right", right, canvas.width),
            _pixels("bottom", bottom, canvas.height),
        )
        if extension.size == canvas:
            raise ExtensionError(_("Set at least one of left, top, right and bottom, in pixels or percent."))
        if extension.size.longest > MAX_PIXELS:
            message = _("The new canvas would be {width}×{height} pixels; GIMP allows {most} per side. Extend it less.")
            size = extension.size
            raise ExtensionError(message.format(width=size.width, height=size.height, most=MAX_PIXELS))
        return extension

    @property
    def size(self) -> Size:
        """The size of the new canvas."""
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
        """The width in pixels of the old edge that is blended: a sixteenth of the shorter side, within limits."""
        return min(max(min(self.canvas.width, self.canvas.height) // 16, MIN_OVERLAP), MAX_OVERLAP)

    @property
    def changed(self) -> Rect:
        """The bounding box, in coordinates of the new canvas, of all pixels that may change."""
        sides = (
            Rect(0, 0, self.left and self.left + self.overlap, self.size.height),
            Rect(0, 0, self.size.width, self.top and self.top + self.overlap),
            Rect(self.old.right - self.overlap, 0, self.right and self.right + self.overlap, self.size.height),
            Rect(0, self.old.bottom - self.overlap, self.size.width, self.bottom and self.bottom + self.overlap),
        )
        changed = Rect(0, 0, 0, 0)
        for side in sides:
            changed = changed.union(side)
        return changed.intersect(Rect(0, 0, self.size.width, self.size.height))

    def values(self, frame: Rect) -> bytes:
        """Return the mask of a frame of the new canvas, a byte per pixel: 255 if new, down to 0 across the overlap."""
        columns = self._ramp(range(frame.x, frame.right), (self.left, self.old.x), (self.right, self.old.right))
        rows = self._ramp(range(frame.y, frame.bottom), (self.top, self.old.y), (self.bottom, self.old.bottom))
        lines = {row: bytes(max(row, column) for column in columns) for row in set(rows)}
        return b"".join(lines[row] for row in rows)

    def _ramp(self, places: range, near: tuple[int, int], far: tuple[int, int]) -> list[int]:
        """Return the mask along one axis; each side is its growth, and the old canvas's first or end coordinate."""
        values = []
        for place in places:
            inside = [self.overlap]
            if near[0]:
                inside.append(place - near[1])
            if far[0]:
                inside.append(far[1] - 1 - place)
            depth = min(inside)
            opacity = 1.0 if depth < 0 else max(0.0, 1 - (depth + 0.5) / self.overlap)
            values.append(round(255 * opacity))
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
