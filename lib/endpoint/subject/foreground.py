"""Estimate the subject's own colours at its soft edge, so that no old background shines through hair and fur."""

import numpy as np
from PIL import Image

from lib.endpoint.cancellation import checkpoint
from lib.endpoint.subject.guided import box_mean

_WORKING_SIDE = 1024
_RADIUS = 12
_ROWS = 256


def pure_colours(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return `image` (H, W, 3, uint8) with the subject's colours where `mask` (H, W, uint8) is neither 0 nor 255.

    The colours of subject and background nearby are averaged (Forte's blur fusion), in a smaller copy, as they vary
    slowly; what they do not explain of a pixel is given to the subject by its share.
    """
    height, width = mask.shape
    scale = min(_WORKING_SIDE / max(width, height), 1.0)
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    small = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BOX, reducing_gap=2.0), np.float32)
    share = np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.BOX), np.float32)[..., None] / 255
    subject, background = _nearby(small, share), _nearby(small, 1 - share)
    result = image.copy()
    scales = [[Image.fromarray(np.ascontiguousarray(colours[..., channel])) for channel in range(3)]
              for colours in (subject, background)]  # fmt: skip
    for top in range(0, height, _ROWS):
        checkpoint()
        rows = slice(top, min(top + _ROWS, height))
        edge = (mask[rows] > 0) & (mask[rows] < 255)
        if not edge.any():
            continue
        own, other = (_enlarged(channels, rows, (width, height), edge) for channels in scales)
        part = mask[rows][edge][:, None].astype(np.float32) / 255
        unexplained = image[rows][edge] - part * own - (1 - part) * other
        result[rows][edge] = np.clip(np.round(own + part * unexplained), 0, 255).astype(np.uint8)
    return result


def _nearby(colours: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return the weighted mean colour around each pixel; of a wider area where there is nothing near."""
    weight = weight**2
    wide = box_mean(colours * weight, 8 * _RADIUS) / np.maximum(box_mean(weight, 8 * _RADIUS), 1e-4)
    total = box_mean(weight, _RADIUS)
    near = box_mean(colours * weight, _RADIUS) / np.maximum(total, 1e-4)
    trust = np.clip(total / 0.02, 0, 1)
    return np.asarray(trust * near + (1 - trust) * wide, np.float32)


def _enlarged(channels: list[Image.Image], rows: slice, size: tuple[int, int], edge: np.ndarray) -> np.ndarray:
    """Return the colours of some rows of a picture of `size`, at the pixels of `edge`: (N, 3)."""
    width, height = size
    small = channels[0]
    box = (0, rows.start * small.height / height, small.width, min(rows.stop * small.height / height, small.height))
    return np.stack([np.asarray(channel.resize((width, rows.stop - rows.start), Image.Resampling.BILINEAR, box))[edge]
                     for channel in channels], -1)  # fmt: skip
