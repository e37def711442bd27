"""Blends the tiles of a second pass into the result that they refine, with cosine ramps where they overlap."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lib.frame.geometry import Rect

Floats = NDArray[np.float32]
Picture = NDArray[np.uint8]
Span = tuple[int, int]

ROWS = 128  # that are blended at a time


@dataclass(frozen=True)
class Tile:
    """A tile of the grid at its place in the result, beyond which it may reach; `picture` is None if it is missing."""

    place: Rect
    picture: Picture | None


def blend(result: Picture, tiles: Sequence[Tile]) -> Picture:
    """Return the result (H, W, 4) with the colours of its tiles (H, W, 3 or 4), which form a grid.

    A missing tile fades into the result, which stays there. The alpha channel doesn't change.
    """
    height, width = result.shape[:2]
    columns = _weights_by_span([(tile.place.x, tile.place.right) for tile in tiles], width)
    rows = _weights_by_span([(tile.place.y, tile.place.bottom) for tile in tiles], height)
    blended = result.copy()

    def blend_rows(start: int) -> None:
        end = min(start + ROWS, height)
        total = result[start:end, :, :3].astype(np.float32)
        for tile in tiles:
            place = tile.place
            part = place.intersect(Rect(0, start, width, end - start))
            if tile.picture is None or part.empty:
                continue
            across, down = slice(part.x, part.right), slice(part.y, part.bottom)
            own = tile.picture[part.y - place.y : part.bottom - place.y, part.x - place.x : part.right - place.x, :3]
            weight = np.outer(rows[place.y, place.bottom][down], columns[place.x, place.right][across])
            total[part.y - start : part.bottom - start, across] += weight[..., None] * (
                own.astype(np.float32) - result[down, across, :3]
            )
        blended[start:end, :, :3] = np.rint(np.clip(total, 0, 255)).astype(np.uint8)

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        list(threads.map(blend_rows, range(0, height, ROWS)))
    return blended


def span_weights(spans: Sequence[Span], length: int) -> Floats:
    """Return how much each of the spans, which are in order, counts at each place: (spans, length).

    The weights sum to one wherever there is a span. Where two overlap, they follow a cosine.
    """
    places = np.arange(length) + 0.5
    weights = np.array([(places > start) & (places < end) for start, end in spans], float).reshape(-1, length)
    for number, (before, after) in enumerate(zip(spans, spans[1:], strict=False)):
        start, end = after[0], before[1]
        if end > start:
            ramp = (1 - np.cos(np.pi * np.clip((places - start) / (end - start), 0, 1))) / 2
            weights[number] *= 1 - ramp
            weights[number + 1] *= ramp
    total = weights.sum(0)
    return np.asarray(weights / np.where(total > 0, total, 1), np.float32)


def _weights_by_span(spans: Sequence[Span], length: int) -> dict[Span, Floats]:
    """Return the weights of each span, of which each may be in the list several times."""
    distinct = sorted(set(spans))
    return dict(zip(distinct, span_weights(distinct, length), strict=True))
