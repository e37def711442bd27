"""Arrange several pictures on a plain board, without overlap."""

from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image

from lib.endpoint.cancellation import checkpoint
from lib.endpoint.engine.plain import cut_out_plain

DEFAULT_SIZE = (1024, 1024)
GAP = 0.04  # of the board's short side, between and around the pictures

Box = tuple[float, float, float, float]  # left, top, width, height


def pieces(pictures: Sequence[np.ndarray], size: tuple[int, int]) -> tuple[list[Image.Image], int]:
    """Cut each picture (H, W, 4) out of its plain background, if it has one, and crop it; also return how many were.

    No piece is larger than the board of `size` (width, height).
    """
    result, count = [], 0
    for picture in pictures:
        checkpoint()
        small = Image.fromarray(picture)
        small.thumbnail(size)
        image = np.array(small)
        if image[..., 3].min() == 255:
            cut = cut_out_plain(image, np.ones(image.shape[:2], bool))
            count += cut is not None
            image = image if cut is None else cut
        piece = Image.fromarray(image)
        result.append(piece.crop(piece.getchannel("A").getbbox()))
    return result, count


def arrange(
    images: Sequence[Image.Image],
    size: tuple[int, int],
    board: tuple[int, int, int, int],
    variant: int,
    on_partial: Callable[[np.ndarray], None],
) -> np.ndarray:
    """Return a board of `size` with all pictures, (H, W, 4); each `variant` has another order and other gaps.

    `on_partial` receives the board after each picture but the last.
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
    """Return a box of each aspect (width / height), in order, centred, in the number of rows with the largest boxes."""
    candidates = [_rows(aspects, size, rows, gap) for rows in range(1, len(aspects) + 1)]
    return max(candidates, key=lambda boxes: min(width * height for _, _, width, height in boxes))


def _rows(aspects: Sequence[float], size: tuple[int, int], count: int, gap_share: float) -> list[Box]:
    gap = min(gap_share, 0.5 / (len(aspects) + 1)) * min(size)
    height = (size[1] - gap * (count + 1)) / count
    bounds = [round(index * len(aspects) / count) for index in range(count + 1)]
    boxes: list[Box] = []
    for row in range(count):
        members = aspects[bounds[row] : bounds[row + 1]]
        width = size[0] - gap * (len(members) + 1)
        row_height = min(height, width / sum(members))
        left = (size[0] - row_height * sum(members) - gap * (len(members) - 1)) / 2
        top = gap + row * (height + gap) + (height - row_height) / 2
        for aspect in members:
            boxes.append((left, top, row_height * aspect, row_height))
            left += row_height * aspect + gap
    return boxes
