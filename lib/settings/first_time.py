"""Whether the user has yet to choose where edits are made."""

import os

from lib.settings import last_used, settings, window_state

_NAME = "first-time"


def is_first_time() -> bool:
    """Return whether the user has not chosen a provider yet, in any way, nor skipped the choice."""
    provider = settings.load().provider or last_used.load()[0] or os.environ.get("GENERATIVE_EDIT_PROVIDER")
    return not provider and not window_state.group_is_open(_NAME)


def acknowledge() -> None:
    """Store that the user has been asked; raise OSError if that fails."""
    window_state.remember_group(_NAME, True)
