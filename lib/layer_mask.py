"""The mask of a new layer where it shall differ from the selection: grown outwards, or softened inwards."""

from PIL import Image, ImageChops, ImageFilter


def shaped(values: bytes, width: int, height: int, grow: int, feather: float) -> bytes:
    """A selection's values (one byte a pixel, row by row), grown by `grow` pixels, then softened by `feather` pixels.

    Growing is a maximum over a square, as for the mask that is sent. Softening never reaches outwards: at a hard
    edge the value falls from full, `feather` pixels inside, to nothing at the edge itself.
    """
    mask = Image.frombytes("L", (width, height), values)
    if grow:
        mask = mask.filter(ImageFilter.MaxFilter(2 * grow + 1))
    if feather:
        # A blurred hard edge is at one half: twice the blur less one is nothing there, and full inside.
        blurred = mask.filter(ImageFilter.GaussianBlur(feather / 2)).point(lambda value: max(0, 2 * value - 255))
        mask = ImageChops.darker(mask, blurred)
    return mask.tobytes()
