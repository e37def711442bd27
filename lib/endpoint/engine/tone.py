"""Adjust levels, white balance and haze by what the picture itself contains. Colours are sRGB, 0 to 1, float32."""

import numpy as np
from PIL import Image, ImageFilter

from lib.endpoint.engine import lab
from lib.endpoint.engine.denoise import guided_filter

_SAMPLES = 200_000
_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
_CLIPPED = 0.4  # per cent of the pixels at each end that auto levels may clip
_MAX_GAIN = 2.2
_NORM = 5  # of the Minkowski mean of Finlayson and Trezzi's Shades of Gray (2004)
_WARM, _TINT = 0.85, 0.25  # how much of a cast is removed: lamps and shade are warm or cold, hardly ever green
_MAX_SHIFT = 0.6  # of the logarithm of a gain
_HAZE_SIDE = 640  # of the small picture in which the haze is measured
_DARK_RADIUS = 7
_REMOVED_HAZE = 0.75


def auto_levels(pixels: np.ndarray, amount: float) -> tuple[float, float, float]:
    """Return the black point, the gain and the gamma that use the whole range, for the colours (N, 3) of a picture."""
    light = _sampled(pixels) @ _LUMA
    low, high = np.percentile(light, (_CLIPPED, 100 - _CLIPPED))
    gain = min(_MAX_GAIN, 1 / max(float(high - low), 1e-3))
    stretched = float(np.clip((np.median(light) - low) * gain, 0.02, 0.98))
    gamma = float(np.clip(np.log(0.45) / np.log(stretched), 0.75, 1.25))
    black = min(float(low), 0.25)
    return black * amount, 1 + (gain - 1) * amount, 1 + (gamma - 1) * amount


def level(rgb: np.ndarray, black: float, gain: float, gamma: float) -> np.ndarray:
    """Return `rgb` with the black point, the gain and the gamma of `auto_levels`."""
    result: np.ndarray = np.clip((rgb - np.float32(black)) * np.float32(gain), 1e-6, 1) ** np.float32(gamma)
    return result


def white_balance(pixels: np.ndarray, amount: float) -> np.ndarray:
    """Return the gains in linear light, (3,), that make the light of a picture with the colours (N, 3) neutral."""
    linear = lab.to_linear(_sampled(pixels))
    linear = linear[(linear.max(1) < 0.97) & (linear.max(1) > 0.01)]
    if not len(linear):
        return np.ones(3, np.float32)
    light = np.mean(linear**_NORM, 0) ** (1 / _NORM)
    red, green, blue = -np.log(np.maximum(light, 1e-4))
    warm, tint = (blue - red) / 2, (red + blue) / 2 - green
    warm, tint = np.clip((_WARM * amount * warm, _TINT * amount * tint), -_MAX_SHIFT, _MAX_SHIFT)
    gains = np.exp(np.array([tint - warm, 0, tint + warm]))
    result: np.ndarray = (gains / (gains @ _LUMA)).astype(np.float32)
    return result


def balance(rgb: np.ndarray, gains: np.ndarray) -> np.ndarray:
    """Return `rgb` with gains in linear light."""
    return lab.from_linear(lab.to_linear(rgb) * gains)


def measure_haze(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the colour of the haze and how much light it lets through, (H, W): He, Sun and Tang (2009)."""
    small = Image.fromarray(image)
    small.thumbnail((_HAZE_SIDE, _HAZE_SIDE))
    colours = np.asarray(small, np.float32) / 255
    dark = _darkest(colours)
    haziest = dark >= np.percentile(dark, 99.8)
    air = np.maximum(np.median(colours[haziest], axis=0), 0.5)
    through = 1 - _REMOVED_HAZE * _darkest(colours / air)
    through = guided_filter(colours.mean(-1), through, 4 * _DARK_RADIUS, 1e-3)
    full = Image.fromarray(through).resize((image.shape[1], image.shape[0]), Image.Resampling.BICUBIC)
    return air.astype(np.float32), np.asarray(full)


def dehaze(rgb: np.ndarray, air: np.ndarray, through: np.ndarray, amount: float) -> np.ndarray:
    """Return `rgb` (..., 3) without the haze that `measure_haze` found."""
    clear = np.clip(1 - (1 - through) * amount, 0.25, 1)[..., None]
    result: np.ndarray = (rgb - air) / clear + air
    return result


def _darkest(colours: np.ndarray) -> np.ndarray:
    """Return the darkest channel around each pixel."""
    dark = Image.fromarray(np.round(np.clip(colours.min(-1), 0, 1) * 255).astype(np.uint8))
    return np.asarray(dark.filter(ImageFilter.MinFilter(2 * _DARK_RADIUS + 1)), np.float32) / 255


def _sampled(pixels: np.ndarray) -> np.ndarray:
    return pixels[:: max(1, len(pixels) // _SAMPLES)].astype(np.float32) / 255
