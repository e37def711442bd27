"""Gradient-domain blending of copied pixels with what surrounds them: a screened Poisson equation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..cancellation import checkpoint
from .graph import SIDES, HoleGraph
from .pyramid import Floats, Mask

Indices = NDArray[np.intp]

CHUNK = 400_000  # nodes at once: bounds the memory of the right hand side
TOLERANCE = 3e-3  # of the residual against the right hand side
EDGE = np.float32(40.0)  # grey levels: where copies differ by more, their seam is rather kept than smeared


@dataclass(frozen=True)
class _Equation:
    """The wanted Laplacian (n, 3), the sum of weights (n,), and the weights towards nodes right and down (n,)."""

    wanted: Floats
    degree: Floats
    right: Floats
    down: Floats


def correction(
    graph: HoleGraph, offsets: Indices, start: Floats | None, screening: float, steps: int
) -> tuple[Floats, Floats]:
    """The copied colours (n, 3), and what must be added to them (n, 3) so that no seam shows.

    The gradients are those of the copied patches, averaged where two patches meet; on the hole's rim the
    known pixels hold. Seams over which the copies differ much count less: they are edges, and blending them
    would make a fog. `screening` pulls the correction softly to zero. `start` (n, 3) is a first guess.
    Perez, Gangnet and Blake, "Poisson image editing", 2003.
    """
    rows, cols = graph.rows + offsets[:, 0], graph.cols + offsets[:, 1]
    copied = graph.colours[graph.place(rows, cols)]
    equation = _equation(graph, offsets, copied)
    box = _Box(graph, equation, screening)
    answer = np.empty_like(equation.wanted)
    for channel in range(3):
        guess = None if start is None else start[:, channel]
        answer[:, channel] = box.solve(equation.wanted[:, channel], guess, steps)
    return copied, answer


def _equation(graph: HoleGraph, offsets: Indices, copied: Floats) -> _Equation:
    count = len(graph)
    wanted, degree = np.zeros((count, 3), np.float32), np.zeros(count, np.float32)
    links = np.zeros((2, count), np.float32)
    for begin in range(0, count, CHUNK):
        nodes = np.arange(begin, min(begin + CHUNK, count))
        for side in range(4):
            checkpoint()
            mismatch, inner, rim = _mismatch(graph, offsets, copied, nodes, side)
            weight = inner / (1 + (mismatch * mismatch).sum(1) / EDGE**2) + rim
            wanted[nodes] -= weight[:, None] * mismatch
            degree[nodes] += weight
            if side < 2:
                links[side, nodes] = weight * inner
    return _Equation(wanted, degree, links[0], links[1])


def _mismatch(
    graph: HoleGraph, offsets: Indices, copied: Floats, nodes: Indices, side: int
) -> tuple[Floats, Mask, Mask]:
    """By how much (n, 3) the step from each node to the pixel beside it differs from what it should be.

    Also whether that pixel is in the hole too, and whether it is known; neither at the picture's edge.
    """
    down, along = SIDES[side]
    other, rim = graph.neighbours(nodes, side)
    own = copied[nodes]
    y, x = graph.rows[nodes] + offsets[nodes, 0] + down, graph.cols[nodes] + offsets[nodes, 1] + along
    step = own - graph.colours[graph.place(y, x)]
    step[rim & ~graph.inside(y, x, graph.level.known)] = 0  # towards an unknown pixel a step means nothing
    inner = np.flatnonzero(other >= 0)
    seam = inner[(offsets[nodes[inner]] != offsets[other[inner]]).any(1)]
    theirs = offsets[other[seam]]
    back = graph.place(graph.rows[nodes[seam]] + theirs[:, 0], graph.cols[nodes[seam]] + theirs[:, 1])
    step[seam] = 0.5 * (step[seam] + graph.colours[back] - copied[other[seam]])
    beside = graph.colours[graph.place(graph.rows[nodes] + down, graph.cols[nodes] + along)]
    beside[inner] = copied[other[inner]]
    return own - beside - step, other >= 0, rim


class _Box:
    """The hole's bounding box with a frame of one pixel, on which the equation is solved for one channel."""

    def __init__(self, graph: HoleGraph, equation: _Equation, screening: float) -> None:
        self.rows, self.cols = graph.rows - graph.rows.min() + 1, graph.cols - graph.cols.min() + 1
        self.shape = (int(self.rows.max()) + 2, int(self.cols.max()) + 2)
        self.diagonal = self.dense(equation.degree + np.float32(screening))
        self.inverse = self.dense(1 / np.maximum(equation.degree + np.float32(screening), 1e-3))
        self.right, self.down = self.dense(equation.right), self.dense(equation.down)

    def dense(self, values: Floats) -> Floats:
        """Values of the nodes on the box, zero elsewhere."""
        out = np.zeros(self.shape, np.float32)
        out[self.rows, self.cols] = values
        return out

    def solve(self, wanted: Floats, start: Floats | None, steps: int) -> Floats:
        """Conjugate gradients, preconditioned by the diagonal, at most `steps` steps."""
        answer = np.zeros(self.shape, np.float32) if start is None else self.dense(start)
        residual = self.dense(wanted)
        enough = TOLERANCE * float(np.sqrt(_dot(residual, residual))) + 1e-9
        residual -= self._apply(answer)
        scaled = self.inverse * residual
        direction = scaled.copy()
        power = _dot(residual, scaled)
        for _ in range(steps):
            checkpoint()
            if _dot(residual, residual) < enough**2:
                break
            image = self._apply(direction)
            length = power / max(_dot(direction, image), 1e-12)
            answer += length * direction
            image *= length
            residual -= image
            np.multiply(self.inverse, residual, out=scaled)
            power, before = _dot(residual, scaled), power
            direction *= power / max(before, 1e-20)
            direction += scaled
        return np.asarray(answer[self.rows, self.cols])

    def _apply(self, values: Floats) -> Floats:
        """The screened, weighted Laplacian of values that are zero outside the hole."""
        out: Floats = self.diagonal * values
        link = self.down[:-1]
        out[1:] -= link * values[:-1]
        out[:-1] -= link * values[1:]
        link = self.right[:, :-1]
        out[:, 1:] -= link * values[:, :-1]
        out[:, :-1] -= link * values[:, 1:]
        return out


def _dot(a: Floats, b: Floats) -> float:
    return float(np.vdot(a, b))
