"""The panel of Edit with Prompt…: a window beside the image that stays open from one edit to the next."""

from plugin.panel.opening import open_panel, show_panel
from plugin.panel.window import Repeated

__all__ = ["Repeated", "open_panel", "show_panel"]
