"""The question before an edit that has no window of its own: Remove Selection, and what GIMP's Repeat does again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import gi
from gi.repository import Gimp

from plugin.errors import EditCancelled

if TYPE_CHECKING:
    from plugin.edit.draft import Draft


def ask_where_it_costs(draft: Callable[[], Draft]) -> None:
    """Asks before an edit that costs more than agreed, or nobody knows what; raises EditCancelled.

    Only where GIMP has a window: a script sets max-cost instead. Raises also what drafting the edit does.
    """
    if Gimp.default_display() is None:
        return
    gi.require_version("GimpUi", "3.0")
    from gi.repository import GimpUi

    # Only here, as it needs a display.
    from plugin.ui.consent import confirm_send

    GimpUi.init("generative-edit")
    if not confirm_send(draft(), None, unknown_asks=True):
        raise EditCancelled
