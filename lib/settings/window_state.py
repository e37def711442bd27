"""How the user left the windows: which groups of options are open, and each window's place and size."""

from __future__ import annotations

from typing import Any

from lib.settings import settings
from lib.storage.stored_json import StoredJson

_VERSION = 1
_LARGEST = 100_000
Geometry = tuple[int, int, int, int]


def group_is_open(name: str) -> bool:
    """Return whether the user left a group of options open; they are closed at first."""
    return bool(_object("groups").get(name) is True)


def remember_group(name: str, is_open: bool) -> None:
    """Store whether a group is open; raise OSError if that fails."""
    _file().change(lambda data: data | {"groups": _object("groups") | {name: is_open}})


def geometry(window: str) -> Geometry | None:
    """Return x, y, width and height of a window when it was last closed; None if that is unknown."""
    numbers = _object("windows").get(window)
    if not isinstance(numbers, list) or len(numbers) != 4:
        return None
    if not all(type(each) is int and abs(each) < _LARGEST for each in numbers):
        return None
    x, y, width, height = numbers
    return (x, y, width, height) if width > 0 and height > 0 else None


def remember_geometry(window: str, place: Geometry) -> None:
    """Store x, y, width and height of a window; raise OSError if that fails."""
    _file().change(lambda data: data | {"windows": _object("windows") | {window: list(place)}})


def _object(name: str) -> dict[str, Any]:
    value = _file().read().data.get(name)
    return value if isinstance(value, dict) else {}


def _file() -> StoredJson:
    return StoredJson(settings.data_folder() / "windows.json", _VERSION)
