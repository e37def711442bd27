"""Restoring detail: exact where the answer is the original, nothing where it is new."""

import numpy as np
import pytest
from PIL import Image

from lib.imaging.detail import local_shifts, restore
from tests.bench.fit_trials import texture, wobbled

SIDE, SMALL = 384, 192
BOX = (0, 0, SMALL, SMALL)


@pytest.fixture(scope="module")
def original():
    rng = np.random.default_rng(2)
    noise = rng.integers(0, 60, (SIDE, SIDE, 1))
    return np.clip(texture((SIDE, SIDE), rng) * 0.7 + noise, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def sent(original):
    return np.asarray(Image.fromarray(original).resize((SMALL, SMALL), Image.Resampling.BOX))


def error(picture, truth):
    return np.abs(picture.astype(float) - truth).mean()


def plain(answer):
    return np.asarray(Image.fromarray(answer).resize((SIDE, SIDE), Image.Resampling.BICUBIC))


def test_an_unchanged_answer_becomes_the_original(original, sent):
    restored = restore(original, sent, sent, BOX)
    assert error(restored.picture, original) < error(plain(sent), original) / 10
    assert restored.part > 0.95


def test_the_detail_of_a_graded_answer_is_graded_too(original, sent):
    answer, truth = (np.clip(each * [0.8, 1.0, 1.1] + 5, 0, 255) for each in (sent.astype(float), original))
    answer = np.rint(answer).astype(np.uint8)
    assert error(restore(original, sent, answer, BOX).picture, truth) < error(plain(answer), truth) / 4


def test_a_grey_answer_stays_grey(original, sent):
    luma = np.array([0.299, 0.587, 0.114])
    answer = np.repeat(np.rint(sent @ luma)[..., None], 3, 2).astype(np.uint8)
    picture = restore(original, sent, answer, BOX).picture.astype(int)
    assert np.abs(picture - picture.mean(2, keepdims=True)).mean() < 3


def test_new_content_is_not_touched(original, sent):
    answer = texture((SMALL, SMALL), np.random.default_rng(9))
    restored = restore(original, sent, answer, BOX)
    assert error(restored.picture, plain(answer)) < 0.7 and restored.part < 0.05


def test_a_redrawn_answer_is_set_right(original, sent):
    rng = np.random.default_rng(4)
    answer = wobbled(sent.astype(np.float32), 0.4, rng) + rng.normal(0, 1.5, sent.shape)
    answer = np.clip(np.rint(answer), 0, 255).astype(np.uint8)
    assert error(restore(original, sent, answer, BOX).picture, original) < error(plain(answer), original) / 2


def test_a_shift_is_measured(sent):
    luma = sent.mean(2, dtype=np.float32)
    moved = np.asarray(Image.fromarray(luma).transform(
        luma.shape, Image.Transform.AFFINE, (1, 0, -0.5, 0, 1, 0.25), Image.Resampling.BICUBIC
    ))  # fmt: skip
    shifts = local_shifts(luma, moved)[2:-2, 2:-2]
    assert np.abs(shifts - [0.5, -0.25]).mean() < 0.12


def test_pixels_that_are_not_visible_are_only_scaled(original, sent):
    visible = np.zeros((SIDE, SIDE), bool)
    answer = texture((SMALL, SMALL), np.random.default_rng(9))
    assert np.array_equal(restore(original, sent, answer, BOX, visible).picture, plain(answer))


def test_what_had_no_colours_gets_no_detail(original, sent):
    restored = restore(original, sent, sent, BOX, usable=np.zeros((SMALL, SMALL), bool))
    assert error(restored.picture, plain(sent)) < 0.7 and restored.part == 0


@pytest.mark.parametrize(("size", "small"), [((1, 1), (1, 1)), ((7, 300), (3, 150)), ((90, 61), (45, 31))])
def test_any_size_is_restored(size, small):
    full = np.full((*size, 3), 80, np.uint8)
    answer = np.full((*small, 3), 120, np.uint8)
    assert (restore(full, answer, answer, (0, 0, small[1], small[0])).picture == 120).all()
