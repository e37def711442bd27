"""The mask of a new layer where it shall differ from the selection: grown outwards, or softened inwards."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageFilter


def shaped(values: bytes, width: int, height: int, grow: int, feather: float) -> bytes:
    """A selection's values (one byte a pixel, row by row), grown by `grow` pixels, then softened by `feather` pixels.

    Growing is a maximum over a square, as for the mask that is sent. Softening never reaches outwards: at a hard
    edge the value falls from full, `feather` pixels inside, to nothing at the edge itself.
    """
    mask = Image.frombytes("L", (width, height), values)
    if grow:
        mask = Image.fromarray(_grown(np.asarray(mask), grow))
    if feather:
        # A blurred hard edge is at one half: twice the blur less one is nothing there, and full inside.
        blurred = mask.filter(ImageFilter.GaussianBlur(feather / 2)).point(lambda value: max(0, 2 * value - 255))
        mask = ImageChops.darker(mask, blurred)
    return mask.tobytes()


def _grown(values: NDArray[np.uint8], radius: int) -> NDArray[np.uint8]:
    """Return the maximum over a square of side 2 radius + 1, along one axis and then along the other."""
    for _axis in range(2):
        values = _spread(values, min(radius, len(values))).T
    return values


def _spread(rows: NDArray[np.uint8], radius: int) -> NDArray[np.uint8]:
    """Return each row's maximum with the `radius` rows on either side.

    The reach doubles at each turn, so that the time hardly grows with the radius.
    """
    reach = 0
    while reach < radius:
        add = min(reach + 1, radius - reach)
        wider = rows.copy()
        np.maximum(wider[add:], rows[:-add], out=wider[add:])
        np.maximum(wider[:-add], rows[add:], out=wider[:-add])
        rows = wider
        reach += add
    return rows
