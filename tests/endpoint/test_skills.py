"""Skills that look at what is in the picture: recolouring in a rough selection, flaws, the horizon, film."""

from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from lib.endpoint.engine import Refused, edit
from lib.endpoint.engine.components import parts
from lib.endpoint.engine.scratches import find_scratches

GREY = (128, 128, 128)


def picture(colour: tuple[int, int, int] = GREY, width: int = 160, height: int = 120) -> np.ndarray:
    """Return a plain picture with a little noise, (height, width, 4)."""
    noise = np.random.default_rng(0).integers(-3, 4, (height, width, 1))
    rgb = np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)
    return np.dstack([rgb, np.full((height, width), 255, np.uint8)])


def drawn(image: np.ndarray, draw: Any) -> np.ndarray:
    canvas = Image.fromarray(image)
    draw(ImageDraw.Draw(canvas))
    return np.array(canvas)


def box(image: np.ndarray, left: int, top: int, right: int, bottom: int) -> np.ndarray:
    area = np.zeros(image.shape[:2], bool)
    area[top:bottom, left:right] = True
    return area


@pytest.mark.parametrize("colour", ["blue", "green", "purple"])
def test_a_rough_selection_recolours_the_thing_and_leaves_glass_and_lawn(colour: str) -> None:
    image = drawn(picture((90, 140, 60)), lambda d: d.rectangle([50, 40, 109, 79], fill=(190, 30, 35)))
    image = drawn(image, lambda d: d.rectangle([60, 45, 80, 55], fill=(40, 45, 50)))
    result = edit([image], box(image, 35, 25, 125, 95), f"make the car {colour}").image
    changed = np.abs(result.astype(int) - image).max(-1) > 12
    assert changed[60:75, 55:105].all()
    assert not changed[46:54, 62:79].any() and not changed[27:37].any() and not changed[82:94].any()
    assert result[70, 90, 0] < image[70, 90, 0] - 40


def test_shading_stays_when_a_thing_is_recoloured() -> None:
    image = picture()
    image[40:80, 50:110, :3] = np.linspace(0.4, 1, 60)[None, :, None] * np.array([220, 40, 40])
    result = edit([image], box(image, 40, 30, 120, 90), "make the car blue").image
    light = result[60, 52:108, :3].astype(float).mean(-1)
    assert light[-1] > light[0] + 25 and (np.diff(light) > -3).all()
    assert result[60, 100, 2] > result[60, 100, 0] + 40


def test_white_balance_removes_the_cast_of_a_lamp() -> None:
    image = picture((180, 140, 90))
    red, _green, blue = edit([image], None, "fix the white balance").image[..., :3].reshape(-1, 3).mean(0)
    assert abs(red - blue) < 35


def test_auto_levels_use_the_whole_range() -> None:
    image = picture()
    image[..., :3] = np.linspace(90, 150, 160)[None, :, None]
    result = edit([image], None, "auto levels").image[..., :3]
    assert np.ptp(result.astype(int)) > 100


def test_haze_is_removed_where_it_is() -> None:
    image = picture((40, 90, 40))
    image[:60, :, :3] = (0.4 * image[:60, :, :3] + 0.6 * np.array([220, 225, 230])).astype(np.uint8)
    image[:20, :, :3] = (220, 225, 230)
    result = edit([image], None, "remove the haze").image.astype(int)
    assert result[42, :, :3].mean() < image[42, :, :3].mean() - 30
    assert abs(result[110, :, :3].mean() - image[110, :, :3].mean()) < 30


def test_red_eyes_are_found_in_pairs_and_red_lips_are_left() -> None:
    image = picture((205, 165, 140), 200, 200)
    image = drawn(image, lambda d: [d.ellipse([x - 3, 77, x + 3, 83], fill=(200, 40, 50)) for x in (80, 120)])
    image = drawn(image, lambda d: d.ellipse([85, 110, 115, 118], fill=(190, 50, 60)))
    eyes = box(image, 60, 60, 140, 130)
    result = edit([image], eyes, "remove the red eyes").image
    assert result[80, 80, 0] < 90 and result[80, 120, 0] < 90
    assert np.array_equal(result[105:125], image[105:125])
    with pytest.raises(Refused) as caught:
        edit([picture()], box(picture(), 10, 10, 60, 60), "remove the red eyes")
    assert caught.value.code == "no_red_eyes"
    with pytest.raises(Refused) as caught:
        edit([picture()], None, "remove the red eyes")
    assert caught.value.code == "mask_required"


def test_straightening_is_left_to_the_measure_tool() -> None:
    with pytest.raises(Refused, match="Measure tool") as caught:
        edit([picture()], None, "straighten the horizon")
    assert caught.value.code == "needs_a_person"


def test_scratches_are_removed_in_the_selection_only() -> None:
    image = drawn(picture(), lambda d: [d.line([x, 10, x + 6, 110], fill=(240, 240, 240)) for x in (40, 120)])
    marks = find_scratches(np.ascontiguousarray(image[..., :3]))
    assert marks[60, 43] and marks[60, 123] and marks.mean() < 0.06
    area = box(image, 20, 5, 70, 115)
    result = edit([image], area, "remove the scratches").image
    assert result[12:108, 30:60, 0].max() < 150
    assert np.array_equal(result[~area], image[~area])
    with pytest.raises(Refused) as caught:
        edit([image], None, "remove the scratches")
    assert caught.value.code == "mask_required"


def test_a_vignette_darkens_the_corners_and_grain_is_the_same_each_time() -> None:
    image = picture()
    dark = edit([image], None, "add a vignette").image.astype(int)
    assert dark[0, 0, 0] < 100 and abs(int(dark[60, 80, 0]) - int(image[60, 80, 0])) <= 1
    grainy = edit([image], None, "add film grain").image
    assert np.array_equal(grainy, edit([image], None, "add film grain").image)
    assert 4 < grainy[..., 0].astype(float).std() < 12
    old = edit([image], None, "make it look like an old photo").image[60, 80, :3].astype(int)
    assert old[0] > old[2] + 15


def test_a_result_has_the_size_of_its_picture_so_that_nothing_is_enlarged() -> None:
    with pytest.raises(Refused) as caught:
        edit([picture()], None, "make it 2x bigger")
    assert caught.value.code == "size_is_fixed"


def test_connected_parts() -> None:
    mask = np.zeros((8, 12), bool)
    mask[1:3, 1:3] = mask[3, 3] = mask[6, 2:9] = mask[4:7, 9] = True
    assert sorted((part.size, part.width, part.height) for part in parts(mask)) == [(5, 3, 3), (10, 8, 3)]
    assert parts(np.zeros((3, 3), bool)) == []
