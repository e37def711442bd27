"""Opens the panel of an image, or raises the one that is open already."""

from __future__ import annotations

from collections.abc import Sequence

import gi

gi.require_version("GimpUi", "3.0")
from gi.repository import Gimp, GimpUi

from lib.api.text import sentences
from lib.translation import _
from plugin.edit import again
from plugin.edit.arguments import defaults, set_values, start_with_settings, values_of
from plugin.errors import EditFailed
from plugin.panel.window import Panel, Repeated
from plugin.ui.single_window import SingleWindow, single_window

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
        return _show(procedure, config, image, layers, place)


def open_again(
    procedure: Gimp.Procedure, config: Gimp.ProcedureConfig, image: Gimp.Image, layers: Sequence[Gimp.Layer]
) -> bool:
    """Shows the panel with the request that a layer came from, for the area that was selected then.

    Returns whether anything was generated; raises EditFailed.
    """
    earlier = again.find(image, layers)
    with single_window(image) as place:
        if place is None:
            raise EditFailed(_("The window for this image is open already. Close it, then use Edit Again."))
        set_values(config, earlier.again.values)
        notes = sentences(earlier.missing, *earlier.again.notes)
        if notes:
            Gimp.message(notes)
        repeated = Repeated(earlier.selection, earlier.shown)
        return _show(procedure, config, image, earlier.inputs, place, repeated)


def _show(
    procedure: Gimp.Procedure,
    config: Gimp.ProcedureConfig,
    image: Gimp.Image,
    layers: Sequence[Gimp.Layer],
    place: SingleWindow,
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
