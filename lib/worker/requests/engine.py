"""The request about prompts for the built-in engine."""

from collections.abc import Mapping
from typing import Any

from lib.endpoint.engine.errors import Refused
from lib.endpoint.engine.prompt import parse_prompt
from lib.translation import _


def check_prompt(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """Answer whether the built-in engine understands a prompt: {"refusal": a sentence, or None}."""
    try:
        parse_prompt(message["prompt"])
    except Refused:
        return {
            "refusal": _("The built-in engine uses no AI model and can't follow this prompt. Choose another provider.")
        }
    return {"refusal": None}
