"""What a fill must not copy from: a mask from the user, and other subjects than the one that is removed."""

import json

import numpy as np
import pytest

from lib.endpoint.engine import Refused, edit
from lib.endpoint.fill import fill
from lib.endpoint.subject import network, others
from tests.endpoint.support import Caller, data_url, decoded, encoded, error_of, hole, mask, part, photo

GREY, RED = (120, 120, 120), (220, 20, 20)


def scene() -> np.ndarray:
    """A grey ground with noise and two red discs."""
    image = np.full((96, 144, 4), 255, np.uint8)
    image[..., :3] = np.array(GREY) + np.random.default_rng(0).integers(-15, 16, (96, 144, 1))
    image[disc(40) | disc(104)] = (*RED, 255)
    return image


def disc(x: int, radius: int = 18) -> np.ndarray:
    rows, columns = np.mgrid[:96, :144]
    return np.asarray(np.hypot(rows - 48, columns - x) < radius)


DISCS = disc(40, 24) | disc(104, 24)


def set_saliency(monkeypatch: pytest.MonkeyPatch, area: np.ndarray, saliency: float = 1.0) -> None:
    """Let the network see `area` of the scene stand out."""
    rows = np.arange(network.SIDE) * area.shape[0] // network.SIDE
    columns = np.arange(network.SIDE) * area.shape[1] // network.SIDE
    answer = area[rows][:, columns] * np.float32(saliency)
    monkeypatch.setattr(network, "is_available", lambda: True)
    monkeypatch.setattr(network, "saliency", lambda _picture: answer)


def test_nothing_is_copied_from_what_the_user_marks() -> None:
    image, gone = scene(), disc(72, 22)  # it touches both discs
    result = edit([image], gone, "remove", avoid=DISCS).image
    assert np.array_equal(result[..., :3], fill(image[..., :3].copy(), gone, avoid=DISCS))
    assert not np.array_equal(result, edit([image], gone, "remove").image)
    with pytest.raises(Refused) as caught:
        edit([image], gone, "remove", avoid=~gone)
    assert caught.value.code == "nothing_to_copy_from"


def test_another_subject_is_not_copied_into_the_place_of_the_removed_one(monkeypatch: pytest.MonkeyPatch) -> None:
    image, gone = scene(), disc(40, 24)
    set_saliency(monkeypatch, disc(40) | disc(104))
    other_subjects = others.find_others(image, gone)
    assert other_subjects is not None and other_subjects[disc(104)].all() and not other_subjects[disc(40)].any()
    marked = disc(72, 8)
    result = edit([image], gone, "remove the left one", avoid=marked).image
    assert np.array_equal(result[..., :3], fill(image[..., :3].copy(), gone, avoid=other_subjects | marked))


@pytest.mark.parametrize(
    ("stands_out", "saliency", "gone"),
    [
        pytest.param(disc(104, 40), 1.0, disc(104, 8), id="a blemish on the subject is filled from it"),
        pytest.param(disc(104), 0.6, disc(40, 24), id="what hardly stands out is no subject"),
        pytest.param(disc(104) & False, 1.0, disc(40, 24), id="nothing stands out"),
        pytest.param(disc(104), 1.0, disc(40, 2), id="a speck"),
    ],
)
def test_otherwise_everything_may_be_copied(
    monkeypatch: pytest.MonkeyPatch, stands_out: np.ndarray, saliency: float, gone: np.ndarray
) -> None:
    set_saliency(monkeypatch, stands_out, saliency)
    assert others.find_others(scene(), gone) is None


def test_without_the_network_everything_may_be_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "is_available", lambda: False)
    assert others.find_others(scene(), disc(40, 24)) is None


def test_a_request_says_what_to_avoid_in_either_encoding(caller: Caller) -> None:
    gone = disc(72, 22)
    avoided = encoded(mask(DISCS))
    expected = edit([scene()], gone, "remove", avoid=DISCS, seed=1).image
    fields = {"image": encoded(scene()), "mask": encoded(mask(gone))}
    form = caller.edit("remove", **{name: part(data) for name, data in fields.items()}, avoid=part(avoided), seed="1")
    body = {
        "images": [{"image_url": data_url(fields["image"])}],
        **{name: {"image_url": data_url(data)} for name, data in (("mask", fields["mask"]), ("avoid", avoided))},
        "prompt": "remove",
        "seed": 1,
    }
    for answer in (form, caller.json(body)):
        assert answer.status_code == 200, answer.text
        result = decoded(json.loads(answer.data)["data"][0]["b64_json"])
        assert np.array_equal(result[..., :3], expected[..., :3])
    for bad in (encoded(mask(hole())[::2]), encoded(photo()[..., :3])):
        error = error_of(caller.edit(avoid=part(bad)))
        assert (error["param"], error["code"]) == ("avoid", "invalid_avoid_image_format")
