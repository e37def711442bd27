"""The engine's skills without a server: which pixels they change, and how."""

import subprocess
import sys
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image, ImageColor

from lib.endpoint.engine import Refused, adjust, arrange, denoise, edit, lab, plain
from lib.endpoint.engine.adjustments import ADJUSTMENTS
from tests.campaigns import examples
from tests.endpoint.support import hole, photo

ROOT = Path(__file__).parents[2]
AREA = hole()
SKILLS = sorted({entry.skill for entry in ADJUSTMENTS.values()} - {"transparent"})
PROMPTS = [
    "black and white", "sepia", "warmer", "cooler", "brighter", "darker", "more contrast", "less contrast",
    "more saturated", "less saturated", "sharpen", "blur", "denoise", "invert", "posterize", "pixelate", "make it teal",
]  # fmt: skip


def mean(pixels: np.ndarray) -> np.ndarray:
    return pixels[..., :3].reshape(-1, 3).mean(0)


def edited(prompt: str, image: np.ndarray | None = None, mask: np.ndarray | None = None, **options: Any) -> np.ndarray:
    return edit([photo() if image is None else image], mask, prompt, **options).image


@pytest.mark.parametrize("prompt", [*PROMPTS, "fill"])
def test_pixels_outside_the_mask_do_not_change(prompt: str) -> None:
    image = photo()
    image[:5, :, 3] = 77
    result = edited(prompt, image, AREA)
    assert np.array_equal(result[~AREA], image[~AREA])
    assert not np.array_equal(result[AREA], image[AREA])


@pytest.mark.parametrize("prompt", PROMPTS)
def test_alpha_and_the_input_do_not_change(prompt: str) -> None:
    image = photo()
    image[..., 3] = np.arange(48) * 5
    before = image.copy()
    result = edited(prompt, image)
    assert np.array_equal(image, before)
    assert np.array_equal(result[..., 3], before[..., 3])
    assert result.dtype == np.uint8 and result.shape == image.shape


@pytest.mark.parametrize("prompt", [*PROMPTS, "fill"])
def test_variants_differ_and_are_reproducible(prompt: str) -> None:
    image, area = photo(96, 96), hole(96, 96) if prompt == "fill" else None
    one, two = edited(prompt, image, area, variant=0, seed=3), edited(prompt, image, area, variant=1, seed=4)
    assert not np.array_equal(one, two)
    assert np.array_equal(one, edited(prompt, image, area, variant=0, seed=3))


def spread(pixels: np.ndarray) -> float:
    return float(pixels[..., :3].astype(float).std())


def chroma(pixels: np.ndarray) -> float:
    return float(np.ptp(pixels[..., :3].astype(int), axis=-1).mean())


def roughness(pixels: np.ndarray) -> float:
    return float(np.abs(np.diff(pixels[..., :3].astype(int), axis=1)).mean())


def warmth(pixels: np.ndarray) -> float:
    red, _, blue = mean(pixels)
    return float(red - blue)


def lightness(pixels: np.ndarray) -> float:
    return float(mean(pixels).mean())


@pytest.mark.parametrize(
    ("up", "down", "measure"),
    [
        ("warmer", "cooler", warmth),
        ("brighter", "darker", lightness),
        ("more contrast", "less contrast", spread),
        ("more saturated", "less saturated", chroma),
        ("sharpen", "blur", roughness),
    ],
)
def test_opposite_adjustments_differ_in_direction_and_degrees_in_strength(up: str, down: str, measure: Any) -> None:
    image = photo(80, 80)
    prompts = [f"much {down}", down, f"slightly {down}", None, f"slightly {up}", up, f"much {up}"]
    values = [measure(image if prompt is None else edited(prompt, image)) for prompt in prompts]
    assert values == sorted(values) and len(set(values)) == len(values)


def test_warmer_preserves_the_luminance_of_muted_colours() -> None:
    image = photo()
    image[..., :3] = image[..., :3] // 3 + 70
    before, after = (
        lab.to_lab(pixels[..., :3] / np.float32(255))[..., 0] for pixels in (image, edited("warmer", image))
    )
    assert np.abs(after - before).max() < 3


def test_black_and_white_is_grey() -> None:
    assert chroma(edited("black and white")) == 0


def test_invert_twice_is_the_same() -> None:
    assert np.array_equal(edited("invert", edited("invert")), photo())


def test_darker_changes_white_but_not_black() -> None:
    assert edited("darker", np.full((4, 4, 4), 255, np.uint8))[0, 0, 0] < 230
    assert edited("darker", np.zeros((4, 4, 4), np.uint8))[0, 0, 0] == 0


def test_posterized_has_few_levels_and_pixelated_has_blocks() -> None:
    assert len(np.unique(edited("posterize")[..., 0])) <= 5
    blocks = edited("much pixelated", photo(96, 96))
    size = round(96 / 24 * 1.75)
    assert (blocks[:size, :size, :3] == blocks[0, 0, :3]).all()


@pytest.mark.parametrize("colour", ["red", "teal", "gold", "white", "black", "rebeccapurple", "gray"])
def test_recoloured_objects_have_the_colour_and_their_texture(colour: str) -> None:
    image = photo(64, 64)
    image[..., :3] = image[..., :3] // 4 + 90
    result = edited(f"make it {colour}", image)
    expected = lab.to_lab(np.array(ImageColor.getrgb(colour), np.float32) / 255)
    actual = np.median(lab.to_lab(result[..., :3] / np.float32(255)).reshape(-1, 3), axis=0)
    assert np.abs(actual - expected).max() < 13
    before, after = (lab.to_lab(p[..., :3] / np.float32(255))[..., 0].ravel() for p in (image, result))
    assert np.corrcoef(before, after)[0, 1] > 0.9


@given(arrays.arrays(np.float32, (20, 3), elements=st.floats(0, 1, width=32)))
def test_lab_and_back(rgb: np.ndarray) -> None:
    assert np.abs(lab.from_lab(lab.to_lab(rgb)) - rgb).max() < 2e-3


@pytest.mark.parametrize(
    ("rgb", "expected"),
    [
        ((1, 1, 1), (100, 0, 0)),
        ((0, 0, 0), (0, 0, 0)),
        ((1, 0, 0), (53.24, 80.09, 67.20)),
        ((0, 0, 1), (32.30, 79.19, -107.86)),
    ],
)
def test_lab_of_known_colours(rgb: tuple[int, ...], expected: tuple[float, ...]) -> None:
    assert np.allclose(lab.to_lab(np.array(rgb, np.float32)), expected, atol=0.05)


@pytest.mark.parametrize("noise", [2, 8, 20])
def test_noise_is_measured_and_reduced_and_edges_are_preserved(noise: float) -> None:
    rng = np.random.default_rng(0)
    clean = np.full((120, 300, 3), 60, np.uint8)
    clean[:, 150:] = 190
    noisy = np.clip(clean + rng.normal(0, noise, clean.shape), 0, 255).astype(np.uint8)
    grey_noise = noise * float(np.linalg.norm([0.299, 0.587, 0.114]))
    assert denoise.noise_deviation(noisy) == pytest.approx(grey_noise, rel=0.2, abs=0.3)
    result = denoise.denoise(noisy, 1.0)
    assert (result[:, :140].astype(float) - 60).std() < 0.55 * noise
    assert result[:, 155:].mean() - result[:, :145].mean() > 125


@examples(60)
@given(
    st.sampled_from(SKILLS),
    st.floats(0.1, 6.0),
    st.booleans(),
    arrays.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(4))),
    st.data(),
)
def test_any_skill_works_on_any_picture(skill: str, amount: float, less: bool, image: np.ndarray, data: Any) -> None:
    region = data.draw(arrays.arrays(bool, image.shape[:2]))
    if not region.any():
        region[0, 0] = True
    signed = (
        -amount if less and skill not in ("grey", "sepia", "invert", "posterize", "pixelate", "denoise") else amount
    )
    result = adjust.adjust(image, region, skill, signed, "navy")
    assert result.shape == image.shape and result.dtype == np.uint8
    assert np.array_equal(result[~region], image[~region])
    assert np.array_equal(result[..., 3], image[..., 3])


def object_picture(background: tuple[int, ...] = (250, 250, 250), noise: float = 2) -> tuple[np.ndarray, np.ndarray]:
    """Return a red disc on a plain, slightly noisy background, and the disc's mask."""
    y, x = np.mgrid[:80, :100]
    disc = (x - 50) ** 2 + (y - 40) ** 2 < 25**2
    rng = np.random.default_rng(1)
    rgb = np.where(disc[..., None], (200, 30, 40), background) + rng.normal(0, noise, (80, 100, 3))
    image = np.dstack([np.clip(rgb, 0, 255), np.full((80, 100), 255)]).astype(np.uint8)
    return image, disc


@pytest.mark.parametrize("background", [(250, 250, 250), (0, 0, 0), (40, 160, 90)])
def test_a_plain_background_becomes_transparent(background: tuple[int, ...]) -> None:
    image, disc = object_picture(background)
    alpha = edited("transparent background", image)[..., 3]
    assert (alpha[disc] > 0).mean() > 0.97 and (alpha[~disc] == 0).mean() > 0.99


def test_a_hole_in_the_object_is_not_background() -> None:
    image, _ = object_picture()
    image[35:45, 45:55, :3] = 250
    assert edited("transparent background", image)[40, 50, 3] == 255


@examples(40)
@given(arrays.arrays(bool, st.tuples(st.integers(1, 8), st.integers(1, 8))), st.integers(0, 63))
def test_reach_is_a_flood_fill(area: np.ndarray, start: int) -> None:
    seed = np.zeros(area.shape, bool)
    seed.flat[start % seed.size] = True
    expected, grown = seed & area, None
    while grown is None or not np.array_equal(grown, expected):
        grown = expected
        p = np.pad(grown, 1)
        expected = (grown | p[:-2, 1:-1] | p[2:, 1:-1] | p[1:-1, :-2] | p[1:-1, 2:]) & area
    assert np.array_equal(plain.reach(seed, area), expected)


@given(
    st.lists(st.floats(0.05, 20), min_size=1, max_size=16),
    st.integers(16, 2000),
    st.integers(16, 2000),
    st.floats(0.01, 0.1),
)
def test_a_layout_fits_the_board_without_overlap(aspects: list[float], width: int, height: int, gap: float) -> None:
    boxes = arrange.layout(aspects, (width, height), gap)
    assert len(boxes) == len(aspects)
    for (left, top, box_width, box_height), aspect in zip(boxes, aspects, strict=True):
        assert left >= -1e-6 and left + box_width <= width + 1e-6
        assert top >= -1e-6 and top + box_height <= height + 1e-6
        assert box_width / box_height == pytest.approx(aspect)
    for one, two in combinations(boxes, 2):
        apart = one[0] + one[2] <= two[0] + 1e-6 or two[0] + two[2] <= one[0] + 1e-6
        above = one[1] + one[3] <= two[1] + 1e-6 or two[1] + two[3] <= one[1] + 1e-6
        assert apart or above


def test_an_arrangement_cuts_out_objects_and_reports_it() -> None:
    image, _ = object_picture()
    states: list[np.ndarray] = []
    result = edit(
        [image, photo()], None, "collage on a light blue background", size=(200, 100), on_partial=states.append
    )
    assert result.revised_prompt == (
        "Arrange the 2 pictures without overlap on a plain lightblue background, 1 of them cut out of their plain "
        "background."
    )
    assert result.image.shape == (100, 200, 4) and result.image[..., 3].min() == 255
    assert tuple(result.image[0, 0, :3]) == ImageColor.getrgb("lightblue")
    assert (np.abs(result.image[..., :3].astype(int) - (250, 250, 250)).max(-1) < 3).mean() < 0.01, "background"
    assert len(states) == 1 and not np.array_equal(states[0], result.image)
    variants = [edit([image, photo()], None, "collage", size=(200, 100), variant=n).image.tobytes() for n in range(10)]
    assert len(set(variants)) == 10
    clear = edit([image, photo()], None, "collage", size=(200, 100), transparent=True)
    assert clear.image[0, 0, 3] == 0


@pytest.mark.parametrize(
    ("images", "mask", "prompt", "code"),
    [
        (1, None, "collage", "images_required"),
        (2, AREA, "collage", "mask_not_used"),
        (1, None, "fill", "nothing_to_fill"),
        (1, None, "extend", "nothing_to_fill"),
        (1, AREA & False, "warmer", "nothing_to_fill"),
        (1, AREA | True, "fill", "nothing_to_copy_from"),
        (1, None, "make the sky blue", "mask_required"),
    ],
)
def test_refusals(images: int, mask: np.ndarray | None, prompt: str, code: str) -> None:
    with pytest.raises(Refused) as caught:
        edit([photo(seed=seed) for seed in range(images)], mask, prompt)
    assert caught.value.code == code and caught.value.message.endswith(".")


def test_a_transparent_border_is_filled() -> None:
    image = photo(64, 48)
    image[:, 48:] = 0
    result = edited("extend", image)
    assert result[..., 3].min() == 255
    assert np.array_equal(result[:, :48], image[:, :48])
    assert spread(result[:, 50:]) > 5, "not a flat colour"


def test_transparent_pixels_are_not_copied_and_do_not_change() -> None:
    image = photo(64, 64)
    image[..., :3] = image[..., :3] // 4 + 190
    image[:, 40:] = 0
    area = np.zeros((64, 64), bool)
    area[20:40, 25:40] = True
    result = edited("fill", image, area)
    assert np.array_equal(result[~area], image[~area])
    assert result[area].min() > 150, "no black from the transparent part"


def test_steps_run_in_order_and_are_described() -> None:
    states: list[np.ndarray] = []
    result = edit([photo()], AREA, "sepia, then slightly darker", on_partial=states.append)
    assert result.revised_prompt == "Tone it in sepia, then make it slightly darker, inside the selection."
    assert np.array_equal(states[0], edited("sepia", mask=AREA))
    assert np.array_equal(result.image, edited("slightly darker", states[0], AREA))
    others = edit([photo(), photo()], AREA, "fill").revised_prompt
    assert others == "Fill the selected area from its surroundings. The other pictures are not used."


def test_a_named_part_is_edited_inside_the_mask() -> None:
    assert not np.array_equal(edited("make the sky blue", mask=AREA), photo())


def test_pictures_are_processed_in_strips_without_seams() -> None:
    image = np.array(Image.fromarray(photo()).resize((40, 700)))
    assert np.array_equal(edited("invert", image)[..., :3], 255 - image[..., :3])
    smooth = denoise.denoise(image[..., :3], 1.0)
    whole = denoise._denoise_rows(image[..., :3], denoise.noise_deviation(image[..., :3]))
    assert np.abs(smooth.astype(int) - whole).max() <= 1, "no seam between strips"


def test_the_engine_works_without_werkzeug() -> None:
    code = "import sys; sys.modules['werkzeug'] = None; from lib.endpoint.engine import edit; print(edit.__name__)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "edit\n"
