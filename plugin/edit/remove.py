"""Remove Selection: one click, no dialog, at the provider of the last edit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gi.repository import Gimp

from lib.settings import last_used
from lib.translation import _
from plugin.edit.arguments import REMOVE_ARGUMENTS, defaults, set_values, with_settings
from plugin.edit.options import Options, read
from plugin.edit.prepare import check_quick_mask
from plugin.errors import EditFailed


def removal(values: Mapping[str, Any]) -> Options:
    """The options of a removal; raises BadArguments."""
    return read(defaults() | dict(values) | {"prompt": "remove"})


def check_selected(image: Gimp.Image) -> None:
    """Raises EditFailed where nothing is selected: the whole layer is hardly meant."""
    check_quick_mask(image)
    if Gimp.Selection.is_empty(image):
        raise EditFailed(_("Nothing is selected. Select what shall be removed, then try again."))


def set_as_last_time(config: Gimp.ProcedureConfig) -> dict[str, Any]:
    """Sets provider and model to those of the last edit from a window, the rest as Settings say; returns all values."""
    provider, model = last_used.load()
    values = with_settings(REMOVE_ARGUMENTS) | {"provider": provider, "model": model}
    set_values(config, values)
    return values
