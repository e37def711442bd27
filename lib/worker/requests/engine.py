"""The request about prompts for the built-in engine."""

from collections.abc import Mapping
from typing import Any

from lib.endpoint.engine.errors import Refused
from lib.endpoint.engine.prompt import parse_prompt


def check_prompt(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """Answer whether the built-in engine understands a prompt.

    The answer is {"refusal": a sentence or None, "suggestion": a prompt that it could follow instead, or None}.
    """
    try:
        parse_prompt(message["prompt"])
    except Refused as refused:
        return {"refusal": refused.message, "suggestion": refused.suggestion}
    return {"refusal": None, "suggestion": None}
