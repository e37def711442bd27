"""Change an image's selection to given values."""

from gi.repository import Gegl, Gimp

from lib.frame.geometry import Rect

# As a selection's own values: linear coverage.
_ENCODING = "Y u8"


def select_values(
    image: Gimp.Image, area: Rect, values: bytes, operation: Gimp.ChannelOps = Gimp.ChannelOps.REPLACE
) -> None:
    """Select by values for an area of the canvas, one byte a pixel; nothing is selected outside it."""
    layers, channels = image.get_selected_layers(), image.get_selected_channels()
    black = Gegl.Color.new("black")
    channel = Gimp.Channel.new(image, "mask", image.get_width(), image.get_height(), 100.0, black)
    image.insert_channel(channel, None, 0)
    buffer = channel.get_buffer()
    buffer.set(Gegl.Rectangle.new(area.x, area.y, area.width, area.height), _ENCODING, values)
    buffer.flush()
    image.select_item(operation, channel)
    image.remove_channel(channel)
    if layers:
        image.set_selected_layers(layers)
    elif channels:
        image.set_selected_channels(channels)
