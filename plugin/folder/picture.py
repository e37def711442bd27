"""Opens one picture of a folder run in GIMP, and selects its mask."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from gi.repository import Gegl, Gimp, Gio, GLib

from lib.frame.geometry import Rect
from lib.imaging.picture_check import BadPicture, check_picture, has_layers, several_pictures
from lib.storage.file_identity import readable_name
from lib.translation import _
from plugin.edit.options import SUBJECT_MASKS, Options
from plugin.errors import EditFailed
from plugin.folder.arguments import CHANNEL
from plugin.folder.pictures import is_file
from plugin.pixels.export import layer_rect
from plugin.pixels.select_values import select_values
from plugin.ui.display import has_display

_VALUES = "Y u8"
# The rotation and then the flip that show a picture upright, by its EXIF orientation.
_ROTATIONS = {
    3: Gimp.RotationType.DEGREES180,
    5: Gimp.RotationType.DEGREES90,
    6: Gimp.RotationType.DEGREES90,
    7: Gimp.RotationType.DEGREES90,
    8: Gimp.RotationType.DEGREES270,
}
_FLIPS = {
    2: Gimp.OrientationType.HORIZONTAL,
    4: Gimp.OrientationType.VERTICAL,
    5: Gimp.OrientationType.HORIZONTAL,
    7: Gimp.OrientationType.VERTICAL,
}
_ORIENTATION = re.compile(r'name="Exif\.Image\.Orientation"[^>]*>(\d+)<')


def open_picture(path: Path) -> Gimp.Image:
    """Return the picture, upright, as an image in RGB or grayscale.

    Raises EditFailed if GIMP cannot open it or the file is not one complete picture, or OSError.
    """
    try:
        check_picture(path)
    except BadPicture as error:
        raise EditFailed(str(error)) from None
    image = _load(path)
    if len(image.get_layers()) > 1 and not has_layers(path):
        image.delete()
        raise EditFailed(str(several_pictures(path)))
    image.undo_disable()
    _set_upright(image)
    if image.get_base_type() == Gimp.ImageBaseType.INDEXED:
        image.convert_rgb()
    return image


def _load(path: Path) -> Gimp.Image:
    """Return the image that GIMP loads from a file, without any other images that it opens; raise EditFailed."""
    open_before = {image.get_id() for image in Gimp.get_images()}
    try:
        image, reason = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, _file(path)), ""
    except GLib.Error as error:
        image, reason = None, error.message
    if image is None:  # some of GIMP's loaders return neither an image nor an error
        reason = reason or Gimp.get_pdb().get_last_error()
    _delete_leftovers(open_before, image, path)
    if image is None:
        raise EditFailed(_("GIMP cannot open {file}: {reason}").format(file=readable_name(path.name), reason=reason))
    return image


def _delete_leftovers(open_before: Collection[int], image: Gimp.Image | None, path: Path) -> None:
    """Delete the images that GIMP's loader has left open: two for each icon of an ICNS file in GIMP 3.0.

    In a GIMP with windows, where others may open images at the same time, only images of the size of such an icon.
    """
    layers = image.get_layers() if image else []
    icons = {_size(layer) for layer in layers} if path.suffix.lower() == ".icns" else set()
    for other in Gimp.get_images():
        if other.get_id() in open_before or (image and other.get_id() == image.get_id()) or other.get_file():
            continue
        if _size(other) in icons or not has_display():
            other.delete()


def _size(item: Gimp.Image | Gimp.Layer) -> tuple[int, int]:
    return item.get_width(), item.get_height()


def _set_upright(image: Gimp.Image) -> None:
    """Rotate the picture as its EXIF orientation says, and remove the orientation, whatever the user's preference.

    GIMP's own function removes the orientation without rotating if the preference is to keep pictures as they are.
    """
    metadata = image.get_metadata()
    match = _ORIENTATION.search(metadata.serialize()) if metadata else None
    image.policy_rotate(False)
    if not match or Gimp.gimprc_query("metadata-rotation-policy") != "keep":
        return
    orientation = int(match[1])
    if orientation in _ROTATIONS:
        image.rotate(_ROTATIONS[orientation])
    if orientation in _FLIPS:
        image.flip(_FLIPS[orientation])


@contextmanager
def opened(path: Path) -> Iterator[Gimp.Image]:
    """Open a picture with `open_picture`, and delete the image afterwards."""
    image = open_picture(path)
    try:
        yield image
    finally:
        image.delete()


def layers_to_send(image: Gimp.Image, options: Options) -> list[Gimp.Layer]:
    """Return the layers selected in the file, from the bottom up as in the panel; if none is, the bottom layer."""
    selected = list(reversed(image.get_selected_layers()))
    return selected[:1] if selected and options.sample_merged else selected or image.get_layers()[-1:]


def select_mask(image: Gimp.Image, mask: str, beside: Path, layers: Sequence[Gimp.Layer]) -> str:
    """Select the area to change as the argument `mask` says; raise EditFailed if there is no such mask.

    If the argument is empty, use the first that exists: the file `beside`, the saved selection, the transparent area.
    Returns the mask that was used, as a value of the argument.
    """
    if mask.startswith(CHANNEL):
        _select_channel(image, mask.removeprefix(CHANNEL))
        return mask
    if mask == "none" or mask in SUBJECT_MASKS:
        Gimp.Selection.none(image)
        return mask
    if mask == "file" or (not mask and is_file(beside)):
        _select_file(image, beside)
        return "file"
    if mask == "alpha" or (not mask and Gimp.Selection.is_empty(image)):
        return "alpha" if _select_transparent(image, layers[0], is_required=bool(mask)) else "none"
    if Gimp.Selection.is_empty(image):
        raise EditFailed(_("The picture has no saved selection. Save one in an XCF file, or choose another mask."))
    return "selection"


def _select_channel(image: Gimp.Image, name: str) -> None:
    channel = image.get_channel_by_name(name)
    if channel is None:
        message = _("The picture has no channel “{name}”. Check the name, or choose another mask.")
        raise EditFailed(message.format(name=name))
    image.select_item(Gimp.ChannelOps.REPLACE, channel)
    _require_selection(image)


def _select_file(image: Gimp.Image, path: Path) -> None:
    """Select the white pixels, gray ones partly; in a mask with transparency the transparent ones, as endpoints do."""
    if not is_file(path):
        raise EditFailed(_("The mask {file} does not exist.").format(file=readable_name(path.name)))
    size = image.get_width(), image.get_height()
    with opened(path) as mask:
        if (mask.get_width(), mask.get_height()) != size:
            message = _("The mask {file} must have the size of the picture, {width}x{height}.")
            raise EditFailed(message.format(file=readable_name(path.name), width=size[0], height=size[1]))
        layer = mask.merge_visible_layers(Gimp.MergeType.CLIP_TO_IMAGE)
        values = _transparency(layer, size) if layer.has_alpha() else b""
        if not values.strip(b"\0"):
            values = _read(layer, size, "Y' u8")
    select_values(image, _whole(image), values)
    _require_selection(image)


def _select_transparent(image: Gimp.Image, layer: Gimp.Layer, is_required: bool) -> bool:
    """Select the transparent area of a layer; return whether there is one, or raise EditFailed if it is required."""
    values = _transparency(layer, (layer.get_width(), layer.get_height())) if layer.has_alpha() else b""
    if values.strip(b"\0"):
        select_values(image, layer_rect(layer), values)
    elif is_required:
        raise EditFailed(_("The picture has no transparent area. Erase the area to fill, or choose another mask."))
    return not Gimp.Selection.is_empty(image)


def _transparency(layer: Gimp.Layer, size: tuple[int, int]) -> bytes:
    """Return the transparency of each pixel, one byte per pixel."""
    return _read(layer, size, "YA u8")[1::2].translate(bytes(range(255, -1, -1)))


def _read(layer: Gimp.Layer, size: tuple[int, int], encoding: str) -> bytes:
    return bytes(layer.get_buffer().get(Gegl.Rectangle.new(0, 0, *size), 1.0, encoding, Gegl.AbyssPolicy.NONE))


def _whole(image: Gimp.Image) -> Rect:
    return Rect(0, 0, image.get_width(), image.get_height())


def _require_selection(image: Gimp.Image) -> None:
    if Gimp.Selection.is_empty(image):
        raise EditFailed(_("The mask is empty."))


def _file(path: Path) -> Gio.File:
    return Gio.File.new_for_path(str(path))
