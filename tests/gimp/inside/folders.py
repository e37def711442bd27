"""Inside GIMP: creates pictures, runs `generative-edit-folder` like a script, and reads the results."""

import json
from pathlib import Path

from gi.repository import Gegl, Gimp, Gio

from tests.gimp.inside import pictures


def run(**arguments):
    """Call the procedure; return its status, error, files and report as plain data."""
    procedure = Gimp.get_pdb().lookup_procedure("generative-edit-folder")
    config = procedure.create_config()
    config.set_property("run-mode", Gimp.RunMode.NONINTERACTIVE)
    for name, value in arguments.items():
        config.set_property(name.replace("_", "-"), value)
    result = procedure.run(config)
    status = result.index(0)
    done = {"status": status.value_nick, "error": Gimp.get_pdb().get_last_error(), "images": len(Gimp.get_images())}
    if status == Gimp.PDBStatusType.SUCCESS:
        done |= {"files": list(result.index(1)), "report": json.loads(result.index(2))}
    return done


def make(path, width=64, height=48, layers=1, hole=None, channel=None, selection=None, mode="RGB"):
    """Save a small picture; `hole` is made transparent, `channel` [name, box] and `selection` are saved in it."""
    image = pictures.splash(width, height)
    base = image.get_layers()[0]
    for number in range(1, layers):
        copy = base.copy()
        image.insert_layer(copy, None, 0)
        copy.set_name(f"copy {number}")
    if hole:
        base.add_alpha()
        image.select_rectangle(Gimp.ChannelOps.REPLACE, *hole)
        base.edit_clear()
        Gimp.Selection.none(image)
    if channel:
        image.select_rectangle(Gimp.ChannelOps.REPLACE, *channel[1])
        Gimp.Selection.save(image).set_name(channel[0])
        Gimp.Selection.none(image)
    if selection:
        image.select_rectangle(Gimp.ChannelOps.REPLACE, *selection)
    if mode == "INDEXED":
        image.convert_indexed(Gimp.ConvertDitherType.NONE, Gimp.ConvertPaletteType.GENERATE, 16, False, False, "")
    image.set_selected_layers([base])
    Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, image, Gio.File.new_for_path(path), None)
    image.delete()


def open_beside_another(path):
    """Open a picture like a folder run in a GIMP with windows while another image is created; return what is open."""
    from plugin.folder import picture

    has_display, file = picture.has_display, picture._file
    others = []

    def file_and_other_image(path):
        others.append(Gimp.Image.new(300, 200, Gimp.ImageBaseType.RGB))
        return file(path)

    picture.has_display, picture._file = lambda: True, file_and_other_image
    try:
        opened = picture.open_picture(Path(path))
    finally:
        picture.has_display, picture._file = has_display, file
    names = {opened.get_id(): Path(path).name, others[0].get_id(): "another"}
    left = [names.get(image.get_id(), "a leftover") for image in Gimp.get_images()]
    for image in Gimp.get_images():
        image.delete()
    return sorted(left, reverse=True)


def layers_of(path):
    """Return the layers of a file and its size."""
    image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path(path))
    described = [pictures.describe(layer) for layer in image.get_layers()]
    size = [image.get_width(), image.get_height()]
    image.delete()
    return {"layers": described, "size": size}


def pixels_of(path, out):
    """Write the visible pixels of a file as raw 8-bit RGBA to another file."""
    image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path(path))
    layer = image.merge_visible_layers(Gimp.MergeType.CLIP_TO_IMAGE)
    area = Gegl.Rectangle.new(0, 0, image.get_width(), image.get_height())
    Path(out).write_bytes(bytes(layer.get_buffer().get(area, 1.0, "R'G'B'A u8", Gegl.AbyssPolicy.NONE)))
    image.delete()
