"""The edit that a click on Generate in Extend Canvas would send."""

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
from plugin.edit.draft import Draft, estimate, provider_and_model
from plugin.edit.options import read
from plugin.errors import BadArguments
from plugin.extend.extension import Extension
from plugin.extend.side_amounts import PIXELS, SIDES, canvas_length, parse_amount
from plugin.extend.task import options_of, prepare


def selected_provider_and_model(values: Mapping[str, Any]) -> tuple[Provider, Model]:
    """Return the provider and the model of the values; raise BadArguments for an unknown provider."""
    selected = {name: values[name] for name in ("provider", "model")}
    return provider_and_model(read({**defaults(), **selected}))


def draft(image: Gimp.Image, layers: Sequence[Gimp.Layer], values: Mapping[str, Any]) -> Draft:
    """Return the edit that the values describe; raise BadArguments or EditFailed if it cannot be sent."""
    if not any(text.strip() for text in sides(values)):
        raise BadArguments([_("Enter how far to extend at least one side, or drag an edge of the canvas above.")])
    provider, model = selected_provider_and_model(values)
    offered = choices(model, provider, values["output-format"])
    supported = accepted({**defaults(), **values}, offered, defaults())
    options = options_of(image, supported)
    task = prepare(image, layers, sides(supported), options)
    cost = estimate(options, task, model, len(layers))
    return Draft(image, layers, options, task, provider, model, cost)


def extension_to_draw(canvas: Size, values: Mapping[str, Any]) -> Extension:
    """Return the extension for the drawing, in which a side with an invalid amount does not grow."""
    pixels = (int(parse_amount(values[name], PIXELS, canvas_length(name, canvas))) for name in SIDES)
    return Extension(canvas, *pixels)
