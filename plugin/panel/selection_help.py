"""What is unusual about the selection."""

from __future__ import annotations

from gi.repository import Gimp

from lib.translation import _
from plugin.panel.sent_picture import selection_state

_TINY = 1 / 2000  # of the canvas
_MOST_TINY = 48  # pixels; a larger side is not tiny on any canvas
_SOFT = 200  # of 255


def selection_warning(image: Gimp.Image) -> str:
    """Return a sentence about a selection that is empty, tiny or soft everywhere; "" for any other."""
    state = selection_state(image)
    if state is None:
        return _("Nothing is selected, so the edit may change the whole layer.")
    bounds, sample = state
    canvas = image.get_width() * image.get_height()
    if bounds.size.longest < _MOST_TINY and bounds.size.pixels < canvas * _TINY:
        text = _("The selection is tiny: {width}×{height} pixels. Select more, or grow it.")
        return text.format(width=bounds.width, height=bounds.height)
    if max(sample) < _SOFT:
        return _("The selection is soft everywhere, so the result will be partly transparent.")
    return ""
