"""The values that a window offers for each option, and why an option is disabled, by model and provider."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lib.api.models import FreeSize, Model, SizeList, SizeRule
from lib.api.providers import Provider
from lib.translation import _

_COMMON_SIZES = ("1024x1024", "1536x1024", "1024x1536", "2048x2048", "3072x2048", "2048x3072", "3840x2160")
_COMMON_QUALITIES = ("low", "medium", "high", "auto")


@dataclass(frozen=True)
class OptionChoices:
    """The values of one option besides its default, and the reason why it is disabled (None: it is enabled)."""

    values: tuple[str, ...] = ()
    disabled_reason: str | None = None


def choices(model: Model, provider: Provider, output_format: str = "") -> dict[str, OptionChoices]:
    """Return the choices of each option by its argument's name; `output_format` is the current one."""
    offered = {
        "size": OptionChoices(_sizes(provider.sizes(model.sizes))),
        "quality": _options(model, model.qualities, _COMMON_QUALITIES),
        "background": _options(model, model.backgrounds, ("opaque", "transparent", "auto")),
        "complexity": _options(model, model.complexities, ("low", "medium", "high")),
        "input-fidelity": _options(model, model.input_fidelities, ("high", "low")),
        "output-format": _options(model, model.output_formats, ("png", "jpeg", "webp")),
        "output-compression": _compression(model, output_format),
        "moderation": _options(model, ("auto", "low") if model.moderation else (), ()),
        "partial-images": _previews(model, provider),
        "user": OptionChoices(),
    }
    return {name: _at_provider(provider, name, choice) for name, choice in offered.items()}


def accepted(
    values: Mapping[str, Any], offered: Mapping[str, OptionChoices], defaults: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the values of an edit as `supported` does; previews need a stream."""
    result = supported(values, offered, defaults)
    result["stream"] = bool(result["partial-images"])
    return result


def supported(
    values: Mapping[str, Any], offered: Mapping[str, OptionChoices], defaults: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the values, with the default for each that is disabled or not offered.

    Sizes are free text and stay as they are; planning the frame reports an invalid one.
    """
    result = dict(values)
    for name, choice in offered.items():
        listed = isinstance(values[name], str) and name != "size" and choice.values
        if choice.disabled_reason or (listed and values[name] not in ("", *choice.values)):
            result[name] = defaults[name]
    return result


def _sizes(rule: SizeRule) -> tuple[str, ...]:
    if isinstance(rule, SizeList):
        return tuple(f"{width}x{height}" for width, height in rule.sizes)
    return tuple(size for size in _COMMON_SIZES if _allowed(rule, size))


def _allowed(rule: FreeSize, size: str) -> bool:
    width, _x, height = size.partition("x")
    return rule.allows(int(width), int(height))


def _options(model: Model, options: tuple[str, ...] | None, common: tuple[str, ...]) -> OptionChoices:
    """Return the model's own options, or the common ones for an unknown model."""
    if options is None or not model.is_known:
        return OptionChoices(options or common)
    if not options:
        return OptionChoices(disabled_reason=_("{model} does not support this.").format(model=model.name))
    return OptionChoices(options)


def _compression(model: Model, output_format: str) -> OptionChoices:
    formats = _options(model, model.output_formats, ("png", "jpeg", "webp"))
    if formats.disabled_reason:
        return formats
    if output_format not in ("jpeg", "webp"):
        return OptionChoices(
            disabled_reason=_("Only JPEG and WebP have this setting. Choose one of them as the output format first.")
        )
    return OptionChoices()


def _previews(model: Model, provider: Provider) -> OptionChoices:
    if not provider.streams:
        return OptionChoices(disabled_reason=_("{provider} does not send previews.").format(provider=provider.title))
    if not model.streams:
        return OptionChoices(disabled_reason=_("{model} does not send previews.").format(model=model.name))
    return OptionChoices()


def _at_provider(provider: Provider, name: str, choice: OptionChoices) -> OptionChoices:
    """Return the choices that a provider supports; a field that it refuses or ignores is disabled."""
    field = name.replace("-", "_")
    if choice.disabled_reason:
        return choice
    if reason := provider.rejected.get(field):
        message = _("{provider} does not support this: {reason}.")
        return OptionChoices(disabled_reason=message.format(provider=provider.title, reason=_(reason)))
    if reason := provider.ignored.get(field):
        message = _("{provider} ignores this: {reason}.")
        return OptionChoices(disabled_reason=message.format(provider=provider.title, reason=_(reason)))
    return OptionChoices(tuple(value for value in choice.values if not _is_rejected(provider.rejected, field, value)))


def _is_rejected(rejected: Mapping[str, str], field: str, value: str) -> bool:
    return f"{field}={value}" in rejected
