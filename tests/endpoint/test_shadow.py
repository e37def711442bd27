"""“And his shadow”: what is darker than the ground and begins at the foot of the selection."""

import numpy as np
import pytest

from lib.endpoint.engine.prompt import parse_prompt
from lib.endpoint.engine.shadow import find_shadow
from lib.endpoint.engine.step import takes_shadow

SIZE = (160, 240)
ROWS, COLUMNS = np.mgrid[: SIZE[0], : SIZE[1]]
POST = (abs(COLUMNS - 90) < 10) & (ROWS > 30) & (ROWS < 110)
# From the foot to the right, and less dark at its edge.
ACROSS = np.clip(2 - abs(ROWS - 106 - (COLUMNS - 90) * 0.2) / 5, 0, 1) * ((COLUMNS > 90) & (COLUMNS < 170))
SHADOW = ACROSS > 0.5


def scene(darkening: float, *, at: int = 0) -> np.ndarray:
    """A post on rough ground, with a shadow that is `at` so many pixels away."""
    ground = 150 + 0.1 * ROWS + np.random.default_rng(1).normal(0, 6, SIZE)
    light = 1 - darkening * np.roll(ACROSS, at, axis=1)
    image = np.clip((ground * light)[..., None] * (1, 0.97, 0.9), 0, 255).astype(np.uint8)
    image[POST] = (60, 90, 140)
    return image


def test_the_shadow_of_what_is_selected_is_found() -> None:
    shadow = find_shadow(scene(0.45), POST)
    true = SHADOW & ~POST
    assert shadow[true].mean() > 0.95
    assert (shadow & true).sum() > 0.6 * (shadow | true).sum()
    assert not shadow[POST].any()


@pytest.mark.parametrize(
    ("image", "selected"),
    [
        pytest.param(scene(0), POST, id="no shadow"),
        pytest.param(scene(0.45, at=60), POST, id="the shadow of something else"),
        pytest.param(scene(0.95), POST, id="something black"),
        pytest.param(scene(0.45), POST & False, id="nothing selected"),
        pytest.param(scene(0.45)[:108], POST[:108], id="the picture ends above the foot"),
    ],
)
def test_what_is_not_surely_its_shadow_stays(image: np.ndarray, selected: np.ndarray) -> None:
    assert not find_shadow(image, selected).any()


@pytest.mark.parametrize(
    "prompt",
    [
        "remove the man and his shadow",
        "take the dog and its reflection out of the photo",
        "remove the man, including his shadow",
        "Entferne den Mann samt Schatten",
        "den Mann und seinen Schatten entfernen",
        "supprime l'homme et son ombre",
        "quita al hombre y su sombra",
        "去掉这个人和他的影子",
        "把这个人连同影子去掉",
    ],
)
def test_a_shadow_is_taken_only_where_the_prompt_says_so(prompt: str) -> None:
    assert takes_shadow(parse_prompt(prompt))


@pytest.mark.parametrize("prompt", ["remove the man", "remove the shadow", "Entferne den Schatten", "去掉影子"])
def test_otherwise_the_selection_is_what_is_removed(prompt: str) -> None:
    assert not takes_shadow(parse_prompt(prompt))
