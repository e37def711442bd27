"""Saves the results of a folder run: the worker encodes the pixels, which is much faster than GIMP's own export.

GIMP itself writes XCF files, and files with more than eight bits per channel.
"""

from __future__ import annotations

import base64
import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gi.repository import Gegl, Gimp, Gio, GLib

from lib.api.text import sentence
from lib.translation import N_, _
from plugin.errors import EditFailed
from plugin.expect import expect

_UNREADABLE_RESULT = N_("The result was saved, but couldn't be read back: {reason}. Check the disk, then try again.")
_EXPORTS = {"png": "file-png-export", "jpeg": "file-jpeg-export", "webp": "file-webp-export"}
# Without the thumbnail, which shows the picture before the edit.
_METADATA = Gimp.MetadataSaveFlags.EXIF | Gimp.MetadataSaveFlags.IPTC | Gimp.MetadataSaveFlags.XMP
# The limits of WebP and libjpeg.
_MAX_SIDES = {"webp": 16_383, "jpeg": 65_500}
_MODES = {
    Gimp.ImageType.RGB_IMAGE: "RGB",
    Gimp.ImageType.RGBA_IMAGE: "RGBA",
    Gimp.ImageType.GRAY_IMAGE: "L",
    Gimp.ImageType.GRAYA_IMAGE: "LA",
}


@dataclass(frozen=True)
class PendingFile:
    """A result that is being saved: its unfinished file, and the worker's request to encode it, if there is one.

    The unfinished file lies beside the run's state, so that a file with the result's name is always complete.
    """

    part: Path
    kind: str
    size: tuple[int, int]
    request: dict[str, Any] | None

    def finish(self, image: Gimp.Image) -> None:
        """Add the picture's metadata to a file that the worker has encoded; raise EditFailed or OSError.

        An XCF file, which only GIMP can read, is opened to check it.
        """
        if self.request:
            _add_metadata(image, self.part, self.kind)
        if self.kind == "xcf":
            _check_xcf(image, self.part)

    @property
    def check_request(self) -> dict[str, Any]:
        """The worker's request to check the file, as lib.worker.requests.picture_files expects it."""
        return {"file": str(self.part), "format": self.kind, "size": list(self.size)}


def check_size(kind: str, image: Gimp.Image) -> None:
    """Raise EditFailed if a picture is too large for the format of its result."""
    most, longest = _MAX_SIDES.get(kind), max(image.get_width(), image.get_height())
    if most and longest > most:
        message = _(
            "A {format} file can have at most {most} pixels per side, but the picture has {count}. "
            "Choose another output-format."
        )
        raise EditFailed(message.format(format=kind, most=most, count=longest))


def write(image: Gimp.Image, part: Path, kind: str, quality: int) -> PendingFile:
    """Write an image, or prepare the request to encode it; merge its layers except for XCF.

    Raises EditFailed or OSError.
    """
    size = image.get_width(), image.get_height()
    if kind == "xcf":
        _run("gimp-xcf-save", image, part, {})
        return PendingFile(part, kind, size, None)
    layer = _merged(image, kind)
    if image.get_precision() == Gimp.Precision.U8_NON_LINEAR:
        return PendingFile(part, kind, size, _encoding_request(image, layer, part, kind, quality))
    settings: dict[str, float | int] = {}
    if kind != "png" and quality >= 0:
        settings = {"quality": quality / 100 if kind == "jpeg" else quality}
    _run(_EXPORTS[kind], image, part, settings)
    return PendingFile(part, kind, size, None)


def _check_xcf(image: Gimp.Image, path: Path) -> None:
    """Raise EditFailed if an XCF file does not contain what GIMP has saved."""
    try:
        reloaded = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, _file(path))
    except GLib.Error as error:
        raise EditFailed(_(_UNREADABLE_RESULT).format(reason=error.message)) from None
    contents = [(each.get_width(), each.get_height(), len(each.get_layers())) for each in (image, reloaded) if each]
    if reloaded:
        reloaded.delete()
    if len(set(contents)) != 1 or len(contents) != 2:
        raise EditFailed(_(_UNREADABLE_RESULT).format(reason=Gimp.get_pdb().get_last_error()))


def _merged(image: Gimp.Image, kind: str) -> Gimp.Layer:
    if kind == "jpeg":
        Gimp.context_push()
        Gimp.context_set_background(Gegl.Color.new("white"))
        layer = image.flatten()
        Gimp.context_pop()
        return layer
    return image.merge_visible_layers(Gimp.MergeType.CLIP_TO_IMAGE)


def _encoding_request(image: Gimp.Image, layer: Gimp.Layer, part: Path, kind: str, quality: int) -> dict[str, Any]:
    """Return the request for lib.worker.requests.picture_files, with raw pixels in the image's own color space."""
    width, height = image.get_width(), image.get_height()
    left, top = layer.get_offsets()[1:]
    area = Gegl.Rectangle.new(-left, -top, width, height)
    pixels = part.with_name(f"{part.name}.raw")
    pixels.write_bytes(bytes(layer.get_buffer().get(area, 1.0, None, Gegl.AbyssPolicy.NONE)))
    profile = image.get_color_profile()
    return {
        "pixels": str(pixels),
        "mode": _MODES[layer.type()],
        "size": [width, height],
        "resolution": list(image.get_resolution()[1:]),
        "profile": base64.b64encode(bytes(profile.get_icc_profile())).decode("ascii") if profile else "",
        "format": kind,
        "quality": quality,
        "file": str(part),
    }


def _add_metadata(image: Gimp.Image, path: Path, kind: str) -> None:
    """Add the picture's EXIF, IPTC and XMP to a file; errors are ignored, as the result matters more."""
    metadata = image.get_metadata()
    if metadata:
        with contextlib.suppress(GLib.Error):
            image.metadata_save_filter(f"image/{kind}", metadata, _METADATA, _file(path)).save_to_file(_file(path))


def _run(name: str, image: Gimp.Image, path: Path, settings: dict[str, float | int]) -> None:
    procedure = expect(Gimp.Procedure, Gimp.get_pdb().lookup_procedure(name))
    config = procedure.create_config()
    config.set_property("run-mode", Gimp.RunMode.NONINTERACTIVE)
    config.set_property("image", image)
    config.set_property("file", _file(path))
    for setting, value in settings.items():
        config.set_property(setting, value)
    if procedure.run(config).index(0) != Gimp.PDBStatusType.SUCCESS:
        reason = sentence(Gimp.get_pdb().get_last_error())
        message = _("Couldn't save the result: {reason} Free some disk space or check the folder's permissions.")
        raise EditFailed(message.format(reason=reason))


def _file(path: Path) -> Gio.File:
    return Gio.File.new_for_path(str(path))
