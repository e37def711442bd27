"""What the plug-in asks about the built-in engine, before a click."""

from collections.abc import Mapping
from typing import Any

from lib.endpoint.engine.errors import Refused
from lib.endpoint.engine.prompt import parse_prompt
from lib.translation import _


def check_prompt(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """Whether the built-in engine understands a prompt: {"refusal": a sentence, or None}."""
    try:
        parse_prompt(message["prompt"])
    except Refused:
        return {"refusal": _("The built-in engine has no model and does not understand this. Choose another provider.")}
    return {"refusal": None}
