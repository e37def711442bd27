"""Content-aware fill with numpy alone: no model, no weights."""

from .fill import NothingToCopyFrom, fill

__all__ = ["NothingToCopyFrom", "fill"]
