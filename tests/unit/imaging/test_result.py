"""From the bytes of a returned picture to the pixels of a layer."""

import io

import numpy as np
import pytest
from PIL import Image, ImageFilter

from lib.frame.frame import Plan
from lib.frame.geometry import Rect, Size
from lib.imaging.result import Corrections, Original, layer_pixels
from plugin.pixels.mask import edit_mask

SIDE = 256


@pytest.fixture
def picture():
    """A picture with enough texture for alignment."""
    rng = np.random.default_rng(3)
    small = Image.fromarray(rng.integers(0, 256, (40, 40, 3)).astype(np.uint8))
    return small.resize((SIDE, SIDE), Image.Resampling.BICUBIC)


@pytest.fixture
def original(picture, tmp_path):
    selected = np.zeros((SIDE, SIDE), np.uint8)
    selected[100:150, 90:160] = 255
    picture.save(tmp_path / "image-1.png")
    Image.frombytes("RGBA", (SIDE, SIDE), edit_mask(selected.tobytes())).save(tmp_path / "mask.png")
    return Original.read(tmp_path / "image-1.png", tmp_path / "mask.png")


def encode(picture, kind="PNG", **options):
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def plan(frame=None, sent=None, size=None):
    whole = Rect(0, 0, SIDE, SIDE)
    return Plan(frame or whole, sent or frame or whole, size or Size(SIDE, SIDE))


def pixels(layer, frame):
    return np.frombuffer(layer.rgba, np.uint8).reshape(frame.height, frame.width, 4)


def test_an_unchanged_picture_is_identical(picture, original):
    layer = layer_pixels(encode(picture), plan(), original, transparent=False)
    assert np.array_equal(pixels(layer, plan().frame)[..., :3], np.asarray(picture))
    assert layer.misalignment["reason"] == "identical" and layer.notes == ()


def test_a_picture_changed_only_inside_the_mask_is_not_corrected(picture, original):
    edited = picture.copy()
    edited.paste((10, 200, 30), (100, 110, 140, 140))
    layer = layer_pixels(encode(edited), plan(), original, transparent=False)
    assert np.array_equal(pixels(layer, plan().frame)[..., :3], np.asarray(edited))


def test_a_shifted_and_tinted_picture_is_corrected(picture, original):
    moved = picture.transform(picture.size, Image.Transform.AFFINE, (1, 0, -4, 0, 1, 3), Image.Resampling.BICUBIC)
    red = moved.split()[0].point(lambda value: min(255, value * 1.05))
    drifted = Image.merge("RGB", (red, *moved.split()[1:]))
    layer = layer_pixels(encode(drifted), plan(), original, transparent=False)
    assert layer.misalignment["accepted"] and layer.misalignment["shift"] == pytest.approx(5, abs=0.1)
    inside = np.s_[100:150, 90:160]
    before = np.abs(np.asarray(drifted, int)[inside] - np.asarray(picture, int)[inside]).mean()
    after = np.abs(pixels(layer, plan().frame)[..., :3].astype(int)[inside] - np.asarray(picture, int)[inside]).mean()
    assert before > 15 and after < 3


def test_without_an_original_nothing_is_aligned(picture):
    assert layer_pixels(encode(picture), plan(), None, transparent=False).misalignment is None


def test_a_picture_of_another_size_is_scaled_with_a_note(picture, original):
    layer = layer_pixels(encode(picture.resize((128, 128))), plan(), original, transparent=False)
    assert len(layer.rgba) == SIDE * SIDE * 4
    assert layer.notes == ("The result had 128x128 pixels instead of 256x256 and was scaled.",)


def test_padding_is_cropped_without_resampling(picture):
    frame, sent = Rect(0, 0, SIDE, 250), Rect(0, 0, SIDE, SIDE)
    layer = layer_pixels(encode(picture), plan(frame, sent), None, transparent=False)
    assert np.array_equal(pixels(layer, frame)[..., :3], np.asarray(picture)[:250])


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_each_format_is_decoded(picture, kind):
    layer = layer_pixels(encode(picture, kind, quality=95), plan(), None, transparent=False)
    visible = pixels(layer, plan().frame)
    assert np.abs(visible[..., :3].astype(int) - np.asarray(picture, int)).mean() < 6 and (visible[..., 3] == 255).all()


@pytest.mark.parametrize("transparent", [True, False])
def test_alpha_is_kept_only_if_it_was_requested(picture, original, transparent):
    translucent = picture.convert("RGBA")
    translucent.putalpha(Image.linear_gradient("L"))
    alpha = pixels(layer_pixels(encode(translucent), plan(), original, transparent=transparent), plan().frame)[..., 3]
    assert np.array_equal(alpha, np.asarray(translucent)[..., 3]) if transparent else (alpha == 255).all()


def darkened(picture):
    """The answer of a model that applied "night" to everything."""
    return picture.point(lambda value: round(value * 0.4))


def test_an_edit_of_the_colours_stays(picture, original):
    layer = layer_pixels(encode(darkened(picture)), plan(), original, transparent=False)
    inside = np.s_[100:150, 90:160]
    change = pixels(layer, plan().frame)[..., :3][inside].mean() / np.asarray(picture)[inside].mean()
    assert change == pytest.approx(0.4, abs=0.02)
    assert layer.applied == {"aligned": False, "colours": "kept", "light": pytest.approx(0, abs=0.6)}


def test_the_colours_are_matched_if_that_was_asked_for(picture, original):
    corrections = Corrections(match_colour="always")
    layer = layer_pixels(encode(darkened(picture)), plan(), original, transparent=False, corrections=corrections)
    inside = np.s_[100:150, 90:160]
    error = np.abs(pixels(layer, plan().frame)[..., :3].astype(int)[inside] - np.asarray(picture, int)[inside]).mean()
    assert error < 2 and layer.applied["colours"] == "matched"


def test_each_correction_can_be_switched_off(picture, original):
    moved = picture.transform(picture.size, Image.Transform.AFFINE, (1, 0, -4, 0, 1, 3), Image.Resampling.BICUBIC)
    corrections = Corrections(align=False, match_colour="never", light=False, detail=False, change_mask=False)
    layer = layer_pixels(encode(moved), plan(), original, transparent=False, corrections=corrections)
    assert np.array_equal(pixels(layer, plan().frame)[..., :3], np.asarray(moved))
    assert layer.misalignment is None and layer.applied is None


@pytest.mark.parametrize(
    ("job_spec", "expected"),
    [
        ({"fit": True}, Corrections()),
        ({"fit": False}, Corrections(False, "never", False, False, False)),
        ({"fit": False, "match_colour": "always", "light": True}, Corrections(False, "always", True, False, False)),
        ({"fit": True, "match_colour": "odd", "light": 7}, Corrections(True, "auto", False, True, True)),
    ],
)
def test_the_corrections_of_a_job(job_spec, expected):
    assert Corrections.from_job(job_spec, "") == expected


def test_the_detail_of_a_larger_frame_is_restored(picture, tmp_path, original):
    full = np.random.default_rng(1).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    full = np.asarray(Image.blend(picture, Image.fromarray(full), 0.3))
    (tmp_path / "frame.raw").write_bytes(full.tobytes())
    half = Plan(Rect(0, 0, SIDE, SIDE), Rect(0, 0, SIDE, SIDE), Size(SIDE // 2, SIDE // 2))
    small = Image.fromarray(full).resize((SIDE // 2, SIDE // 2), Image.Resampling.BOX)
    small.save(tmp_path / "image-1.png")
    Image.new("RGBA", small.size, (255, 255, 255, 0)).save(tmp_path / "mask.png")
    read = Original.read(tmp_path / "image-1.png", tmp_path / "mask.png", tmp_path / "frame.raw", half)
    errors = []
    for each in (Corrections(), Corrections(detail=False)):
        layer = layer_pixels(encode(small), half, read, transparent=False, corrections=each)
        errors.append(np.abs(pixels(layer, half.frame)[..., :3].astype(int) - full).mean())
    assert errors[0] < errors[1] / 4
    assert layer_pixels(encode(small), half, read, transparent=False).applied["detail"] > 0.9


def test_a_refined_tile_is_aligned_with_all_that_was_sent(picture, tmp_path, original):
    """Also where the whole tile is to be changed; only its detail stays its own."""
    soft = picture.filter(ImageFilter.GaussianBlur(2))
    soft.save(tmp_path / "soft.png")
    reference = Original.read(tmp_path / "soft.png", None)
    moved = Image.fromarray(np.roll(np.clip(np.asarray(picture) * 0.9 + 15, 0, 255).astype(np.uint8), 3, 1))
    corrections = Corrections(match_colour="never", light=False, detail=False, change_mask=False, refines=True)
    layer = layer_pixels(encode(moved), plan(), reference, transparent=False, corrections=corrections)
    inner = (slice(16, -16), slice(16, -16), slice(3))
    errors = [
        np.abs(each[inner].astype(float) - np.asarray(picture, float)[inner]).mean()
        for each in (pixels(layer, plan().frame), np.asarray(soft), np.asarray(moved))
    ]
    assert layer.applied["aligned"]
    assert errors[0] < 0.6 * errors[1], "sharper than what was sent, in its place"
    assert errors[0] < 0.25 * errors[2]
