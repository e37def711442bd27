"""The shift map of the coarsest level: the source of each pixel of the hole."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from . import labels as labelling
from .graph import INVALID, HoleGraph, distances
from .offsets import Offsets, cover, propose
from .pyramid import MANY_NODES, Floats, Level, depth

Indices = NDArray[np.intp]

ROUNDS = 14  # of belief propagation at the coarsest level with all labels
NARROWED = 8  # labels of each pixel that remain after that
PASSES = 3  # with the remaining labels, between which sources that are copied too often get more expensive
PASS_ROUNDS = 12
MEMBRANE_PULL = 0.15
SEAM = 30.0  # grey levels, the cost of any seam; otherwise a patchwork of plain pieces would be cheapest
OCCURRENCE = 2.0  # grey levels, the extra cost of a pixel after each pass for each copy after the first
TABLE = 18_000_000  # elements of one table of pair costs at the coarsest level
MIN_LABELS, MAX_LABELS = 40, 85
MAX_OFFSETS_FOR_GAPS = 60
SPREAD = 0.02  # of the random preference for some labels, relative to the mean cost, which makes seeds differ


@dataclass(frozen=True)
class ShiftMap:
    """A label for each node of `graph`, and the offset of each label (labels, 2); (0, 0) is the membrane."""

    graph: HoleGraph
    offsets: Offsets
    labels: Indices

    @property
    def moves(self) -> Offsets:
        """The offset (n, 2) from each hole pixel to the pixel copied there, in rows and columns."""
        return self.offsets[self.labels]


def find(level: Level, rng: np.random.Generator) -> ShiftMap:
    """Return the shift map of the coarsest level.

    It has only the membrane if that level is still large: then the context consists of specks that any averaging
    would lose, without any texture to copy.
    """
    graph = HoleGraph(level)
    if len(graph) > MANY_NODES:
        return ShiftMap(graph, np.zeros((1, 2), np.intp), np.zeros(len(graph), np.intp))
    limit = int(np.clip((TABLE / len(graph)) ** 0.5, MIN_LABELS, MAX_LABELS))
    offsets = propose(level, limit, rng)
    every = np.arange(len(graph))
    unary = graph.unary(every, offsets[None])
    places = graph.place(graph.rows[:, None] + offsets[:, 0], graph.cols[:, None] + offsets[:, 1])
    unary += _membrane_pull(graph, places)
    edges = _all_pairs(graph, places)
    mean_cost = np.mean([e.cost.mean() for e in edges if len(e.first)] or [0.0])
    unary += (SPREAD * mean_cost * rng.random(len(offsets))).astype(np.float32)
    problem = labelling.LabelCosts(unary, edges)
    selected = _sparing(graph, problem, places, rng)
    return _without_gaps(ShiftMap(graph, offsets, _valid_only(unary, selected)), rng)


def _sparing(graph: HoleGraph, problem: labelling.LabelCosts, places: Indices, rng: np.random.Generator) -> Indices:
    """Return labels (n,) that fit well and do not copy the same distinctive object again and again."""
    beliefs = labelling.propagate(problem, ROUNDS)
    few, indices = labelling.narrow(problem, beliefs, min(NARROWED, beliefs.shape[1]))
    places = np.take_along_axis(places, indices, 1)
    chessboard = graph.chessboard(np.arange(len(graph)))
    price = np.zeros(len(graph.colours), np.float32)
    every = np.arange(len(graph))
    for _ in range(PASSES):
        priced = labelling.LabelCosts(few.unary + price[places], few.edges)
        selected = labelling.propagate(priced, PASS_ROUNDS).argmin(1)
        selected = labelling.improve(priced, selected, chessboard, 8)
        used = np.bincount(places[every, selected], minlength=len(price)).astype(np.float32)
        price += OCCURRENCE * np.maximum(_around(used, graph.width + 1) - 1, 0)
    return np.asarray(indices[every, selected])


def _around(values: Floats, width: int) -> Floats:
    """Return the means over 3×3 of a flattened picture that is `width` wide."""
    table = np.pad(values.reshape(-1, width), 1)
    rows, cols = table.shape[0] - 2, table.shape[1] - 2
    total = sum(table[y : y + rows, x : x + cols] for y in range(3) for x in range(3))
    return np.asarray(total / np.float32(9)).ravel()


def _membrane_pull(graph: HoleGraph, places: Indices) -> Floats:
    """Return a slight preference (n, k) for colours of the blurred membrane, which decreases with the depth."""
    blurred = graph.level.image
    for axis in (0, 1, 0, 1):
        edge = [(1, 1) if i == axis else (0, 0) for i in range(3)]
        padded = np.pad(blurred, edge, mode="edge")
        size = blurred.shape[axis]
        thirds = [padded.take(range(i, i + size), axis) for i in range(3)]
        blurred = (thirds[0] + thirds[1] + thirds[2]) / np.float32(3)
    colours = np.pad(blurred, ((0, 1), (0, 1), (0, 0)), mode="edge").reshape(-1, 3)
    own = blurred[graph.rows, graph.cols]
    weight = MEMBRANE_PULL / np.sqrt(depth(~graph.level.context, 400)[graph.rows, graph.cols])
    pull = weight[:, None] * np.sqrt(((colours[places] - own[:, None]) ** 2).sum(2))
    return np.asarray(pull, np.float32)


def _all_pairs(graph: HoleGraph, places: Indices) -> tuple[labelling.Edges, labelling.Edges]:
    """Return the pair costs if all nodes have the same labels: how much the two copies differ at both pixels."""
    looks = graph.features(places)
    own = distances(looks, looks)
    own += np.float32(SEAM / 2)
    same = np.arange(places.shape[1])
    own[:, same, same] = 0
    return _pairs(graph, own, 0), _pairs(graph, own, 1)


def _pairs(graph: HoleGraph, own: Floats, side: int) -> labelling.Edges:
    other = graph.neighbours(np.arange(len(graph)), side)[0]
    first = np.flatnonzero(other >= 0)
    second = other[first]
    cost = own[first]
    for part in labelling.parts(len(second), own.shape[1] * own.shape[2]):
        cost[part] += own[second[part]]
    return labelling.Edges(first, second, cost)


def _valid_only(unary: Floats, selected: Indices) -> Indices:
    """Return `selected` with invalid labels replaced by the cheapest ones."""
    wrong = unary[np.arange(len(selected)), selected] >= INVALID
    return np.where(wrong, unary.argmin(1), selected)


def _without_gaps(shift_map: ShiftMap, rng: np.random.Generator) -> ShiftMap:
    """Return the shift map with offsets beyond the limit where only the membrane was left, if any are valid."""
    gap = (shift_map.moves == 0).all(1)
    if not gap.any():
        return shift_map
    graph, level = shift_map.graph, shift_map.graph.level
    hole = np.zeros(level.shape, bool)
    hole[graph.rows[gap], graph.cols[gap]] = True
    more = cover(Level(level.image, ~hole, level.source), shift_map.offsets[:0], MAX_OFFSETS_FOR_GAPS, 1, rng)
    labels = shift_map.labels.copy()
    for number, offset in enumerate(more, len(shift_map.offsets)):
        serves = gap & graph.inside(graph.rows + offset[0], graph.cols + offset[1], level.source)
        labels[serves] = number
        gap &= ~serves
    return ShiftMap(graph, np.concatenate([shift_map.offsets, more]), labels)
