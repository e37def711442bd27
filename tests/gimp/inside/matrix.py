"""Inside GIMP: small pictures of every kind, each edited with an endpoint that gives back what it got."""

import math
import tempfile
from pathlib import Path

from gi.repository import Gegl, Gimp, Gio

from tests.gimp.inside import edits, pictures

SIZE = 120, 90
_NORMAL = Gimp.LayerMode.NORMAL


def run(kind, layer, selection, out, **arguments):
    """Edits one combination; writes raw pixels into `out` and tells what else can be compared."""
    image = new_image(kind)
    try:
        edited = LAYERS[layer](image)
        image.add_vguide(40)
        SELECTIONS[selection](image)
        image.set_selected_layers([edited])
        return _run(image, edited, Path(out), arguments)
    finally:
        image.delete()


def _run(image, edited, out, arguments):
    before = pictures.state(image)
    ids = {each.get_id() for each in _all_layers(image.get_layers())}
    (out / "selection.raw").write_bytes(_selection(image))
    (out / "before.raw").write_bytes(visible(image))
    done = edits.edit(image, [edited], prompt="x", provider="custom", model="built-in", **arguments)
    (out / "after.raw").write_bytes(visible(image))
    done |= {"before": before, "after": pictures.state(image)}
    if done["status"] == "success":
        new = [each for each in _all_layers(image.get_layers()) if each.get_id() not in ids]
        done["new"], frame = len(new), done["report"]["frame"]
        (out / "layer.raw").write_bytes(_read(new[0], (0, 0, *frame[2:])))
        image.remove_layer(new[0])
        merged = arguments.get("sample_merged")
        (out / "original.raw").write_bytes(_all_visible(image, frame) if merged else _as_seen(image, edited, frame))
    return done


def new_image(kind):
    """An image of one of KINDS, with nothing in it."""
    base, precision, profile = KINDS[kind]
    image = Gimp.Image.new_with_precision(*SIZE, base, precision)
    if profile:
        image.set_color_profile(profile())
    return image


def reference(out, alpha):
    """Edits with a second layer that is larger than a model looks at; writes that layer's pixels."""
    image = new_image("RGB 8")
    edited, large = add(image), add(image, box=(0, 0, 3000, 40), alpha=alpha, seed=2)
    (Path(out) / "reference.raw").write_bytes(_read(large, (0, 0, 3000, 40)))
    done = edits.edit(image, [edited, large], prompt="x", provider="custom", model="built-in")
    image.delete()
    return done["status"]


def live_reference(kind, out):
    """Edits with a vector or link layer as a reference; writes its pixels and tells whether it is still one."""
    image = new_image("RGB 8")
    edited, layer = add(image), LAYERS[kind](image)
    (Path(out) / "reference.raw").write_bytes(_as_seen(image, layer, (*layer.get_offsets()[1:], *_size_of(layer))))
    done = edits.edit(image, [edited, layer], prompt="x", provider="custom", model="built-in")
    answer = {"status": done["status"], "error": done["error"], "size": _size_of(layer), "kind": type(layer).__name__}
    image.delete()
    return answer


def _size_of(layer):
    return [layer.get_width(), layer.get_height()]


def visible(image):
    """What is visible, in the image's own format: nothing may hide in rounding."""
    copy = image.duplicate()
    layer = copy.merge_visible_layers(Gimp.MergeType.EXPAND_AS_NECESSARY)
    offset = layer.get_offsets()
    area = Gegl.Rectangle.new(-offset.offset_x, -offset.offset_y, *SIZE)
    data = bytes(layer.get_buffer().get(area, 1.0, None, Gegl.AbyssPolicy.NONE))
    copy.delete()
    return data


def _selection(image):
    """The selection in all its precision: in a float image it can be less than a 255th."""
    return bytes(image.get_selection().get_buffer().get(pictures.canvas(image), 1.0, "Y float", Gegl.AbyssPolicy.NONE))


def _all_visible(image, frame):
    copy = image.duplicate()
    data = _read(copy.merge_visible_layers(Gimp.MergeType.EXPAND_AS_NECESSARY), frame)
    copy.delete()
    return data


def _as_seen(image, layer, frame):
    """The layer with its filters, its mask and its children, merged whole: another way than the plug-in's."""
    copy = image.duplicate()
    place, siblings = [], copy.get_layers()
    while layer:
        place.insert(0, image.get_item_position(layer))
        layer = layer.get_parent()
    for position in place:
        twin = siblings[position]
        siblings = twin.get_children() if twin.is_group() else []
    twin = twin.merge() if twin.is_group() else twin
    twin.merge_filters()
    twin.set_lock_content(False)
    if twin.get_mask():
        twin.remove_mask(Gimp.MaskApplyMode.APPLY)
    data = _read(twin, frame)
    copy.delete()
    return data


def _read(layer, frame):
    offset = layer.get_offsets() if frame[:2] != (0, 0) else None
    left, top = (offset.offset_x, offset.offset_y) if offset else (0, 0)
    area = Gegl.Rectangle.new(frame[0] - left, frame[1] - top, *frame[2:])
    return bytes(layer.get_buffer().get(area, 1.0, "R'G'B'A u8", Gegl.AbyssPolicy.NONE))


def _all_layers(layers):
    for layer in layers:
        yield layer
        if layer.is_group():
            yield from _all_layers(layer.get_children())


def add(image, parent=None, box=(0, 0, *SIZE), alpha=False, seed=1):
    """A layer of soft waves with some noise in it, in colours that every profile has."""
    x, y, width, height = box
    layer = Gimp.Layer.new(image, f"layer {seed}", width, height, _layer_type(image, alpha), 100, _NORMAL)
    image.insert_layer(layer, parent, 0)
    layer.set_offsets(x, y)
    paint(layer, waves(width, height, alpha, seed, noise=9))
    return layer


def waves(width, height, alpha, seed, noise):
    """RGB or RGBA bytes; with alpha, the left third is transparent with red hidden in it, the next half opaque."""
    data = bytearray()
    for y in range(height):
        for x in range(width):
            grain = (x * 7919 + y * 104729 + seed * 31) % 101 % noise if noise else 0
            wave = [math.sin((x + 2 * y * channel) / 19 + seed + channel) for channel in range(3)]
            colour = bytes(round(128 + 35 * each) + grain for each in wave)
            if alpha:
                opacity = (0, 100, 255)[3 * x // width]
                colour = (colour if opacity else b"\xff\0\0") + bytes([opacity])
            data += colour
    return bytes(data)


def _smooth(image):
    """No noise: nothing that a smaller picture could not hold."""
    layer = add(image)
    paint(layer, waves(*SIZE, False, 1, noise=0))
    return layer


def paint(layer, data):
    """Fills a layer with RGB or RGBA bytes in sRGB."""
    whole = Gegl.Rectangle.new(0, 0, layer.get_width(), layer.get_height())
    buffer = layer.get_buffer()
    buffer.set(whole, "R'G'B'A u8" if layer.has_alpha() else "R'G'B' u8", data)
    buffer.flush()
    layer.update(0, 0, layer.get_width(), layer.get_height())


def _layer_type(image, alpha):
    if image.get_base_type() == Gimp.ImageBaseType.GRAY:
        return Gimp.ImageType.GRAYA_IMAGE if alpha else Gimp.ImageType.GRAY_IMAGE
    return Gimp.ImageType.RGBA_IMAGE if alpha else Gimp.ImageType.RGB_IMAGE


def _alpha(image):
    add(image, seed=2)
    return add(image, alpha=True)


def _mask(image):
    add(image, seed=2)
    layer = add(image)
    image.select_ellipse(Gimp.ChannelOps.REPLACE, 10, 10, 100, 70)
    Gimp.Selection.feather(image, 12)
    layer.add_mask(layer.create_mask(Gimp.AddMaskType.SELECTION))
    Gimp.Selection.none(image)
    return layer


def _opacity_and_mode(image):
    add(image, seed=2)
    layer = add(image, alpha=True)
    layer.set_opacity(60)
    layer.set_mode(Gimp.LayerMode.MULTIPLY)
    return layer


def _filters(image):
    add(image, seed=2)
    layer = add(image)
    for operation in ("gegl:gaussian-blur", "gegl:vignette", "gegl:invert-gamma"):
        layer.append_filter(Gimp.DrawableFilter.new(layer, operation, operation))
    return layer


def _small(image):
    add(image, seed=2)
    return add(image, box=(31, 17, 71, 53))


def _partly_outside(image):
    add(image, seed=2)
    return add(image, box=(-37, -19, 120, 80))


def _group(image):
    add(image, seed=2)
    group = Gimp.GroupLayer.new(image, "group")
    image.insert_layer(group, None, 0)
    add(image, group, box=(8, 6, 100, 70), seed=3)
    add(image, group, box=(20, 12, 90, 60), alpha=True, seed=4).set_opacity(50)
    return group


def _in_a_group(image):
    """In a group inside a group that is half transparent, with a layer above it."""
    outer = _group(image)
    outer.set_opacity(50)
    inner = Gimp.GroupLayer.new(image, "inner")
    image.insert_layer(inner, outer, 1)
    layer = add(image, inner, box=(5, 5, 110, 80), seed=5)
    layer.append_filter(Gimp.DrawableFilter.new(layer, "gegl:invert-gamma", "invert"))
    return layer


def _text(image):
    add(image, seed=2)
    if not Gimp.fonts_get_list(""):
        Gimp.fonts_refresh()
    layer = Gimp.TextLayer.new(image, "Text", Gimp.fonts_get_list("")[0], 40, Gimp.Unit.pixel())
    image.insert_layer(layer, None, 0)
    layer.set_offsets(20, 20)
    return layer


def _vector(image):
    """A filled path, which GIMP draws into a layer of its own kind since 3.2."""
    add(image, seed=2)
    path = Gimp.Path.new(image, "Path")
    image.insert_path(path, None, 0)
    stroke = path.bezier_stroke_new_moveto(20, 15)
    for x, y in ((100, 15), (60, 80)):
        path.bezier_stroke_lineto(stroke, x, y)
    path.stroke_close(stroke)
    layer = Gimp.VectorLayer.new(image, path)
    image.insert_layer(layer, None, 0)
    layer.refresh()
    return layer


def _link(image):
    """A layer that shows a file, which GIMP has since 3.2."""
    add(image, seed=2)
    file = Gio.File.new_for_path(str(Path(tempfile.mkdtemp(prefix="generative-edit-test-")) / "linked.png"))
    other = new_image("RGB 8")
    add(other, seed=3)
    Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, other, file, None)
    other.delete()
    layer = Gimp.LinkLayer.new(image, file)
    image.insert_layer(layer, None, 0)
    return layer


def _locked_and_hidden(image):
    add(image, seed=2)
    layer = _mask(image)
    layer.set_visible(False)
    layer.set_lock_position(True)
    layer.set_lock_content(True)
    layer.set_lock_visibility(True)
    return layer


def _wholly_outside(image):
    add(image, seed=2)
    return add(image, box=(200, 10, 50, 50))


LAYERS = {
    "plain": add,
    "alpha": _alpha,
    "mask": _mask,
    "opacity and mode": _opacity_and_mode,
    "filters": _filters,
    "smooth": _smooth,
    "small": _small,
    "partly outside": _partly_outside,
    "group": _group,
    "in a group": _in_a_group,
    "text": _text,
    "vector": _vector,
    "link": _link,
    "locked and hidden": _locked_and_hidden,
    "wholly outside": _wholly_outside,
}


def _hard(image):
    image.select_rectangle(Gimp.ChannelOps.REPLACE, 30, 25, 41, 33)


def _soft(image):
    pictures.select_ellipse(image, 35, 20, 50, 45, feather=8)


def _inverted(image):
    _hard(image)
    Gimp.Selection.invert(image)


def _beyond_with_holes(image):
    image.select_rectangle(Gimp.ChannelOps.REPLACE, -50, -50, 400, 400)
    image.select_rectangle(Gimp.ChannelOps.SUBTRACT, 40, 30, 20, 20)
    image.select_ellipse(Gimp.ChannelOps.SUBTRACT, 80, 40, 25, 30)


def _floating(image):
    _hard(image)
    Gimp.Selection.float(image, image.get_layers()[:1], 3, 3)


SELECTIONS = {
    "hard": _hard,
    "soft": _soft,
    "empty": Gimp.Selection.none,
    "inverted": _inverted,
    "beyond with holes": _beyond_with_holes,
    "floating": _floating,
}

_RGB, _GREY = Gimp.ImageBaseType.RGB, Gimp.ImageBaseType.GRAY
_IS = Gimp.Precision
KINDS = {
    "RGB 8": (_RGB, _IS.U8_NON_LINEAR, None),
    "RGB 8 linear": (_RGB, _IS.U8_LINEAR, None),
    "RGB 16": (_RGB, _IS.U16_NON_LINEAR, None),
    "RGB 16 linear": (_RGB, _IS.U16_LINEAR, None),
    "RGB 32": (_RGB, _IS.U32_NON_LINEAR, None),
    "RGB half": (_RGB, _IS.HALF_LINEAR, None),
    "RGB float": (_RGB, _IS.FLOAT_LINEAR, None),
    "RGB float perceptual": (_RGB, _IS.FLOAT_NON_LINEAR, None),
    "RGB 8 Adobe": (_RGB, _IS.U8_NON_LINEAR, Gimp.ColorProfile.new_rgb_adobe),
    "RGB float Adobe": (_RGB, _IS.FLOAT_LINEAR, Gimp.ColorProfile.new_rgb_adobe),
    "grey 8": (_GREY, _IS.U8_NON_LINEAR, None),
    "grey 16 linear": (_GREY, _IS.U16_LINEAR, None),
    "grey float": (_GREY, _IS.FLOAT_NON_LINEAR, None),
    "grey 8 L*": (_GREY, _IS.U8_NON_LINEAR, Gimp.ColorProfile.new_d50_gray_lab_trc),
}
