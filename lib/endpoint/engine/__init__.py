"""The built-in engine: it edits pictures by a prompt without a model, and refuses prompts that it cannot parse."""

from lib.endpoint.engine.edit import Result, edit
from lib.endpoint.engine.errors import Refused

__all__ = ["Refused", "Result", "edit"]
