"""Writes the results of a folder run: the worker encodes what GIMP shows, which is much faster than GIMP's own export.

GIMP writes XCF files, and those with more than eight bits a channel.
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

_UNREADABLE_RESULT = N_("The result was written, but cannot be read again: {reason}. Check the disk, then try again.")
_EXPORTS = {"png": "file-png-export", "jpeg": "file-jpeg-export", "webp": "file-webp-export"}
# Not the thumbnail, which shows the picture as it was.
_METADATA = Gimp.MetadataSaveFlags.EXIF | Gimp.MetadataSaveFlags.IPTC | Gimp.MetadataSaveFlags.XMP
# The most that WebP and libjpeg can encode.
_LONGEST_SIDES = {"webp": 16_383, "jpeg": 65_500}
_MODES = {
    Gimp.ImageType.RGB_IMAGE: "RGB",
    Gimp.ImageType.RGBA_IMAGE: "RGBA",
    Gimp.ImageType.GRAY_IMAGE: "L",
    Gimp.ImageType.GRAYA_IMAGE: "LA",
}


@dataclass(frozen=True)
class Written:
    """A result on its way to disk: its unfinished file, and what the worker is asked to do first.

    The unfinished one lies beside the run's state, so that what has the result's name is always whole.
    """

    part: Path
    kind: str
    size: tuple[int, int]
    asked: dict[str, Any] | None

    def finish(self, image: Gimp.Image) -> None:
        """Gives the file the picture's metadata, where the worker has written it; raises EditFailed or OSError.

        What only GIMP can read is opened again.
        """
        if self.asked:
            _add_metadata(image, self.part, self.kind)
        if self.kind == "xcf":
            _check_xcf(image, self.part)

    @property
    def checked(self) -> dict[str, Any]:
        """What the worker is asked to check: see lib/worker/requests/picture_files.py."""
        return {"file": str(self.part), "format": self.kind, "size": list(self.size)}


def check_size(kind: str, image: Gimp.Image) -> None:
    """Raises EditFailed where a picture is too large for the format of its result."""
    most, longest = _LONGEST_SIDES.get(kind), max(image.get_width(), image.get_height())
    if most and longest > most:
        told = _(
            "A {format} file can have at most {most} pixels per side, and the picture has {count}. "
            "Choose another output-format."
        )
        raise EditFailed(told.format(format=kind, most=most, count=longest))


def write(image: Gimp.Image, part: Path, kind: str, quality: int) -> Written:
    """Writes an image, or asks for it; all but XCF as it looks, in one layer. Raises EditFailed or OSError."""
    size = image.get_width(), image.get_height()
    if kind == "xcf":
        _run("gimp-xcf-save", image, part, {})
        return Written(part, kind, size, None)
    layer = _as_it_looks(image, kind)
    if image.get_precision() == Gimp.Precision.U8_NON_LINEAR:
        return Written(part, kind, size, _asked(image, layer, part, kind, quality))
    settings: dict[str, float | int] = {}
    if kind != "png" and quality >= 0:
        settings = {"quality": quality / 100 if kind == "jpeg" else quality}
    _run(_EXPORTS[kind], image, part, settings)
    return Written(part, kind, size, None)


def _check_xcf(image: Gimp.Image, path: Path) -> None:
    """Raises EditFailed where GIMP does not find in a file what it has saved."""
    try:
        again = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, _file(path))
    except GLib.Error as error:
        raise EditFailed(_(_UNREADABLE_RESULT).format(reason=error.message)) from None
    facts = [(each.get_width(), each.get_height(), len(each.get_layers())) for each in (image, again) if each]
    if again:
        again.delete()
    if len(set(facts)) != 1 or len(facts) != 2:
        raise EditFailed(_(_UNREADABLE_RESULT).format(reason=Gimp.get_pdb().get_last_error()))


def _as_it_looks(image: Gimp.Image, kind: str) -> Gimp.Layer:
    if kind == "jpeg":
        Gimp.context_push()
        Gimp.context_set_background(Gegl.Color.new("white"))
        layer = image.flatten()
        Gimp.context_pop()
        return layer
    return image.merge_visible_layers(Gimp.MergeType.CLIP_TO_IMAGE)


def _asked(image: Gimp.Image, layer: Gimp.Layer, part: Path, kind: str, quality: int) -> dict[str, Any]:
    """Return the request as lib.worker.requests.picture_files takes it: raw pixels in the image's own colours."""
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
    """Gives a file the picture's EXIF, IPTC and XMP; a result without them is better than none."""
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
        raise EditFailed(_("The result cannot be written: {reason} Make room or access.").format(reason=reason))


def _file(path: Path) -> Gio.File:
    return Gio.File.new_for_path(str(path))
