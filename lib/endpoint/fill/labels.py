"""Choose one label for each node of a grid: min-sum belief propagation, then iterated conditional modes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..cancellation import checkpoint
from .pyramid import Floats

Indices = NDArray[np.intp]

DAMPING = np.float32(0.4)
ELEMENTS = 1_000_000  # of a table at a time


@dataclass(frozen=True)
class Edges:
    """Pairs of neighbours in one direction, and the cost (pairs, k, k) of their labels.

    A node is at most once a first and at most once a second, so plain indexed assignment is safe.
    """

    first: Indices
    second: Indices
    cost: Floats


@dataclass(frozen=True)
class LabelCosts:
    """The costs to minimise: of each label at each node (n, k), and of pairs to the right and downwards."""

    unary: Floats
    edges: tuple[Edges, Edges]

    def energy(self, labels: Indices) -> float:
        """Return the cost of a labelling (n,)."""
        total = float(self.unary[np.arange(len(labels)), labels].sum(dtype=np.float64))
        for e in self.edges:
            pair = e.cost[np.arange(len(e.first)), labels[e.first], labels[e.second]]
            total += float(pair.sum(dtype=np.float64))
        return total


def parts(count: int, size: int) -> Iterator[slice]:
    """Yield slices of `count` rows of `size` elements, small enough to limit the memory of intermediate results."""
    step = max(1, ELEMENTS // size)
    for start in range(0, count, step):
        checkpoint()
        yield slice(start, start + step)


def _minima(values: Floats, cost: Floats, axis: int) -> Floats:
    """Return the minima (n, k) over `axis` of `values` (n, k, 1 or 1, k) + cost (n, k, k)."""
    out = np.empty((len(cost), cost.shape[3 - axis]), np.float32)
    for part in parts(len(cost), cost.shape[1] * cost.shape[2]):
        (values[part] + cost[part]).min(axis, out=out[part])
    return out


def propagate(problem: LabelCosts, rounds: int) -> Floats:
    """Return beliefs (n, k), lowest for the best label, by damped min-sum loopy belief propagation."""
    shape = problem.unary.shape
    from_first = [np.zeros(shape, np.float32) for _ in problem.edges]
    from_second = [np.zeros(shape, np.float32) for _ in problem.edges]
    for _ in range(rounds):
        checkpoint()
        belief = problem.unary + sum(from_first) + sum(from_second)
        for e, forth, back in zip(problem.edges, from_first, from_second, strict=True):
            out = belief[e.first] - back[e.first]
            reply = belief[e.second] - forth[e.second]
            forth[e.second] = _damped(forth[e.second], _minima(out[:, :, None], e.cost, 1))
            back[e.first] = _damped(back[e.first], _minima(reply[:, None, :], e.cost, 2))
    return problem.unary + sum(from_first) + sum(from_second)


def _damped(old: Floats, new: Floats) -> Floats:
    new = new - new.min(1, keepdims=True)
    return DAMPING * old + (1 - DAMPING) * new


def narrow(problem: LabelCosts, beliefs: Floats, count: int) -> tuple[LabelCosts, Indices]:
    """Return the problem with only the `count` best labels of each node by `beliefs`, and their indices (n, count)."""
    best = np.sort(np.argpartition(beliefs, count - 1, axis=1)[:, :count], axis=1)
    edges = []
    for e in problem.edges:
        pairs = np.arange(len(e.first))[:, None, None]
        edges.append(Edges(e.first, e.second, e.cost[pairs, best[e.first][:, :, None], best[e.second][:, None, :]]))
    return LabelCosts(np.take_along_axis(problem.unary, best, 1), (edges[0], edges[1])), best


def improve(problem: LabelCosts, labels: Indices, colour: NDArray[np.bool_], sweeps: int) -> Indices:
    """Return labels changed to lower the energy (ICM), all nodes of one chessboard `colour` at a time."""
    nodes = np.arange(len(labels))
    for sweep in range(sweeps):
        checkpoint()
        total = problem.unary.copy()
        for e in problem.edges:
            pairs = np.arange(len(e.first))
            total[e.first] += e.cost[pairs, :, labels[e.second]]
            total[e.second] += e.cost[pairs, labels[e.first], :]
        best = np.asarray(total.argmin(1), np.intp)
        change = (colour == bool(sweep & 1)) & (total[nodes, best] < total[nodes, labels] - 1e-3)
        if not change.any() and sweep > 1:
            break
        labels = np.where(change, best, labels)
    return labels
