"""Where a result goes in an image of another size than the one that was edited."""

from __future__ import annotations

from enum import Enum, auto

from lib.frame.geometry import Rect, Size

_SAME_ASPECT = 0.01  # an image that was scaled has whole pixels, so that its sides differ a little more or less


class Placement(Enum):
    """The user's choice: where it was, centred at its own size, or scaled to the same relative place."""

    SAME = auto()
    CENTRED = auto()
    RELATIVE = auto()


def centred(frame: Rect, image: Size) -> Rect:
    """Return a frame moved to the middle of an image, at its own size."""
    return Rect((image.width - frame.width) // 2, (image.height - frame.height) // 2, frame.width, frame.height)


def relative(frame: Rect, canvas: Size, image: Size) -> Rect:
    """Return a frame of a canvas scaled to the same relative place of an image.

    In an image of another shape its middle is at the same relative place, and it keeps its own shape.
    """
    across, down = image.width / canvas.width, image.height / canvas.height
    if abs(across / down - 1) <= _SAME_ASPECT:
        left, top = round(frame.x * across), round(frame.y * down)
        right, bottom = round(frame.right * across), round(frame.bottom * down)
        return Rect(left, top, max(1, right - left), max(1, bottom - top))
    scale = min(across, down)
    width, height = max(1, round(frame.width * scale)), max(1, round(frame.height * scale))
    middle_x, middle_y = (frame.x + frame.width / 2) * across, (frame.y + frame.height / 2) * down
    return Rect(round(middle_x - width / 2), round(middle_y - height / 2), width, height)
