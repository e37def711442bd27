"""What each setting can be: a value is data that anybody may have written into the file."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from lib.translation import _

LONGEST_NAME = 200
LARGEST_RADIUS = 500
"""By how many pixels a selection can grow or be softened: memory and time grow with both."""
CONTEXT_WORDS = ("auto", "layer", "canvas")
_MOST_DIGITS = 5


def checked(name: str, value: object) -> Any:
    """The value of this field as it is kept; raises ValueError with a sentence."""
    reader = _READERS.get(name)
    if reader is None:
        raise ValueError(_("There is no setting “{name}”.").format(name=name))
    try:
        return reader(value)
    except (TypeError, ValueError, OverflowError):
        told = _("The setting {name} cannot be {value}.")
        raise ValueError(told.format(name=name, value=repr(value)[:60])) from None


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > LONGEST_NAME or not value.isprintable():
        raise ValueError
    return value.strip()


def _context(value: object) -> str:
    text = _text(value) or "auto"
    if text not in CONTEXT_WORDS and not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise ValueError
    return text


def _number(most: float) -> Callable[[object], float]:
    def read(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
            raise ValueError
        return float(value)

    return read


def _whole(most: int, least: int = 0) -> Callable[[object], int]:
    def read(value: object) -> int:
        number = value if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
        if not least <= number <= most or number != int(number):
            raise ValueError
        return int(number)

    return read


def _switch(value: object) -> bool:
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
    "context": _context,
    "feather": _number(LARGEST_RADIUS),
    "grow": _whole(LARGEST_RADIUS),
    "history_days": _whole(36_500),
    "history_megabytes": _whole(100_000_000),
    "log_prompts": _switch,
    "confirmed": _names,
}
