"""Inside GIMP: runs `generative-edit` as a script would, and tells what it did."""

import json
from pathlib import Path

from gi.repository import Gegl, Gimp, Gio

from tests.gimp.inside import pictures


def edit(image, layers, procedure="generative-edit", **arguments):
    """Calls the procedure from Python; returns status, error, report and layers as plain data."""
    procedure = Gimp.get_pdb().lookup_procedure(procedure)
    config = procedure.create_config()
    config.set_property("run-mode", Gimp.RunMode.NONINTERACTIVE)
    config.set_property("image", image)
    config.set_core_object_array("drawables", layers)
    for name, value in arguments.items():
        config.set_property(name.replace("_", "-"), value)
    result = procedure.run(config)
    status = result.index(0)
    done = {"status": status.value_nick, "error": Gimp.get_pdb().get_last_error()}
    if status == Gimp.PDBStatusType.SUCCESS:
        new = result.get_core_object_array(1)
        done["report"] = json.loads(result.index(2))
        done["layers"] = [pictures.describe(layer) for layer in new]
        done["masks"] = [_mask_values(layer) for layer in new]
    return done


def edit_case(case, out, **arguments):
    """Makes the picture of a case, edits it, writes before, after and selection as raw files into `out`."""
    image, layers = CASES[case]()
    before = pictures.state(image)
    pictures.dump_visible(image, Path(out) / "before.raw")
    pictures.dump_selection(image, Path(out) / "selection.raw")
    done = edit(image, layers, **arguments)
    pictures.dump_visible(image, Path(out) / "after.raw")
    done |= {"before": before, "after": pictures.state(image), "size": [image.get_width(), image.get_height()]}
    if done["status"] == "success":
        _dump_layer(image, Path(out) / "layer.raw")
        done["parasite"] = _parasite(image)
    image.delete()
    return done


def script_case(case, script):
    """Makes the picture of a case and runs Script-Fu with its {image} and {layer}; returns what the edit left."""
    image, layers = CASES[case]()
    done = script_fu(script.format(image=image.get_id(), layer=layers[0].get_id()))
    metadata = image.get_metadata()
    done |= {"record": _parasite(image), "metadata": metadata.serialize() if metadata else ""}
    image.delete()
    return done


def edit_with_quick_mask(**arguments):
    """Edits a picture whose selection is being painted, as a script would."""
    image, layers = CASES["ellipse"]()
    turn_on_quick_mask(image)
    before = pictures.state(image)
    done = edit(image, layers, **arguments)
    done |= {"before": before, "after": pictures.state(image)}
    image.delete()
    return done


def turn_on_quick_mask(image):
    """What Shift+Q does: GIMP has no procedure for it, and takes a channel of this name for it."""
    values, canvas = pictures.selection_values(image), pictures.canvas(image)
    channel = Gimp.Channel.new(image, "Qmask", canvas.width, canvas.height, 50.0, Gegl.Color.new("red"))
    image.insert_channel(channel, None, 0)
    channel.get_buffer().set(canvas, "Y u8", values)
    Gimp.Selection.none(image)
    image.set_selected_channels([channel])


def ellipse():
    image = pictures.splash()
    image.add_hguide(100)
    pictures.select_ellipse(image, 700, 380, 420, 260, feather=24)
    return image, image.get_layers()[:1]


def plain():
    image = pictures.splash(640, 480)
    return image, image.get_layers()[:1]


def large():
    """Twelve megabytes to send."""
    image = pictures.noise(2560, 1600)
    return image, image.get_layers()


def nothing_selected():
    image = pictures.splash()
    return image, image.get_layers()[:1]


def hole_and_nothing_selected():
    """The layer itself is transparent in a part, which is what the endpoint then fills."""
    image = pictures.splash(640, 480)
    layer = image.get_layers()[0]
    layer.add_alpha()
    image.select_rectangle(Gimp.ChannelOps.REPLACE, 200, 150, 90, 70)
    layer.edit_clear()
    Gimp.Selection.none(image)
    return image, [layer]


def corner():
    image = pictures.splash()
    image.select_rectangle(Gimp.ChannelOps.REPLACE, 0, 0, 130, 90)
    return image, image.get_layers()[:1]


def small_layer():
    """A layer smaller than the canvas at an offset, the selection reaching beyond it."""
    image = pictures.splash()
    layer = pictures.add_layer(image, image.get_layers()[0], 611, 307, 501, 403)
    pictures.select_ellipse(image, 560, 400, 300, 200, feather=10)
    return image, [layer]


def two_layers():
    image = pictures.splash()
    base = image.get_layers()[0]
    reference = pictures.add_layer(image, base, 1300, 200, 300, 200, "reference")
    pictures.select_ellipse(image, 700, 380, 200, 160, feather=8)
    return image, [base, reference]


def tinted():
    """A half transparent colour over the picture, in another mode: what is visible is no layer's own."""
    image = pictures.splash()
    cover = Gimp.Layer.new(image, "tint", 1500, 900, Gimp.ImageType.RGBA_IMAGE, 60.0, Gimp.LayerMode.MULTIPLY)
    image.insert_layer(cover, None, 0)
    cover.set_offsets(300, 100)
    Gimp.context_set_foreground(Gegl.Color.new("teal"))
    cover.edit_fill(Gimp.FillType.FOREGROUND)
    pictures.select_ellipse(image, 200, 200, 300, 200, feather=6)
    return image, image.get_layers()[1:]


def both_selected():
    """No layer is named: those that are selected are meant, and the lower one is to be edited."""
    image, layers = two_layers()
    image.set_selected_layers(list(reversed(layers)))
    return image, []


def linked():
    """A layer that shows a file (GIMP 3.2 has them; before, the file is a layer like any other)."""
    image = pictures.splash(640, 480)
    file = Gio.File.new_for_path(str(Path(Gimp.data_directory()) / "images" / "gimp-splash.png"))
    if hasattr(Gimp, "LinkLayer"):
        layer = Gimp.LinkLayer.new(image, file)
    else:
        layer = Gimp.file_load_layer(Gimp.RunMode.NONINTERACTIVE, image, file)
    image.insert_layer(layer, None, 0)
    layer.set_offsets(-100, -60)
    image.select_rectangle(Gimp.ChannelOps.REPLACE, 100, 100, 120, 80)
    return image, [layer]


def indexed():
    image = pictures.splash(320, 200)
    image.convert_indexed(Gimp.ConvertDitherType.NONE, Gimp.ConvertPaletteType.GENERATE, 32, False, False, "")
    image.select_rectangle(Gimp.ChannelOps.REPLACE, 10, 10, 40, 30)
    return image, image.get_layers()[:1]


CASES = {
    function.__name__: function
    for function in (
        ellipse,
        plain,
        large,
        nothing_selected,
        hole_and_nothing_selected,
        corner,
        small_layer,
        two_layers,
        both_selected,
        tinted,
        linked,
        indexed,
    )
}


DISPLAYS = {}


def show(case):
    """Opens the picture of a case in a window; returns its id."""
    image, layers = CASES[case]()
    image.set_selected_layers(layers)
    DISPLAYS[image.get_id()] = Gimp.Display.new(image)
    Gimp.displays_flush()
    return image.get_id()


def close(image_id):
    """Closes an image that was shown, as its window's close button does."""
    DISPLAYS.pop(image_id).delete()
    if Gimp.Image.id_is_valid(image_id):
        Gimp.Image.get_by_id(image_id).delete()


def images():
    """The ids of all images that are open."""
    return [image.get_id() for image in Gimp.get_images()]


def close_all():
    """Closes what is open without a window of ours."""
    DISPLAYS.clear()
    for display in range(1, 200):
        if Gimp.Display.id_is_valid(display):
            Gimp.Display.get_by_id(display).delete()


def select(image_id, box):
    Gimp.Image.get_by_id(image_id).select_rectangle(Gimp.ChannelOps.REPLACE, *box)
    Gimp.displays_flush()


def mask_at(image_id, points):
    """The top layer's mask at points of the canvas; None beyond the layer."""
    layer = Gimp.Image.get_by_id(image_id).get_layers()[0]
    offset = layer.get_offsets()
    layers = []
    for x, y in points:
        x, y = x - offset.offset_x, y - offset.offset_y
        inside = 0 <= x < layer.get_width() and 0 <= y < layer.get_height()
        area = Gegl.Rectangle.new(x, y, 1, 1)
        layers.append(
            layer.get_mask().get_buffer().get(area, 1.0, "Y u8", Gegl.AbyssPolicy.NONE)[0] if inside else None
        )
    return layers


def edit_shown(image_id, **arguments):
    image = Gimp.Image.get_by_id(image_id)
    return edit(image, image.get_selected_layers(), **arguments)


def state_of(image_id):
    return pictures.state(Gimp.Image.get_by_id(image_id))


def layers_of(image_id):
    """The layers alone: reading pixels of an image while another plug-in resizes it makes libgimp quit."""
    return [pictures.describe(layer) for layer in Gimp.Image.get_by_id(image_id).get_layers()]


def size_of(image_id):
    image = Gimp.Image.get_by_id(image_id)
    return [image.get_width(), image.get_height()]


def select_layer(image_id, name):
    """Selects the layer of this name, alone."""
    image = Gimp.Image.get_by_id(image_id)
    image.set_selected_layers([image.get_layer_by_name(name)])


def delete_layer(image_id, name):
    image = Gimp.Image.get_by_id(image_id)
    image.remove_layer(image.get_layer_by_name(name))
    Gimp.displays_flush()


def crop(image_id, width, height):
    Gimp.Image.get_by_id(image_id).crop(width, height, 0, 0)


def newest():
    """The image that was opened last."""
    image = max(Gimp.get_images(), key=lambda each: each.get_id())
    return {"id": image.get_id(), "layers": [pictures.describe(layer) for layer in image.get_layers()]}


def visible_of(image_id, path):
    pictures.dump_visible(Gimp.Image.get_by_id(image_id), path)


def script_fu(code):
    """Runs Script-Fu in the same GIMP; tells whether it succeeded."""
    procedure = Gimp.get_pdb().lookup_procedure("plug-in-script-fu-eval")
    config = procedure.create_config()
    config.set_property("run-mode", Gimp.RunMode.NONINTERACTIVE)
    config.set_property("script", code)
    result = procedure.run(config)
    return {"status": result.index(0).value_nick, "error": Gimp.get_pdb().get_last_error()}


def arguments_of(name):
    """The names of a procedure's arguments and return values, as GIMP knows them."""
    procedure = Gimp.get_pdb().lookup_procedure(name)
    if not procedure:
        return None
    return {
        "arguments": [spec.get_name() for spec in procedure.get_arguments()],
        "returns": [spec.get_name() for spec in procedure.get_return_values()],
        "menu": list(procedure.get_menu_paths()),
    }


def open_file(path):
    """What layers a saved file has, with their parasites."""
    image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path(path))
    described = [pictures.describe(layer) for layer in image.get_layers()]
    image.delete()
    return described


def _mask_values(layer):
    """Whether the layer mask equals the selection's own values over the layer."""
    mask, image = layer.get_mask(), layer.get_image()
    if not mask:
        return None
    offset = layer.get_offsets()
    here = Gegl.Rectangle.new(0, 0, layer.get_width(), layer.get_height())
    area = Gegl.Rectangle.new(offset.offset_x, offset.offset_y, layer.get_width(), layer.get_height())
    own = bytes(mask.get_buffer().get(here, 1.0, "Y u8", Gegl.AbyssPolicy.NONE))
    selected = bytes(image.get_selection().get_buffer().get(area, 1.0, "Y u8", Gegl.AbyssPolicy.NONE))
    return own == selected


def _dump_layer(image, path):
    layer = image.get_layers()[0]
    here = Gegl.Rectangle.new(0, 0, layer.get_width(), layer.get_height())
    path.write_bytes(bytes(layer.get_buffer().get(here, 1.0, "R'G'B'A u8", Gegl.AbyssPolicy.NONE)))


def _parasite(image):
    parasite = image.get_layers()[0].get_parasite("generative-edit")
    return json.loads(bytes(parasite.get_data())) if parasite else None


def set_preference(name, value):
    """Set a preference of GIMP; return what it was."""
    before = Gimp.gimprc_query(name)
    Gimp.gimprc_set(name, value)
    return before


def version():
    return Gimp.version()


def extend_case(out, **arguments):
    """Extends a small picture; as `edit_case`."""
    image = pictures.splash(640, 480)
    before = pictures.state(image)
    pictures.dump_visible(image, Path(out) / "before.raw")
    done = edit(image, image.get_layers(), procedure="generative-edit-extend", **arguments)
    pictures.dump_visible(image, Path(out) / "after.raw")
    done |= {"before": before, "after": pictures.state(image), "size": [image.get_width(), image.get_height()]}
    image.delete()
    return done
