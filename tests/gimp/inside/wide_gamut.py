"""Inside GIMP: pictures in colours that sRGB lacks, edited."""

import struct

from gi.repository import Gegl, Gimp

from plugin.pixels.colour_space import encoding
from tests.gimp.inside import edits

SIZE = 96, 80
HOLE = 30, 24, 36, 32
_BACKGROUND = (0.05, 0.97, 0.1)
_PRECISIONS = {
    "8": Gimp.Precision.U8_NON_LINEAR,
    "16": Gimp.Precision.U16_NON_LINEAR,
    "float": Gimp.Precision.FLOAT_LINEAR,
}


def run(profile, precision, thing, **arguments):
    """Edits within a selection; with `thing` something grey is there on an even background, else all is colourful.

    Tells the largest difference there, in levels of the image's own space: from the background, else from the picture;
    and how far the picture is outside sRGB.
    """
    image = Gimp.Image.new_with_precision(*SIZE, Gimp.ImageBaseType.RGB, _PRECISIONS[precision])
    own = PROFILES[profile]()
    if own:
        image.set_color_profile(own)
    layer = Gimp.Layer.new(image, "picture", *SIZE, Gimp.ImageType.RGB_IMAGE, 100, Gimp.LayerMode.NORMAL)
    image.insert_layer(layer, None, 0)
    beyond = 1.3 if precision == "float" else 1.0
    colours = [colour for y in range(SIZE[1]) for x in range(SIZE[0]) for colour in _colour(x, y, thing, beyond)]
    name = encoding("R'G'B' float", own)
    layer.get_buffer().set(Gegl.Rectangle.new(0, 0, *SIZE), name, struct.pack(f"{len(colours)}f", *colours))
    layer.get_buffer().flush()
    image.select_rectangle(Gimp.ChannelOps.REPLACE, *HOLE)
    image.set_selected_layers([layer])
    before, outside = _read(layer, name, HOLE), _outside(layer)
    done = edits.edit(image, [layer], **arguments)
    if done["status"] == "success":
        result = image.get_layers()[0]
        left, top = result.get_offsets()[1:]
        after = _read(result, name, (HOLE[0] - left, HOLE[1] - top, *HOLE[2:]))
        expected = _read(layer, name, (0, 0, 1, 1)) * (HOLE[2] * HOLE[3]) if thing else before
        done["off"] = 255 * max(abs(one - other) for one, other in zip(after, expected, strict=True))
    image.delete()
    return done | {"outside": outside}


def _colour(x, y, thing, beyond):
    if thing:
        left, top, width, height = (HOLE[0] + 6, HOLE[1] + 6, HOLE[2] - 12, HOLE[3] - 12)
        return (0.5,) * 3 if left <= x < left + width and top <= y < top + height else _BACKGROUND
    colour = [(x * 5 % 97) / 97 * 0.3, beyond - (y * 7 % 61) / 61 * 0.3, (x + y) % 11 / 40]
    return colour[x // 32 :] + colour[: x // 32]


def _read(layer, name, area):
    data = layer.get_buffer().get(Gegl.Rectangle.new(*area), 1.0, name, Gegl.AbyssPolicy.NONE)
    return struct.unpack(f"{len(data) // 4}f", data)


def _outside(layer):
    values = _read(layer, "R'G'B' float", (0, 0, *SIZE))
    return 255 * max(-min(values), max(values) - 1)


def _display_p3():
    """Display P3 as in its ICC profile: primaries adapted to D50, and the tones of sRGB."""
    columns = {
        b"rXYZ": (0.51512, 0.24120, -0.00105),
        b"gXYZ": (0.29198, 0.69225, 0.04189),
        b"bXYZ": (0.15710, 0.06657, 0.78407),
        b"wtpt": (0.96420, 1.0, 0.82491),
    }
    text = "P3".encode("utf-16-be")
    words = b"mluc" + struct.pack(">4xII2s2sII", 1, 12, b"en", b"US", len(text), 28) + text
    tones = b"para" + struct.pack(">4xH2x5i", 3, *_fixed(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045))
    tags = {name: b"XYZ " + struct.pack(">4x3i", *_fixed(*values)) for name, values in columns.items()}
    tags |= dict.fromkeys((b"desc", b"cprt"), words) | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), tones)
    table, body, start = b"", b"", 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        table += struct.pack(">4sII", name, start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    head = struct.pack(">I4xI4s4s4s12x4s28x3i48x", start + len(body), 0x04200000, b"mntr", b"RGB ", b"XYZ ", b"acsp",
                       *_fixed(*columns[b"wtpt"]))  # fmt: skip
    icc = head + struct.pack(">I", len(tags)) + table + body
    return Gimp.ColorProfile.new_from_icc_profile(icc)


def _fixed(*values):
    return [round(value * 65536) for value in values]


PROFILES = {"Adobe RGB": Gimp.ColorProfile.new_rgb_adobe, "Display P3": _display_p3, "sRGB": lambda: None}
