"""The parts of the fill: the pyramid, the labelling, and the blending equation."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lib.endpoint.fill.blend import correction
from lib.endpoint.fill.graph import HoleGraph
from lib.endpoint.fill.labels import Edges, LabelCosts, improve, propagate
from lib.endpoint.fill.offsets import cover
from lib.endpoint.fill.pyramid import Level, build, complete, depth, double, halve, sample_double
from tests.campaigns import examples


def level(height, width, hole, seed=0):
    image = np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.float32)
    return Level(image, ~hole, ~hole)


@examples(60)
@given(st.integers(2, 21), st.integers(2, 21), st.integers(0, 99))
def test_halving_never_averages_hole_pixels(height, width, seed):
    hole = np.random.default_rng(seed).random((height, width)) < 0.2
    fine = level(height, width, hole, seed)
    poisoned = Level(np.where(hole[..., None], np.float32(9e9), fine.image), fine.context, fine.source)
    coarse = halve(poisoned)
    assert coarse.shape == ((height + 1) // 2, (width + 1) // 2)
    assert coarse.image[coarse.context].max(initial=0) <= 255
    rows, cols = np.nonzero(hole)
    assert not coarse.context[rows // 2, cols // 2].any()


def test_a_doubled_offset_of_a_coarse_source_is_a_fine_source():
    hole = np.random.default_rng(1).random((40, 44)) < 0.05
    fine = level(40, 44, hole)
    rows, cols = np.nonzero(halve(fine).source)
    assert all(fine.source[2 * rows + y, 2 * cols + x].all() for y in (0, 1) for x in (0, 1))


def test_sampling_agrees_with_doubling():
    coarse = np.random.default_rng(0).random((7, 9, 3)).astype(np.float32)
    rows, cols = np.divmod(np.arange(13 * 18), 18)
    assert np.allclose(sample_double(coarse, rows, cols).reshape(13, 18, 3), double(coarse, (13, 18)), atol=1e-6)


def test_the_membrane_preserves_the_context_and_stays_in_its_range():
    hole = np.random.default_rng(2).random((33, 47)) < 0.9
    image = level(33, 47, hole).image
    smooth = complete(image, ~hole)
    assert np.array_equal(smooth[~hole], image[~hole])
    assert smooth.min() >= image[~hole].min() - 1e-3 and smooth.max() <= image[~hole].max() + 1e-3


def test_depth_is_measured_from_the_rim_not_from_the_edge():
    hole = np.zeros((5, 9), bool)
    hole[:, 3:] = True
    assert np.array_equal(depth(hole, 4)[2], [0, 0, 0, 1, 2, 3, 4, 4, 4])


def test_long_narrow_pictures_are_made_coarse_too():
    hole = np.zeros((40, 3000), bool)
    hole[:, 500:2500] = True
    levels = build(level(40, 3000, hole))
    assert np.count_nonzero(~levels[-1].context) <= 9000


def chain(count, labels, seed):
    """Return a random problem for a row of nodes."""
    rng = np.random.default_rng(seed)
    first = np.arange(count - 1)
    pairs = rng.random((count - 1, labels, labels)).astype(np.float32)
    none = np.empty(0, np.intp)
    across = Edges(none, none, np.empty((0, labels, labels), np.float32))
    return LabelCosts(rng.random((count, labels)).astype(np.float32), (Edges(first, first + 1, pairs), across))


@examples(40)
@given(st.integers(2, 5), st.integers(2, 3), st.integers(0, 999))
def test_belief_propagation_is_exact_on_a_chain(count, labels, seed):
    problem = chain(count, labels, seed)
    labellings = [np.array(labelling) for labelling in itertools.product(range(labels), repeat=count)]
    best = min(problem.energy(labelling) for labelling in labellings)
    result = propagate(problem, 40).argmin(1)
    assert problem.energy(result) <= best + 1e-3


@examples(40)
@given(st.integers(2, 30), st.integers(2, 5), st.integers(0, 999))
def test_improving_never_increases_the_energy(count, labels, seed):
    problem = chain(count, labels, seed)
    start = np.random.default_rng(seed + 1).integers(0, labels, count)
    better = improve(problem, start, np.arange(count) % 2 == 1, 6)
    assert problem.energy(better) <= problem.energy(start) + 1e-4


def test_cover_finds_an_offset_for_every_pixel():
    hole = np.ones((30, 30), bool)
    hole[12:20, 12:20] = False
    offsets = cover(level(30, 30, hole), np.empty((0, 2), np.intp), 200, 1, np.random.default_rng(0))
    rows, cols = np.nonzero(hole)
    served = np.zeros(len(rows), bool)
    for down, along in offsets:
        y, x = rows + down, cols + along
        served |= (y >= 12) & (y < 20) & (x >= 12) & (x < 20)
    assert served.all()


def test_blending_removes_a_step_in_brightness():
    hole = np.zeros((40, 80), bool)
    hole[10:30, 10:30] = True
    image = np.full((40, 80, 3), 100, np.float32)
    image[:, 40:] = 130
    graph = HoleGraph(Level(image, ~hole, ~hole))
    moves = np.tile([0, 40], (len(graph), 1))
    copied, added = correction(graph, moves, None, 0.0, 400)
    assert np.all(copied == 130)
    assert np.abs(copied + added - 100).max() < 1
