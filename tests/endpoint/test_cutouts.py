"""Cut-outs: the subject by its plain background or by the network, on transparent, on a colour, before a blur."""

import numpy as np
import pytest

from lib.endpoint.engine import Refused, cutout, edit
from lib.endpoint.engine.edit import EngineTask, _edit
from lib.endpoint.engine.step import Step
from lib.endpoint.subject import colour_model, foreground, guided, network, subject

needs_network = pytest.mark.skipif(not network.is_available(), reason="the subject network was left out")


def scene(height: int = 120, width: int = 160) -> tuple[np.ndarray, np.ndarray]:
    """Return an orange disc with a shade before a striped blue background, and the disc's mask."""
    y, x = np.mgrid[:height, :width]
    disc = (x - width / 2) ** 2 + (y - height / 2) ** 2 < (height / 3) ** 2
    stripes = 40 + 50 * ((x // 6 + y // 9) % 4)
    rgb = np.dstack([stripes * 0.4, stripes * 0.8, stripes + 40])
    rgb[disc] = (230, 140, 40) - 0.4 * y[disc][:, None]
    return np.dstack([np.clip(rgb, 0, 255), np.full((height, width), 255)]).astype(np.uint8), disc


@pytest.fixture
def views(monkeypatch: pytest.MonkeyPatch) -> list[np.ndarray]:
    """What the network sees, to be filled by the test: the map of a whole picture, the same for each crop."""
    maps: list[np.ndarray] = []
    monkeypatch.setattr(network, "is_available", lambda: True)
    monkeypatch.setattr(network, "saliency", lambda _picture: maps[0])
    return maps


def disc_map(share: float = 1.0) -> np.ndarray:
    y, x = np.mgrid[: network.SIDE, : network.SIDE] / network.SIDE - 0.5
    return (share * (((x * 4 / 3) ** 2 + y**2) < 1 / 9)).astype(np.float32)


def run(image: np.ndarray, *steps: Step, mask: np.ndarray | None = None) -> np.ndarray:
    return _edit(steps, EngineTask([image], mask, None, 0, 0, None, False, lambda _state: None)).image


def agreement(alpha: np.ndarray, truth: np.ndarray) -> float:
    subject = alpha > 127
    return float((subject & truth).sum() / (subject | truth).sum())


def test_the_networks_answer_follows_the_pictures_edges(views: list[np.ndarray]) -> None:
    views.append(disc_map())
    image, disc = scene()
    result = edit([image], None, "transparent background").image
    assert agreement(result[..., 3], disc) > 0.97
    assert np.array_equal(result[..., :3][result[..., 3] == 255], image[..., :3][result[..., 3] == 255])
    assert np.array_equal(result[..., :3][result[..., 3] == 0], image[..., :3][result[..., 3] == 0])


def test_where_nothing_stands_out_a_rough_selection_is_asked_for(views: list[np.ndarray]) -> None:
    views.append(disc_map(0.2))
    with pytest.raises(Refused, match="Select the subject roughly") as caught:
        edit([scene()[0]], None, "transparent background")
    assert caught.value.code == "nothing_stands_out"


def test_without_the_network_a_plain_background_is_still_cut_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "is_available", lambda: False)
    image, disc = scene()
    with pytest.raises(Refused, match="subject network is not installed") as caught:
        edit([image], None, "transparent background")
    assert caught.value.code == "no_subject_network"
    image[~disc, :3] = 240
    assert agreement(edit([image], None, "transparent background").image[..., 3], disc) > 0.97


def test_half_a_plain_border_is_enough_if_the_network_agrees(views: list[np.ndarray]) -> None:
    image, disc = scene()
    image[~disc, :3] = (150, 190, 240)
    image[:, :30, :3] = np.where(disc[:, :30, None], image[:, :30, :3], 60)
    views.append(disc_map())
    assert agreement(cutout.find_mask(image, None), disc) > 0.95  # a sky, and something at the border
    views[0] = disc_map(0.2)
    plain = cutout.find_mask(image, None)
    assert plain[disc].min() == 255 and plain[5, 5] == 255, "the plain cut alone is better than a refusal"


def test_before_white_all_things_are_cut_out_though_the_network_finds_only_one(views: list[np.ndarray]) -> None:
    image, disc = scene()
    image[~disc, :3] = 245
    image[:, :30, :3] = np.where(disc[:, :30, None], image[:, :30, :3], 60)
    views.append(disc_map())
    mask = cutout.find_mask(image, None)
    assert mask[disc].min() == 255 and mask[60, 10] == 255 and not mask[5, 150]


def test_a_thing_in_a_rough_selection_is_found_by_its_colours(views: list[np.ndarray]) -> None:
    views.append(disc_map(0.0))
    image, disc = scene()
    region = np.zeros_like(disc)
    region[12:108, 30:130] = True
    mask = cutout.find_mask(image, region)
    assert agreement(mask, disc) > 0.95 and not mask[~region].any()


def test_a_selected_background_is_what_becomes_transparent(views: list[np.ndarray]) -> None:
    image, disc = scene()
    result = edit([image], ~disc, "transparent background").image
    assert np.array_equal(result[..., 3] > 0, disc) and np.array_equal(result[..., :3], image[..., :3])


def test_a_white_background_has_no_trace_of_the_old_one(views: list[np.ndarray]) -> None:
    views.append(disc_map())
    image, disc = scene()
    result = run(image, Step("backdrop", colour="white"))
    far = np.hypot(*(np.mgrid[:120, :160] - np.array([59.5, 79.5])[:, None, None])) > 46
    assert (result[far] == 255).all() and (result[..., 3] == 255).all()
    inside = np.hypot(*(np.mgrid[:120, :160] - np.array([59.5, 79.5])[:, None, None])) < 34
    assert np.array_equal(result[inside], image[inside])


@pytest.mark.parametrize(("part", "changed"), [("background", False), ("subject", True)])
def test_an_adjustment_of_one_part_leaves_the_other(views: list[np.ndarray], part: str, changed: bool) -> None:
    views.append(disc_map())
    image, disc = scene()
    result = run(image, Step("adjust", "black_and_white", part=part))  # type: ignore[arg-type]
    grey = np.ptp(result[..., :3].astype(int), axis=2) <= 1
    assert grey[60, 80] == changed and grey[2, 2] != changed and np.array_equal(result[..., 3], image[..., 3])


def test_the_alpha_channel_does_not_change_what_the_network_and_the_filter_see(views: list[np.ndarray]) -> None:
    views.append(disc_map())
    image, disc = scene(900, 1200)
    opaque = subject.find_subject(np.ascontiguousarray(image[..., :3]))
    image[::2, ::3, 3] = 0
    transparent = subject.find_subject(image)
    assert opaque is not None and transparent is not None
    assert np.array_equal(opaque, transparent) and agreement(opaque, disc) > 0.8


def test_the_guided_filter_is_exact_where_the_matte_is_a_colour() -> None:
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (40, 50, 3), np.uint8)
    matte = picture[..., 0].astype(np.float32) / 255
    filtered = guided.coefficients(picture.astype(np.float32) / 255, matte, 4, 1e-6)
    rows = np.concatenate([part for _top, part in guided.apply_enlarged(picture, filtered, (0, 0, 50, 40))])
    assert np.abs(rows - matte).max() < 0.01


@pytest.mark.parametrize("radius", [1, 5, 100])
def test_the_box_mean_is_cut_off_at_the_border(radius: int) -> None:
    values = np.random.default_rng(1).random((9, 13)).astype(np.float32)
    expected = [[values[max(y - radius, 0) : y + radius + 1, max(x - radius, 0) : x + radius + 1].mean()
                 for x in range(13)] for y in range(9)]  # fmt: skip
    assert np.allclose(guided.box_mean(values, radius), expected, atol=1e-6)


def test_the_old_background_does_not_shine_through_a_soft_edge() -> None:
    share = np.clip((np.arange(120) - 54) / 12, 0, 1)[None, :].repeat(60, 0)
    picture = (share[..., None] * (200, 60, 60) + (1 - share[..., None]) * (20, 200, 20)).round().astype(np.uint8)
    mask = (share * 255).round().astype(np.uint8)
    colours = foreground.pure_colours(picture, mask)
    half = (mask > 100) & (mask < 200)
    before = np.abs(picture[half].astype(int) - (200, 60, 60)).mean()
    assert np.abs(colours[half].astype(int) - (200, 60, 60)).mean() < before / 3
    assert np.array_equal(colours[(mask == 0) | (mask == 255)], picture[(mask == 0) | (mask == 255)])


def test_colours_decide_where_the_guess_is_unsure() -> None:
    picture, disc = scene()
    guess = np.where(disc, np.float32(0.7), np.float32(0.4))
    guess[40:80, 60:100] = 0.4
    assert agreement(255 * colour_model.separate(picture[..., :3], guess), disc) > 0.95


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (3, 2), (700, 5)])
def test_tiny_and_thin_pictures(views: list[np.ndarray], shape: tuple[int, int]) -> None:
    views.append(np.ones((network.SIDE, network.SIDE), np.float32))
    image = np.random.default_rng(2).integers(0, 256, (*shape, 4), np.uint8)
    assert subject.find_subject(image).shape == shape  # type: ignore[union-attr]
    region = np.zeros(shape, bool)
    assert subject.find_subject(image, region) is None


@needs_network
def test_the_real_network_finds_a_disc() -> None:
    image, disc = scene(240, 320)
    assert agreement(edit([image], None, "transparent background").image[..., 3], disc) > 0.9
