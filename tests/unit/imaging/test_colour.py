"""Changes of a whole picture's colours: drift is told from edits, by the picture and by the prompt's words."""

from dataclasses import replace

import numpy as np
import pytest

from lib.imaging import colour
from lib.imaging.colour import Cells, ColourChange, fit_tint, is_undone, measure_change, named_directions

SIDE = 40
NIGHT, WARMER, BRIGHTER = (0.35, 0.4, 0.6), (1.14, 1.0, 0.84), (1.22, 1.22, 1.22)
SEPIA = np.array([[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]])
GREY = np.array([[0.299, 0.587, 0.114]] * 3)


@pytest.fixture
def cells():
    """Cells of a picture in colour, whose answer has a little noise."""
    rng = np.random.default_rng(1)
    small = rng.uniform(30, 180, (SIDE * SIDE, 3)) * rng.uniform(0.4, 1, (SIDE * SIDE, 1))
    line = np.linspace(-1, 1, SIDE)
    place = np.stack(np.meshgrid(line, line), -1).reshape(-1, 2)
    return Cells(small, small + rng.normal(0, 1, small.shape), np.ones_like(small), place)


def measure(cells, after):
    changed = replace(cells, after=after)
    return measure_change(changed, fit_tint(changed)[0])


@pytest.mark.parametrize("seed", range(12))
def test_a_tint_of_seven_percent_is_drift(cells, seed):
    rng = np.random.default_rng(seed)
    assert measure(cells, cells.after * rng.choice([0.93, 1.07], 3) + rng.uniform(-4, 4, 3)).drift


@pytest.mark.parametrize("gain", [NIGHT, WARMER, BRIGHTER])
def test_a_change_of_the_light_or_the_colours_everywhere_is_an_edit(cells, gain):
    assert not measure(cells, cells.after * gain).drift


@pytest.mark.parametrize("matrix", [SEPIA, GREY])
def test_lost_colour_is_an_edit(cells, matrix):
    assert not measure(cells, cells.after @ matrix.T).drift


@pytest.mark.parametrize("part", [0.12, 0.36])
def test_light_from_one_side_under_a_tint_is_drift(cells, part):
    light = 1 + cells.place[:, :1] * part / 2
    assert measure(cells, cells.after * light * [0.95, 1.05, 1.0]).drift


def test_a_vignette_is_drift(cells):
    light = 1 - 0.2 * np.square(cells.place).sum(1, keepdims=True)
    assert measure(cells, cells.after * light).drift


def test_the_change_says_what_becomes_of_each_colour(cells):
    change = measure(cells, cells.after @ SEPIA.T)
    colours = np.array([[100.0, 50, 20], [200, 200, 200]])
    assert np.abs(change.apply(colours) - np.minimum(colours @ SEPIA.T, 255)).max() < 3


@pytest.mark.parametrize(
    ("gain", "names"),
    [
        ((1.05, 1.05, 1.05), {"brighter", "more_contrast"}),
        ((1.05, 1.0, 0.95), {"warmer"}),
        ((0.95, 0.95, 0.95), {"darker", "less_contrast"}),
    ],
)
def test_the_directions_of_a_change_are_named(cells, gain, names):
    assert names <= measure(cells, cells.before * gain).directions


@pytest.mark.parametrize(
    ("prompt", "direction"),
    [
        ("make it a little WARMER", "warmer"),
        ("Mach das Bild etwas heller", "brighter"),
        ("rends la photo plus chaude", "warmer"),
        ("hazlo más oscuro", "darker"),
        ("变成夜晚", "darker"),
        ("black and white", "less_saturated"),
    ],
)
def test_a_prompt_names_directions_in_each_language(prompt, direction):
    assert direction in named_directions(prompt)


@pytest.mark.parametrize("prompt", ["", "put a boat here", "a red umbrella", "Entferne den Mann", "去除左边的人"])
def test_other_prompts_name_none(prompt):
    assert not named_directions(prompt)


@pytest.mark.parametrize(
    ("drift", "mode", "prompt", "undone"),
    [
        (True, "auto", "a boat", True),
        (True, "auto", "make it warmer", False),
        (True, "auto", "make it cooler", True),
        (False, "auto", "a boat", False),
        (False, "always", "make it warmer", True),
        (True, "never", "a boat", False),
    ],
)
def test_what_is_undone(drift, mode, prompt, undone):
    change = ColourChange(drift=drift, directions=frozenset({"warmer"}))
    assert is_undone(change, mode, prompt) is undone


def test_every_direction_has_words_in_five_languages():
    assert set(colour._patterns()) == {
        "brighter", "darker", "warmer", "cooler", "more_contrast", "less_contrast", "more_saturated", "less_saturated",
    }  # fmt: skip
