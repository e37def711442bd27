"""Inside GIMP: makes folders of pictures, runs `generative-edit-folder` as a script would, tells what is in a file."""

import json
from pathlib import Path

from gi.repository import Gegl, Gimp, Gio

from tests.gimp.inside import pictures


def run(**arguments):
    """Calls the procedure; returns status, error, files and report as plain data."""
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
    """A small picture in a file; `hole` is made transparent, `channel` [name, box] and `selection` are saved in it."""
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
    """Opens a picture as a folder run does in a GIMP with windows, while somebody else makes an image: what is open."""
    from plugin.folder import picture

    has_display, file = picture.has_display, picture._file
    made = []

    def file_meanwhile(path):
        made.append(Gimp.Image.new(300, 200, Gimp.ImageBaseType.RGB))
        return file(path)

    picture.has_display, picture._file = lambda: True, file_meanwhile
    try:
        opened = picture.open_picture(Path(path))
    finally:
        picture.has_display, picture._file = has_display, file
    names = {opened.get_id(): Path(path).name, made[0].get_id(): "another"}
    left = [names.get(image.get_id(), "a leftover") for image in Gimp.get_images()]
    for image in Gimp.get_images():
        image.delete()
    return sorted(left, reverse=True)


def layers_of(path):
    """What layers a file has, and its size."""
    image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path(path))
    described = [pictures.describe(layer) for layer in image.get_layers()]
    size = [image.get_width(), image.get_height()]
    image.delete()
    return {"layers": described, "size": size}


def pixels_of(path, out):
    """What a file shows, as raw 8-bit RGBA in another file."""
    image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path(path))
    layer = image.merge_visible_layers(Gimp.MergeType.CLIP_TO_IMAGE)
    area = Gegl.Rectangle.new(0, 0, image.get_width(), image.get_height())
    Path(out).write_bytes(bytes(layer.get_buffer().get(area, 1.0, "R'G'B'A u8", Gegl.AbyssPolicy.NONE)))
    image.delete()


def set_rotation_policy(policy):
    """Sets what GIMP does with a camera's orientation; returns what it did before."""
    before = Gimp.gimprc_query("metadata-rotation-policy")
    Gimp.gimprc_set("metadata-rotation-policy", policy)
    return before
