"""What a click on Extend would send now: the frame, the size, the cost, or why it cannot be sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gi.repository import Gimp

from lib.api.models import Model
from lib.api.providers import Provider
from lib.frame.geometry import Size
from lib.translation import _
from plugin.edit.arguments import defaults, sides
from plugin.edit.choices import accepted, choices
from plugin.edit.draft import Draft, chosen, estimate
from plugin.edit.options import checked
from plugin.errors import BadArguments
from plugin.extend import extending
from plugin.extend.extension import Extension
from plugin.extend.side_amounts import NAMES, PIXELS, amount, length_of


def asked(values: Mapping[str, Any]) -> tuple[Provider, Model]:
    """The provider and the model that would be asked; raises BadArguments where there is no such provider."""
    named = {name: values[name] for name in ("provider", "model")}
    return chosen(checked({**defaults(), **named}))


def draft(image: Gimp.Image, layers: Sequence[Gimp.Layer], values: Mapping[str, Any]) -> Draft:
    """What the values stand for on this image; raises BadArguments or EditFailed where it cannot be sent."""
    if not any(text.strip() for text in sides(values)):
        raise BadArguments([_("Nothing grows yet: say how far at least one side grows, or drag an edge above.")])
    provider, model = asked(values)
    offered = choices(model, provider, values["output-format"])
    taken = accepted({**defaults(), **values}, offered, defaults())
    options = extending.options_of(image, taken)
    task = extending.prepare(image, layers, sides(taken), options)
    cost = estimate(options, task, model, len(layers))
    return Draft(image, layers, options, task, provider, model, cost)


def extension_of(canvas: Size, values: Mapping[str, Any]) -> Extension:
    """The extension for the drawing; a side that is no number does not grow."""
    pixels = (int(amount(values[name], PIXELS, length_of(name, canvas))) for name in NAMES)
    return Extension(canvas, *pixels)
