"""Decoding: every raster format, upright and in sRGB; every failure is an error of ours."""

import io
import random
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from lib.api import raster
from lib.api.raster import PictureError, decode, probe
from lib.imaging.result import layer_pixels
from tests.unit.imaging.test_result import plan

FORMATS = ["AVIF", "BMP", "DDS", "DIB", "GIF", "ICO", "JPEG", "JPEG2000", "MSP", "PCX", "PNG", "PPM", "QOI",
           "SGI", "SPIDER", "TGA", "TIFF", "WEBP", "XBM"]  # fmt: skip


def gradient(mode="RGB", size=(32, 24)):
    return Image.linear_gradient("L").resize(size).convert(mode)


def encode(picture, kind="PNG", **options):
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def sample(kind):
    mode = "1" if kind in ("MSP", "XBM") else "F" if kind == "SPIDER" else "RGB"
    return encode(gradient(mode), kind, **({"sizes": [(32, 24)]} if kind == "ICO" else {}))


@pytest.mark.parametrize("kind", FORMATS)
def test_every_raster_format_is_read(kind):
    data = sample(kind)
    assert probe(data)[1:] == (32, 24)
    picture = decode(data)
    assert picture.mode == "RGB" and picture.size == (32, 24)
    top, bottom = np.asarray(picture, float)[[2, 21]].mean((1, 2))
    assert top < 60 and bottom > 180


@pytest.mark.parametrize("data", [b"", b"text", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", b"<svg/>"])
def test_a_file_that_is_no_raster_image_is_an_error(data):
    for read in (probe, decode):
        with pytest.raises(PictureError, match="format is not supported"):
            read(data)


@pytest.mark.filterwarnings("ignore")  # Pillow's own, about what it reads all the same
@pytest.mark.parametrize("kind", FORMATS)
def test_corrupted_bytes_raise_only_our_error(kind):
    """Half of the damages are in the header, half are cuts; each class of Pillow's errors becomes ours."""
    chance, whole = random.Random(kind), sample(kind)
    for turn in range(60):
        data = bytearray(whole)
        for _byte in range(chance.randint(1, 5)):
            data[chance.randrange(min(len(data), 300))] = chance.randrange(256)
        broken = bytes(data[: chance.randrange(len(data))] if turn % 2 else data)
        for read in (probe, decode):
            try:
                read(broken)
            except PictureError as error:
                assert str(error) and not str(error).endswith(".")


def with_chunk(name, content, checksum=None):
    """A PNG with one more chunk before its pixels."""
    data = encode(gradient())
    place = data.index(b"IDAT") - 4
    check = struct.pack(">I", zlib.crc32(name + content) if checksum is None else checksum)
    return data[:place] + struct.pack(">I", len(content)) + name + content + check + data[place:]


@pytest.mark.parametrize(
    "data",
    [
        with_chunk(b"tEXt", b"Comment\0hello", checksum=7),
        with_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(2 << 20))),
        with_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(40 << 20))),
        with_chunk(b"iTXt", b"x"),
        with_chunk(b"iCCP", b"profile\0\0" + zlib.compress(bytes(40 << 20))),
        with_chunk(b"iCCP", b"profile\0\0" + b"no zlib"),
        with_chunk(b"pHYs", b"\0"),
        with_chunk(b"eXIf", b"\xff" * 40),
        with_chunk(b"gAMA", b""),
    ],
    ids=["checksum", "large text", "huge text", "short text", "huge profile", "no profile", "pHYs", "exif", "gamma"],
)
def test_a_png_with_broken_metadata_is_decoded(data):
    assert decode(data).tobytes() == gradient().tobytes()


def test_only_the_essential_chunks_of_a_png_are_left():
    data = with_chunk(b"tEXt", b"Comment\0hello")
    assert raster.strip_png(data) == raster.strip_png(encode(gradient()))
    assert b"tEXt" not in raster.strip_png(data) and raster.strip_png(b"GIF89a") is None
    assert decode(raster.strip_png(encode(gradient("P"))[:-12] + b"rubbish")).size == (32, 24)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize(("orientation", "size"), [(1, (32, 24)), (3, (32, 24)), (6, (24, 32)), (8, (24, 32))])
def test_the_exif_orientation_is_applied(kind, orientation, size):
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = decode(encode(gradient(), kind, exif=exif))
    assert picture.size == size and picture.getexif().get(0x0112, 1) == 1
    values = np.asarray(picture, float)[..., 0]
    dark = {1: values[:4], 3: values[-4:], 6: values[:, -4:], 8: values[:, :4]}[orientation]
    assert dark.mean() < 60


def swapped():
    """sRGB with the primaries of red and green exchanged: what is red by its numbers is green to be seen."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile.replace(b"rXYZ", b"____").replace(b"gXYZ", b"rXYZ").replace(b"____", b"gXYZ")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_the_colours_of_a_profile_are_converted(kind):
    picture = decode(encode(Image.new("RGB", (16, 16), (200, 0, 0)), kind, icc_profile=swapped()))
    assert all(abs(level - expected) < 8 for level, expected in zip(picture.getpixel((8, 8)), (0, 200, 0), strict=True))


def test_a_conversion_preserves_transparency():
    picture = decode(encode(Image.new("RGBA", (16, 16), (200, 0, 0, 90)), icc_profile=swapped()))
    assert picture.getpixel((8, 8)) == (0, 200, 0, 90)


def test_lab_is_converted():
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    grey = Image.new("LAB", (8, 8), (128, 128, 128))
    converted = decode(encode(grey, "TIFF", icc_profile=lab.tobytes()))
    assert converted.mode == "RGB" and all(abs(level - 119) < 4 for level in converted.getpixel((4, 4)))


def test_an_srgb_profile_changes_no_pixel():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture = Image.effect_noise((32, 24), 80).convert("RGB")
    assert decode(encode(picture, icc_profile=profile)).tobytes() == picture.tobytes()


def test_an_unusable_profile_is_ignored():
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    for profile in (b"x" * 200, lab):
        assert decode(encode(gradient(), icc_profile=profile)).tobytes() == gradient().tobytes()


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM"])
def test_16_bit_greys_are_not_white(kind):
    values = np.linspace(0, 65535, 32 * 24).reshape(24, 32)
    data = encode(Image.fromarray(values.astype(np.uint16)), kind)
    grey = np.asarray(decode(data), float)
    assert np.abs(grey - values[..., None] / 257).max() < 1


def test_floating_point_greys_are_scaled():
    for most in (1.0, 255.0, 65535.0):
        values = (np.linspace(0, most, 32 * 24).reshape(24, 32)).astype(np.float32)
        grey = np.asarray(decode(encode(Image.fromarray(values), "TIFF")), float)
        assert np.abs(grey - values[..., None] / most * 255).max() < 1
    odd = np.array([[np.nan, np.inf], [0, 1]], np.float32)
    assert decode(encode(Image.fromarray(odd), "TIFF")).getpixel((1, 1)) == (255, 255, 255)


def layer(picture, transparent=False, kind="PNG"):
    size = plan().frame
    data = encode(picture, kind)
    return np.frombuffer(layer_pixels(data, plan(), None, transparent=transparent).rgba, np.uint8).reshape(
        size.height, size.width, 4
    )


@pytest.mark.parametrize("hidden", [0, 255])
def test_transparent_pixels_with_one_hidden_colour_stay_transparent(hidden):
    pixels = np.full((256, 256, 4), 200, np.uint8)
    pixels[..., 3] = 255
    pixels[:100] = (hidden, hidden, hidden, 0)
    result = layer(Image.fromarray(pixels))
    assert (result[:100, :, 3] == 0).all() and (result[100:] == (200, 200, 200, 255)).all()


def test_a_complete_picture_below_the_masks_alpha_becomes_opaque():
    pixels = np.asarray(Image.effect_noise((256, 256), 80).convert("RGBA")).copy()
    pixels[:100, :, 3] = 0
    result = layer(Image.fromarray(pixels))
    assert (result[..., 3] == 255).all() and (result[..., :3] == pixels[..., :3]).all()
    assert (layer(Image.fromarray(pixels), transparent=True)[..., 3] == pixels[..., 3]).all()


def test_a_decompression_bomb_is_an_error():
    data = bytearray(encode(gradient()))
    data[16:24] = struct.pack(">II", 60_000, 60_000)
    data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])))
    with pytest.raises(PictureError, match="pixels"):
        decode(bytes(data))


def test_long_texts_are_allowed_in_the_whole_process():
    assert PngImagePlugin.MAX_TEXT_CHUNK >= 32 << 20 and Image.DecompressionBombError in raster.DECODER_ERRORS
