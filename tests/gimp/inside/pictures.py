"""Inside GIMP: makes pictures to edit and reads what GIMP shows of them."""

import functools
import os
import zlib
from pathlib import Path

from gi.repository import Gegl, Gimp, Gio

KINDS = {"RGB": Gimp.ImageBaseType.RGB, "GRAY": Gimp.ImageBaseType.GRAY}


def splash(width=1920, height=1080):
    """GIMP's own splash image as an RGB image of this size."""
    image = Gimp.Image.new(width, height, Gimp.ImageBaseType.RGB)
    layer = Gimp.Layer.new(image, "picture", width, height, Gimp.ImageType.RGB_IMAGE, 100.0, Gimp.LayerMode.NORMAL)
    image.insert_layer(layer, None, 0)
    layer.get_buffer().set(canvas(image), "R'G'B' u8", _splash_pixels(width, height))
    layer.get_buffer().flush()
    image.clean_all()
    return image


@functools.cache
def _splash_pixels(width, height):
    """Read and scaled once, as that takes most of a second."""
    path = Path(Gimp.data_directory()) / "images" / "gimp-splash.png"
    image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path(str(path)))
    image.scale(width, height)
    area = canvas(image)
    pixels = bytes(image.get_layers()[0].get_buffer().get(area, 1.0, "R'G'B' u8", Gegl.AbyssPolicy.NONE))
    image.delete()
    return pixels


def noise(width, height):
    """A picture that no PNG makes smaller."""
    image = Gimp.Image.new(width, height, Gimp.ImageBaseType.RGB)
    layer = Gimp.Layer.new(image, "noise", width, height, Gimp.ImageType.RGB_IMAGE, 100.0, Gimp.LayerMode.NORMAL)
    image.insert_layer(layer, None, 0)
    layer.get_buffer().set(canvas(image), "R'G'B' u8", os.urandom(3 * width * height))
    layer.get_buffer().flush()
    return image


def select_ellipse(image, x, y, width, height, feather=0):
    Gimp.context_set_antialias(True)
    Gimp.context_set_feather(feather > 0)
    Gimp.context_set_feather_radius(feather, feather)
    image.select_ellipse(Gimp.ChannelOps.REPLACE, x, y, width, height)
    Gimp.context_set_feather(False)


def add_layer(image, source, x, y, width, height, name="small"):
    """A part of `source` as a layer of its own at the same place, on top."""
    kind = Gimp.ImageType.RGB_IMAGE
    layer = Gimp.Layer.new(image, name, width, height, kind, 100.0, Gimp.LayerMode.NORMAL)
    image.insert_layer(layer, None, 0)
    layer.set_offsets(x, y)
    area = Gegl.Rectangle.new(x, y, width, height)
    data = source.get_buffer().get(area, 1.0, "R'G'B' u8", Gegl.AbyssPolicy.NONE)
    layer.get_buffer().set(Gegl.Rectangle.new(0, 0, width, height), "R'G'B' u8", bytes(data))
    return layer


def write_png(path, width, height):
    """A picture in a file, for what is sent as a path."""
    image = Gimp.Image.new(width, height, Gimp.ImageBaseType.RGB)
    layer = Gimp.Layer.new(image, "x", width, height, Gimp.ImageType.RGB_IMAGE, 100.0, Gimp.LayerMode.NORMAL)
    image.insert_layer(layer, None, 0)
    Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, image, Gio.File.new_for_path(path), None)
    image.delete()


def canvas(image):
    return Gegl.Rectangle.new(0, 0, image.get_width(), image.get_height())


def dump_visible(image, path):
    """What is visible, as raw 16-bit RGBA bytes in a file: nothing may hide in rounding."""
    copy = image.duplicate()
    layer = copy.merge_visible_layers(Gimp.MergeType.CLIP_TO_IMAGE)
    left, top = layer.get_offsets()[-2:]
    area = Gegl.Rectangle.new(-left, -top, image.get_width(), image.get_height())
    Path(path).write_bytes(bytes(layer.get_buffer().get(area, 1.0, "R'G'B'A u16", Gegl.AbyssPolicy.NONE)))
    copy.delete()


def dump_selection(image, path):
    Path(path).write_bytes(selection_values(image))


def selection_values(image):
    return bytes(image.get_selection().get_buffer().get(canvas(image), 1.0, "Y u8", Gegl.AbyssPolicy.NONE))


def state(image):
    """All that an edit must leave as it was, and the layers in order."""
    colours = (Gimp.context_get_foreground(), Gimp.context_get_background())
    return {
        "layers": [describe(layer) for layer in image.get_layers()],
        "selection": zlib.crc32(selection_values(image)),
        "guides": _guides(image),
        "active": [layer.get_name() for layer in image.get_selected_layers()],
        "colours": [list(colour.get_rgba()) for colour in colours],
        "channels": [channel.get_name() for channel in image.get_channels()],
        "images": len(Gimp.get_images()),
    }


def describe(layer):
    offset = layer.get_offsets()
    return {
        "name": layer.get_name(),
        "box": [offset.offset_x, offset.offset_y, layer.get_width(), layer.get_height()],
        "visible": layer.get_visible(),
        "opacity": layer.get_opacity(),
        "masked": layer.get_mask() is not None,
        "children": [describe(child) for child in layer.get_children()] if layer.is_group() else [],
        "parasites": list(layer.get_parasite_list()),
    }


def _guides(image):
    guides, guide = [], image.find_next_guide(0)
    while guide:
        guides.append([int(image.get_guide_orientation(guide)), image.get_guide_position(guide)])
        guide = image.find_next_guide(guide)
    return guides
