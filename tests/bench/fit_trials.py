"""What endpoints do to a picture: shift, zoom, turn, tint, noise, JPEG, repainting; the truth is known."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

MARGIN = 128  # pixels of true picture around the frame, so that what moves in is real


@dataclass(frozen=True)
class Drift:
    """A similarity about the centre, from the original to the returned picture, and a tint of each channel."""

    shift: tuple[float, float] = (0.0, 0.0)
    zoom: float = 0.0
    rotation: float = 0.0
    gain: tuple[float, float, float] = (1.0, 1.0, 1.0)
    bias: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def turned(self) -> complex:
        """Zoom and rotation as one complex factor; zoom in parts of one, rotation in degrees."""
        return (1 + self.zoom) * np.exp(1j * np.radians(self.rotation))


@dataclass(frozen=True)
class Damage:
    """What else is done: noise in levels, JPEG quality, wobble in pixels, the part repainted outside the hole.

    local_tint: levels (root mean square) of a tint that changes over some 160 pixels.
    """

    noise: float = 0.0
    quality: int | None = None
    wobble: float = 0.0
    repainted: float = 0.0
    local_tint: float = 0.0


@dataclass(frozen=True)
class Trial:
    """One edit: original and returned picture (uint8 H×W×3), what is protected (bool H×W), and the truth."""

    original: np.ndarray
    returned: np.ndarray
    protected: np.ndarray
    drift: Drift
    name: str = ""


def random_drift(rng: np.random.Generator, times: float = 1.0) -> Drift:
    """Within shift ±12 px, zoom ±2 %, rotation ±0.3°, tint ±7 %; all but the tint `times` as far."""
    x, y, zoom, turn = rng.uniform(-1, 1, 4) * times
    return Drift(
        (12 * x, 12 * y), 0.02 * zoom, 0.3 * turn, tuple(1 + rng.uniform(-0.07, 0.07, 3)), tuple(rng.uniform(-4, 4, 3))
    )


def random_damage(rng: np.random.Generator, **others: float) -> Damage:
    """Noise up to 3 levels and JPEG 75–95."""
    return Damage(noise=rng.uniform(0, 3), quality=int(rng.integers(75, 96)), **others)


def make_trial(
    wide: np.ndarray,
    other: np.ndarray,
    drift: Drift,
    damage: Damage,
    rng: np.random.Generator,
    name: str = "",
    changed: bool = True,
) -> Trial:
    """A trial on a photograph that is MARGIN wider than the frame on every side; `other` fills what is changed."""
    inner = (slice(MARGIN, -MARGIN), slice(MARGIN, -MARGIN))
    original = wide[inner]
    hole = blobs(original.shape[:2], rng.uniform(0.04, 0.12), rng)
    scene = wide.astype(np.float32)
    if changed:
        scene[inner][hole] = other[: hole.shape[0], : hole.shape[1]][hole]
    if damage.repainted:
        more = blobs(hole.shape, damage.repainted, rng, count=5)
        scene[inner][more] = other[::-1][: hole.shape[0], : hole.shape[1]][more]
    moved = moved_picture(scene, drift, damage.wobble, rng)[inner]
    moved = moved * np.float32(drift.gain) + np.float32(drift.bias)
    if damage.local_tint:
        moved += np.stack([_smooth_noise(hole.shape, 160, rng) for _ in range(3)], 2) * damage.local_tint
    moved += rng.normal(0, damage.noise, moved.shape) if damage.noise else 0
    returned = np.clip(np.rint(moved), 0, 255).astype(np.uint8)
    return Trial(np.ascontiguousarray(original), through_jpeg(returned, damage.quality), ~hole, drift, name)


def moved_picture(scene: np.ndarray, drift: Drift, wobble: float, rng: np.random.Generator) -> np.ndarray:
    """The picture after the drift about its centre: float32, bicubic."""
    height, width = scene.shape[:2]
    back = 1 / drift.turned()
    shift = complex(*drift.shift) * back
    a, b = back.real, -back.imag
    centre = complex(width / 2, height / 2)
    c = centre - back * centre - shift
    coefficients = (a, b, c.real, -b, a, c.imag)
    if wobble:
        scene = wobbled(scene, wobble, rng)
    bands = [Image.fromarray(np.ascontiguousarray(scene[..., band])) for band in range(3)]
    moved = [
        band.transform(band.size, Image.Transform.AFFINE, coefficients, Image.Resampling.BICUBIC) for band in bands
    ]
    return np.stack([np.asarray(band) for band in moved], 2)


def wobbled(scene: np.ndarray, amount: float, rng: np.random.Generator, cell: int = 24) -> np.ndarray:
    """Each part moved by a smooth random field with a root mean square of `amount` pixels on each axis."""
    height, width = scene.shape[:2]
    rows, cols = np.mgrid[:height, :width].astype(np.float32)
    y = np.clip(rows + _smooth_noise((height, width), cell, rng) * amount, 1, height - 3)
    x = np.clip(cols + _smooth_noise((height, width), cell, rng) * amount, 1, width - 3)
    top, left = np.floor(y).astype(int), np.floor(x).astype(int)
    result = np.zeros_like(scene)
    for row, row_weight in enumerate(_cubic(y - top)):
        for col, col_weight in enumerate(_cubic(x - left)):
            result += scene[top + row - 1, left + col - 1] * (row_weight * col_weight)[..., None]
    return result


def blobs(shape: tuple[int, int], part: float, rng: np.random.Generator, count: int = 1) -> np.ndarray:
    """Organic shapes that cover about `part` of the picture together."""
    height, width = shape
    rows, cols = np.mgrid[:height, :width].astype(np.float32)
    mask = np.zeros(shape, bool)
    for _ in range(count):
        y, x = rng.uniform(0.2, 0.8) * height, rng.uniform(0.2, 0.8) * width
        angle = np.arctan2(rows - y, cols - x)
        radius = np.sqrt(part * height * width / count / np.pi)
        mask |= np.hypot(rows - y, cols - x) < radius * (1 + 0.2 * np.sin(3 * angle + rng.uniform(0, 6)))
    return mask


def through_jpeg(picture: np.ndarray, quality: int | None) -> np.ndarray:
    """The picture after a JPEG file of this quality; untouched for None."""
    if quality is None:
        return picture
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "jpeg", quality=quality)
    return np.asarray(Image.open(file))


def texture(shape: tuple[int, int], rng: np.random.Generator, contrast: float = 40.0) -> np.ndarray:
    """A synthetic photograph: coloured noise with the spectrum of natural pictures (1/f), uint8 H×W×3."""
    return np.stack([np.clip(128 + contrast * _natural_noise(shape, rng), 0, 255) for _ in range(3)], 2).astype(
        np.uint8
    )


def sky(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """A gradient with faint clouds and a camera's noise, uint8 H×W×3."""
    rows = np.linspace(0, 1, shape[0], dtype=np.float32)[:, None, None]
    clouds = _smooth_noise(shape, shape[0] // 8, rng) + 0.5 * _smooth_noise(shape, shape[0] // 20, rng)
    picture = np.float32([90, 140, 210]) + rows * np.float32([90, 60, 20]) + 6 * clouds[..., None]
    return np.clip(picture + rng.normal(0, 1, (*shape, 3)), 0, 255).astype(np.uint8)


def mean_error(trial: Trial, turn: complex, shift: complex) -> float:
    """How far a similarity (about the centre) is from the truth: pixels, the mean over a grid on the picture."""
    height, width = trial.original.shape[:2]
    x, y = np.meshgrid(np.linspace(-0.5, 0.5, 9) * width, np.linspace(-0.5, 0.5, 9) * height)
    points = x + 1j * y
    return float(np.abs((turn - trial.drift.turned()) * points + shift - complex(*trial.drift.shift)).mean())


def colour_error(trial: Trial, gain: np.ndarray, bias: np.ndarray) -> float:
    """How far gain and bias are from the truth: levels, the mean over the protected pixels and channels."""
    pixels = trial.original[trial.protected].astype(np.float32)
    wrong = pixels * (np.float32(gain) - np.float32(trial.drift.gain)) + np.float32(bias) - np.float32(trial.drift.bias)
    return float(np.abs(wrong).mean())


def _cubic(t: np.ndarray) -> list[np.ndarray]:
    """The four Catmull-Rom weights at a fraction."""
    return [
        ((2 - t) * t - 1) * t / 2,
        ((3 * t - 5) * t * t + 2) / 2,
        ((4 - 3 * t) * t + 1) * t / 2,
        (t - 1) * t * t / 2,
    ]


def _smooth_noise(shape: tuple[int, int], cell: int, rng: np.random.Generator) -> np.ndarray:
    """Smooth noise of unit deviation that changes over about `cell` pixels."""
    small = rng.normal(size=(shape[0] // cell + 3, shape[1] // cell + 3)).astype(np.float32)
    large = np.asarray(Image.fromarray(small).resize((shape[1], shape[0]), Image.Resampling.BICUBIC))
    return (large - large.mean()) / large.std()


def _natural_noise(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    fy, fx = np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None]
    spectrum = np.fft.rfft2(rng.normal(size=shape)) / np.maximum(np.hypot(fy, fx), 2 / max(shape))
    noise = np.fft.irfft2(spectrum, s=shape).astype(np.float32)
    return noise / noise.std()
