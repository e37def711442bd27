"""Inside GIMP: what the tests of History and Edit Again need there."""

import json
from pathlib import Path

from gi.repository import Gegl, Gimp, Gio, GLib

from lib.jobs.history import record
from tests.gimp.inside import edits, pictures

NAME = "generative-edit"


def call_history():
    """Calls the window's procedure as a script would."""
    image, layers = edits.corner()
    done = edits.edit(image, layers, procedure="generative-edit-history")
    image.delete()
    return done


def images():
    """The ids of the open images."""
    return [image.get_id() for image in Gimp.get_images()]


def close_all():
    """Closes every image, as if the user had."""
    for display in [each for each in map(Gimp.Display.get_by_id, range(1, 50)) if each]:
        display.delete()


def mask_is_selection(image_id):
    """Whether the top layer's mask has the selection's own values."""
    return edits._mask_values(Gimp.Image.get_by_id(image_id).get_layers()[0])


def save_and_reopen(image_id, path):
    """Saves as XCF and opens that in a window; returns the new image's id."""
    file = Gio.File.new_for_path(path)
    Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, Gimp.Image.get_by_id(image_id), file, None)
    image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, file)
    Gimp.Display.new(image)
    return image.get_id()


def select_layer(image_id, name):
    """Makes one layer the selected one, and selects nothing of the canvas."""
    image = Gimp.Image.get_by_id(image_id)
    image.set_selected_layers([image.get_layer_by_name(name)])
    Gimp.Selection.none(image)
    Gimp.displays_flush()


def again(path, layer, record=None, moved=None, mask=None, **arguments):
    """Opens a file and repeats the edit that a layer of it came from.

    With `record` the layer tells that instead; with `moved` it lies elsewhere; with `mask` its layer mask is applied
    or discarded before.
    """
    image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path(path))
    selected = image.get_layer_by_name(layer)
    if record is not None:
        data = record.encode() if isinstance(record, str) else json.dumps(record).encode()
        selected.attach_parasite(Gimp.Parasite.new(NAME, Gimp.PARASITE_PERSISTENT, list(data)))
    if moved:
        selected.set_offsets(*moved)
    values = _values(selected.get_mask()) if selected.get_mask() else None
    if mask:
        selected.remove_mask(getattr(Gimp.MaskApplyMode, mask.upper()))
    before, earlier = pictures.state(image), [each.get_id() for each in image.get_layers()]
    done = edits.edit(image, [selected], procedure="generative-edit-again", **arguments)
    done |= {"before": before, "after": pictures.state(image)}
    if done["status"] == "success":
        new = next(each.get_mask() for each in image.get_layers() if each.get_id() not in earlier)
        new_values = _values(new) if new else None
        done["same_mask"] = values == new_values if values and new_values else None
        done["all_masked"] = set(new_values) == {255} if new_values else None
    image.delete()
    return done


def again_shown(image_id, name):
    """Repeats the edit of a layer of an open image; tells the status and the error."""
    image = Gimp.Image.get_by_id(image_id)
    done = edits.edit(image, [image.get_layer_by_name(name)], procedure="generative-edit-again")
    return {"status": done["status"], "error": done["error"]}


def insert_again(folder, made, width, height):
    """Inserts a kept job into a picture of this size, as its window does; None where its frame has no place there."""
    from plugin.history.insert import fits
    from plugin.history.insert import insert_again as insert

    job, image = record(Path(folder)), pictures.splash(width, height)
    done = None
    if fits(job, image):
        insert(job, made, image)
        done = {"size": [image.get_width(), image.get_height()], **pictures.state(image)}
    image.delete()
    return done


REFUSALS = {
    "GIMP": GLib.Error("GIMP refuses this"),
    "the disk": OSError(28, "No space left on device"),
    "unforeseen": TypeError("a trace"),
}


def insert_in_vain(folder, made, why):
    """Inserts a kept job as a new image while something refuses; returns what is said, and how many images it left."""
    from plugin.history.insert import insert_and_report
    from plugin.pixels import insert

    def refuse(*_arguments):
        raise REFUSALS[why]

    works, insert.insert_results = insert.insert_results, refuse
    before = images()
    try:
        message = insert_and_report(record(Path(folder)), made, None)
    finally:
        insert.insert_results = works
    return {"message": message, "left": len(images()) - len(before)}


def choose_in_vain(why):
    """Chooses a result in the panel while something refuses; returns what the panel says."""
    from types import SimpleNamespace

    from plugin.panel.window import Panel

    def refuse():
        raise REFUSALS[why]

    said = []
    Panel._try(SimpleNamespace(_outcome="", _parts=SimpleNamespace(say=said.append)), refuse)
    return said


def make_edited(case, path, **arguments):
    """Edits the picture of a case, saves it as XCF; returns what the edit reports."""
    image, layers = edits.CASES[case]()
    done = edits.edit(image, layers, **arguments)
    Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, image, Gio.File.new_for_path(path), None)
    done["stack"] = [layer.get_name() for layer in image.get_layers()]
    done["parasite"] = edits._parasite(image)
    image.delete()
    return done


def _values(mask):
    area = Gegl.Rectangle.new(0, 0, mask.get_width(), mask.get_height())
    return bytes(mask.get_buffer().get(area, 1.0, "Y u8", Gegl.AbyssPolicy.NONE))
