"""The arithmetic of masks on raw bytes, one byte a pixel: what was selected becomes what may be edited.

Only the standard library: whole pictures are handled as one long integer, a bit for each pixel, which is as fast as C
here.
"""

_SELECTED = bytes([0]) + bytes([255]) * 255
_INVERSE = bytes(range(255, -1, -1))
_TO_DIGITS = b"0" + b"1" * 255
_FROM_DIGITS = bytes(255 if value == ord("1") else 0 for value in range(256))


def selected(values: bytes) -> bytes:
    """255 where a selection's value is not 0: a soft edge counts as selected."""
    return values.translate(_SELECTED)


def grow(mask: bytes, width: int, radius: int) -> bytes:
    """A mask of 0 and 255, grown by `radius` pixels (a square), with `radius` pixels cut off at each side.

    The margin is what keeps the ends of rows apart: read the selection that much wider than is wanted.
    """
    height = len(mask) // width
    bits = _spread(_spread(int(mask.translate(_TO_DIGITS), 2), width, radius), 1, radius)
    digits = f"{bits & ((1 << len(mask)) - 1):0{len(mask)}b}".encode("ascii").translate(_FROM_DIGITS)
    inner = range(radius, height - radius)
    return b"".join(digits[row * width + radius : (row + 1) * width - radius] for row in inner)


def _spread(bits: int, step: int, radius: int) -> int:
    """ORs the bits with themselves shifted by 1 to `radius` steps both ways; the reach doubles at each turn."""
    reach = 0
    while reach < radius:
        add = min(reach + 1, radius - reach)
        bits |= (bits << step * add) | (bits >> step * add)
        reach += add
    return bits


def edit_mask(mask: bytes) -> bytes:
    """RGBA bytes: white and alpha 0 where `mask` is 255 (may be edited), black and alpha 255 where it is 0.

    Right for OpenAI, which reads alpha, and for the local servers, which read luminance with white as "edit".
    """
    rgba = bytearray(4 * len(mask))
    rgba[0::4] = rgba[1::4] = rgba[2::4] = mask
    rgba[3::4] = mask.translate(_INVERSE)
    return bytes(rgba)
