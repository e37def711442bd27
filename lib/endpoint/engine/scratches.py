"""Find dust and scratches: small or thin marks that differ from what is on both sides of them."""

import numpy as np
from PIL import Image, ImageFilter

from lib.endpoint.engine.components import parts
from lib.endpoint.engine.denoise import box_mean, noise_deviation

_THICKNESS = 0.006  # of the short side: the thickest scratch
_MIN_CONTRAST = 14.0  # in levels
_NOISE = 5.0  # times the noise
_TEXTURE = 3.2  # times what else the surroundings contain of such marks
_DETAIL = 1.4  # times the deviation of the surroundings: eyes and lettering are in the midst of detail
_MAX_SHARE = 0.12  # of the picture: more marks are texture
_MIN_PIXELS = 4


def find_scratches(image: np.ndarray) -> np.ndarray:
    """Return the marks in `image` (H, W, 3, uint8), (H, W, bool), grown by a pixel."""
    radius = max(2, round(_THICKNESS * min(image.shape[:2])))
    grey = Image.fromarray(image).convert("L")
    smooth = np.asarray(grey.filter(ImageFilter.MedianFilter(2 * min(radius, 12) + 1)), np.float32)
    contrast = np.abs(np.asarray(grey, np.float32) - smooth)
    around = Image.fromarray(np.minimum(contrast, 255).astype(np.uint8)).filter(ImageFilter.BoxBlur(6 * radius))
    limit = np.maximum(
        max(_MIN_CONTRAST, _NOISE * noise_deviation(image)), _TEXTURE * np.asarray(around, np.float32) + 6
    )
    limit = np.maximum(limit, _DETAIL * _deviation(smooth, 3 * radius))
    marks = contrast > limit
    result = np.zeros(marks.shape, np.uint8)
    for part in parts(marks):
        if part.size >= _MIN_PIXELS:
            result[part.rows, part.columns] = 255
    grown = np.asarray(Image.fromarray(result).filter(ImageFilter.MaxFilter(3 if radius < 6 else 5))) > 0
    return grown if grown.mean() < _MAX_SHARE else np.zeros_like(grown)


def _deviation(grey: np.ndarray, radius: int) -> np.ndarray:
    """Return the standard deviation around each pixel."""
    mean = box_mean(grey, radius)
    result: np.ndarray = np.sqrt(np.maximum(box_mean(grey * grey, radius) - mean**2, 0))
    return result
