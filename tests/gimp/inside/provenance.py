"""Inside GIMP: edits a picture that has XMP, reads its metadata, and exports it."""

from pathlib import Path

from gi.repository import Gimp, Gio

from lib.frame.geometry import Rect
from plugin.pixels import source_type
from plugin.pixels.canvas_layer import Appearance, CanvasLayer
from plugin.pixels.colour_space import ResultPixels
from plugin.pixels.insert import Place
from tests.gimp.inside import edits

KINDS = {"png": "png", "jpg": "jpeg", "webp": "webp", "tif": "tiff", "avif": "heif-av1"}


def edit(path, case, steps=({},)):
    """Opens a picture's metadata into the picture of a case, edits it in steps; returns the metadata after each."""
    image, layers = edits.CASES[case]()
    if path:
        source = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path(path))
        image.set_metadata(source.get_metadata())
        source.delete()
    states = [image.get_metadata().serialize()]
    done = {"status": "success"}
    for arguments in steps:
        done = edits.edit(image, layers, **arguments)
        assert done["status"] == "success", done
        states.append(image.get_metadata().serialize())
    record = edits._parasite(image)
    image.delete()
    return {"metadata": states, "record": record, "report": done.get("report")}


def show_in_turn(masks, image_id=None):
    """Shows a preview of the whole picture, then results whose masks start with these values, then none.

    In an open image the last one stays.
    """
    image = Gimp.Image.get_by_id(image_id) if image_id else edits.CASES["nothing_selected"]()[0]
    width, height = image.get_width(), image.get_height()
    record = {source_type.RECORD_KEY: source_type.PARTLY_GENERATED}
    canvas = CanvasLayer(image, None, Place(Rect(0, 0, width, height), None, 0))
    pixels = ResultPixels(bytes(4 * width * height))
    canvas.insert(pixels, Appearance("preview", None, record))
    states = [image.get_metadata().serialize()]
    for value in masks:
        canvas.show(pixels, bytes([value]) * (width // 2 * height) + b"\xff" * ((width - width // 2) * height))
        states.append(image.get_metadata().serialize())
    if image_id:
        return states
    canvas.remove()
    states.append((image.get_metadata() or Gimp.Metadata.new()).serialize())
    image.delete()
    return states


def metadata_of(image_id):
    return Gimp.Image.get_by_id(image_id).get_metadata().serialize()


def export_edited(path, out, **arguments):
    """Edits the picture in a file and exports it in each format that this GIMP can write; returns the files."""
    image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path(path))
    image.select_rectangle(Gimp.ChannelOps.REPLACE, 10, 10, 40, 30)
    done = edits.edit(image, image.get_layers()[:1], **arguments)
    assert done["status"] == "success", done
    files = {}
    for ending, kind in KINDS.items():
        procedure = Gimp.get_pdb().lookup_procedure(f"file-{kind}-export")
        if procedure is None:
            continue
        files[ending] = str(Path(out) / f"exported.{ending}")
        config = procedure.create_config()
        config.set_property("image", image)
        config.set_property("file", Gio.File.new_for_path(files[ending]))
        config.set_property("include-xmp", True)  # as the export's window does by default
        assert procedure.run(config).index(0) == Gimp.PDBStatusType.SUCCESS, Gimp.get_pdb().get_last_error()
    image.delete()
    return files
