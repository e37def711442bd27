"""Content-aware fill with numpy alone: no model, no weights."""

from .fill import Cancelled, NothingToCopyFrom, fill

__all__ = ["Cancelled", "NothingToCopyFrom", "fill"]
