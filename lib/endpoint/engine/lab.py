"""CIE L*a*b* (D65, 2 degrees) from and to sRGB, as in CIE 15:2004 and IEC 61966-2-1."""

import numpy as np

_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]],
    np.float32,
)
_WHITE = _TO_XYZ.sum(1)
_FROM_XYZ = np.linalg.inv(_TO_XYZ.astype(np.float64)).astype(np.float32)
_KNEE = 6 / 29


def to_linear(rgb: np.ndarray) -> np.ndarray:
    """Convert sRGB 0..1 to linear light 0..1, any shape, float32."""
    return np.where(rgb <= 0.04045, rgb / 12.92, ((np.maximum(rgb, 0) + 0.055) / 1.055) ** 2.4).astype(np.float32)


def from_linear(linear: np.ndarray) -> np.ndarray:
    """Convert linear light to sRGB, clipped to 0..1, float32."""
    linear = np.clip(linear, 0, 1)
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055).astype(np.float32)


def to_lab(rgb: np.ndarray) -> np.ndarray:
    """Convert sRGB 0..1 (..., 3) to L* 0..100, a*, b*, float32."""
    xyz = to_linear(rgb) @ _TO_XYZ.T / _WHITE
    f = np.where(xyz > _KNEE**3, np.cbrt(xyz), xyz / (3 * _KNEE**2) + 4 / 29)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], -1).astype(
        np.float32
    )


def from_lab(lab: np.ndarray) -> np.ndarray:
    """Convert L*a*b* (..., 3) to sRGB, clipped to 0..1, float32."""
    y = (lab[..., 0] + 16) / 116
    f = np.stack([y + lab[..., 1] / 500, y, y - lab[..., 2] / 200], -1)
    xyz = np.where(f > _KNEE, f**3, 3 * _KNEE**2 * (f - 4 / 29)) * _WHITE
    return from_linear(xyz.astype(np.float32) @ _FROM_XYZ.T)
