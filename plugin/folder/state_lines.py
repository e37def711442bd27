"""The lines of a run's state as they are read: they lie in the output folder, where anybody may change them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import Any

ENDS = ("done", "failed", "unknown")
"""How a picture's job can have ended."""
Line = dict[str, Any]


def parse_line(data: bytes) -> Line:
    """Return what a line says, without the fields whose values cannot be meant; empty where it is no JSON object."""
    try:
        values = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(values, dict):
        return {}
    line = {name: values[name] for name, is_valid in _FIELDS.items() if name in values and is_valid(values[name])}
    if isinstance(values.get("files"), list):
        line["files"] = list(filter(_is_file, values["files"]))
    if values.get("job") is not None:
        # One that is no folder's name may still stand for a request that was paid for.
        line["job"] = str(values["job"])
    return line


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_name(value: object) -> bool:
    """Return whether this can be the name of a file in the output folder."""
    if not isinstance(value, str) or "\0" in value:
        return False
    path = PurePath(value)
    return bool(path.parts) and not path.anchor and ".." not in path.parts


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_amount(value: object) -> bool:
    return _is_count(value) or (isinstance(value, float) and math.isfinite(value) and value >= 0)


def _is_file(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    return _is_name(value.get("name")) and _is_count(value.get("size")) and _is_text(value.get("sha256"))


def _is_source(value: object) -> bool:
    return isinstance(value, dict) and _is_count(value.get("size")) and _is_text(value.get("sha256"))


def _is_list_of(is_valid: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, list) and all(map(is_valid, value))


_FIELDS: Mapping[str, Callable[[object], bool]] = {
    "version": _is_count,
    "picture": _is_text,
    "output": _is_name,
    "source": _is_source,
    "request": _is_text,
    "state": lambda value: isinstance(value, str) and value in ENDS,
    "outputs": _is_list_of(_is_name),
    "cost": _is_amount,
    "request_ids": _is_list_of(_is_text),
    "provider": _is_text,
    "model": _is_text,
    "seconds": _is_amount,
    "message": _is_text,
}
