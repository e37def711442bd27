"""Inside GIMP: select the subject, cut it out, edit it, and read what became of the image."""

import json
from pathlib import Path

from gi.repository import Gegl, Gimp, Gio

from tests.gimp.inside import edits

# The picture of the last call.
IMAGE = []


def load(path, show=False):
    """Open a picture, and close the one before; return its id."""
    close()
    IMAGE[:] = [Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path(path))]
    if show:
        edits.DISPLAYS[IMAGE[0].get_id()] = Gimp.Display.new(IMAGE[0])
    return IMAGE[0].get_id()


def close():
    """Close the picture."""
    for image in IMAGE:
        if image.is_valid():
            image.delete()
    IMAGE.clear()


def run(name, **arguments):
    """Call a procedure on the picture; return its status, error and report, and what the image is like."""
    (image,) = IMAGE
    procedure = Gimp.get_pdb().lookup_procedure(name)
    config = procedure.create_config()
    config.set_property("image", image)
    for argument, value in arguments.items():
        config.set_property(argument.replace("_", "-"), value)
    result = procedure.run(config)
    status = result.index(0)
    report = json.loads(result.index(result.length() - 1)) if status == Gimp.PDBStatusType.SUCCESS else None
    return {"status": status.value_nick, "error": Gimp.get_pdb().get_last_error(), "report": report, **state()}


def select(box):
    """Select a rectangle, or nothing."""
    if box:
        IMAGE[0].select_rectangle(Gimp.ChannelOps.REPLACE, *box)
    else:
        Gimp.Selection.none(IMAGE[0])


def state():
    """Return the layers, the number of channels, and whether anything is selected."""
    (image,) = IMAGE
    layers = [{"visible": layer.get_visible(), "mask": bool(layer.get_mask())} for layer in image.get_layers()]
    return {"layers": layers, "channels": len(image.get_channels()), "selected": not Gimp.Selection.is_empty(image)}


def values(path):
    """Write the selection's values and what is visible to files; return the size."""
    (image,) = IMAGE
    width, height = image.get_width(), image.get_height()
    area = Gegl.Rectangle.new(0, 0, width, height)
    selection = image.get_selection().get_buffer().get(area, 1.0, "Y u8", Gegl.AbyssPolicy.NONE)
    copy = image.duplicate()
    layer = copy.merge_visible_layers(Gimp.MergeType.CLIP_TO_IMAGE)
    if not layer.has_alpha():
        layer.add_alpha()
    left, top = layer.get_offsets()[1:]
    area = Gegl.Rectangle.new(-left, -top, width, height)
    visible = layer.get_buffer().get(area, 1.0, "R'G'B'A u8", Gegl.AbyssPolicy.NONE)
    copy.delete()
    Path(path).write_bytes(bytes(selection) + bytes(visible))
    return [width, height]
