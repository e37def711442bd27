"""How far the sides of a canvas grow, as a form shows it: one unit for all sides, and which sides follow another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lib.frame.geometry import Size

NAMES = ("left", "top", "right", "bottom")
PIXELS, PERCENT = "pixels", "percent"
ALONE, OPPOSITE, ALL = "alone", "opposite", "all"
MOST_PIXELS, MOST_PERCENT = 100_000, 1_000

_OPPOSITE = {"left": "right", "right": "left", "top": "bottom", "bottom": "top"}


def unit_of(texts: Iterable[str]) -> str:
    """The unit that sides are written in; pixels where they differ or nothing is written."""
    written = [text.strip() for text in texts if text.strip()]
    return PERCENT if written and all(text.endswith("%") for text in written) else PIXELS


def amount(text: str, unit: str, length: int) -> float:
    """What a side's text is in a unit, `length` being the canvas's side; 0 where it is no number."""
    text = text.strip()
    try:
        number = float(text.removesuffix("%"))
    except ValueError:
        return 0.0
    if not 0 <= number <= MOST_PIXELS:
        return 0.0
    if text.endswith("%") == (unit == PERCENT):
        return number
    return round(number * length / 100) if unit == PIXELS else round(100 * number / length, 1)


def text_of(number: float, unit: str) -> str:
    """A side's text, as the procedure takes it: "" for nothing, "64", "12.5%"."""
    if number <= 0:
        return ""
    return f"{number:.1f}".removesuffix(".0") + "%" if unit == PERCENT else str(round(number))


def length_of(name: str, canvas: Size) -> int:
    """The side of the canvas that a percentage of this side is of."""
    return canvas.width if name in ("left", "right") else canvas.height


def followers(name: str, link: str) -> tuple[str, ...]:
    """The sides that change with a side."""
    if link == ALL:
        return tuple(other for other in NAMES if other != name)
    return (_OPPOSITE[name],) if link == OPPOSITE else ()


def in_unit(texts: Mapping[str, str], unit: str, canvas: Size) -> dict[str, str]:
    """The sides written in another unit, as large as they are."""
    return {name: text_of(amount(text, unit, length_of(name, canvas)), unit) for name, text in texts.items()}
