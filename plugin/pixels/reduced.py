"""Small copies of drawables, made by GIMP in one call.

A buffer is read tile by tile, and GIMP ends a plug-in that asks for a tile of an image that has just been closed. What
is read again and again while people work must therefore not be read from a buffer.
"""

from gi.repository import Gimp, GLib

from lib.frame.geometry import Rect, Size
from plugin.expect import expect
from plugin.pixels.raw import Pixels


def reduced(drawable: Gimp.Drawable, part: Rect, size: Size) -> Pixels:
    """Return a part of a drawable, in its own coordinates, scaled down to about `size`: a pixel more or less.

    A selection has one channel, or three that are the same.
    """
    data, width, height, channels = drawable.get_sub_thumbnail_data(
        part.x, part.y, part.width, part.height, size.width, size.height
    )
    return Pixels(width, height, channels, expect(bytes, expect(GLib.Bytes, data).get_data()))
