"""The part of a result that its thumbnail shows."""

from lib.frame.geometry import Rect, Size

_MARGIN = 0.15  # around the selection, as a part of its longer side


def around(selected: Rect, frame: Size, shape: Size) -> Rect:
    """Return the selected part of a frame with a little around it, in the given shape as far as the frame allows."""
    area = selected.grow(round(_MARGIN * selected.size.longest))
    width = max(area.width, area.height * shape.width // shape.height)
    height = max(area.height, area.width * shape.height // shape.width)
    left = area.x - (width - area.width) // 2
    top = area.y - (height - area.height) // 2
    width, height = min(width, frame.width), min(height, frame.height)
    left, top = (max(0, min(start, end)) for start, end in ((left, frame.width - width), (top, frame.height - height)))
    return Rect(left, top, width, height)
