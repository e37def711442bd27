"""Inside GIMP: removes something from a picture with a channel that says what not to copy from."""

from pathlib import Path

from gi.repository import Gegl, Gimp

from tests.gimp.inside import edits, pictures

SIZE = (256, 192)


def remove(out, selected, avoided, name="avoid", **arguments):
    """Remove a rectangle from a picture on which another rectangle, that of the channel `name`, is red."""
    image = pictures.splash(*SIZE)
    layer = image.get_layers()[0]
    x, y, width, height = avoided
    red = bytes((255, 0, 0, 255)) * (width * height)
    layer.get_buffer().set(Gegl.Rectangle.new(*avoided), "R'G'B'A u8", red)
    image.select_rectangle(Gimp.ChannelOps.REPLACE, *avoided)
    channel = Gimp.Selection.save(image)
    channel.set_name(name)
    image.select_rectangle(Gimp.ChannelOps.REPLACE, *selected)
    image.set_selected_layers([layer])
    before = pictures.state(image)
    done = edits.edit(image, [layer], prompt="remove", **arguments)
    pictures.dump_visible(image, Path(out) / "after.raw")
    done |= {"before": before, "after": pictures.state(image)}
    image.delete()
    return done
