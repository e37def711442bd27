"""Settings…: a window with pages for providers and keys, defaults, cost, and history and log."""

from plugin.settings_dialog.window import open_settings, run_settings

__all__ = ["open_settings", "run_settings"]
