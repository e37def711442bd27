"""Opens the panel of an image, or raises the one that is open already."""

from __future__ import annotations

from collections.abc import Sequence

import gi

gi.require_version("GimpUi", "3.0")
from gi.repository import Gimp, GimpUi

from plugin.arguments import defaults, start_with_settings, values_of
from plugin.panel.single_window import Place, single_window
from plugin.panel.window import Panel, Repeated

_FIRST_PREVIEWS = 2


def open_panel(
    procedure: Gimp.Procedure, config: Gimp.ProcedureConfig, image: Gimp.Image, layers: Sequence[Gimp.Layer]
) -> bool:
    """Shows the panel with the values of the last time, or raises the one that is open.

    `layers` are in the order in which they are sent. Returns whether anything was generated.
    """
    with single_window(image) as place:
        if place is None:
            return False
        if values_of(config) == defaults():
            # Never used: previews are what makes an edit appear. Whoever switches them off is remembered.
            config.set_property("partial-images", _FIRST_PREVIEWS)
        start_with_settings(config)
        return show_panel(procedure, config, image, layers, place)


def show_panel(
    procedure: Gimp.Procedure,
    config: Gimp.ProcedureConfig,
    image: Gimp.Image,
    layers: Sequence[Gimp.Layer],
    place: Place,
    repeated: Repeated | None = None,
) -> bool:
    """Shows a new panel with the config's values until it is closed; returns whether anything was generated.

    `repeated` is an earlier edit whose area is sent until the user selects another one.
    """
    GimpUi.init("generative-edit")
    panel = Panel(procedure, config, image, layers, repeated)
    place.register(panel.raise_window)
    panel.run()
    return panel.generated
