"""Narrows values of GTK and libgimp, whose annotations are wider than the types that they return."""

from typing import TypeVar

_T = TypeVar("_T")


def expect(kind: type[_T], value: object) -> _T:
    """Return the value; raise TypeError if it is not of this type."""
    if not isinstance(value, kind):
        raise TypeError(f"{type(value).__name__}, expected {kind.__name__}")
    return value
