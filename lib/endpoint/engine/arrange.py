"""Several pictures laid out on a plain board, without overlap."""

from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image

from lib.endpoint.cancellation import checkpoint
from lib.endpoint.engine.cutout import cut_out

DEFAULT_SIZE = (1024, 1024)
GAP = 0.04  # of the board's short side, between pictures and round them

Box = tuple[float, float, float, float]  # left, top, width, height


def pieces(pictures: Sequence[np.ndarray], size: tuple[int, int]) -> tuple[list[Image.Image], int]:
    """Each picture (H, W, 4) cut out of its plain background where it has one, cropped; and how many were.

    None is larger than the board of `size` (width, height).
    """
    found, count = [], 0
    for picture in pictures:
        checkpoint()
        small = Image.fromarray(picture)
        small.thumbnail(size)
        image = np.array(small)
        if image[..., 3].min() == 255:
            cut = cut_out(image, np.ones(image.shape[:2], bool))
            count += cut is not None
            image = image if cut is None else cut
        piece = Image.fromarray(image)
        found.append(piece.crop(piece.getchannel("A").getbbox()))
    return found, count


def arrange(
    images: Sequence[Image.Image],
    size: tuple[int, int],
    board: tuple[int, int, int, int],
    variant: int,
    on_partial: Callable[[np.ndarray], None],
) -> np.ndarray:
    """A board of `size` with all pictures, (H, W, 4); each `variant` has another order and other gaps.

    `on_partial` gets the board after each picture but the last.
    """
    first = variant % len(images)
    order = [*images[first:], *images[:first]]
    result = Image.new("RGBA", size, board)
    boxes = layout([image.width / image.height for image in order], size, GAP * (1 + 0.1 * variant))
    for index, (image, (left, top, width, height)) in enumerate(zip(order, boxes, strict=True)):
        checkpoint()
        fitted = image.resize((max(1, int(width)), max(1, int(height))), Image.Resampling.LANCZOS)
        result.alpha_composite(fitted, (int(left), int(top)))
        if index + 1 < len(order):
            on_partial(np.array(result))
    return np.array(result)


def layout(aspects: Sequence[float], size: tuple[int, int], gap: float = GAP) -> list[Box]:
    """A box of each aspect (width / height), in order, in rows, centred; as large as the best number of rows lets."""
    candidates = [_rows(aspects, size, rows, gap) for rows in range(1, len(aspects) + 1)]
    return max(candidates, key=lambda boxes: min(width * height for _, _, width, height in boxes))


def _rows(aspects: Sequence[float], size: tuple[int, int], count: int, share: float) -> list[Box]:
    gap = min(share, 0.5 / (len(aspects) + 1)) * min(size)
    height = (size[1] - gap * (count + 1)) / count
    bounds = [round(index * len(aspects) / count) for index in range(count + 1)]
    boxes: list[Box] = []
    for row in range(count):
        members = aspects[bounds[row] : bounds[row + 1]]
        room = size[0] - gap * (len(members) + 1)
        tall = min(height, room / sum(members))
        left = (size[0] - tall * sum(members) - gap * (len(members) - 1)) / 2
        top = gap + row * (height + gap) + (height - tall) / 2
        for aspect in members:
            boxes.append((left, top, tall * aspect, tall))
            left += tall * aspect + gap
    return boxes
