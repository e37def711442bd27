"""The markup of an edit: a layer with arrows, circles and notes, which is sent as an overlay of the picture."""

from __future__ import annotations

from collections.abc import Sequence

from gi.repository import Gimp

from lib.translation import _
from plugin.errors import EditFailed


def markup_layer(image: Gimp.Image, name: str) -> Gimp.Layer | None:
    """Return the layer of this name, None for ""; raise EditFailed where it is missing or hides the whole picture."""
    if not name:
        return None
    layer = image.get_layer_by_name(name)
    if layer is None:
        raise EditFailed(_("There is no layer “{name}” to use as markup.").format(name=name))
    if not layer.has_alpha():
        message = _("The markup layer “{name}” has no transparency. Add an alpha channel, or draw on a new layer.")
        raise EditFailed(message.format(name=name))
    return layer


def without_markup(
    layers: Sequence[Gimp.Layer], markup: Gimp.Layer | None, *, sample_merged: bool = False
) -> list[Gimp.Layer]:
    """Return the layers to send as pictures; raise EditFailed where one of them is a group that holds the markup.

    With `sample_merged` what is visible takes the place of the first layer, from which the markup is left out.
    """
    if markup is None:
        return list(layers)
    others = [layer for layer in layers if layer.get_id() != markup.get_id()]
    sent = others[1:] if sample_merged else others
    groups = {layer.get_id() for layer in sent if layer.is_group()}
    parent = markup.get_parent()
    while parent is not None:
        if parent.get_id() in groups:
            message = _("The markup layer “{name}” is in the group “{group}”, which is sent. Move it out of the group.")
            raise EditFailed(message.format(name=markup.get_name(), group=parent.get_name()))
        parent = parent.get_parent()
    return others
