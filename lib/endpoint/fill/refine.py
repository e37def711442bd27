"""Refine a shift map from one level to the next finer one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..cancellation import checkpoint
from . import labels as labelling
from .graph import INVALID, SIDES, SMOOTH, HoleGraph, distances
from .offsets import Offsets
from .pyramid import Level
from .shiftmap import ShiftMap

Indices = NDArray[np.intp]

FINE_ROUNDS = 8
NEARBY = 5  # labels that a pixel may choose from at a finer level
REACH = 2  # the distance in pixels, and twice the distance, at which it looks for them
LARGEST_SEAM = 400_000  # pixels along seams; if there are more, the coarser level's seams stay


def refine(coarse: ShiftMap, level: Level, rounds: int) -> ShiftMap:
    """Return the shift map of the next finer `level`: offsets are doubled and adjusted, seams are laid again."""
    graph = HoleGraph(level)
    labels = coarse.labels[coarse.graph.index[graph.rows // 2, graph.cols // 2]]
    current = _nudged(ShiftMap(graph, coarse.offsets * 2, labels))
    return _new_seams(current, rounds)


class _Border:
    """The pixels around one label's region, with their colours: context pixels or other copies."""

    def __init__(self, current: ShiftMap, nodes: Indices, label: int) -> None:
        graph, offsets = current.graph, current.offsets
        rows, cols, truth = [], [], []
        for side, (down, along) in enumerate(SIDES):
            other, rim = graph.neighbours(nodes, side)
            seam = other >= 0
            seam[seam] = current.labels[other[seam]] != label
            y, x = graph.rows[nodes] + down, graph.cols[nodes] + along
            theirs = offsets[current.labels[other[seam]]]
            rows += [y[rim], y[seam]]
            cols += [x[rim], x[seam]]
            truth += [graph.place(y[rim], x[rim]), graph.place(y[seam] + theirs[:, 0], x[seam] + theirs[:, 1])]
        self.graph = graph
        self.rows, self.cols = np.concatenate(rows), np.concatenate(cols)
        self.truth = graph.colours[np.concatenate(truth)]

    def mismatch(self, offset: NDArray[np.intp]) -> float:
        """Return the mismatch between the region copied from `offset` and the pixels around it."""
        colours = self.graph.colours[self.graph.place(self.rows + offset[0], self.cols + offset[1])]
        return float(np.sqrt(((colours - self.truth) ** 2).sum(1)).sum(dtype=np.float64))


def _nudged(current: ShiftMap) -> ShiftMap:
    """Move each label's offset by up to a pixel to where its region fits its surroundings best.

    The few pixels for which the moved offset is not valid keep the old one, with a label of its own.
    """
    graph, source = current.graph, current.graph.level.source
    offsets, labels = list(current.offsets), current.labels.copy()
    used, counts = np.unique(labels, return_counts=True)
    for label in used[np.argsort(-counts, kind="stable")]:
        old = offsets[label]
        if not old.any():
            continue
        checkpoint()
        nodes = np.flatnonzero(labels == label)
        border = _Border(ShiftMap(graph, np.array(offsets), labels), nodes, int(label))
        best, least, stays = old, border.mismatch(old) - 1e-6, None
        for step in ((y, x) for y in (-1, 0, 1) for x in (-1, 0, 1) if y or x):
            moved = old + step
            cost = border.mismatch(moved)
            if cost >= least or not moved.any():
                continue
            wrong = ~graph.inside(graph.rows[nodes] + moved[0], graph.cols[nodes] + moved[1], source)
            if np.count_nonzero(wrong) <= 0.01 * len(nodes) + 2:
                best, least, stays = moved, cost, nodes[wrong]
        offsets[label] = best
        if stays is not None and len(stays):
            labels[stays] = len(offsets)
            offsets.append(old)
    return ShiftMap(graph, np.array(offsets), labels)


def _probes() -> list[tuple[int, int]]:
    straight = [(y * r, x * r) for r in (1, REACH, 2 * REACH) for y, x in SIDES]
    return straight + [(y * REACH, x * REACH) for y in (-1, 1) for x in (-1, 1)]


def _new_seams(current: ShiftMap, rounds: int) -> ShiftMap:
    """Choose new labels near seams from the labels nearby."""
    graph = current.graph
    nodes = _near_seams(current)
    if not len(nodes) or len(nodes) > LARGEST_SEAM:
        return current
    candidates, repeated = _candidates(current, nodes)
    offsets = current.offsets[candidates]
    unary = graph.unary(nodes, offsets)
    unary[repeated] += INVALID
    problem = labelling.LabelCosts(unary, _near_pairs(graph, nodes, candidates, offsets))
    stay = np.zeros(len(nodes), np.intp)
    selected = labelling.propagate(problem, rounds).argmin(1) if rounds else stay
    if problem.energy(selected) > problem.energy(stay):
        selected = stay
    selected = labelling.improve(problem, selected, graph.chessboard(nodes), 4)
    rows = np.arange(len(nodes))
    cost = unary[rows, selected]
    selected = np.where((cost >= SMOOTH) & (cost > unary[:, 0]), 0, selected)
    labels = current.labels.copy()
    labels[nodes] = candidates[rows, selected]
    return ShiftMap(graph, current.offsets, labels)


def _padded_labels(current: ShiftMap) -> NDArray[np.int32]:
    graph, pad = current.graph, 2 * REACH
    grid = np.full((graph.height + 2 * pad, graph.width + 2 * pad), -1, np.int32)
    grid[graph.rows + pad, graph.cols + pad] = current.labels
    return grid


def _near_seams(current: ShiftMap) -> Indices:
    """Return the nodes with another label nearby, and their neighbours."""
    graph, pad = current.graph, 2 * REACH
    grid = _padded_labels(current)
    own = grid[pad : pad + graph.height, pad : pad + graph.width]
    near = np.zeros(own.shape, bool)
    for y, x in _probes():
        checkpoint()
        other = grid[pad + y : pad + y + graph.height, pad + x : pad + x + graph.width]
        near |= (other != own) & (other >= 0)
    wide = near.copy()
    wide[1:] |= near[:-1]
    wide[:-1] |= near[1:]
    wide[:, 1:] |= near[:, :-1]
    wide[:, :-1] |= near[:, 1:]
    return np.flatnonzero(wide[graph.rows, graph.cols])


def _candidates(current: ShiftMap, nodes: Indices) -> tuple[Indices, NDArray[np.bool_]]:
    """Return the labels (n, NEARBY) that each node may take, its own first, and which are only repetitions of that."""
    grid, pad = _padded_labels(current), 2 * REACH
    own = current.labels[nodes]
    candidates = np.repeat(own[:, None], NEARBY, 1)
    filled = np.ones(len(nodes), np.intp)
    rows, cols = current.graph.rows[nodes] + pad, current.graph.cols[nodes] + pad
    for y, x in _probes():
        labels = grid[rows + y, cols + x]
        new = (labels >= 0) & (filled < NEARBY) & ~(candidates == labels[:, None]).any(1)
        candidates[new, filled[new]] = labels[new]
        filled[new] += 1
    return candidates, np.arange(NEARBY) >= filled[:, None]


def _near_pairs(
    graph: HoleGraph, nodes: Indices, candidates: Indices, offsets: Offsets
) -> tuple[labelling.Edges, labelling.Edges]:
    """Return the pair costs of neighbours among `nodes`, each with its own labels (n, k) and offsets (n, k, 2)."""
    position = np.full(len(graph), -1, np.intp)
    position[nodes] = np.arange(len(nodes))
    edges = []
    for side in (0, 1):
        other = graph.neighbours(nodes, side)[0]
        second = np.where(other >= 0, position[other], -1)
        first = np.flatnonzero(second >= 0)
        second = second[first]
        cost = np.zeros((len(first), NEARBY, NEARBY), np.float32)
        for at in (first, second):
            checkpoint()
            y, x = graph.rows[nodes[at], None], graph.cols[nodes[at], None]
            ours = graph.features(graph.place(y + offsets[first, :, 0], x + offsets[first, :, 1]))
            theirs = graph.features(graph.place(y + offsets[second, :, 0], x + offsets[second, :, 1]))
            cost += distances(ours, theirs)
        cost[candidates[first][:, :, None] == candidates[second][:, None, :]] = 0
        edges.append(labelling.Edges(first, second, cost))
    return edges[0], edges[1]
