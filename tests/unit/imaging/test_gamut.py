"""Colours that were clipped come back where the answer kept them, and only there."""

import numpy as np

from lib.frame.geometry import Size
from lib.imaging import gamut

HEIGHT, WIDTH = 300, 40
RNG = np.random.default_rng(7)
ORIGINAL = RNG.uniform(-0.2, 1.2, (HEIGHT, WIDTH, 3)).astype(np.float32)
SENT = np.rint(np.clip(ORIGINAL, 0, 1) * 255).astype(np.uint8)


def restore(answer, original=ORIGINAL):
    rgba = np.dstack([answer, np.full(answer.shape[:2], 200, np.uint8)])
    restored = gamut.restore(rgba.tobytes(), original)
    return restored and (np.frombuffer(restored.data, np.float32).reshape(*answer.shape[:2], 4), restored.part)


def test_an_unchanged_answer_becomes_the_original():
    picture, part = restore(SENT)
    assert np.abs(picture[..., :3] - ORIGINAL).max() < 1e-6 and part == 1
    assert np.allclose(picture[..., 3], 200 / 255)


def test_what_is_new_stays_as_the_answer_has_it():
    answer = SENT.copy()
    answer[100:150] = (90, 160, 200)
    picture, part = restore(answer)
    assert np.array_equal(np.rint(picture[108:140, :, :3] * 255), answer[108:140])
    assert np.abs(picture[:88, :, :3] - ORIGINAL[:88]).max() < 1e-6 and 0.8 < part < 0.9


def test_noise_does_not_hide_that_a_colour_was_kept():
    noise = RNG.normal(0, 4, SENT.shape)
    answer = np.clip(np.rint(SENT + noise), 0, 255).astype(np.uint8)
    assert restore(answer)[1] > 0.95


def test_nothing_is_done_where_nothing_was_clipped():
    assert restore(SENT, np.clip(ORIGINAL, 0, 1)) is None


def test_a_missing_or_damaged_file_is_none(tmp_path):
    path, size = tmp_path / "unclipped.raw", Size(WIDTH, HEIGHT)
    assert gamut.read(path, size) is None
    path.write_bytes(ORIGINAL.tobytes()[:-4])
    assert gamut.read(path, size) is None
    path.write_bytes(ORIGINAL.tobytes())
    assert np.array_equal(gamut.read(path, size), ORIGINAL)
