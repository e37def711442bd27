"""The demo's part inside GIMP: opens a picture, selects an area, runs `generative-edit` and saves the results.

Run by GIMP's Python-Fu; the task comes as JSON in $GENERATIVE_EDIT_DEMO.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from gi.repository import Gegl, Gimp, Gio

# The lettering of GIMP's splash image, by GIMP's minor version: x, y, width, height.
LETTERING = {"3.0": (50, 300, 1010, 180), "3.2": (830, 50, 700, 190)}
# The letters are white, with a soft edge and a shadow.
LETTERS_ABOVE, HALO = 0.2, 9


def load(path: Path | str) -> Gimp.Image:
    """Open a picture upright, as GIMP's window does, so that a mask is in the right place."""
    image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path(str(path)))
    image.policy_rotate(False)
    return image


def save_png(image: Gimp.Image, path: Path) -> None:
    """Save a PNG with fast compression: GIMP's default takes four seconds per megapixel."""
    procedure = Gimp.get_pdb().lookup_procedure("file-png-export")
    if not procedure:
        raise ValueError("GIMP cannot save PNG files.")
    config = procedure.create_config()
    config.set_property("image", image)
    config.set_property("file", Gio.File.new_for_path(str(path)))
    config.set_property("compression", 3)
    procedure.run(config)


def save_flat(image: Gimp.Image, path: Path) -> None:
    copy = image.duplicate()
    try:
        copy.flatten()
        save_png(copy, path)
    finally:
        copy.delete()


def select(image: Gimp.Image, task: dict[str, Any]) -> None:
    """Select the given mask or rectangle, or else the lettering of the splash image."""
    if task["mask"]:
        select_mask(image, task["mask"])
    elif task["select"]:
        image.select_rectangle(Gimp.ChannelOps.REPLACE, *task["select"])
    else:
        select_lettering(image)
    if Gimp.Selection.is_empty(image):
        raise ValueError("Nothing is selected. Name the part to change with --select or --mask.")


def select_mask(image: Gimp.Image, path: str) -> None:
    """Select by a mask picture: white pixels, and gray ones partly."""
    width, height = image.get_width(), image.get_height()
    mask = load(path)
    try:
        if (mask.get_width(), mask.get_height()) != (width, height):
            raise ValueError(f"The mask must have the size of the picture, {width}x{height}.")
        layer = mask.merge_visible_layers(Gimp.MergeType.CLIP_TO_IMAGE)
        area = Gegl.Rectangle.new(0, 0, width, height)
        values = bytes(layer.get_buffer().get(area, 1.0, "Y' u8", Gegl.AbyssPolicy.NONE))
    finally:
        mask.delete()
    channel = Gimp.Channel.new(image, "mask", width, height, 100.0, color("black"))
    image.insert_channel(channel, None, 0)
    channel.get_buffer().set(area, "Y u8", values)
    image.select_item(Gimp.ChannelOps.REPLACE, channel)
    image.remove_channel(channel)


def select_lettering(image: Gimp.Image) -> None:
    minor = "3.0" if (image.get_width(), image.get_height()) == (1920, 1080) else "3.2"
    Gimp.context_set_sample_threshold(LETTERS_ABOVE)
    Gimp.context_set_antialias(False)
    image.select_rectangle(Gimp.ChannelOps.REPLACE, *LETTERING[minor])
    image.select_color(Gimp.ChannelOps.INTERSECT, image.get_layers()[0], color("white"))
    Gimp.Selection.grow(image, HALO)


def color(name: str) -> Gegl.Color:
    return Gegl.Color.new(name)


def edit(image: Gimp.Image, prompt: str) -> dict[str, Any]:
    procedure = Gimp.get_pdb().lookup_procedure("generative-edit")
    if not procedure:
        raise ValueError("The procedure generative-edit is not installed in GIMP. Run install.py doctor.")
    config = procedure.create_config()
    config.set_property("run-mode", Gimp.RunMode.NONINTERACTIVE)
    config.set_property("image", image)
    config.set_core_object_array("drawables", image.get_layers()[:1])
    config.set_property("prompt", prompt)
    config.set_property("provider", "local")
    result = procedure.run(config)
    if result.index(0) != Gimp.PDBStatusType.SUCCESS:
        raise ValueError(Gimp.get_pdb().get_last_error())
    report: dict[str, Any] = json.loads(result.index(2))
    return report


def save_selection(image: Gimp.Image, path: Path) -> None:
    width, height = image.get_width(), image.get_height()
    picture = Gimp.Image.new(width, height, Gimp.ImageBaseType.GRAY)
    layer = Gimp.Layer.new(picture, "mask", width, height, Gimp.ImageType.GRAY_IMAGE, 100, Gimp.LayerMode.NORMAL)
    picture.insert_layer(layer, None, 0)
    area = Gegl.Rectangle.new(0, 0, width, height)
    values = image.get_selection().get_buffer().get(area, 1.0, "Y u8", Gegl.AbyssPolicy.NONE)
    layer.get_buffer().set(area, "Y' u8", bytes(values))
    save_png(picture, path)
    picture.delete()


def main(task: dict[str, Any]) -> None:
    out = Path(task["out"])
    splash = Path(Gimp.data_directory()) / "images" / "gimp-splash.png"
    image = load(task["picture"] or splash)
    select(image, task)
    save_flat(image, out / "before.png")
    save_selection(image, out / "mask.png")
    report = edit(image, task["prompt"])
    Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, image, Gio.File.new_for_path(str(out / "edit.xcf")), None)
    save_flat(image, out / "after.png")
    image.delete()
    (out / "report.json").write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


try:
    main(json.loads(os.environ["GENERATIVE_EDIT_DEMO"]))
except Exception as error:  # noqa: BLE001 - the script's edge: GIMP would print a traceback and continue
    sys.stderr.write(f"demo: {error}\n")
