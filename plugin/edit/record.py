"""The record of an edit that a layer keeps: what it takes to do the same edit again.

It travels in a file, so it holds no path, no key and nothing that is the user's own; and what is read is data that
anybody may have made: only fields that an edit knows are read, each of its own kind, and checked as arguments are.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lib.translation import _, ngettext
from plugin.edit.arguments import EDIT_ARGUMENTS, defaults
from plugin.edit.options import Options, read
from plugin.errors import BadArguments

LARGEST = 1 << 20
VERSION = 1
_LONGEST = {"prompt": 32_000}
_LONGEST_TEXT = 200
_MOST_LAYERS = 16
_REQUEST = (
    "prompt", "n", "size", "quality", "background", "moderation", "input-fidelity", "output-format",
    "output-compression", "stream", "partial-images",
)  # fmt: skip
_OPTIONS = ("sample-merged", "context", "largest-size", "fit")
# Written for people who read the record; the layer's mask has them already.
_MASK_OPTIONS = ("feather", "grow")
# Fields of a request that stay with the user who gave them.
_PRIVATE_FIELDS = ("extra", "user")


class BadRecord(ValueError):
    """The record cannot be used; the text is for the user."""


@dataclass(frozen=True)
class LayerName:
    """A layer that the edit used: its name, and the number that the image keeps for it (0: none)."""

    name: str
    tattoo: int


@dataclass(frozen=True)
class Again:
    """The same edit once more: its arguments, the layers that it used, and what a record does not carry, in words.

    Grow and feather are already in the layer's mask, which becomes the selection: they are not asked for again.
    `selected` is whether a selection had said what to change; version 0.1 did not write that down.
    """

    values: dict[str, Any]
    selected: bool
    edited: LayerName | None
    references: tuple[LayerName, ...]
    other_references: int
    notes: tuple[str, ...]


def edit_record(options: Options, sources: Mapping[str, Any]) -> dict[str, Any]:
    """Return what it takes to do an edit again; `read_record` reads it back."""
    request = {name: value for name, value in options.request.items() if name not in _PRIVATE_FIELDS}
    names = [name.replace("-", "_") for name in (*_OPTIONS, *_MASK_OPTIONS)]
    return {
        "version": VERSION,
        "request": request,
        "options": {name: getattr(options, name) for name in names},
        "left_out": [name for name in _PRIVATE_FIELDS if name in options.request],
        **sources,
    }


def layer_record(options: Options, report: Mapping[str, Any], sources: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record of a new layer: the edit, and what its report says that may travel in a file."""
    return {**edit_record(options, sources), **shareable_report(report)}


def shareable_report(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of a report may travel in a file: no path, no timing."""
    return {key: value for key, value in report.items() if key not in ("job", "seconds")}


def read_record(data: bytes) -> Again:
    """What a parasite says; raises BadRecord, naming all that is wrong."""
    record = _object_in(data)
    problems: list[str] = []
    found = _fields(record.get("request"), _REQUEST, problems) | _fields(record.get("options"), _OPTIONS, problems)
    found |= _fields(record, ("provider", "model"), problems)
    if found.get("background") == "opaque":
        found["background"] = ""
    values = defaults() | found
    try:
        read(values, {})
    except BadArguments as error:
        problems += error.problems
    if problems:
        told = _("What this layer tells of its making cannot be used: {problems}")
        raise BadRecord(told.format(problems=" ".join(problems)))
    references = _object(record.get("references"))
    return Again(
        values,
        record.get("selected") is True,
        _layer(record.get("edited")),
        tuple(filter(None, map(_layer, _list(references.get("layers"))[:_MOST_LAYERS]))),
        _count(references.get("others")),
        _left_out(record),
    )


def missing_references(count: int) -> str:
    """The sentence for references that are not in the image any more, or never were; empty where there is none."""
    if not count:
        return ""
    return ngettext(
        "{count} reference picture of that edit is not in this image; add it again.",
        "{count} reference pictures of that edit are not in this image; add them again.",
        count,
    ).format(count=count)


def _object_in(data: bytes) -> dict[str, Any]:
    broken = BadRecord(_("What this layer tells of its making cannot be read. Start a new edit instead."))
    if len(data) > LARGEST:
        raise broken
    try:
        record = json.loads(data)
    except (ValueError, RecursionError):
        raise broken from None
    if not isinstance(record, dict) or not isinstance(record.get("request"), dict):
        raise broken
    if record.get("version") != VERSION:
        told = _("This layer was made by another version of Generative Edit, and cannot be repeated by this one.")
        raise BadRecord(f"{told} {_('Start a new edit instead.')}")
    return record


def _fields(source: object, names: tuple[str, ...], problems: list[str]) -> dict[str, Any]:
    """The named arguments that an object holds, by the names that GIMP knows; one of another kind is a problem."""
    kinds = {argument.name: type(argument.default) for argument in EDIT_ARGUMENTS}
    found = {}
    for name in names:
        value = _object(source).get(name.replace("-", "_"))
        if value is None:
            continue
        if name in ("context", "largest-size") and _count(value):
            value = str(value)
        if _is_kind(value, kinds[name]) and len(str(value)) <= _LONGEST.get(name, _LONGEST_TEXT):
            found[name] = value
        else:
            problems.append(_("{name} is damaged.").format(name=name))
    return found


def _is_kind(value: object, kind: type) -> bool:
    """JSON's true is no number here, NaN neither, and a text must be one that can be shown and sent."""
    if kind is str:
        return isinstance(value, str) and _is_whole(value)
    if kind is float:
        return type(value) in (int, float) and math.isfinite(value)  # type: ignore[arg-type]
    return type(value) is kind


def _is_whole(text: str) -> bool:
    try:
        return "\0" not in text and bool(text.encode() or True)
    except UnicodeEncodeError:
        return False


def _left_out(record: Mapping[str, Any]) -> tuple[str, ...]:
    """Fields that only the user may give: an endpoint may do anything with them."""
    names = _list(record.get("left_out"))
    left = [name for name in ("extra", "user") if name in names or record["request"].get(name)]
    if not left:
        return ()
    return (_("Not taken over from the layer: {names}.").format(names=", ".join(left)),)


def _layer(value: object) -> LayerName | None:
    told = _object(value)
    name, tattoo = told.get("name"), told.get("tattoo")
    if not isinstance(name, str) or len(name) > _LONGEST_TEXT:
        return None
    return LayerName(name, _count(tattoo))


def _count(value: object) -> int:
    return value if type(value) is int and 0 < value < 2**31 else 0


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
