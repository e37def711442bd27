"""From where each pixel of the hole is copied: found at the coarsest level."""

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
KEPT = 8  # labels of each pixel that are kept after that
PASSES = 3  # with these few, between which sources that are copied too often get dearer
PASS_ROUNDS = 12
MEMBRANE_PULL = 0.15
SEAM = 30.0  # grey levels that any seam costs: else bland scraps fit together better than whole structures
OCCURRENCE = 2.0  # grey levels that a pixel gets dearer, at each pass, for each copy after the first
TABLE = 18_000_000  # elements of one table of pair costs at the coarsest level
FEWEST_LABELS, MOST_LABELS = 40, 85
MOST_PATCHES_OF_GAPS = 60
SPREAD = 0.02  # of the random preference for some labels, against the mean cost: what makes seeds differ


@dataclass(frozen=True)
class ShiftMap:
    """A label for each node of `graph`, and the offset (labels, 2) it stands for; (0, 0) is the membrane."""

    graph: HoleGraph
    offsets: Offsets
    labels: Indices

    @property
    def moves(self) -> Offsets:
        """(n, 2): rows and columns from each hole pixel to the pixel copied there."""
        return self.offsets[self.labels]


def find(level: Level, rng: np.random.Generator) -> ShiftMap:
    """The shift map of the coarsest level.

    Only the membrane where that level is still large: then what is known lies in specks that any averaging
    would lose, and there is no texture to be copied.
    """
    graph = HoleGraph(level)
    if len(graph) > MANY_NODES:
        return ShiftMap(graph, np.zeros((1, 2), np.intp), np.zeros(len(graph), np.intp))
    limit = int(np.clip((TABLE / len(graph)) ** 0.5, FEWEST_LABELS, MOST_LABELS))
    offsets = propose(level, limit, rng)
    every = np.arange(len(graph))
    unary = graph.unary(every, offsets[None])
    places = graph.place(graph.rows[:, None] + offsets[:, 0], graph.cols[:, None] + offsets[:, 1])
    unary += _membrane_pull(graph, places)
    edges = _all_pairs(graph, places)
    level_of_cost = np.mean([e.cost.mean() for e in edges if len(e.first)] or [0.0])
    unary += (SPREAD * level_of_cost * rng.random(len(offsets))).astype(np.float32)
    problem = labelling.LabelCosts(unary, edges)
    chosen = _sparing(graph, problem, places, rng)
    return _without_gaps(ShiftMap(graph, offsets, _valid_only(unary, chosen)), rng)


def _sparing(graph: HoleGraph, problem: labelling.LabelCosts, places: Indices, rng: np.random.Generator) -> Indices:
    """Labels (n,) that fit well and do not copy the same distinctive thing again and again."""
    beliefs = labelling.propagate(problem, ROUNDS)
    few, kept = labelling.narrowed(problem, beliefs, min(KEPT, beliefs.shape[1]))
    places = np.take_along_axis(places, kept, 1)
    chessboard = graph.chessboard(np.arange(len(graph)))
    price = np.zeros(len(graph.colours), np.float32)
    every = np.arange(len(graph))
    for _ in range(PASSES):
        priced = labelling.LabelCosts(few.unary + price[places], few.edges)
        chosen = labelling.propagate(priced, PASS_ROUNDS).argmin(1)
        chosen = labelling.improve(priced, chosen, chessboard, 8)
        used = np.bincount(places[every, chosen], minlength=len(price)).astype(np.float32)
        price += OCCURRENCE * np.maximum(_around(used, graph.width + 1) - 1, 0)
    return np.asarray(kept[every, chosen])


def _around(values: Floats, width: int) -> Floats:
    """Means over 3×3 of a picture given flat, `width` wide."""
    table = np.pad(values.reshape(-1, width), 1)
    rows, cols = table.shape[0] - 2, table.shape[1] - 2
    total = sum(table[y : y + rows, x : x + cols] for y in range(3) for x in range(3))
    return np.asarray(total / np.float32(9)).ravel()


def _membrane_pull(graph: HoleGraph, places: Indices) -> Floats:
    """A slight preference (n, k) for colours like those of the blurred membrane, fading with the depth."""
    blurred = graph.level.image
    for axis in (0, 1, 0, 1):
        edge = [(1, 1) if i == axis else (0, 0) for i in range(3)]
        padded = np.pad(blurred, edge, mode="edge")
        size = blurred.shape[axis]
        thirds = [padded.take(range(i, i + size), axis) for i in range(3)]
        blurred = (thirds[0] + thirds[1] + thirds[2]) / np.float32(3)
    colours = np.pad(blurred, ((0, 1), (0, 1), (0, 0)), mode="edge").reshape(-1, 3)
    own = blurred[graph.rows, graph.cols]
    weight = MEMBRANE_PULL / np.sqrt(depth(~graph.level.known, 400)[graph.rows, graph.cols])
    pull = weight[:, None] * np.sqrt(((colours[places] - own[:, None]) ** 2).sum(2))
    return np.asarray(pull, np.float32)


def _all_pairs(graph: HoleGraph, places: Indices) -> tuple[labelling.Edges, labelling.Edges]:
    """Pair costs where every node has the same labels: how much the two copies differ at both pixels."""
    looks = graph.look(places)
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


def _valid_only(unary: Floats, chosen: Indices) -> Indices:
    """`chosen`, but the cheapest label where an invalid one was chosen."""
    wrong = unary[np.arange(len(chosen)), chosen] >= INVALID
    return np.where(wrong, unary.argmin(1), chosen)


def _without_gaps(found: ShiftMap, rng: np.random.Generator) -> ShiftMap:
    """Where only the membrane was left, offsets beyond the limit, if any serve."""
    gap = (found.moves == 0).all(1)
    if not gap.any():
        return found
    graph, level = found.graph, found.graph.level
    hole = np.zeros(level.shape, bool)
    hole[graph.rows[gap], graph.cols[gap]] = True
    more = cover(Level(level.image, ~hole, level.source), found.offsets[:0], MOST_PATCHES_OF_GAPS, 1, rng)
    labels = found.labels.copy()
    for number, offset in enumerate(more, len(found.offsets)):
        serves = gap & graph.inside(graph.rows + offset[0], graph.cols + offset[1], level.source)
        labels[serves] = number
        gap &= ~serves
    return ShiftMap(graph, np.concatenate([found.offsets, more]), labels)
