"""The amounts by which the sides of a canvas grow, in pixels or percent, and the links between sides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lib.frame.geometry import Size

SIDES = ("left", "top", "right", "bottom")
PIXELS, PERCENT = "pixels", "percent"
UNLINKED, OPPOSITE, ALL = "alone", "opposite", "all"
MAX_PIXELS, MAX_PERCENT = 100_000, 1_000

_OPPOSITE = {"left": "right", "right": "left", "top": "bottom", "bottom": "top"}


def common_unit(texts: Iterable[str]) -> str:
    """Return the unit of all amounts; pixels if they differ or all are empty."""
    amounts = [text.strip() for text in texts if text.strip()]
    return PERCENT if amounts and all(text.endswith("%") for text in amounts) else PIXELS


def parse_amount(text: str, unit: str, length: int) -> float:
    """Return an amount in a unit; `length` is 100 %. Return 0 if the text is not a valid amount."""
    text = text.strip()
    try:
        number = float(text.removesuffix("%"))
    except ValueError:
        return 0.0
    if not 0 <= number <= MAX_PIXELS:
        return 0.0
    if text.endswith("%") == (unit == PERCENT):
        return number
    return round(number * length / 100) if unit == PIXELS else round(100 * number / length, 1)


def format_amount(number: float, unit: str) -> str:
    """Return an amount as the procedure's argument: "" for nothing, "64", "12.5%"."""
    if number <= 0:
        return ""
    return f"{number:.1f}".removesuffix(".0") + "%" if unit == PERCENT else str(round(number))


def canvas_length(name: str, canvas: Size) -> int:
    """Return the width or height of the canvas, which is 100 % for this side."""
    return canvas.width if name in ("left", "right") else canvas.height


def linked_sides(name: str, link: str) -> tuple[str, ...]:
    """Return the other sides that change together with a side."""
    if link == ALL:
        return tuple(other for other in SIDES if other != name)
    return (_OPPOSITE[name],) if link == OPPOSITE else ()


def convert(texts: Mapping[str, str], unit: str, canvas: Size) -> dict[str, str]:
    """Convert the amounts of the sides to another unit."""
    numbers = {name: parse_amount(text, unit, canvas_length(name, canvas)) for name, text in texts.items()}
    return {name: format_amount(number, unit) for name, number in numbers.items()}
