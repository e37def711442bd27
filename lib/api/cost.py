"""The cost of an edit: an estimated range from published prices before it is sent, and the actual cost afterwards."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lib.api.image_header import ImageHeaderError
from lib.api.models import Model, Prices, SizeList
from lib.api.request import EditRequest, FileId, ImageSource, Url, source_header
from lib.translation import _

Size = tuple[int, int]

_TOKENS_PER_PARTIAL = 100  # OpenAI's image guide, "Partial images cost"
_EXTRA_TEXT_TOKENS = 32  # measured by a user, community.openai.com topic 1281361
_MOST_ANSWERS = 20
_REFERENCE_FACTOR = 96  # for the proportion of two sizes, which hardly depends on the quality


@dataclass(frozen=True)
class Cost:
    """A cost in US dollars between `low` and `high`, which are equal for an exact cost.

    `parts` breaks `high` down into "text", "images", "mask", "output" and "partial images"; `sources` names the origin
    of the figures. `approximate` is true if the model's own tokens aren't published; the output is then the median of
    what this many `answers` reported, or computed as for another model.
    """

    low: float
    high: float
    parts: Mapping[str, float]
    sources: tuple[str, ...]
    approximate: bool = False
    answers: int = 0

    def __str__(self) -> str:
        if round(self.low, 3) == round(self.high, 3):
            return f"${self.high:.3f}"
        return _("${low:.3f} to ${high:.3f}").format(low=self.low, high=self.high)


@dataclass(frozen=True)
class ReportedOutput:
    """The output tokens of one image, as an earlier answer reported them, and the image's size."""

    size: Size
    tokens: int


def estimate(
    request: EditRequest,
    model: Model,
    image_sizes: Sequence[Size] | None = None,
    mask_size: Size | None = None,
    reported: Sequence[ReportedOutput] = (),
) -> Cost | None:
    """Return the estimated cost of an edit, or None if a figure that it needs isn't published.

    Sizes are in pixels and default to those of the request's images. With quality `auto`, the range covers all
    qualities; with size `auto`, all sizes of the model. Whether the mask or the markup is billed as an image isn't
    published: `high` includes it, `low` doesn't. Text is estimated as one token per four characters. `reported` has
    what earlier answers to such requests reported, oldest first; it counts for a model whose tokens aren't published.
    """
    prices = model.prices
    sizes = list(image_sizes) if image_sizes is not None else _sizes_of(request.images)
    overlay = request.mask if request.markup is None else request.markup
    if mask_size is None and overlay is not None:
        overlays = _sizes_of([overlay])
        mask_size = overlays[0] if overlays else None
    outputs, answers = _output_dollars(request, model), 0
    size = _parse_size(request.size)
    if prices and prices.approximate and size and reported:
        tokens, answers = _typical_output(reported, size)
        outputs = [_dollars(tokens, prices.image_out)]
    if prices is None or sizes is None or outputs is None:
        return None
    tokens_of = _input_rule(prices, model, request.input_fidelity)
    if tokens_of is None or (overlay is not None and mask_size is None):
        return None
    count = request.n or 1
    partials = (request.partial_images or 0) if request.stream else 0
    parts = {
        "text": _dollars(math.ceil(len(request.prompt) / 4) + _EXTRA_TEXT_TOKENS, prices.text_in),
        "images": _dollars(sum(tokens_of(size) for size in sizes), prices.image_in),
        "mask": _dollars(tokens_of(mask_size), prices.image_in) if mask_size else 0.0,
        "output": max(outputs),
        "partial images": _dollars(_TOKENS_PER_PARTIAL * partials, prices.image_out),
    }
    parts = {name: dollars * count for name, dollars in parts.items()}
    high = sum(parts.values())
    low = high - parts["mask"] - (max(outputs) - min(outputs)) * count
    return Cost(low, high, parts, _sources(prices), prices.approximate, answers)


def total(costs: Sequence[Cost | None]) -> Cost | None:
    """Return the cost of several edits together; None if that of one of them is unknown."""
    known = [each for each in costs if each is not None]
    if not known or len(known) < len(costs):
        return None
    names = dict.fromkeys(name for each in known for name in each.parts)
    return Cost(
        sum(each.low for each in known),
        sum(each.high for each in known),
        {name: sum(each.parts.get(name, 0.0) for each in known) for name in names},
        known[0].sources,
        any(each.approximate for each in known),
        known[0].answers,
    )


def quality_sent(request: EditRequest, model: Model) -> str:
    """Return the quality that is requested; "auto" if the endpoint chooses it."""
    return request.quality or model.default_quality or "auto"


def complexity_sent(request: EditRequest, model: Model) -> str:
    """Return the complexity that is requested, or that the model uses without one; "" if that isn't known."""
    return request.complexity or model.default_complexity or ""


def reported_output(
    request: EditRequest, usage: Mapping[str, Any] | None, images: int, previews: int = 0
) -> ReportedOutput | None:
    """Return the output tokens of one image of an answer with this many `images`, after `previews` of all of them.

    None if the answer reports no tokens, or fewer than its previews take.
    """
    size, tokens = _parse_size(request.size), _output_tokens(usage or {})
    if not size or not isinstance(tokens, int) or images < 1:
        return None
    own = (tokens - _TOKENS_PER_PARTIAL * previews) // images
    return ReportedOutput(size, own) if own > 0 else None


def actual(usage: Mapping[str, Any] | None, model: Model) -> Cost | None:
    """Return the cost of a completed edit from its usage object, or None if a figure is missing.

    Cached input is counted at the full price, because `usage` doesn't list it separately.
    """
    prices = model.prices
    if usage is None or prices is None:
        return None
    inputs = usage.get("input_tokens_details") or {}
    outputs = usage.get("output_tokens_details") or {}
    text_out = outputs.get("text_tokens") or 0
    reported = (inputs.get("text_tokens"), inputs.get("image_tokens"), _output_tokens(usage))
    counts = [count for count in reported if isinstance(count, int)]
    if len(counts) < 3 or (text_out and prices.text_out is None):
        return None
    parts = {
        "text": _dollars(counts[0], prices.text_in),
        "images": _dollars(counts[1], prices.image_in),
        "output": _dollars(counts[2], prices.image_out) + _dollars(text_out, prices.text_out or 0),
    }
    total = sum(parts.values())
    return Cost(total, total, parts, (f"usage; {prices.source}, {prices.as_of}",))


def _output_tokens(usage: Mapping[str, Any]) -> Any:
    """Return the tokens of the images; all output tokens unless those of images and of text are told apart."""
    details = usage.get("output_tokens_details") or {}
    is_split = "image_tokens" in details or "text_tokens" in details
    return details.get("image_tokens") if is_split else usage.get("output_tokens")


def _typical_output(reported: Sequence[ReportedOutput], size: Size) -> tuple[float, int]:
    """Return the median of the latest reports for a size, and their number.

    Without any for this size, those for other sizes are used, in proportion to what each size takes by the formula.
    """
    same_size = [answer for answer in reported if answer.size == size]
    latest = (same_size or list(reported))[-_MOST_ANSWERS:]
    expected = patch_output_tokens(_REFERENCE_FACTOR, *size)
    tokens = [answer.tokens * expected / patch_output_tokens(_REFERENCE_FACTOR, *answer.size) for answer in latest]
    return statistics.median(tokens), len(latest)


def output_price(model: Model, quality: str, size: Size) -> float | None:
    """Return the price of one output image in US dollars, or None if it isn't published."""
    prices = model.prices
    if prices is None:
        return None
    name = f"{size[0]}x{size[1]}"
    if prices.output_usd is not None:
        return prices.output_usd.get(quality, {}).get(name)
    if prices.output_rule == "free":
        return 0.0
    if prices.output_rule == "patches" and quality in prices.output_factors:
        return _dollars(patch_output_tokens(prices.output_factors[quality], *size), prices.image_out)
    return None


def patch_output_tokens(factor: int, width: int, height: int) -> int:
    """Return the output tokens of one image of this size, from gpt-image-2 on; `factor` is the quality's.

    Formula from community.openai.com topic 1382699; it reproduces the nine prices in OpenAI's image guide exactly.
    """
    long, short = max(width, height), min(width, height)
    grid = max(1, (2 * factor * short + long) // (2 * long))
    return math.ceil(factor * grid * (2_000_000 + width * height) / 4_000_000)


def tile_input_tokens(size: Size, high_fidelity: bool) -> int:
    """Return the input tokens of one image for models older than gpt-image-2.

    The image is fitted into 2048 x 2048 and scaled down to 512 on the shorter side; it then takes 65 tokens plus 129
    for each tile of 512 pixels. High fidelity adds 4160 for a square image, else 6240 (OpenAI, "Images and vision",
    "GPT Image models").
    """
    shrink = min(1.0, 2048 / max(size))
    shrink *= min(1.0, 512 / (min(size) * shrink))
    tiles = math.prod(math.ceil(round(side * shrink, 6) / 512) for side in size)
    fidelity = (4160 if size[0] == size[1] else 6240) if high_fidelity else 0
    return 65 + 129 * tiles + fidelity


def patch_input_tokens(size: Size) -> int:
    """Return the input tokens of one image for gpt-image-2: patches of 32 pixels, at most 1536.

    Measured by a user over 100 edits (community.openai.com topic 1382940): small images are scaled up, at most by two,
    towards 1024 on the longer side, and the longer side counts as at most three times the shorter.
    """
    grow = max(1.0, min(2.0, 1024 / max(size)))
    long, short = max(size) * grow, min(size) * grow
    long = min(long, short * 3)
    return min(math.ceil(long / 32) * math.ceil(short / 32), 1536)


def _output_dollars(request: EditRequest, model: Model) -> list[float] | None:
    """Return all possible prices of one output image, or None if one of them isn't published."""
    quality = quality_sent(request, model)
    qualities = [quality] if quality != "auto" else _priced_qualities(model.prices)
    sizes = [_parse_size(request.size)] if request.size not in (None, "auto") else _automatic_sizes(model)
    prices = [output_price(model, quality, size) for quality in qualities for size in sizes if size]
    published = [price for price in prices if price is not None]
    return published if published and len(published) == len(prices) else None


def _priced_qualities(prices: Prices | None) -> Iterable[str]:
    """Return the qualities that the endpoint may pick for quality `auto`."""
    if prices is None:
        return ()
    return prices.output_factors or prices.output_usd or ("low", "medium", "high")


def _parse_size(size: str | None) -> Size | None:
    width, _cross, height = (size or "").partition("x")
    parsed = (int(width), int(height)) if width.isdecimal() and height.isdecimal() else (0, 0)
    return parsed if all(parsed) else None


def _automatic_sizes(model: Model) -> list[Size]:
    """Return the sizes that the model may pick for size `auto`."""
    if isinstance(model.sizes, SizeList):
        return list(model.sizes.sizes)
    if model.prices is not None and model.prices.output_rule == "free":
        return [(1024, 1024)]
    return []  # how a model with free sizes picks one isn't published


def _input_rule(prices: Prices, model: Model, input_fidelity: str | None) -> Callable[[Size], int] | None:
    if prices.input_rule == "tiles":
        return lambda size: tile_input_tokens(size, input_fidelity == "high")
    if prices.input_rule == "patches":
        return patch_input_tokens
    return (lambda size: 0) if prices.input_rule == "free" else None


def _sizes_of(sources: Sequence[ImageSource]) -> list[Size] | None:
    sizes = []
    for source in sources:
        if isinstance(source, (FileId, Url)):
            return None
        try:
            header = source_header(source)
        except (OSError, ImageHeaderError):
            return None
        sizes.append((header.width, header.height))
    return sizes


def _dollars(tokens: float, per_million: float) -> float:
    return tokens * per_million / 1_000_000


def _sources(prices: Prices) -> tuple[str, ...]:
    prices_from = f"prices: {prices.source}, {prices.as_of}"
    return (prices_from, prices.tokens_source) if prices.tokens_source else (prices_from,)
