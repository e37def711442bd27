"""The record of an edit that its result carries: everything needed to repeat it.

It travels in a file, so it holds no path, no key and no private data. What is read may have been written by anybody:
only known fields are read, each is checked for its type, and all are checked as arguments are.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from lib.translation import _, ngettext
from plugin.edit.arguments import EDIT_ARGUMENTS, defaults
from plugin.edit.options import Options, read
from plugin.errors import BadArguments
from plugin.pixels import source_type

LARGEST = 1 << 20
VERSION = 1
_LONGEST = {"prompt": 32_000}
_LONGEST_TEXT = 200
_MOST_LAYERS = 16
_REQUEST = (
    "prompt", "n", "size", "quality", "background", "complexity", "moderation", "input-fidelity", "output-format",
    "output-compression", "stream", "partial-images",
)  # fmt: skip
_OPTIONS = (
    "sample-merged", "context", "largest-size", "fit", "match-colour", "light", "detail", "change-mask",
    "describe-area",
)  # fmt: skip
# Written for people who read the record; the layer's mask has them already.
_MASK_OPTIONS = ("feather", "grow")
# Fields of a request that stay with the user who gave them.
_PRIVATE_FIELDS = ("extra", "user")


class BadRecord(ValueError):
    """The record cannot be used; the message is for the user."""


@dataclass(frozen=True)
class LayerName:
    """A layer that the edit used: its name and its tattoo (0: unknown), which is unique within one image."""

    name: str
    tattoo: int


@dataclass(frozen=True)
class EditRecord:
    """A record that was read: the edit's arguments, the layers it used, and notes on what the record does not hold.

    Grow and feather are left out: the layer mask, which becomes the selection, has them already. `has_selection` says
    whether the edit had a selection; version 0.1 did not record that.
    """

    values: dict[str, Any]
    has_selection: bool
    edited: LayerName | None
    markup: LayerName | None
    references: tuple[LayerName, ...]
    other_references: int
    notes: tuple[str, ...]


def edit_record(options: Options, sources: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record of an edit as JSON data; `read_record` reads it."""
    request = {name: value for name, value in options.request.items() if name not in _PRIVATE_FIELDS}
    names = [name.replace("-", "_") for name in (*_OPTIONS, *_MASK_OPTIONS)]
    return {
        "version": VERSION,
        "request": request,
        "options": {name: getattr(options, name) for name in names},
        "left_out": [name for name in _PRIVATE_FIELDS if name in options.request],
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),  # noqa: UP017 - GIMP may have Python 3.10
        **({source_type.RECORD_KEY: source_type.term_for(options.provider)} if options.provenance else {}),
        **sources,
    }


def layer_record(options: Options, report: Mapping[str, Any], sources: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record for a result's layer: the edit, and the shareable part of its report."""
    return {**edit_record(options, sources), **shareable_report(report)}


def shareable_report(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a report that may travel in a file: no path and no timing."""
    return {key: value for key, value in report.items() if key not in ("job", "seconds")}


def read_record(data: bytes) -> EditRecord:
    """Return the record in a parasite's bytes; raise BadRecord with every problem."""
    record = _decode(data)
    problems: list[str] = []
    values = defaults()
    values |= _arguments(record.get("request"), _REQUEST, problems)
    values |= _arguments(record.get("options"), _OPTIONS, problems)
    values |= _arguments(record, ("provider", "model"), problems)
    if values["background"] == "opaque":
        values["background"] = ""
    try:
        read(values, {})
    except BadArguments as error:
        problems += error.problems
    if problems:
        message = _("The edit recorded in this layer cannot be repeated: {problems}")
        raise BadRecord(message.format(problems=" ".join(problems)))
    references = _object(record.get("references"))
    return EditRecord(
        values,
        record.get("selected") is True,
        _layer_name(record.get("edited")),
        _layer_name(record.get("markup")),
        tuple(filter(None, map(_layer_name, _list(references.get("layers"))[:_MOST_LAYERS]))),
        _count(references.get("others")),
        _notes(record),
    )


def missing_references(count: int) -> str:
    """Return a sentence on `count` references of the edit that are not in the image; "" for none."""
    if not count:
        return ""
    return ngettext(
        "{count} reference picture of that edit is not in this image. Add it again.",
        "{count} reference pictures of that edit are not in this image. Add them again.",
        count,
    ).format(count=count)


def _decode(data: bytes) -> dict[str, Any]:
    unreadable = BadRecord(_("The edit recorded in this layer cannot be read. Use Edit with Prompt instead."))
    if len(data) > LARGEST:
        raise unreadable
    try:
        record = json.loads(data)
    except (ValueError, RecursionError):
        raise unreadable from None
    if not isinstance(record, dict) or not isinstance(record.get("request"), dict):
        raise unreadable
    if record.get("version") != VERSION:
        message = _("This layer was made with another version of Generative Edit, whose record this one cannot read.")
        raise BadRecord(f"{message} {_('Use Edit with Prompt instead.')}")
    return record


def _arguments(source: object, names: tuple[str, ...], problems: list[str]) -> dict[str, Any]:
    """Return those of the named arguments that an object holds; add a problem for each of the wrong type."""
    kinds = {argument.name: type(argument.default) for argument in EDIT_ARGUMENTS}
    arguments = {}
    for name in names:
        value = _object(source).get(name.replace("-", "_"))
        if value is None:
            continue
        if name in ("context", "largest-size") and _count(value):
            value = str(value)
        if _is_kind(value, kinds[name]) and len(str(value)) <= _LONGEST.get(name, _LONGEST_TEXT):
            arguments[name] = value
        else:
            problems.append(_("{name} is damaged.").format(name=name))
    return arguments


def _is_kind(value: object, kind: type) -> bool:
    """Return whether a JSON value is of an argument's type: true and NaN are not numbers, and text must be valid."""
    if kind is str:
        return isinstance(value, str) and _is_valid_text(value)
    if kind is float:
        return type(value) in (int, float) and math.isfinite(value)  # type: ignore[arg-type]
    return type(value) is kind


def _is_valid_text(text: str) -> bool:
    """Return whether text can be shown and sent: it has no null character and no lone surrogate."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def _notes(record: Mapping[str, Any]) -> tuple[str, ...]:
    """Return a note that names the fields that only the user may set, as an endpoint may do anything with them."""
    left_out = _list(record.get("left_out"))
    names = [name for name in _PRIVATE_FIELDS if name in left_out or record["request"].get(name)]
    if not names:
        return ()
    return (_("Not taken from the earlier edit: {names}.").format(names=", ".join(names)),)


def _layer_name(value: object) -> LayerName | None:
    fields = _object(value)
    name, tattoo = fields.get("name"), fields.get("tattoo")
    if not isinstance(name, str) or not _is_valid_text(name):
        return None
    return LayerName(name, _count(tattoo))


def _count(value: object) -> int:
    """Return a positive 32-bit integer; 0 for anything else."""
    return value if type(value) is int and 0 < value < 2**31 else 0


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
