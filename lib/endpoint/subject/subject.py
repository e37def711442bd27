"""Find the subject of a picture, or of a rough selection, as a soft mask of the picture's size."""

import numpy as np
from PIL import Image

from lib.endpoint.cancellation import checkpoint
from lib.endpoint.subject import colour_model, guided, network

VIEWED_SIDE = 1024  # the longer side of the copy that the network sees, whole and closer
REFINED_SIDE = 512  # the longer side of the copy in which the mask is refined
SURE = 0.5  # how much a pixel must stand out to belong to the subject
SMALLEST = 0.001  # of the area: less is no subject

_RADIUS = 4
_SMOOTHNESS = 1e-3
_SMALL = 0.7  # of the area: a subject in less is looked at again, closer
_MIN_SUBJECT = 0.03  # of a rough selection: in less, the network has found nothing
_UNSURE = 0.6  # the first guess then
_MARGIN = 0.15  # of the subject's sides, around it
_CONTRAST = 3.0  # of the likelihood before the edge is refined
_SOFT = (0.1, 0.9)  # the refined matte's values that become 0 and 1

Box = tuple[int, int, int, int]


def find_subject(image: np.ndarray, region: np.ndarray | None = None) -> np.ndarray | None:
    """Return the subject's mask, (H, W) uint8, of `image` (H, W, 3 or 4, uint8); None if nothing stands out.

    `region` (H, W, bool) is a rough selection: the mask is then of the thing in it, and 0 outside.
    """
    height, width = image.shape[:2]
    box = (0, 0, width, height) if region is None else _around(region, _MARGIN)
    if box is None:
        return None
    area = slice(box[1], box[3]), slice(box[0], box[2])
    mask = np.zeros((height, width), np.uint8)
    _refine(image[area], None if region is None else region[area], mask[area])
    if region is not None:
        mask[~region] = 0
    smallest = SMALLEST * (mask.size if region is None else np.count_nonzero(region))
    return mask if np.count_nonzero(mask > 127) >= smallest else None


def _refine(image: np.ndarray, region: np.ndarray | None, mask: np.ndarray) -> None:
    """Write the subject's mask into `mask`; leave it empty if nothing stands out."""
    view = smaller_copy(image)
    checkpoint()
    picture = _scaled_down(view, REFINED_SIDE)
    matte = _standing_out(view, picture.size) if region is None else _inside(view, picture, region)
    near = None if matte is None else _around(matte > 0, 0)
    if matte is None or near is None:
        return
    filtered = guided.coefficients(np.asarray(picture, np.float32) / 255, matte, _RADIUS, _SMOOTHNESS)
    # Far from the subject the mask is empty; the box is widened to whole pixels of the picture.
    across, down = image.shape[1] / picture.width, image.shape[0] / picture.height
    left, top, right, bottom = (round(near[0] * across), round(near[1] * down),
                                round(near[2] * across), round(near[3] * down))  # fmt: skip
    part = image[top:bottom, left:right]
    for first, rows in guided.apply_enlarged(part, filtered, near):
        mask[top + first : top + first + len(rows), left:right] = _to_bytes(rows)


def smaller_copy(image: np.ndarray) -> Image.Image:
    """Return `image` (H, W, 3 or 4, uint8) without alpha, scaled down to VIEWED_SIDE."""
    height, width, channels = image.shape
    # The fourth channel of RGBX means nothing: with RGBA, Pillow would first multiply 24 megapixels by it.
    mode = "RGBX" if channels == 4 else "RGB"
    picture = Image.frombuffer(mode, (width, height), np.ascontiguousarray(image), "raw", mode, 0, 1)
    return _scaled_down(picture, VIEWED_SIDE).convert("RGB")


def _scaled_down(picture: Image.Image, side: int) -> Image.Image:
    """Return a picture whose longer side is at most `side`."""
    scale = side / max(picture.size)
    if scale >= 1:
        return picture
    size = max(round(picture.width * scale), 1), max(round(picture.height * scale), 1)
    return picture.resize(size, Image.Resampling.BOX, reducing_gap=2.0)


def _standing_out(view: Image.Image, size: tuple[int, int]) -> np.ndarray | None:
    """Return how much each pixel stands out, in a `size`; a small subject is looked at again, closer."""
    matte = _resized(network.saliency(view), size)
    box = _around(matte > SURE, _MARGIN)
    if box is None:
        return None
    left, top, right, bottom = box
    if (right - left) * (bottom - top) < _SMALL * matte.size:
        checkpoint()
        across, down = view.width / size[0], view.height / size[1]
        part = view.crop((round(left * across), round(top * down), round(right * across), round(bottom * down)))
        closer = _resized(network.saliency(part), (right - left, bottom - top))
        far, matte = matte, np.zeros_like(matte)
        matte[top:bottom, left:right] = (far[top:bottom, left:right] + closer) / 2
    return _decided(matte)


def _inside(view: Image.Image, picture: Image.Image, region: np.ndarray) -> np.ndarray:
    """Return how much each pixel of a rough selection belongs to the thing in it, by the network and by colours."""
    small = np.asarray(Image.fromarray(region).resize(picture.size, Image.Resampling.NEAREST))
    guess = _resized(network.saliency(view), picture.size) * small
    if np.count_nonzero(guess > SURE) < _MIN_SUBJECT * np.count_nonzero(small):
        # The network has found nothing in it. Without surroundings, the colours cannot say either.
        guess = np.zeros_like(guess) if small.all() else small * np.float32(_UNSURE)
    checkpoint()
    return _decided(colour_model.separate(np.asarray(picture), guess, small))


def _decided(matte: np.ndarray) -> np.ndarray:
    """Return a matte with less doubt: what is likely is the subject. The guided filter makes the edge soft."""
    return np.clip(_CONTRAST * (matte - 0.5) + 0.5, 0, 1)


def _around(area: np.ndarray, margin: float) -> Box | None:
    """Return the box around an area (H, W, bool), with a margin in parts of its sides; None if it is empty."""
    rows, columns = np.flatnonzero(area.any(1)), np.flatnonzero(area.any(0))
    if not len(rows):
        return None
    left, top, right, bottom = int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
    across, down = round(margin * (right - left)) + 2 * _RADIUS, round(margin * (bottom - top)) + 2 * _RADIUS
    height, width = area.shape
    return max(left - across, 0), max(top - down, 0), min(right + across, width), min(bottom + down, height)


def _resized(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return np.asarray(Image.fromarray(values).resize(size, Image.Resampling.BICUBIC)).clip(0, 1)


def _to_bytes(matte: np.ndarray) -> np.ndarray:
    low, high = _SOFT
    return (np.clip((matte - low) / (high - low), 0, 1) * 255 + 0.5).astype(np.uint8)
