"""How much is tried: a brief run, as `tests/run.py` makes it, tries less of what is tried many times."""

from __future__ import annotations

from typing import Any

from hypothesis import settings


def examples(whole: int, **more: Any) -> settings:
    """Hypothesis's settings for `whole` examples, a fifth of them in a brief run."""
    brief = settings.get_current_profile_name() == "brief"
    return settings(max_examples=max(10, whole // 5) if brief else whole, deadline=None, **more)
