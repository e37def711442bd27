"""Adjust a picture's colours and sharpness. Colours are sRGB, 0 to 1, float32, (..., 3)."""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageColor, ImageFilter

from lib.endpoint.cancellation import checkpoint
from lib.endpoint.engine import film, lab, red_eyes, tone
from lib.endpoint.engine.denoise import denoise
from lib.endpoint.engine.errors import Refused
from lib.endpoint.engine.recolour import recolour
from lib.translation import _

_ROWS = 256  # rows to process at a time, to limit memory
_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
_SEPIA = np.array([[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]], np.float32)
_HUE_VARIATION = 0.25  # of the object's variation of hue that recolouring preserves

Colours = Callable[[np.ndarray, float], np.ndarray]


def grey(rgb: np.ndarray, amount: float) -> np.ndarray:
    """Blend with luminance; `amount` 1 is black and white."""
    return _mix(rgb, _luminance(rgb), amount)


def sepia(rgb: np.ndarray, amount: float) -> np.ndarray:
    """Blend with the usual brown tone."""
    return _mix(rgb, np.minimum(rgb @ _SEPIA.T, 1), amount)


def invert(rgb: np.ndarray, amount: float) -> np.ndarray:
    """Blend with the negative."""
    return _mix(rgb, 1 - rgb, amount)


def temperature(rgb: np.ndarray, amount: float) -> np.ndarray:
    """Make warmer above 0, cooler below: gains for red and blue in linear light that preserve luminance."""
    gains = np.exp(np.array([0.16, 0.0, -0.22], np.float32) * amount)
    linear = lab.to_linear(rgb)
    balanced = linear * gains
    before, after = linear @ _LUMA, balanced @ _LUMA
    return lab.from_linear(balanced * (before / np.maximum(after, 1e-6))[..., None])


def brightness(rgb: np.ndarray, amount: float) -> np.ndarray:
    """Brighten above 0 with a gamma curve, which does not clip; darken below with a gain, which darkens white too."""
    return rgb ** np.float32(0.72**amount) if amount > 0 else rgb * np.float32(0.76**-amount)


def contrast(rgb: np.ndarray, amount: float) -> np.ndarray:
    """Increase the contrast around middle grey above 0, decrease it below."""
    return 0.5 + (rgb - 0.5) * np.float32(1.3**amount)


def saturation(rgb: np.ndarray, amount: float) -> np.ndarray:
    """Increase the saturation above 0, decrease it below."""
    return _mix(_luminance(rgb), rgb, (1.4 if amount > 0 else 1.8) ** amount)


def posterize(rgb: np.ndarray, amount: float) -> np.ndarray:
    """Reduce each channel to a few levels: five at `amount` 1."""
    steps = float(np.clip(round(4 / amount), 1, 15))
    return np.round(rgb * steps) / steps


def _mix(start: np.ndarray, end: np.ndarray, amount: float) -> np.ndarray:
    """Interpolate linearly: `start` at `amount` 0, `end` at 1, extrapolated above 1."""
    result: np.ndarray = start + np.float32(amount) * (end - start)
    return result


def _luminance(rgb: np.ndarray) -> np.ndarray:
    result: np.ndarray = (rgb @ _LUMA)[..., None]
    return result


_COLOURS: dict[str, Colours] = {
    "grey": grey,
    "sepia": sepia,
    "invert": invert,
    "temperature": temperature,
    "brightness": brightness,
    "contrast": contrast,
    "saturation": saturation,
    "posterize": posterize,
}


def adjust(image: np.ndarray, region: np.ndarray, skill: str, amount: float, colour: str | None = None) -> np.ndarray:
    """Return `image` (H, W, 4, uint8) with `skill` applied inside `region` (H, W, bool); alpha does not change.

    `amount` is 1 by default and negative for the opposite effect. `colour` is for recolour only.
    """
    result = image.copy()
    if skill == "recolour" and region.all():
        _recolour(result, region, colour or "", amount)
    elif skill == "recolour":
        result[region, :3] = recolour(image, region, colour or "", amount)[region]
    elif skill == "auto_levels":
        black, gain, gamma = tone.auto_levels(image[region, :3], amount)
        _by_rows(result, region, lambda rgb: tone.level(rgb, black, gain, gamma))
    elif skill == "white_balance":
        gains = tone.white_balance(image[region, :3], amount)
        _by_rows(result, region, lambda rgb: tone.balance(rgb, gains))
    elif skill in _COLOURS:
        _by_rows(result, region, lambda rgb: _COLOURS[skill](rgb, amount))
    else:
        changed = _spatial(image, region, skill, amount)
        result[region, :3] = changed[region]
    return result


def _by_rows(image: np.ndarray, region: np.ndarray, change: Callable[[np.ndarray], np.ndarray]) -> None:
    """Change the colours of `image` in `region` in place, some rows at a time."""
    for top in range(0, len(image), _ROWS):
        checkpoint()
        rows, inside = image[top : top + _ROWS], region[top : top + _ROWS]
        rgb = rows[inside, :3].astype(np.float32) / 255
        rows[inside, :3] = np.round(np.clip(change(rgb), 0, 1) * 255).astype(np.uint8)


def _recolour(image: np.ndarray, region: np.ndarray, colour: str, amount: float) -> None:
    """Move the region's colour to `colour` in Lab, and preserve its texture, the variation of its lightness.

    The variation is reduced if it exceeds the range, so that white and black objects have some too.
    """
    target = lab.to_lab(np.array(ImageColor.getrgb(colour)[:3], np.float32) / 255)
    sample = image[region, :3][:: max(1, int(region.sum()) // 100_000)]
    sampled = lab.to_lab(sample.astype(np.float32) / 255)
    middle = np.median(sampled, axis=0)
    low, high = np.percentile(sampled[:, 0], (2, 98)) - middle[0]
    lightness = float(np.clip(target[0], 12, 92))
    headroom = min(1.0, (98 - lightness) / max(high, 1e-3), (lightness - 2) / max(-low, 1e-3))
    scale = np.array([max(headroom, 0.35), _HUE_VARIATION, _HUE_VARIATION], np.float32)
    centre = np.array([lightness, target[1], target[2]], np.float32)

    def change(rgb: np.ndarray) -> np.ndarray:
        return _mix(rgb, lab.from_lab(centre + (lab.to_lab(rgb) - middle) * scale), amount)

    _by_rows(image, region, change)


def _spatial(image: np.ndarray, region: np.ndarray, skill: str, amount: float) -> np.ndarray:
    """Apply a skill that uses neighbouring pixels; return the whole changed picture, (H, W, 3)."""
    if skill == "denoise":
        return denoise(image[..., :3], amount)
    if skill == "pixelate":
        return _pixelate(image, region, amount)
    if skill == "red_eyes":
        return _without_red_eyes(image, region)
    if skill == "dehaze":
        return _dehaze(image, amount)
    if skill == "grain":
        return film.grain(image[..., :3], amount)
    if skill in ("vignette", "old_photo"):
        change = film.vignette if skill == "vignette" else film.old_photo
        return change(image[..., :3], _box(region), amount)
    radius = max(1.0, 0.004 * min(image.shape[:2]))
    if amount < 0:
        return _blur(image, max(1.5, 0.008 * min(image.shape[:2])) * -amount)
    sharp = ImageFilter.UnsharpMask(min(radius, 4.0), round(130 * amount), 2)
    return np.array(Image.fromarray(image[..., :3]).filter(sharp))


def _blur(image: np.ndarray, radius: float) -> np.ndarray:
    """Return the colours after a Gaussian blur that ignores transparent pixels."""
    blurred = Image.fromarray(image).convert("RGBa").filter(ImageFilter.GaussianBlur(radius))
    result = np.array(blurred.convert("RGBA"))
    return np.where(result[..., 3:] > 0, result[..., :3], image[..., :3])


def _pixelate(image: np.ndarray, region: np.ndarray, amount: float) -> np.ndarray:
    """Fill the region's bounding box with blocks of one colour: 24 along its short side at `amount` 1."""
    left, top, right, bottom = _box(region)
    block = max(2, round(min(bottom - top, right - left) / 24 * amount))
    box = Image.fromarray(image[top:bottom, left:right])
    small = box.resize((-(-box.width // block), -(-box.height // block)), Image.Resampling.BOX)
    result = image[..., :3].copy()
    big = small.resize((small.width * block, small.height * block), Image.Resampling.NEAREST)
    result[top:bottom, left:right] = np.array(big)[: bottom - top, : right - left, :3]
    return result


def _box(region: np.ndarray) -> tuple[int, int, int, int]:
    """Return the left, top, right and bottom of a region."""
    rows, columns = np.flatnonzero(region.any(1)), np.flatnonzero(region.any(0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _without_red_eyes(image: np.ndarray, region: np.ndarray) -> np.ndarray:
    if region.all():
        raise Refused("mask_required", _("Select the eyes roughly first, so that nothing else red is taken for them."))
    colours = np.ascontiguousarray(image[..., :3])
    amount = red_eyes.red_eyes(colours, region)
    if not amount.any():
        raise Refused("no_red_eyes", _("No red eyes were found. Select each eye roughly, then try again."))
    return red_eyes.without_red(colours, amount)


def _dehaze(image: np.ndarray, amount: float) -> np.ndarray:
    """Return the picture without haze, (H, W, 3)."""
    result = np.ascontiguousarray(image[..., :3])
    air, through = tone.measure_haze(result)
    for top in range(0, len(result), _ROWS):
        checkpoint()
        rows = slice(top, top + _ROWS)
        clear = tone.dehaze(result[rows].astype(np.float32) / 255, air, through[rows], amount)
        result[rows] = np.round(np.clip(clear, 0, 1) * 255).astype(np.uint8)
    return result
