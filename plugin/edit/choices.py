"""What can be chosen for a model at a provider, and where it cannot: why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lib.api.models import FreeSize, Model, SizeList
from lib.api.providers import Provider
from lib.translation import _

_COMMON_SIZES = ("1024x1024", "1536x1024", "1024x1536", "2048x2048", "3072x2048", "2048x3072", "3840x2160")
_COMMON_QUALITIES = ("low", "medium", "high", "auto")


@dataclass(frozen=True)
class OptionChoices:
    """One option of an edit: the values to offer, besides the default, and why it cannot be set (None: it can)."""

    values: tuple[str, ...] = ()
    disabled_reason: str | None = None


def choices(model: Model, provider: Provider, output_format: str = "") -> dict[str, OptionChoices]:
    """The choice for each option, by its argument's name; `output_format` is the one chosen now, "" the default."""
    found = {
        "size": OptionChoices(_sizes(model)),
        "quality": _options(model, model.qualities, _COMMON_QUALITIES),
        "background": _options(model, model.backgrounds, ("opaque", "transparent", "auto")),
        "input-fidelity": _options(model, model.input_fidelities, ("high", "low")),
        "output-format": _options(model, model.output_formats, ("png", "jpeg", "webp")),
        "output-compression": _compression(model, output_format),
        "moderation": _options(model, ("auto", "low") if model.moderation else (), ()),
        "partial-images": _previews(model, provider),
        "user": OptionChoices(),
    }
    return {name: _at(provider, name, choice) for name, choice in found.items()}


def accepted(
    values: Mapping[str, Any], offered: Mapping[str, OptionChoices], defaults: Mapping[str, Any]
) -> dict[str, Any]:
    """The values with the default for each option that cannot be set now, or not to that value.

    Sizes stay as they are: they are free text, and the frame's plan says what is wrong with one.
    """
    kept = dict(values)
    for name, choice in offered.items():
        listed = isinstance(values[name], str) and name != "size" and choice.values
        if choice.disabled_reason or (listed and values[name] not in ("", *choice.values)):
            kept[name] = defaults[name]
    kept["stream"] = bool(kept["partial-images"])
    return kept


def _sizes(model: Model) -> tuple[str, ...]:
    if isinstance(model.sizes, SizeList):
        return tuple(f"{width}x{height}" for width, height in model.sizes.sizes)
    return tuple(size for size in _COMMON_SIZES if _allowed(model.sizes, size))


def _allowed(rule: FreeSize, size: str) -> bool:
    width, _x, height = size.partition("x")
    return rule.allows(int(width), int(height))


def _options(model: Model, options: tuple[str, ...] | None, otherwise: tuple[str, ...]) -> OptionChoices:
    """What the model takes; of a model that is not known, the usual values."""
    if options is None or not model.is_known:
        return OptionChoices(options or otherwise)
    if not options:
        return OptionChoices(disabled_reason=_("{model} does not take this.").format(model=model.name))
    return OptionChoices(options)


def _compression(model: Model, output_format: str) -> OptionChoices:
    formats = _options(model, model.output_formats, ("png", "jpeg", "webp"))
    if formats.disabled_reason:
        return formats
    if output_format not in ("jpeg", "webp"):
        return OptionChoices(
            disabled_reason=_("Only jpeg and webp are compressed with loss; choose one of them as the format first.")
        )
    return OptionChoices()


def _previews(model: Model, provider: Provider) -> OptionChoices:
    if not provider.streams:
        return OptionChoices(disabled_reason=_("{provider} sends no previews.").format(provider=provider.title))
    if not model.streams:
        return OptionChoices(disabled_reason=_("{model} sends no previews.").format(model=model.name))
    return OptionChoices()


def _at(provider: Provider, name: str, choice: OptionChoices) -> OptionChoices:
    """What of a choice the provider leaves: a field that it refuses or ignores cannot be set."""
    field = name.replace("-", "_")
    if choice.disabled_reason:
        return choice
    if reason := provider.rejected.get(field):
        told = _("{provider} does not take this: {reason}.")
        return OptionChoices(disabled_reason=told.format(provider=provider.title, reason=_(reason)))
    if reason := provider.ignored.get(field):
        told = _("{provider} ignores this: {reason}.")
        return OptionChoices(disabled_reason=told.format(provider=provider.title, reason=_(reason)))
    return OptionChoices(tuple(value for value in choice.values if not _refused(provider.rejected, field, value)))


def _refused(rejected: Mapping[str, str], field: str, value: str) -> bool:
    return f"{field}={value}" in rejected
