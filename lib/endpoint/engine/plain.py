"""Find a plain background and make it transparent."""

import numpy as np

from lib.endpoint.cancellation import checkpoint
from lib.endpoint.engine import lab

SAME = 9.0  # the largest distance in Lab of a background pixel from the background's colour
OTHER = 26.0  # the distance of a pixel that belongs only to the object; the object's edge is between
PLAIN = 0.9  # of the border that has the background's colour
MOSTLY_PLAIN = 0.5  # what is needed at least
WHITE = 85.0  # the least lightness in Lab of white
NEUTRAL = 6.0  # its largest chroma
MIN_OBJECT = 0.002  # of the region that must remain

_MAX_SWEEPS = 400


def cut_out_plain(image: np.ndarray, region: np.ndarray, share: float = MOSTLY_PLAIN) -> np.ndarray | None:
    """Return `image` (H, W, 4, uint8) with the plain background that touches the border of `region` made transparent.

    The background's colour is removed from the object's edge. Return None if less than `share` of the border is of one
    colour, or if nothing would remain.
    """
    border = _border(region)
    colours = lab.to_lab(image[border, :3].astype(np.float32) / 255)
    if not len(colours):
        return None
    background = np.median(colours, axis=0)
    if np.mean(np.linalg.norm(colours - background, axis=1) < SAME) < share:
        return None
    distance = _distance(image, background)
    outside = reach(border & (distance < SAME), (distance < SAME) & region)
    if np.count_nonzero(region & ~outside) < MIN_OBJECT * np.count_nonzero(region):
        return None
    return _matted(image, outside, region, distance, background)


def has_white_border(image: np.ndarray, region: np.ndarray) -> bool:
    """Return whether the border of `region` is mostly white, as product photographs have it."""
    lightness, a, b = np.median(lab.to_lab(image[_border(region), :3].astype(np.float32) / 255), axis=0)
    return bool(lightness > WHITE and np.hypot(a, b) < NEUTRAL)


def reach(start: np.ndarray, open_pixels: np.ndarray) -> np.ndarray:
    """Return the pixels of `open_pixels` (H, W, bool) that are 4-connected to `start`."""
    reached: np.ndarray = start & open_pixels
    for _ in range(_MAX_SWEEPS):
        checkpoint()
        before = np.count_nonzero(reached)
        reached = _along_rows(reached, open_pixels)
        reached = _along_rows(reached.T, open_pixels.T).T
        if np.count_nonzero(reached) == before:
            break
    return reached


def _along_rows(reached: np.ndarray, open_pixels: np.ndarray) -> np.ndarray:
    """Return every run of open pixels in a row that contains a reached one."""
    padded = np.pad(open_pixels, ((0, 0), (1, 0)))
    runs = np.cumsum(padded[:, 1:] & ~padded[:, :-1], dtype=np.int32).reshape(open_pixels.shape)
    hit = np.zeros(int(runs.max(initial=0)) + 1, bool)
    hit[runs[reached]] = True
    along: np.ndarray = hit[runs] & open_pixels
    return along


def _border(region: np.ndarray) -> np.ndarray:
    """Return the pixels of `region` at its own edge or the picture's."""
    padded = np.pad(region, 1)
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    edge: np.ndarray = region & ~inner
    return edge


def _distance(image: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """Return the distance of each pixel from a colour in Lab."""
    result = np.empty(image.shape[:2], np.float32)
    for top in range(0, len(image), 256):
        rows = slice(top, top + 256)
        result[rows] = np.linalg.norm(lab.to_lab(image[rows, :, :3].astype(np.float32) / 255) - colour, axis=-1)
    return result


def _matted(
    image: np.ndarray, outside: np.ndarray, region: np.ndarray, distance: np.ndarray, background: np.ndarray
) -> np.ndarray:
    """Return `image` with `outside` transparent, and the alpha and colours of the object's edge estimated."""
    edge = _grow(outside, 2) & region & ~outside
    coverage = np.clip((distance[edge] - SAME) / (OTHER - SAME), 0, 1)[:, None]
    result = image.copy()
    result[outside, 3] = 0
    plain = lab.from_lab(background) * 255
    unmixed = plain + (image[edge, :3] - plain) / np.maximum(coverage, 0.2)
    result[edge, :3] = np.clip(np.round(unmixed), 0, 255).astype(np.uint8)
    result[edge, 3] = np.round(image[edge, 3] * coverage[:, 0]).astype(np.uint8)
    return result


def _grow(area: np.ndarray, pixels: int) -> np.ndarray:
    for _ in range(pixels):
        padded = np.pad(area, 1)
        area = area | padded[:-2, 1:-1] | padded[2:, 1:-1] | padded[1:-1, :-2] | padded[1:-1, 2:]
    return area
