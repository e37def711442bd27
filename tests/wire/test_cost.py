"""The cost of an edit, compared with published figures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.api import models
from lib.api.cost import (
    actual,
    estimate,
    output_price,
    patch_input_tokens,
    patch_output_tokens,
    tile_input_tokens,
    total,
)
from lib.api.request import EditRequest, FileId
from tests.wire.pictures import picture

SIZES = [(1024, 1024), (1024, 1536), (1536, 1024)]
PUBLISHED = {
    "gpt-image-2": {"low": [0.006, 0.005, 0.005], "medium": [0.053, 0.041, 0.041], "high": [0.211, 0.165, 0.165]},
    "gpt-image-1.5": {"low": [0.009, 0.013, 0.013], "medium": [0.034, 0.05, 0.05], "high": [0.133, 0.2, 0.2]},
    "gpt-image-1": {"low": [0.011, 0.016, 0.016], "medium": [0.042, 0.063, 0.063], "high": [0.167, 0.25, 0.25]},
    "gpt-image-1-mini": {"low": [0.005, 0.006, 0.006], "medium": [0.011, 0.015, 0.015], "high": [0.036, 0.052, 0.052]},
}
REQUEST = EditRequest([picture()], "x" * 100, model="gpt-image-2", quality="medium", size="1024x1024")
GPT_2 = models.get("gpt-image-2")
SQUARE = [(1024, 1024)]


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_prices_are_reproduced_exactly(name: str) -> None:
    for quality, prices in PUBLISHED[name].items():
        actual_prices = [output_price(models.get(name), quality, size) for size in SIZES]
        assert [round(price or 0, 3) for price in actual_prices] == prices


@pytest.mark.parametrize(
    ("size", "tokens"),
    [((1024, 1024), (196, 1756, 7024)), ((1024, 1536), (158, 1372, 5488)), ((1536, 864), (120, 1078, 4312)),
     ((2048, 2048), (397, 3568, 14272)), ((3840, 2160), (371, 3336, 13342))],
)  # fmt: skip
def test_output_tokens_of_gpt_image_2(size: tuple[int, int], tokens: tuple[int, ...]) -> None:
    assert output_tokens("gpt-image-2", size) == tokens


@pytest.mark.parametrize(
    ("size", "tokens"),
    [((1024, 1024), (196, 439, 1756, 3122, 7024)), ((3840, 2160), (371, 865, 3336, 5930, 13342))],
)
@pytest.mark.parametrize("name", [name for name in models.names() if name.startswith("gpt-image-2.")])
def test_output_tokens_of_gpt_image_2_5_and_its_successors(
    name: str, size: tuple[int, int], tokens: tuple[int, ...]
) -> None:
    """low, medium, high, xhigh and max."""
    assert output_tokens(name, size) == tokens
    dollars = [output_price(models.get(name), quality, size) for quality in ("low", "medium", "high", "xhigh", "max")]
    assert dollars == pytest.approx([count * 30 / 1_000_000 for count in tokens])


def output_tokens(name: str, size: tuple[int, int]) -> tuple[int, ...]:
    """Return the output tokens of a model for each quality, from the lowest."""
    prices = models.get(name).prices
    assert prices is not None
    return tuple(patch_output_tokens(factor, *size) for factor in prices.output_factors.values())


@pytest.mark.parametrize(
    ("size", "high", "tokens"),
    [((1024, 1024), False, 194), ((1024, 1024), True, 4354), ((1536, 1024), False, 323), ((1536, 1024), True, 6563),
     ((100, 100), False, 194), ((8192, 8192), False, 194), ((4096, 512), False, 581)],
)  # fmt: skip
def test_tile_input_tokens(size: tuple[int, int], high: bool, tokens: int) -> None:
    assert tile_input_tokens(size, high) == tokens


@given(st.integers(1, 9000), st.integers(1, 9000))
def test_patch_input_tokens_stay_within_the_maximum(width: int, height: int) -> None:
    tokens = patch_input_tokens((width, height))
    assert 1 <= tokens <= 1536
    assert tokens == patch_input_tokens((height, width))
    assert patch_input_tokens((1024, 1024)) == 1024


def test_worked_example() -> None:
    cost = estimate(REQUEST, GPT_2, SQUARE, (1024, 1024))
    assert cost is not None
    assert cost.low == pytest.approx(0.061, abs=0.0005)
    assert cost.high - cost.low == pytest.approx(0.008192)
    assert str(cost) == "$0.061 to $0.069"
    assert cost.high == pytest.approx(sum(cost.parts.values()))
    assert all("2026" in source or "topic" in source for source in cost.sources)
    old = replace(REQUEST, model="gpt-image-1.5")
    assert str(estimate(old, models.get("gpt-image-1.5"), SQUARE)) == "$0.036"


def test_n_multiplies_and_partial_images_cost_only_with_streaming() -> None:
    one = estimate(REQUEST, GPT_2, SQUARE)
    three = estimate(replace(REQUEST, n=3), GPT_2, SQUARE)
    without_stream = estimate(replace(REQUEST, partial_images=2), GPT_2, SQUARE)
    with_stream = estimate(replace(REQUEST, partial_images=2, stream=True), GPT_2, SQUARE)
    assert one and three and without_stream and with_stream
    assert three.high == pytest.approx(3 * one.high)
    assert without_stream.high == one.high
    assert with_stream.high - one.high == pytest.approx(2 * 100 * 30 / 1_000_000)


def test_costs_add_up_unless_one_is_unknown() -> None:
    one = estimate(REQUEST, GPT_2, SQUARE)
    assert one
    three = total([one, one, one])
    assert three and three.low == pytest.approx(3 * one.low) and three.high == pytest.approx(3 * one.high)
    assert three.parts["output"] == pytest.approx(3 * one.parts["output"])
    assert total([one, None]) is None and total([]) is None


def test_more_text_and_more_images_cost_more() -> None:
    one = estimate(REQUEST, GPT_2, SQUARE)
    more = estimate(replace(REQUEST, prompt="x" * 4100), GPT_2, SQUARE * 3)
    assert one and more
    assert more.parts["text"] - one.parts["text"] == pytest.approx(1000 * 5 / 1_000_000)
    assert more.parts["images"] == pytest.approx(3 * one.parts["images"])


def test_quality_auto_is_a_range() -> None:
    for quality in (None, "auto"):
        cost = estimate(replace(REQUEST, quality=quality), GPT_2, SQUARE)
        low = estimate(replace(REQUEST, quality="low"), GPT_2, SQUARE)
        high = estimate(replace(REQUEST, quality="high"), GPT_2, SQUARE)
        assert cost and low and high
        assert (cost.low, cost.high) == (pytest.approx(low.low), pytest.approx(high.high))


def test_size_auto_is_a_range_for_fixed_sizes_and_unknown_for_free_ones() -> None:
    cost = estimate(replace(REQUEST, size=None), models.get("gpt-image-1.5"), SQUARE)
    assert cost is not None
    assert cost.parts["output"] == 0.05
    assert cost.high - cost.low == pytest.approx(0.05 - 0.034)
    assert estimate(replace(REQUEST, size="auto"), GPT_2, SQUARE) is None


def test_cost_of_the_default_model_and_quality() -> None:
    """Without a quality, the model's default one is sent, and so it is estimated."""
    default = models.get(models.recommended())
    cost = estimate(replace(REQUEST, model=default.name, quality=None), default, SQUARE, (1024, 1024))
    assert (default.name, str(cost)) == ("gpt-image-2.5-flare", "$0.022 to $0.030")
    every = estimate(replace(REQUEST, quality="auto"), default, SQUARE)
    most = estimate(replace(REQUEST, quality="max"), default, SQUARE)
    assert every and most and every.high == most.high, "auto may be any quality"


def test_a_cost_computed_from_another_models_tokens_is_approximate() -> None:
    old, new = (estimate(REQUEST, models.get(f"gpt-image-{version}-flare"), SQUARE) for version in ("2.5", "2.6"))
    assert old and new and (old.approximate, new.approximate) == (False, True)
    assert (old.low, old.high) == (new.low, new.high)


@pytest.mark.parametrize("name", ["dall-e-2", "x"])
def test_cost_without_published_prices_is_unknown(name: str) -> None:
    assert estimate(REQUEST, models.get(name), SQUARE) is None
    assert output_price(models.get(name), "high", (1024, 1024)) is None


def test_size_or_quality_without_a_price_is_unknown() -> None:
    assert estimate(replace(REQUEST, size="512x512"), models.get("gpt-image-1.5"), SQUARE) is None
    assert estimate(replace(REQUEST, quality="superb"), GPT_2, SQUARE) is None
    for size in ("odd", "0x0", "0x1024", "1024x", "x"):
        assert estimate(replace(REQUEST, size=size), GPT_2, SQUARE) is None, size


def test_the_built_in_endpoint_is_free() -> None:
    cost = estimate(EditRequest([picture()], "p", mask=picture(), n=4), models.get("built-in"))
    assert cost is not None
    assert (cost.low, cost.high) == (0, 0)


def test_sizes_default_to_those_of_the_images(tmp_path: Path) -> None:
    big = tmp_path / "a.png"
    big.write_bytes(picture(width=1024, height=1024))
    assert estimate(replace(REQUEST, images=[big], mask=str(big)), GPT_2) == estimate(
        replace(REQUEST, mask=str(big)), GPT_2, SQUARE, (1024, 1024)
    )
    assert estimate(replace(REQUEST, images=[FileId("file-1")]), GPT_2) is None
    assert estimate(replace(REQUEST, images=["/nowhere"]), GPT_2) is None
    assert estimate(replace(REQUEST, mask=FileId("file-1")), GPT_2) is None


USAGE = {"input_tokens": 50, "output_tokens": 1000, "total_tokens": 1050,
         "input_tokens_details": {"text_tokens": 10, "image_tokens": 40}}  # fmt: skip


def test_the_actual_cost_comes_from_usage() -> None:
    cost = actual(USAGE, GPT_2)
    assert cost is not None
    assert cost.low == cost.high == pytest.approx((10 * 5 + 40 * 8 + 1000 * 30) / 1_000_000)


def test_text_output_has_its_own_price() -> None:
    usage = {**USAGE, "output_tokens_details": {"text_tokens": 100, "image_tokens": 900}}
    cost = actual(usage, models.get("gpt-image-1.5"))
    assert cost is not None
    assert cost.parts["output"] == pytest.approx((900 * 32 + 100 * 10) / 1_000_000)
    assert actual(usage, GPT_2) is None


def test_output_that_is_not_told_apart_is_all_images() -> None:
    usage = {**USAGE, "output_tokens_details": {"reasoning_tokens": 0}}
    assert actual(usage, GPT_2) == actual(USAGE, GPT_2)


@pytest.mark.parametrize("usage", [None, {}, {"output_tokens": 5}, {**USAGE, "input_tokens_details": None}])
def test_incomplete_usage_is_unknown(usage: dict[str, object] | None) -> None:
    assert actual(usage, GPT_2) is None
    assert actual(USAGE, models.get("a-model-of-tomorrow")) is None


@given(st.sampled_from([16, 24, 48, 64, 96]), st.integers(1, 240), st.integers(1, 240))
def test_output_tokens_do_not_depend_on_orientation_and_grow_with_quality(factor: int, w: int, h: int) -> None:
    width, height = 16 * w, 16 * h
    tokens = patch_output_tokens(factor, width, height)
    assert tokens == patch_output_tokens(factor, height, width)
    assert patch_output_tokens(16, width, height) <= tokens <= patch_output_tokens(96, width, height)
