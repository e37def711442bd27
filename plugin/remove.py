"""Remove Selection: one click, no dialog, at the provider of the last edit; and the question before it costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gi.repository import Gimp

from lib import last_used
from lib.translation import _
from plugin.arguments import Options, defaults, read
from plugin.task import EditCancelled, EditFailed


def removal(values: Mapping[str, Any]) -> Options:
    """The options of a removal; raises BadArguments."""
    return read(defaults() | dict(values) | {"prompt": "remove"})


def check_selected(image: Gimp.Image) -> None:
    """Raises EditFailed where nothing is selected: the whole layer is hardly meant."""
    if Gimp.Selection.is_empty(image):
        raise EditFailed(_("Nothing is selected. Select what shall be removed, then try again."))


def use_last_provider(config: Gimp.ProcedureConfig) -> None:
    """Sets provider and model to those of the last edit from a window."""
    for name, value in zip(("provider", "model"), last_used.load(), strict=True):
        config.set_property(name, value)


def ask_where_it_costs(image: Gimp.Image, layers: Sequence[Gimp.Layer], options: Options) -> None:
    """Asks before an edit without a dialog that costs more than agreed, or nobody knows what; raises EditCancelled.

    Only where GIMP has a window: a script sets max-cost instead.
    """
    if Gimp.default_display() is None:
        return
    import gi

    gi.require_version("GimpUi", "3.0")
    from gi.repository import GimpUi

    # Only here, as it needs a display.
    from plugin.panel.consent import may_send
    from plugin.panel.draft import draft

    GimpUi.init("generative-edit")
    if not may_send(draft(image, layers, options), None, unknown_asks=True):
        raise EditCancelled
