"""Open the panel of an image, or raise the one that is already open."""

from __future__ import annotations

from collections.abc import Sequence

from gi.repository import Gimp, GLib

from lib.api.text import sentences
from lib.settings import first_time
from lib.translation import _
from plugin.edit import again
from plugin.edit.arguments import defaults, set_values, start_with_settings, values_of
from plugin.errors import EditFailed
from plugin.panel.window import Panel, RepeatTarget
from plugin.ui.single_window import SingleWindow, single_window
from plugin.ui.start import init_windows

_FIRST_PREVIEWS = 2


def open_panel(
    procedure: Gimp.Procedure, config: Gimp.ProcedureConfig, image: Gimp.Image, layers: Sequence[Gimp.Layer]
) -> bool:
    """Show the panel with the values of its last use, or raise the one that is already open.

    `layers` are in the order in which they are sent. Return whether anything was generated.
    """
    with single_window(image) as slot:
        if slot is None:
            return False
        if values_of(config) == defaults():
            # First use: start with previews, which show that the edit progresses. Later the user's own value counts.
            config.set_property("partial-images", _FIRST_PREVIEWS)
        start_with_settings(config)
        config.set_property("recipe", "")  # a script's; the panel's menu sets the options themselves
        config.set_property("markup", "")  # a layer of the image that was edited last
        return _run_panel(procedure, config, image, layers, slot)


def open_again(
    procedure: Gimp.Procedure, config: Gimp.ProcedureConfig, image: Gimp.Image, layers: Sequence[Gimp.Layer]
) -> bool:
    """Show the panel with the request that made a layer, for the area that was selected then.

    Return whether anything was generated; raise EditFailed if the layer stores no such request.
    """
    previous = again.find_previous_edit(image, layers)
    with single_window(image) as slot:
        if slot is None:
            raise EditFailed(_("The window of this image is already open. Close it, then choose Edit Again."))
        set_values(config, previous.record.values)
        notes = sentences(previous.missing, *previous.record.notes)
        if notes:
            Gimp.message(notes)
        repeat_target = RepeatTarget(previous.selection, previous.result)
        return _run_panel(procedure, config, image, previous.layers, slot, repeat_target)


def _run_panel(
    procedure: Gimp.Procedure,
    config: Gimp.ProcedureConfig,
    image: Gimp.Image,
    layers: Sequence[Gimp.Layer],
    slot: SingleWindow,
    repeat_target: RepeatTarget | None = None,
) -> bool:
    """Show a new panel with the config's values until it is closed; return whether anything was generated.

    `repeat_target` is the previous edit whose area is sent until the user selects another one.
    """
    init_windows()
    settings_are_next = first_time.is_first_time() and _welcome()
    panel = Panel(procedure, config, image, layers, repeat_target)
    slot.register(panel.raise_window)
    if settings_are_next:
        GLib.idle_add(panel.open_settings)
    panel.run()
    return panel.generated


def _welcome() -> bool:
    """Ask where edits are made; return whether Settings should be opened for the rest."""
    # Imported here, as it is needed only once.
    from plugin.settings_dialog.first_time import run_first_time

    return run_first_time()
