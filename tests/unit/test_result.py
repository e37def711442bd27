"""From an answer's bytes to a layer's pixels."""

import io

import numpy as np
import pytest
from PIL import Image

from lib.frame.frame import Plan
from lib.frame.geometry import Rect, Size
from lib.imaging.result import Guide, layer_pixels
from plugin.pixels.mask import edit_mask

SIDE = 256


@pytest.fixture
def original():
    """A picture with enough texture to be lined up by."""
    rng = np.random.default_rng(3)
    small = Image.fromarray(rng.integers(0, 256, (40, 40, 3)).astype(np.uint8))
    return small.resize((SIDE, SIDE), Image.Resampling.BICUBIC)


@pytest.fixture
def guide(original, tmp_path):
    selected = np.zeros((SIDE, SIDE), np.uint8)
    selected[100:150, 90:160] = 255
    original.save(tmp_path / "image-1.png")
    Image.frombytes("RGBA", (SIDE, SIDE), edit_mask(selected.tobytes())).save(tmp_path / "mask.png")
    return Guide.read(tmp_path / "image-1.png", tmp_path / "mask.png")


def encode(picture, kind="PNG", **options):
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def plan(frame=None, sent=None, size=None):
    whole = Rect(0, 0, SIDE, SIDE)
    return Plan(frame or whole, sent or frame or whole, size or Size(SIDE, SIDE))


def pixels(layer, frame):
    return np.frombuffer(layer.rgba, np.uint8).reshape(frame.height, frame.width, 4)


def test_an_untouched_answer_comes_through_bit_by_bit(original, guide):
    layer = layer_pixels(encode(original), plan(), guide, transparent=False)
    assert np.array_equal(pixels(layer, plan().frame)[..., :3], np.asarray(original))
    assert layer.drift["reason"] == "identical" and layer.notes == ()


def test_what_only_changed_inside_the_mask_is_left_alone(original, guide):
    edited = original.copy()
    edited.paste((10, 200, 30), (100, 110, 140, 140))
    layer = layer_pixels(encode(edited), plan(), guide, transparent=False)
    assert np.array_equal(pixels(layer, plan().frame)[..., :3], np.asarray(edited))


def test_a_shifted_and_tinted_answer_is_lined_up(original, guide):
    moved = original.transform(original.size, Image.Transform.AFFINE, (1, 0, -4, 0, 1, 3), Image.Resampling.BICUBIC)
    red = moved.split()[0].point(lambda value: min(255, value * 1.05))
    drifted = Image.merge("RGB", (red, *moved.split()[1:]))
    layer = layer_pixels(encode(drifted), plan(), guide, transparent=False)
    assert layer.drift["accepted"] and layer.drift["shift"] == pytest.approx(5, abs=0.1)
    inside = np.s_[100:150, 90:160]
    before = np.abs(np.asarray(drifted, int)[inside] - np.asarray(original, int)[inside]).mean()
    after = np.abs(pixels(layer, plan().frame)[..., :3].astype(int)[inside] - np.asarray(original, int)[inside]).mean()
    assert before > 15 and after < 3


def test_no_guide_no_lining_up(original):
    assert layer_pixels(encode(original), plan(), None, transparent=False).drift is None


def test_another_size_is_scaled_and_told(original, guide):
    layer = layer_pixels(encode(original.resize((128, 128))), plan(), guide, transparent=False)
    assert len(layer.rgba) == SIDE * SIDE * 4
    assert layer.notes == ("The result has 128x128 pixels instead of 256x256; it was scaled.",)


def test_padding_is_cut_off_without_resampling(original):
    frame, sent = Rect(0, 0, SIDE, 250), Rect(0, 0, SIDE, SIDE)
    layer = layer_pixels(encode(original), plan(frame, sent), None, transparent=False)
    assert np.array_equal(pixels(layer, frame)[..., :3], np.asarray(original)[:250])


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_each_format_is_decoded(original, kind):
    layer = layer_pixels(encode(original, kind, quality=95), plan(), None, transparent=False)
    shown = pixels(layer, plan().frame)
    assert np.abs(shown[..., :3].astype(int) - np.asarray(original, int)).mean() < 6 and (shown[..., 3] == 255).all()


@pytest.mark.parametrize("transparent", [True, False])
def test_alpha_is_kept_only_where_it_was_asked_for(original, guide, transparent):
    clear = original.convert("RGBA")
    clear.putalpha(Image.linear_gradient("L"))
    alpha = pixels(layer_pixels(encode(clear), plan(), guide, transparent=transparent), plan().frame)[..., 3]
    assert np.array_equal(alpha, np.asarray(clear)[..., 3]) if transparent else (alpha == 255).all()
