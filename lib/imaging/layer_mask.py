"""The mask of a new layer: the selection, grown outwards or feathered inwards."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageFilter


def shape(selection: bytes, width: int, height: int, grow: int, feather: float) -> bytes:
    """Return a selection (one byte a pixel, row by row) grown by `grow` pixels, then feathered by `feather` pixels.

    Growing takes the maximum over a square, as for the mask that is sent. Feathering never reaches outwards: at a hard
    edge the value falls from 255, `feather` pixels inside, to 0 at the edge itself.
    """
    mask = Image.frombytes("L", (width, height), selection)
    if grow:
        mask = Image.fromarray(_grow(np.asarray(mask), grow))
    if feather:
        # A blurred hard edge is 1/2 at the edge and 1 inside, so twice that minus 1 goes from 0 to 1.
        blurred = mask.filter(ImageFilter.GaussianBlur(feather / 2)).point(lambda value: max(0, 2 * value - 255))
        mask = ImageChops.darker(mask, blurred)
    return mask.tobytes()


def _grow(values: NDArray[np.uint8], radius: int) -> NDArray[np.uint8]:
    """Return the maximum over a square of side 2 radius + 1, along one axis and then along the other."""
    for _axis in range(2):
        values = _grow_rows(values, min(radius, len(values))).T
    return values


def _grow_rows(rows: NDArray[np.uint8], radius: int) -> NDArray[np.uint8]:
    """Return each row's maximum with the `radius` rows on either side.

    The reach doubles in each pass, so that the time is logarithmic in the radius.
    """
    reach = 0
    while reach < radius:
        step = min(reach + 1, radius - reach)
        grown = rows.copy()
        np.maximum(grown[step:], rows[:-step], out=grown[step:])
        np.maximum(grown[:-step], rows[step:], out=grown[:-step])
        rows = grown
        reach += step
    return rows
