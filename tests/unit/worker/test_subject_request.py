"""The request behind Select Subject: the mask is written over the pixels, or the answer says what to do."""

from pathlib import Path

import numpy as np
import pytest

from lib.endpoint.subject import network
from lib.worker.requests.subject import find_subject

SIZE = (60, 40)


def ask(folder: Path, saliency: float, monkeypatch: pytest.MonkeyPatch, *, channels: int = 3):
    """Answer the request for noise that stands out by `saliency` everywhere but at its left edge."""
    answer = np.full((network.SIDE, network.SIDE), saliency, np.float32)
    answer[:, : network.SIDE // 3] = 0
    monkeypatch.setattr(network, "saliency", lambda _picture: answer)
    pixels = folder / "pixels.raw"
    pixels.write_bytes(np.random.default_rng(0).integers(0, 256, (*SIZE[::-1], channels), np.uint8).tobytes())
    message = {"pixels": str(pixels), "size": list(SIZE), "channels": channels, "region": ""}
    return find_subject(message), pixels.read_bytes()


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_the_mask_has_one_byte_for_each_pixel(tmp_path, monkeypatch, channels):
    monkeypatch.setattr(network, "is_available", lambda: True)
    answer, mask = ask(tmp_path, 1.0, monkeypatch, channels=channels)
    assert answer == {} and len(mask) == SIZE[0] * SIZE[1] and mask[0] == 0
    assert max(mask) > 0


def test_where_nothing_stands_out_a_rough_selection_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(network, "is_available", lambda: True)
    answer, pixels = ask(tmp_path, 0.1, monkeypatch)
    assert answer["error"]["message"].endswith("Select the subject roughly, then try again.")
    assert len(pixels) == SIZE[0] * SIZE[1] * 3, "nothing was written"


def test_without_the_network_it_says_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(network, "is_available", lambda: False)
    answer, _pixels = ask(tmp_path, 1.0, monkeypatch)
    assert "the subject network is not installed. Run install.py again" in answer["error"]["message"]
