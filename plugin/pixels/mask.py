"""Arithmetic on masks, as raw bytes with one byte per pixel.

It uses only the standard library: a whole picture is one long integer with a bit for each pixel, which is as fast as C
here.
"""

_SELECTED = bytes([0]) + bytes([255]) * 255
_INVERSE = bytes(range(255, -1, -1))
_TO_DIGITS = b"0" + b"1" * 255
_FROM_DIGITS = bytes(255 if value == ord("1") else 0 for value in range(256))


def selected(values: bytes) -> bytes:
    """Return 255 where a selection's value is not 0, as a soft edge counts as selected."""
    return values.translate(_SELECTED)


def grow(mask: bytes, width: int, radius: int) -> bytes:
    """Grow a mask of 0 and 255 by a square of `radius` pixels, and crop `radius` pixels at each side.

    The cropped margin separates the ends of the rows: pass a mask that is larger by `radius` pixels at each side.
    """
    height = len(mask) // width
    bits = _spread(_spread(int(mask.translate(_TO_DIGITS), 2), width, radius), 1, radius)
    digits = f"{bits & ((1 << len(mask)) - 1):0{len(mask)}b}".encode("ascii").translate(_FROM_DIGITS)
    inner = range(radius, height - radius)
    return b"".join(digits[row * width + radius : (row + 1) * width - radius] for row in inner)


def _spread(bits: int, step: int, radius: int) -> int:
    """OR the bits with themselves shifted by 1 to `radius` steps both ways, doubling the distance each time."""
    reach = 0
    while reach < radius:
        add = min(reach + 1, radius - reach)
        bits |= (bits << step * add) | (bits >> step * add)
        reach += add
    return bits


def edit_mask(mask: bytes) -> bytes:
    """Return RGBA bytes: white with alpha 0 where `mask` is 255 (may be edited), black with alpha 255 where it is 0.

    This suits OpenAI, which reads alpha, and local servers, which read luminance (white may be edited).
    """
    rgba = bytearray(4 * len(mask))
    rgba[0::4] = rgba[1::4] = rgba[2::4] = mask
    rgba[3::4] = mask.translate(_INVERSE)
    return bytes(rgba)
