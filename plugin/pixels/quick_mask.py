"""Turn on GIMP's Quick Mask, in which the selection is painted; GIMP takes a channel of its name for it."""

from gi.repository import Gegl, Gimp

from plugin.pixels.export import QUICK_MASK
from plugin.pixels.insert import undo_group

_OPACITY = 50.0


def turn_on(image: Gimp.Image) -> None:
    """Show the selection as a mask to paint on, in one undo step; GIMP itself makes it a selection again (Shift+Q).

    Whether the user has inverted the mask is not known here, so it is never turned into a selection by us.
    """
    width, height = image.get_width(), image.get_height()
    channel = Gimp.Channel.new(image, QUICK_MASK, width, height, _OPACITY, Gegl.Color.new("red"))
    with undo_group(image):
        image.insert_channel(channel, None, 0)
        whole = Gegl.Rectangle.new(0, 0, width, height)
        mask = channel.get_buffer()
        image.get_selection().get_buffer().copy(whole, Gegl.AbyssPolicy.NONE, mask, whole)
        mask.flush()
        channel.update(0, 0, width, height)
        Gimp.Selection.none(image)
        image.set_selected_channels([channel])
    Gimp.displays_flush()
