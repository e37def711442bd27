"""The embedded endpoint: `POST /v1/images/edits` as a real server, with an engine that needs no model."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lib.endpoint.server import Endpoint as Endpoint

__all__ = ["Endpoint"]


def __getattr__(name: str) -> Any:
    """Load the server only when it is asked for: the engine is usable without Werkzeug."""
    if name == "Endpoint":
        from lib.endpoint.server import Endpoint

        return Endpoint
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
