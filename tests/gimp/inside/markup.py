"""Inside GIMP: edits a picture with a layer of markup, from Python and from Script-Fu."""

import zlib
from pathlib import Path

from gi.repository import Gegl, Gimp

from tests.gimp.inside import edits, pictures

NOTES = "notes"
_BORDER = 20


def edit_marked(out, size, mark, selected=None, script=None, again=False, grouped=False, **arguments):
    """Edit the picture under a layer with a red rectangle; `script` is Script-Fu for the same, `again` repeats it.

    If `grouped`, both are in a group, which is edited.
    """
    image = pictures.splash(*size)
    layer, notes = image.get_layers()[0], _add_notes(image, mark)
    if grouped:
        layer = _group(image, [layer, notes])
    if selected:
        image.select_rectangle(Gimp.ChannelOps.REPLACE, *selected)
    image.clean_all()
    drawn, before = _pixels(notes), pictures.state(image)
    pictures.dump_visible(image, Path(out) / "before.raw")
    pictures.dump_selection(image, Path(out) / "selection.raw")
    if script:
        done = edits.script_fu(script.format(image=image.get_id(), layer=layer.get_id(), notes=NOTES))
    else:
        done = edits.edit(image, [layer, notes], markup=NOTES, **arguments)
    if again:
        done = edits.edit(image, image.get_layers()[-2:-1], procedure="generative-edit-again")
    pictures.dump_visible(image, Path(out) / "after.raw")
    done |= {"before": before, "after": pictures.state(image), "untouched": _pixels(notes) == drawn}
    image.delete()
    return done


def show_marked(size, mark, selected=None):
    """Open a window on the picture under a layer with a red rectangle; return the image's id."""
    image = pictures.splash(*size)
    layer = image.get_layers()[0]
    _add_notes(image, mark)
    if selected:
        image.select_rectangle(Gimp.ChannelOps.REPLACE, *selected)
    image.set_selected_layers([layer])
    edits.DISPLAYS[image.get_id()] = Gimp.Display.new(image)
    Gimp.displays_flush()
    return image.get_id()


def _add_notes(image, mark):
    """Add a transparent layer that is larger than the canvas, with a red rectangle at this place of the canvas."""
    width, height = image.get_width() + 2 * _BORDER, image.get_height() + 2 * _BORDER
    kind = Gimp.ImageType.RGBA_IMAGE
    notes = Gimp.Layer.new(image, NOTES, width, height, kind, 50.0, Gimp.LayerMode.NORMAL)
    image.insert_layer(notes, None, 0)
    notes.set_offsets(-_BORDER, -_BORDER)
    x, y, across, down = mark
    red = Gegl.Rectangle.new(x + _BORDER, y + _BORDER, across, down)
    notes.get_buffer().set(red, "R'G'B'A u8", bytes((255, 0, 0, 255)) * (across * down))
    notes.get_buffer().flush()
    return notes


def _group(image, layers):
    group = Gimp.GroupLayer.new(image, "group")
    image.insert_layer(group, None, 0)
    for layer in layers:
        image.reorder_item(layer, group, 0)
    return group


def _pixels(layer):
    area = Gegl.Rectangle.new(0, 0, layer.get_width(), layer.get_height())
    return zlib.crc32(bytes(layer.get_buffer().get(area, 1.0, "R'G'B'A u8", Gegl.AbyssPolicy.NONE)))
