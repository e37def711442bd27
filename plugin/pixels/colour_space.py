"""The colour space in which pixels leave an image and come back: sRGB, or the image's own where sRGB is too small."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import product

from gi.repository import Babl, Gegl, Gimp, GLib

from lib.frame.geometry import Size

_FLOATS = (
    Gimp.Precision.HALF_LINEAR, Gimp.Precision.HALF_NON_LINEAR, Gimp.Precision.HALF_PERCEPTUAL,
    Gimp.Precision.FLOAT_LINEAR, Gimp.Precision.FLOAT_NON_LINEAR, Gimp.Precision.FLOAT_PERCEPTUAL,
    Gimp.Precision.DOUBLE_LINEAR, Gimp.Precision.DOUBLE_NON_LINEAR, Gimp.Precision.DOUBLE_PERCEPTUAL,
)  # fmt: skip
_INTENT = Gimp.ColorRenderingIntent.RELATIVE_COLORIMETRIC
_TOLERANCE = 1 / 255  # by which colours of a profile that is sRGB in effect may be outside it


@dataclass(frozen=True)
class ColourSpace:
    """How the pixels of an edit are read: in the space of a profile, sRGB for None.

    unclipped: whether floats are read as well, as bytes may clip some colours.
    """

    profile: Gimp.ColorProfile | None = None
    unclipped: bool = False

    @classmethod
    def for_edit(cls, image: Gimp.Image, *, own: bool) -> ColourSpace:
        """Return the space to send pixels of an image in: with `own` that of the image, else sRGB."""
        profile, is_float = _wide_profile(image), image.get_precision() in _FLOATS
        return cls(profile, is_float) if own else cls(None, is_float or profile is not None)


@dataclass(frozen=True)
class ResultPixels:
    """The pixels of a layer: RGBA bytes, and the same as floats where these have colours that the bytes lack.

    profile: of both, as the bytes of an ICC profile; None for sRGB.
    """

    rgba: bytes
    unclipped: bytes | None = None
    profile: bytes | None = None

    def write(self, layer: Gimp.Layer) -> None:
        """Write the pixels over a whole layer; GEGL converts them to the image's profile and precision."""
        data, name = (self.unclipped, "R'G'B'A float") if self.unclipped else (self.rgba, "R'G'B'A u8")
        buffer = layer.get_buffer()
        area = Gegl.Rectangle.new(0, 0, layer.get_width(), layer.get_height())
        buffer.set(area, encoding(name, self._profile), data)
        buffer.flush()

    def srgb(self, size: Size) -> bytes:
        """Return RGBA bytes in sRGB, for a display."""
        if not self.profile:
            return self.rgba
        area = Gegl.Rectangle.new(0, 0, size.width, size.height)
        buffer = Gegl.Buffer.new("R'G'B'A u8", 0, 0, size.width, size.height)
        buffer.set(area, encoding("R'G'B'A u8", self._profile), self.rgba)
        return bytes(buffer.get(area, 1.0, "R'G'B'A u8", Gegl.AbyssPolicy.NONE))

    @property
    def _profile(self) -> Gimp.ColorProfile | None:
        return Gimp.ColorProfile.new_from_icc_profile(self.profile) if self.profile else None


def encoding(name: str, profile: Gimp.ColorProfile | None) -> str:
    """Return babl's name of a format in the space of a profile; of the format itself for None."""
    if profile is None:
        return name
    return Babl.get_name(profile.get_format(Babl.format(name), _INTENT))


def _wide_profile(image: Gimp.Image) -> Gimp.ColorProfile | None:
    """Return the profile of an image where some of its colours are outside sRGB, with tones fit for bytes."""
    own = image.get_color_profile()
    if own is None or not own.is_rgb():
        return None
    profile = own.new_srgb_trc_from_color_profile() if own.is_linear() else own
    try:
        return profile if profile and _is_wide(profile) else None
    except GLib.Error:
        return None  # babl converts by matrices only, not by a profile of tables


def _is_wide(profile: Gimp.ColorProfile) -> bool:
    """Return whether some colours of a profile are outside sRGB; raise GLib.Error where babl can't convert them."""
    colours = bytes(value for colour in product((0, 255), repeat=3) for value in colour)
    area = Gegl.Rectangle.new(0, 0, len(colours) // 3, 1)
    buffer = Gegl.Buffer.new("R'G'B' float", 0, 0, area.width, 1)
    buffer.set(area, encoding("R'G'B' u8", profile), colours)
    values = struct.unpack(f"={len(colours)}f", buffer.get(area, 1.0, "R'G'B' float", Gegl.AbyssPolicy.NONE))
    return bool(min(values) < -_TOLERANCE or max(values) > 1 + _TOLERANCE)
