"""Fill an area of a picture that may also be transparent elsewhere."""

from collections.abc import Callable

import numpy as np
from PIL import Image

from lib.endpoint.engine.errors import Refused
from lib.endpoint.fill import NothingToCopyFrom, fill
from lib.translation import _

CLEAR = 128  # pixels with less alpha have no reliable colour


def fill_area(
    image: np.ndarray,
    hole: np.ndarray,
    avoid: np.ndarray | None,
    seed: int,
    on_partial: Callable[[np.ndarray], None],
) -> np.ndarray:
    """Return `image` (H, W, 4) with `hole` (H, W, bool) filled from its surroundings and opaque.

    All other pixels stay unchanged. Transparent pixels are never copied, and their colours have no influence. Pixels of
    `avoid` (H, W, bool) are never copied either.
    Raise Refused (nothing_to_copy_from).
    """
    clear = (image[..., 3] < CLEAR) & ~hole
    source = image[..., :3]
    if clear.any():
        opaque = np.where(clear | hole, 0, 255).astype(np.uint8)
        source = np.array(_bleed(Image.fromarray(np.dstack([source, opaque]))))[..., :3]

    def finish(rgb: np.ndarray) -> np.ndarray:
        result = image.copy()
        result[hole, :3] = rgb[hole]
        result[hole, 3] = 255
        return result

    try:
        unusable = clear if avoid is None else clear | avoid
        if (unusable | hole).all():
            raise NothingToCopyFrom
        rgb = fill(
            np.ascontiguousarray(source),
            hole,
            seed=seed,
            avoid=unusable if unusable.any() else None,
            on_partial=lambda state: on_partial(finish(state)),
        )
    except NothingToCopyFrom as error:
        raise Refused(
            "nothing_to_copy_from",
            _("The selection leaves nothing to copy from. Select a smaller area."),
        ) from error
    return finish(rgb)


def whole(image: np.ndarray) -> np.ndarray:
    """Return the region that covers all of `image`, (H, W, bool)."""
    return np.ones(image.shape[:2], bool)


def _bleed(image: Image.Image) -> Image.Image:
    """Return `image` (RGBA) with transparent pixels coloured by near opaque ones (push-pull)."""
    alpha = image.getchannel("A").point([0] + [255] * 255)
    image.putalpha(alpha)
    if alpha.getextrema()[0] == 255 or image.size == (1, 1):
        return image
    half = image.resize((-(-image.width // 2), -(-image.height // 2)), Image.Resampling.BOX)
    background = _bleed(half).resize(image.size, Image.Resampling.BILINEAR)
    background.alpha_composite(image)
    return background
