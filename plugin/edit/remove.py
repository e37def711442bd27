"""Remove Selection: an edit without a dialog, by the provider of the last edit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gi.repository import Gimp

from lib.settings import last_used
from lib.translation import _
from plugin.edit.arguments import REMOVE_ARGUMENTS, defaults, set_values, with_settings
from plugin.edit.options import Options, read
from plugin.edit.task import check_quick_mask
from plugin.errors import EditFailed


def removal(values: Mapping[str, Any]) -> Options:
    """Return the options of a removal; raise BadArguments."""
    return read(defaults() | dict(values) | {"prompt": "remove"})


def check_selected(image: Gimp.Image) -> None:
    """Raise EditFailed where nothing is selected, as nobody would want to remove a whole layer this way."""
    check_quick_mask(image)
    if Gimp.Selection.is_empty(image):
        raise EditFailed(_("Nothing is selected. Select what to remove, then try again."))


def start_with_last_provider(config: Gimp.ProcedureConfig) -> dict[str, Any]:
    """Set the provider and model last used in a window, and the settings for the rest; return all values."""
    provider, model = last_used.load()
    values = with_settings(REMOVE_ARGUMENTS) | {"provider": provider, "model": model}
    set_values(config, values)
    return values
