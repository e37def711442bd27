"""The question before an edit without a window of its own: Remove Selection, and GIMP's Repeat."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from gi.repository import Gimp

from plugin.errors import EditCancelled

if TYPE_CHECKING:
    from plugin.edit.draft import Draft


def require_consent(draft: Callable[[], Draft]) -> None:
    """Ask before an edit that is expensive or of unknown cost; raise EditCancelled if the user declines.

    Without a display nothing is asked: a script sets max-cost instead. Errors of `draft` are passed on.
    """
    if Gimp.default_display() is None:
        return
    # Imported here, as they need a display.
    from plugin.ui.consent import confirm_send
    from plugin.ui.start import init_windows

    init_windows()
    if not confirm_send(draft(), None, confirm_unknown_cost=True):
        raise EditCancelled
