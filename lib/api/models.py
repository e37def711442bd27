"""The image models: what each accepts, its prices and its shutdown date, read from models.json."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timezone
from functools import cache
from pathlib import Path
from typing import Any

from lib.api.hosts import normalize
from lib.api.text import join_alternatives
from lib.translation import _

WARN_DAYS = 30
"""Days before its shutdown from which a model gives a warning."""

OTHER = 2
"""The rank of a model that doesn't seem to make images."""

_IMAGE_MODEL = re.compile(r"image|dall-e|flux|diffusion|sdxl|edit", re.IGNORECASE)

_MAKERS = ("openai", "azure")
"""What gateways put in front of a name: who makes the model, or where it runs."""


@dataclass(frozen=True)
class SizeList:
    """A fixed list of output sizes, each (width, height) in pixels."""

    sizes: tuple[tuple[int, int], ...]

    def allows(self, width: int, height: int) -> bool:
        """Return whether the model supports an output size."""
        return (width, height) in self.sizes

    def __str__(self) -> str:
        return join_alternatives([f"{width}x{height}" for width, height in self.sizes])


@dataclass(frozen=True)
class FreeSize:
    """Limits within which any output size is allowed.

    Sides are in pixels and multiples of `multiple`; `max_ratio` is the longer side divided by the shorter.
    """

    multiple: int
    max_edge: int
    max_ratio: float
    min_pixels: int
    max_pixels: int

    def allows(self, width: int, height: int) -> bool:
        """Return whether the model supports an output size."""
        short, long = sorted((width, height))
        return (
            short > 0
            and width % self.multiple == 0
            and height % self.multiple == 0
            and long <= self.max_edge
            and long <= short * self.max_ratio
            and self.min_pixels <= width * height <= self.max_pixels
        )

    def __str__(self) -> str:
        parts = [] if self.multiple == 1 else [_("sides in multiples of {number}").format(number=self.multiple)]
        parts.append(_("no side over {pixels}").format(pixels=self.max_edge))
        if self.max_ratio < self.max_edge:
            parts.append(_("an aspect ratio up to {ratio:g}:1").format(ratio=self.max_ratio))
        parts.append(_("{least:,} to {most:,} pixels").format(least=self.min_pixels, most=self.max_pixels))
        return _("sizes with {rules}").format(rules=", ".join(parts))


SizeRule = SizeList | FreeSize


@dataclass(frozen=True)
class Prices:
    """Prices in US dollars per million tokens, and how many tokens an image takes.

    `output_usd` maps a quality and a size ("1024x1024") to the published price of one image; `output_rule` and
    `input_rule` name formulas in `lib.api.cost`, and `output_factors` is the number of each quality in the rule
    "patches". None means that no figure is published. `approximate` is true for figures taken from another model.
    """

    text_in: float
    image_in: float
    image_out: float
    text_out: float | None
    output_usd: Mapping[str, Mapping[str, float]] | None
    output_rule: str | None
    output_factors: Mapping[str, int]
    input_rule: str | None
    approximate: bool
    source: str
    tokens_source: str
    as_of: str


@dataclass(frozen=True)
class Model:
    """A model: what it accepts, its prices, and the date it is shut down.

    A field that is None accepts every value. `is_known` is false for a model that isn't in models.json, whose `sizes`
    are only a default for planning. `default_quality` is sent if a request has no quality; None leaves it to the
    endpoint. `default_complexity` is what the model uses without one. `user_field` is the name under which the model
    takes `user`.
    """

    name: str
    is_known: bool
    sizes: SizeRule
    qualities: tuple[str, ...] | None
    default_quality: str | None
    complexities: tuple[str, ...] | None
    default_complexity: str | None
    backgrounds: tuple[str, ...] | None
    input_fidelities: tuple[str, ...] | None
    output_formats: tuple[str, ...] | None
    input_formats: tuple[str, ...] | None
    response_formats: tuple[str, ...] | None
    references: bool
    moderation: bool
    markup: bool
    user_field: str
    max_images: int | None
    max_prompt: int | None
    max_image_bytes: int | None
    max_mask_bytes: int | None
    square_input: bool
    streams: bool
    ends: date | None
    successor: str | None
    prices: Prices | None

    @property
    def has_ended(self) -> bool:
        """Whether the model has been shut down."""
        return self.ends is not None and self.ends <= today()

    def ending(self) -> str | None:
        """Return a warning if the model has been shut down or will be within `WARN_DAYS` from today, or None."""
        if self.ends is None or (self.ends - today()).days > WARN_DAYS:
            return None
        if self.successor:
            past, future = (
                _("{model} ended on {date}; use {successor} instead."),
                _("{model} ends on {date}; use {successor} instead."),
            )
        else:
            past, future = _("{model} ended on {date}."), _("{model} ends on {date}.")
        message = past if self.has_ended else future
        return message.format(model=self.name, date=self.ends.isoformat(), successor=self.successor)


def today() -> date:
    """Return the date by which models end: that of UTC, wherever this computer is."""
    return datetime.now(timezone.utc).date()  # noqa: UP017 - GIMP may have Python 3.10


def names() -> list[str]:
    """Return the names of the models in models.json, in its order."""
    return list(_data()["models"])


def get(name: str) -> Model:
    """Return the model of this name, or a permissive one if it isn't in models.json.

    A gateway's name, such as "openai/gpt-image-2" or "openrouter/openai/gpt-image-2", is that of the same model; the
    successor is named likewise.
    """
    data = _data()
    *path, last = name.split("/")
    short = last if path and path[-1] in _MAKERS else name
    entry = data["models"].get(short)
    if entry is None:
        return _model(name, data["unknown"], is_known=False)
    model = _model(name, data["families"][entry["family"]] | entry, is_known=True)
    return replace(model, successor="/".join([*path, model.successor])) if model.successor and path else model


def rank(name: str) -> int:
    """Return 0 for a model that is in models.json, 1 for one whose name suggests an image model, else `OTHER`."""
    return 0 if get(name).is_known else 1 if _IMAGE_MODEL.search(name) else OTHER


def recommended() -> str:
    """Return the newest recommended model that hasn't ended and whose prices are published."""
    candidates = [get(name) for name in _data()["recommended"]]
    priced = [model for model in candidates if model.prices and not model.prices.approximate and not model.has_ended]
    return (priced or candidates)[0].name


def is_official(host: str) -> bool:
    """Return whether a host is OpenAI's own, where the models end on their dates; others may keep them longer."""
    official: str = _data()["official_host"]
    name = normalize(host.partition(":")[0])
    return name == official or name.endswith(f".{official}")


@cache
def _data() -> dict[str, Any]:
    text = Path(__file__).with_name("models.json").read_text(encoding="utf-8")
    data: dict[str, Any] = json.loads(text)
    return data


def _model(name: str, entry: Mapping[str, Any], is_known: bool) -> Model:
    return Model(
        name=name,
        is_known=is_known,
        sizes=_size_rule(entry["sizes"]),
        qualities=_options(entry["qualities"]),
        default_quality=entry["default_quality"],
        complexities=_options(entry["complexities"]),
        default_complexity=entry["default_complexity"],
        backgrounds=_options(entry["backgrounds"]),
        input_fidelities=_options(entry["input_fidelities"]),
        output_formats=_options(entry["output_formats"]),
        input_formats=_options(entry["input_formats"]),
        response_formats=_options(entry["response_formats"]),
        references=entry["references"],
        moderation=entry["moderation"],
        markup=entry["markup"],
        user_field=entry["user_field"],
        max_images=entry["max_images"],
        max_prompt=entry["max_prompt"],
        max_image_bytes=entry["max_image_bytes"],
        max_mask_bytes=entry["max_mask_bytes"],
        square_input=entry["square_input"],
        streams=entry["streams"],
        ends=date.fromisoformat(entry["ends"]) if entry.get("ends") else None,
        successor=entry.get("successor"),
        prices=_prices(entry.get("prices")),
    )


def _options(values: list[str] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple(values)


def _size_rule(entry: list[list[int]] | Mapping[str, Any]) -> SizeRule:
    if isinstance(entry, list):
        return SizeList(tuple((width, height) for width, height in entry))
    return FreeSize(**entry)


def _prices(entry: Mapping[str, Any] | None) -> Prices | None:
    if entry is None:
        return None
    source, as_of = _data()["price_source"]
    return Prices(
        text_in=entry["text_in"],
        image_in=entry["image_in"],
        image_out=entry["image_out"],
        text_out=entry.get("text_out"),
        output_usd=entry.get("output_usd"),
        output_rule=entry.get("output_rule"),
        output_factors=entry.get("output_factors", {}),
        input_rule=entry.get("input_rule"),
        approximate=entry.get("approximate", False),
        source=entry.get("source", source),
        tokens_source=entry.get("tokens_source", ""),
        as_of=as_of,
    )
