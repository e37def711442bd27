"""Edit Again…: repeat the edit recorded in a layer, in the area that it covers.

The image is not touched before the result arrives: one undo step then inserts it and hides the previous one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gi.repository import Gimp

from lib.api.text import sentences
from lib.translation import _
from plugin.edit.arguments import defaults
from plugin.edit.options import checked
from plugin.edit.record import LARGEST, BadRecord, EditRecord, LayerName, missing_references, read_record
from plugin.edit.run import Outcome, Progress, run
from plugin.edit.task import check_quick_mask, prepare
from plugin.errors import EditFailed
from plugin.expect import expect
from plugin.pixels.export import opaque_area
from plugin.pixels.insert import PARASITE
from plugin.pixels.selection import NOTHING_SELECTED, Selection
from plugin.worker.installation import worker_python


@dataclass(frozen=True)
class PreviousEdit:
    """An edit that can be repeated.

    `result` is its layer, or the group of its several results; `selection` the area that it changed; `layers` the
    layers that it used, without the markup. `missing` says what is no longer in the image, "" where nothing is.
    """

    result: Gimp.Layer
    selection: Selection
    record: EditRecord
    layers: list[Gimp.Layer]
    missing: str


def find_previous_edit(image: Gimp.Image, layers: Iterable[Gimp.Layer]) -> PreviousEdit:
    """Return the edit whose result is one of these layers; raise EditFailed where none can be repeated."""
    check_quick_mask(image)
    layer = next((each for each in _with_children(layers) if _is_result(each)), None)
    if layer is None:
        message = _("This layer was not made by Generative Edit.")
        raise EditFailed(f"{message} {_('Select a layer that was, or use Edit with Prompt.')}")
    try:
        record = read_record(_parasite_data(layer))
    except BadRecord as error:
        raise EditFailed(str(error)) from None
    result = _whole_result(layer)
    selection = _edited_area(image, layer, record)
    edited = _layer_named(image, record.edited, result) or _layer_below(image, result)
    if edited is None:
        message = _("The layer that was edited is no longer in this image.")
        raise EditFailed(f"{message} {_('Select another layer and use Edit with Prompt.')}")
    references = [_layer_named(image, name, result) for name in record.references]
    present = [layer for layer in references if layer]
    missing = missing_references(len(references) - len(present) + record.other_references)
    markup = _layer_named(image, record.markup, result)
    if record.markup and markup is None:
        missing = sentences(missing, _("The markup layer of that edit is not in this image."))
    record = replace(record, values=record.values | {"markup": markup.get_name() if markup else ""})
    return PreviousEdit(result, selection, record, [edited, *present], missing)


def repeat_edit(image: Gimp.Image, layers: list[Gimp.Layer], values: dict[str, Any], progress: Progress) -> Outcome:
    """Repeat the edit of a layer without a window; arguments that are not at their defaults replace the recorded ones.

    One undo step, which also hides the previous result. Raises BadArguments, EditFailed or EditCancelled.
    """
    previous = find_previous_edit(image, layers)
    if previous.missing:
        raise EditFailed(previous.missing)
    changes = {name: value for name, value in values.items() if value != defaults()[name]}
    options = checked(previous.record.values | changes)
    task = prepare(image, previous.layers, options, previous.selection, previous.result)
    outcome = run(image, task, options, worker_python(), progress)
    outcome.report["notes"] = [*outcome.report["notes"], *previous.record.notes]
    return outcome


def _is_result(layer: Gimp.Item) -> bool:
    """Return whether a layer carries a record. The layer “Before” of version 0.1 has "null", and is no result."""
    parasite = layer.get_parasite(PARASITE)
    return parasite is not None and (parasite.size != len("null") or _parasite_data(layer) != b"null")


def _parasite_data(layer: Gimp.Item) -> bytes:
    """Return the parasite's bytes; one more byte than is allowed, without copying, where it is larger than that."""
    parasite = layer.get_parasite(PARASITE)
    if parasite.size > LARGEST:
        return bytes(LARGEST + 1)
    return bytes(value & 0xFF for value in parasite.get_data())


def _with_children(layers: Iterable[Gimp.Item]) -> Iterator[Gimp.Layer]:
    for layer in layers:
        if isinstance(layer, Gimp.Layer):
            yield layer
            if layer.is_group():
                yield from _with_children(layer.get_children())


def _edited_area(image: Gimp.Image, layer: Gimp.Layer, record: EditRecord) -> Selection:
    """Return the area that the edit changed: the layer's mask or, once that was applied, its opaque pixels.

    An edit without a selection has none. Raises EditFailed where the area is outside the image.
    """
    if layer.get_mask() is None and not record.has_selection:
        return NOTHING_SELECTED
    area = opaque_area(image, layer)
    if area.bounds is None:
        message = _("The area that was edited is no longer in this image.")
        raise EditFailed(f"{message} {_('Select another layer and use Edit with Prompt.')}")
    return area


def _whole_result(layer: Gimp.Layer) -> Gimp.Layer:
    """Return the group of a layer where it holds only results, else the layer itself."""
    parent = layer.get_parent()
    if parent and all(_is_result(child) for child in parent.get_children()):
        return expect(Gimp.Layer, parent)
    return layer


def _layer_named(image: Gimp.Image, name: LayerName | None, result: Gimp.Layer) -> Gimp.Layer | None:
    """Return the layer with both the name and the tattoo, else with the name, else with the tattoo; None for no match.

    A tattoo may belong to a different layer in another image. The result and its children never match.
    """
    if name is None:
        return None
    by_name = image.get_layer_by_name(name.name)
    by_tattoo = image.get_layer_by_tattoo(name.tattoo) if name.tattoo else None
    if by_tattoo and by_tattoo.get_name() == name.name:
        by_name = by_tattoo
    excluded = {each.get_id() for each in _tree(result)}
    return next((layer for layer in (by_name, by_tattoo) if layer and layer.get_id() not in excluded), None)


def _layer_below(image: Gimp.Image, result: Gimp.Layer) -> Gimp.Layer | None:
    """Return the next layer below a result that is not a result and holds none."""
    parent = result.get_parent()
    siblings: Sequence[Gimp.Item] = parent.get_children() if parent else image.get_layers()
    lower = siblings[image.get_item_position(result) + 1 :]
    return next((expect(Gimp.Layer, each) for each in lower if not any(map(_is_result, _tree(each)))), None)


def _tree(layer: Gimp.Item) -> Iterator[Gimp.Layer]:
    return _with_children([layer])
