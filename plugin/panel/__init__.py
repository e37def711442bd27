"""The panel of Edit with Prompt…: a window beside the image that stays open from one edit to the next."""

from plugin.panel.opening import open_panel, show_panel

__all__ = ["open_panel", "show_panel"]
