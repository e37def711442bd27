"""Gradient-domain blending of the copied pixels with their surroundings: a screened Poisson equation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..cancellation import checkpoint
from .graph import SIDES, HoleGraph
from .pyramid import Floats, Mask

Indices = NDArray[np.intp]

CHUNK = 400_000  # nodes at a time, to limit the memory of the right-hand side
TOLERANCE = 3e-3  # of the residual, relative to the right-hand side
EDGE = np.float32(40.0)  # grey levels: if copies differ by more, their seam stays sharp


@dataclass(frozen=True)
class _Equation:
    """The target Laplacian (n, 3), the sum of weights (n,), and the weights of the links to the right and down (n,)."""

    laplacian: Floats
    degree: Floats
    right: Floats
    down: Floats


def correction(
    graph: HoleGraph, offsets: Indices, start: Floats | None, screening: float, steps: int
) -> tuple[Floats, Floats]:
    """Return the copied colours (n, 3), and the correction to add to them (n, 3) so that no seam is visible.

    The gradients are those of the copied patches, averaged where two patches meet; the pixels around the hole are the
    boundary condition. Seams between very different copies have less weight: they are edges, and blending would
    smear them. `screening` pulls the correction towards zero. `start` (n, 3) is a first guess.
    Perez, Gangnet and Blake, "Poisson image editing", 2003.
    """
    rows, cols = graph.rows + offsets[:, 0], graph.cols + offsets[:, 1]
    copied = graph.colours[graph.place(rows, cols)]
    equation = _equation(graph, offsets, copied)
    box = _Box(graph, equation, screening)
    answer = np.empty_like(equation.laplacian)
    for channel in range(3):
        guess = None if start is None else start[:, channel]
        answer[:, channel] = box.solve(equation.laplacian[:, channel], guess, steps)
    return copied, answer


def _equation(graph: HoleGraph, offsets: Indices, copied: Floats) -> _Equation:
    count = len(graph)
    laplacian, degree = np.zeros((count, 3), np.float32), np.zeros(count, np.float32)
    links = np.zeros((2, count), np.float32)
    for begin in range(0, count, CHUNK):
        nodes = np.arange(begin, min(begin + CHUNK, count))
        for side in range(4):
            checkpoint()
            mismatch, inner, rim = _mismatch(graph, offsets, copied, nodes, side)
            weight = inner / (1 + (mismatch * mismatch).sum(1) / EDGE**2) + rim
            laplacian[nodes] -= weight[:, None] * mismatch
            degree[nodes] += weight
            if side < 2:
                links[side, nodes] = weight * inner
    return _Equation(laplacian, degree, links[0], links[1])


def _mismatch(
    graph: HoleGraph, offsets: Indices, copied: Floats, nodes: Indices, side: int
) -> tuple[Floats, Mask, Mask]:
    """Return how much (n, 3) the step from each node to its neighbour differs from the target.

    Also return whether that neighbour is in the hole, and whether it is outside; neither at the picture's edge.
    """
    down, along = SIDES[side]
    other, rim = graph.neighbours(nodes, side)
    own = copied[nodes]
    y, x = graph.rows[nodes] + offsets[nodes, 0] + down, graph.cols[nodes] + offsets[nodes, 1] + along
    step = own - graph.colours[graph.place(y, x)]
    step[rim & ~graph.inside(y, x, graph.level.context)] = 0  # a step to an unknown pixel has no meaning
    inner = np.flatnonzero(other >= 0)
    seam = inner[(offsets[nodes[inner]] != offsets[other[inner]]).any(1)]
    theirs = offsets[other[seam]]
    back = graph.place(graph.rows[nodes[seam]] + theirs[:, 0], graph.cols[nodes[seam]] + theirs[:, 1])
    step[seam] = 0.5 * (step[seam] + graph.colours[back] - copied[other[seam]])
    beside = graph.colours[graph.place(graph.rows[nodes] + down, graph.cols[nodes] + along)]
    beside[inner] = copied[other[inner]]
    return own - beside - step, other >= 0, rim


class _Box:
    """The hole's bounding box with a frame of one pixel, in which the equation is solved for each channel."""

    def __init__(self, graph: HoleGraph, equation: _Equation, screening: float) -> None:
        self.rows, self.cols = graph.rows - graph.rows.min() + 1, graph.cols - graph.cols.min() + 1
        self.shape = (int(self.rows.max()) + 2, int(self.cols.max()) + 2)
        self.diagonal = self.dense(equation.degree + np.float32(screening))
        self.inverse = self.dense(1 / np.maximum(equation.degree + np.float32(screening), 1e-3))
        self.right, self.down = self.dense(equation.right), self.dense(equation.down)

    def dense(self, values: Floats) -> Floats:
        """Return the values of the nodes in the box, with zero elsewhere."""
        out = np.zeros(self.shape, np.float32)
        out[self.rows, self.cols] = values
        return out

    def solve(self, laplacian: Floats, start: Floats | None, steps: int) -> Floats:
        """Solve for the Laplacian by at most `steps` conjugate gradient steps, with a diagonal preconditioner."""
        answer = np.zeros(self.shape, np.float32) if start is None else self.dense(start)
        residual = self.dense(laplacian)
        tolerance = TOLERANCE * float(np.sqrt(_dot(residual, residual))) + 1e-9
        residual -= self._apply(answer)
        scaled = self.inverse * residual
        direction = scaled.copy()
        power = _dot(residual, scaled)
        for _ in range(steps):
            checkpoint()
            if _dot(residual, residual) < tolerance**2:
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
        """Return the screened, weighted Laplacian of values that are zero outside the hole."""
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
