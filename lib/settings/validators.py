"""Validates the values of settings, which are untrusted input: the file can be edited by hand."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from lib.translation import _

LONGEST_NAME = 200
LARGEST_RADIUS = 500
"""The most pixels by which a selection can be grown or feathered; memory and time increase with both."""
CONTEXT_KEYWORDS = ("auto", "layer", "canvas")
_MOST_DIGITS = 5


def validate(name: str, value: object) -> Any:
    """Return the value of a setting in its own type; raise ValueError with a sentence for the user if it is invalid."""
    read = _READERS.get(name)
    if read is None:
        raise ValueError(_("There is no setting “{name}”.").format(name=name))
    try:
        return read(value)
    except (TypeError, ValueError, OverflowError):
        message = _("{value} is not a valid value for the setting “{name}”.")
        raise ValueError(message.format(name=name, value=repr(value)[:60])) from None


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > LONGEST_NAME or not value.isprintable():
        raise ValueError
    return value.strip()


def _context(value: object) -> str:
    text = _text(value) or "auto"
    if text not in CONTEXT_KEYWORDS and not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise ValueError
    return text


def _number(maximum: float) -> Callable[[object], float]:
    def read(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= maximum:
            raise ValueError
        return float(value)

    return read


def _integer(maximum: int) -> Callable[[object], int]:
    def read(value: object) -> int:
        number = value if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
        if not 0 <= number <= maximum or number != int(number):
            raise ValueError
        return int(number)

    return read


def _boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError
    return value


def _names(value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise ValueError
    return tuple(_text(name) for name in value)


_READERS: Mapping[str, Callable[[object], Any]] = {
    "provider": _text,
    "model": _text,
    "confirm_above": _number(1_000_000),
    "monthly_limit": _number(1_000_000),
    "context": _context,
    "feather": _number(LARGEST_RADIUS),
    "grow": _integer(LARGEST_RADIUS),
    "history_days": _integer(36_500),
    "history_megabytes": _integer(100_000_000),
    "log_prompts": _boolean,
    "provenance": _boolean,
    "confirmed": _names,
}
