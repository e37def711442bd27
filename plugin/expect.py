"""What a library hands over, as the type that it always is: the annotations of GTK and libgimp are wider than that."""

from typing import TypeVar

_T = TypeVar("_T")


def expect(kind: type[_T], value: object) -> _T:
    """Return a value that is of this type; raise TypeError where it is not."""
    if not isinstance(value, kind):
        raise TypeError(f"{type(value).__name__}, expected {kind.__name__}")
    return value
