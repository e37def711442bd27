"""The built-in engine: edits pictures by a prompt with no model, and refuses what it does not understand."""

from lib.endpoint.engine.edit import Result, edit
from lib.endpoint.engine.errors import Refused

__all__ = ["Refused", "Result", "edit"]
