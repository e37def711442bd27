"""Edit Again…: the same edit once more, from what a layer tells of its making; its mask becomes the selection."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from gi.repository import Gimp

from lib.api.text import sentences
from lib.translation import _
from plugin.again_record import LARGEST, Again, BadRecord, LayerName, missing_references, read_record
from plugin.arguments import defaults, set_values
from plugin.checks import checked
from plugin.edit import edit
from plugin.insert import PARASITE, undo_group
from plugin.installation import worker_python
from plugin.task import EditFailed, Outcome, Progress


@dataclass(frozen=True)
class Earlier:
    """An earlier edit: its layer, what hides with it (its group, where it is one of several), and what it used."""

    layer: Gimp.Layer
    shown: Gimp.Layer
    again: Again
    inputs: list[Gimp.Layer]
    missing: str


def find(image: Gimp.Image, layers: Iterable[Gimp.Layer]) -> Earlier:
    """The edit that one of these layers came from; raises EditFailed where there is none, or it cannot be repeated."""
    layer = next((each for each in _with_children(layers) if each.get_parasite(PARASITE)), None)
    if layer is None:
        what = _("This layer was not made by Generative Edit.")
        raise EditFailed(f"{what} {_('Select a layer that was, or use Edit with Prompt.')}")
    try:
        again = read_record(_data(layer))
    except BadRecord as error:
        raise EditFailed(str(error)) from None
    shown = _result_of(layer)
    edited = _found(image, again.edited) or _below(image, shown)
    if edited is None:
        what = _("The layer that was edited is not in this image any more.")
        raise EditFailed(f"{what} {_('Select another one, and use Edit with Prompt.')}")
    references = [_found(image, name) for name in again.references]
    there = [each for each in references if each]
    missing = missing_references(len(references) - len(there) + again.other_references)
    return Earlier(layer, shown, again, [edited, *there], missing)


def interact(
    procedure: Gimp.Procedure, config: Gimp.ProcedureConfig, image: Gimp.Image, layers: Sequence[Gimp.Layer]
) -> Gimp.PDBStatusType:
    """Opens the panel with the earlier edit's own request; one undo step selects what was selected then."""
    from plugin.panel import show_panel
    from plugin.panel.raising import raise_open_panel

    earlier = find(image, layers)
    if raise_open_panel(image):
        raise EditFailed(_("The window for this image is open already. Close it, then use Edit Again."))
    set_values(config, earlier.again.values)
    with undo_group(image):
        _select(image, earlier.layer)
        earlier.shown.set_visible(False)
    Gimp.displays_flush()
    told = sentences(earlier.missing, *earlier.again.notes)
    if told:
        Gimp.message(told)
    edited = show_panel(procedure, config, image, earlier.inputs)
    if not edited and earlier.shown.is_valid():
        earlier.shown.set_visible(True)
    return Gimp.PDBStatusType.SUCCESS if edited else Gimp.PDBStatusType.CANCEL


def again(image: Gimp.Image, layers: list[Gimp.Layer], values: dict[str, Any], progress: Progress) -> Outcome:
    """The same request straight away; arguments that are not at their defaults take the place of the layer's.

    One undo step; the earlier result is hidden, the selection as it was. Raises BadArguments, EditFailed or
    EditCancelled.
    """
    earlier = find(image, layers)
    if earlier.missing:
        raise EditFailed(earlier.missing)
    usual = defaults()
    changed = {name: value for name, value in values.items() if value != usual[name]}
    options = checked(earlier.again.values | changed)
    with undo_group(image), _selected(image, earlier):
        outcome = edit(image, earlier.inputs, options, worker_python(), progress)
    outcome.report["notes"] = [*outcome.report["notes"], *earlier.again.notes]
    return outcome


@contextmanager
def _selected(image: Gimp.Image, earlier: Earlier) -> Iterator[None]:
    """Selects what was selected then; afterwards the selection is as before.

    The earlier result is hidden, and stays so unless the edit fails.
    """
    active, channels = image.get_selected_layers(), image.get_selected_channels()
    kept = None if Gimp.Selection.is_empty(image) else Gimp.Selection.save(image)
    visible = earlier.shown.get_visible()
    _select(image, earlier.layer)
    earlier.shown.set_visible(False)
    try:
        yield
    except BaseException:
        earlier.shown.set_visible(visible)
        raise
    finally:
        if kept:
            image.select_item(Gimp.ChannelOps.REPLACE, kept)
            image.remove_channel(kept)
        else:
            Gimp.Selection.none(image)
        # The channel that held the selection had become the active one.
        if channels:
            image.set_selected_channels(channels)
        else:
            image.set_selected_layers(active)


def _select(image: Gimp.Image, layer: Gimp.Layer) -> None:
    """The layer's mask as the selection; without one, nothing was selected."""
    mask = layer.get_mask()
    if mask:
        image.select_item(Gimp.ChannelOps.REPLACE, mask)
    elif not Gimp.Selection.is_empty(image):
        Gimp.Selection.none(image)


def _data(layer: Gimp.Layer) -> bytes:
    """The parasite's bytes, or one more than are allowed: what is larger is not even copied."""
    parasite = layer.get_parasite(PARASITE)
    if parasite.size > LARGEST:
        return bytes(LARGEST + 1)
    return bytes(value & 0xFF for value in parasite.get_data())


def _with_children(layers: Iterable[Gimp.Layer]) -> Iterator[Gimp.Layer]:
    for layer in layers:
        if layer.is_layer():
            yield layer
            if layer.is_group():
                yield from _with_children(layer.get_children())


def _result_of(layer: Gimp.Layer) -> Gimp.Layer:
    """The group that holds nothing but results, or the layer itself."""
    parent = layer.get_parent()
    if parent and all(child.get_parasite(PARASITE) for child in parent.get_children()):
        return parent
    return layer


def _found(image: Gimp.Image, name: LayerName | None) -> Gimp.Layer | None:
    """The layer of that number, else of that name."""
    if name is None:
        return None
    layer = image.get_layer_by_tattoo(name.tattoo) if name.tattoo else None
    return layer or image.get_layer_by_name(name.name)


def _below(image: Gimp.Image, layer: Gimp.Layer) -> Gimp.Layer | None:
    """The next layer under a result that is none itself."""
    parent = layer.get_parent()
    siblings = parent.get_children() if parent else image.get_layers()
    lower = siblings[image.get_item_position(layer) + 1 :]
    return next((each for each in lower if not any(child.get_parasite(PARASITE) for child in _tree(each))), None)


def _tree(layer: Gimp.Layer) -> Iterator[Gimp.Layer]:
    return _with_children([layer])
