"""Settings…: a window with a page each for providers, what an edit starts with, cost, and what is kept."""

from plugin.settings_dialog.window import open_settings, run_settings

__all__ = ["open_settings", "run_settings"]
