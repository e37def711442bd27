"""Edit Again…: the same edit once more, from what a layer tells of its making, in the area that it covers.

The image is not touched until the result comes: one undo step then inserts it and hides the earlier one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from gi.repository import Gimp

from lib.translation import _
from plugin.edit.arguments import defaults
from plugin.edit.options import checked
from plugin.edit.prepare import check_quick_mask, prepare
from plugin.edit.record import LARGEST, Again, BadRecord, LayerName, missing_references, read_record
from plugin.edit.task import Outcome, Progress, run
from plugin.errors import EditFailed
from plugin.expect import expect
from plugin.pixels.export import opaque_area
from plugin.pixels.insert import PARASITE
from plugin.pixels.selection import NOTHING_SELECTED, Selection
from plugin.worker.installation import worker_python


@dataclass(frozen=True)
class Earlier:
    """An earlier edit: its result (the group, where it is one of several), the area that it changed, what it used."""

    shown: Gimp.Layer
    selection: Selection
    again: Again
    inputs: list[Gimp.Layer]
    missing: str


def find(image: Gimp.Image, layers: Iterable[Gimp.Layer]) -> Earlier:
    """The edit that one of these layers came from; raises EditFailed where there is none, or it cannot be repeated."""
    check_quick_mask(image)
    layer = next((each for each in _with_children(layers) if _is_result(each)), None)
    if layer is None:
        what = _("This layer was not made by Generative Edit.")
        raise EditFailed(f"{what} {_('Select a layer that was, or use Edit with Prompt.')}")
    try:
        again = read_record(_data(layer))
    except BadRecord as error:
        raise EditFailed(str(error)) from None
    shown = _result_of(layer)
    selection = _area(image, layer, again)
    edited = _found(image, again.edited, shown) or _below(image, shown)
    if edited is None:
        what = _("The layer that was edited is not in this image any more.")
        raise EditFailed(f"{what} {_('Select another one, and use Edit with Prompt.')}")
    references = [_found(image, name, shown) for name in again.references]
    there = [each for each in references if each]
    missing = missing_references(len(references) - len(there) + again.other_references)
    return Earlier(shown, selection, again, [edited, *there], missing)


def again(image: Gimp.Image, layers: list[Gimp.Layer], values: dict[str, Any], progress: Progress) -> Outcome:
    """The same request straight away; arguments that are not at their defaults take the place of the layer's.

    One undo step, which hides the earlier result. Raises BadArguments, EditFailed or EditCancelled.
    """
    earlier = find(image, layers)
    if earlier.missing:
        raise EditFailed(earlier.missing)
    usual = defaults()
    changed = {name: value for name, value in values.items() if value != usual[name]}
    options = checked(earlier.again.values | changed)
    task = prepare(image, earlier.inputs, options, earlier.selection, earlier.shown)
    outcome = run(image, task, options, worker_python(), progress)
    outcome.report["notes"] = [*outcome.report["notes"], *earlier.again.notes]
    return outcome


def _is_result(layer: Gimp.Item) -> bool:
    """Whether a layer tells of its making. The layer “Before” of version 0.1 says null: it was not made by an edit."""
    parasite = layer.get_parasite(PARASITE)
    return parasite is not None and (parasite.size != len("null") or _data(layer) != b"null")


def _data(layer: Gimp.Item) -> bytes:
    """The parasite's bytes, or one more than are allowed: what is larger is not even copied."""
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


def _area(image: Gimp.Image, layer: Gimp.Layer, again: Again) -> Selection:
    """Return the area that the edit changed: the layer's mask or, once that was applied, what is opaque.

    An edit without a selection has none. Raises EditFailed where the area is not in the image.
    """
    if layer.get_mask() is None and not again.selected:
        return NOTHING_SELECTED
    area = opaque_area(image, layer)
    if area.bounds is None:
        what = _("The area that was edited is not in this image any more.")
        raise EditFailed(f"{what} {_('Select another one, and use Edit with Prompt.')}")
    return area


def _result_of(layer: Gimp.Layer) -> Gimp.Layer:
    """The group that holds nothing but results, or the layer itself."""
    parent = layer.get_parent()
    if parent and all(_is_result(child) for child in parent.get_children()):
        return expect(Gimp.Layer, parent)
    return layer


def _found(image: Gimp.Image, name: LayerName | None, result: Gimp.Layer) -> Gimp.Layer | None:
    """Return the layer of that name, else of that number, which is another layer's in another image.

    Never the result itself, or one that is in it.
    """
    if name is None:
        return None
    named = image.get_layer_by_name(name.name)
    numbered = image.get_layer_by_tattoo(name.tattoo) if name.tattoo else None
    if numbered and numbered.get_name() == name.name:
        named = numbered
    own = {each.get_id() for each in _tree(result)}
    return next((layer for layer in (named, numbered) if layer and layer.get_id() not in own), None)


def _below(image: Gimp.Image, layer: Gimp.Layer) -> Gimp.Layer | None:
    """The next layer under a result that is none itself."""
    parent = layer.get_parent()
    siblings: Sequence[Gimp.Item] = parent.get_children() if parent else image.get_layers()
    lower = siblings[image.get_item_position(layer) + 1 :]
    return next((expect(Gimp.Layer, each) for each in lower if not any(map(_is_result, _tree(each)))), None)


def _tree(layer: Gimp.Item) -> Iterator[Gimp.Layer]:
    return _with_children([layer])
