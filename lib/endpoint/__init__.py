"""The embedded endpoint: a server for `POST /v1/images/edits` whose engine needs no model."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lib.endpoint.server import Endpoint as Endpoint

__all__ = ["Endpoint"]


def __getattr__(name: str) -> Any:
    """Import the server on first use, as the engine works without Werkzeug."""
    if name == "Endpoint":
        from lib.endpoint.server import Endpoint

        return Endpoint
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
