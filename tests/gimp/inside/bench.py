"""Inside GIMP: what tests/bench/edits.py measures, and the bare stand-in for each."""

import base64
import http.client
import json
import subprocess
import sys
import time
import uuid
from pathlib import Path
from urllib.parse import urlsplit

from gi.repository import Gegl, Gimp, Gio, GLib

from lib.frame.frame import Plan, Rect
from plugin.edit.arguments import defaults
from plugin.edit.draft import draft
from plugin.edit.options import read
from plugin.panel.generation import Generation
from plugin.pixels import export
from plugin.worker import process as worker_process
from tests.gimp.inside import edits, pictures

SELECTION = (700, 500)
_image = None
_states = {}


def keep(name):
    """Keeps the picture of the last measurements, for `use`."""
    global _image
    _states[name], _image = _image, None


def use(name):
    """Makes a picture that was kept that of the next measurements."""
    global _image
    _image = _states[name]


def prepare(width, height, layers, effects):
    """Makes the picture of the next measurements: GIMP's splash image, its copies above it, and a selection.

    With `effects`, the lowest layer has a layer mask and a filter.
    """
    global _image
    if _image:
        _image.delete()
    Gimp.context_set_interpolation(Gimp.InterpolationType.LINEAR)
    _image = pictures.splash(width, height)
    base = _image.get_layers()[0]
    for number in range(1, layers):
        copy = base.copy()
        _image.insert_layer(copy, None, 0)
        copy.add_alpha()
        copy.set_opacity(10)
        copy.set_name(f"copy {number}")
    if effects:
        base.add_mask(base.create_mask(Gimp.AddMaskType.WHITE))
        base.append_filter(Gimp.DrawableFilter.new(base, "gegl:vignette", "vignette"))
    pictures.select_ellipse(_image, (width - 700) // 2, (height - 500) // 2, *SELECTION)
    _image.clean_all()


def edit(**arguments):
    """One edit of the lowest layer, taken back afterwards; adds the seconds that its caller waited, as "call"."""
    begun = time.monotonic()
    done = edits.edit(_image, _image.get_layers()[-1:], prompt="x", provider="custom", **arguments)
    waited = time.monotonic() - begun
    if done["status"] != "success":
        raise RuntimeError(done["error"])
    new = [layer for layer in _image.get_layers() if layer.get_parasite("generative-edit")]
    layer = {"box": done["layers"][0]["box"], "bytes": sum(_bytes(each) for each in new)}
    for each in new:
        _image.remove_layer(each)
    return {"seconds": {**done["report"]["seconds"], "call": waited}, "frame": done["report"]["frame"], "layer": layer}


def previews(root, log):
    """When each preview of an edit was on the canvas, by the clock that all processes share."""
    watcher = _Watcher(root, log, {"stream": True, "partial-images": 2})
    watcher.finished.canvas.remove()
    return watcher.displayed


def cancel(root, log):
    """Seconds from a cancel while the endpoint works until all is over."""
    watcher = _Watcher(root, log, {}, cancel=True)
    if not watcher.finished.was_cancelled:
        raise RuntimeError("the edit was not cancelled")
    return watcher.ended - watcher.cancelled


class _Watcher:
    """Runs one edit as the panel does; notes when a preview has been shown, when it was cancelled, when it ended."""

    def __init__(self, root, log, values, cancel=False):
        self._loop = GLib.MainLoop()
        self._cancel = cancel
        self.displayed = []
        worker_process.ROOT = Path(root)
        python = json.loads((Path(root) / "stamp.json").read_text())["python"]
        worker = worker_process.Worker(python, Path(log))
        options = {**defaults(), "prompt": "x", "provider": "custom", "fit": False, **values}
        self._generation = Generation(draft(_image, _image.get_layers()[-1:], read(options)), worker, self)
        self._generation.start()
        self._loop.run()
        worker.close()
        if self.finished.error:
            raise RuntimeError(self.finished.error["message"])

    def on_progress(self, event):
        if event["event"] == "partial":
            self.displayed.append(time.monotonic())
        if self._cancel and event.get("name") == "wait":
            self.cancelled = time.monotonic()
            self._generation.cancel()

    def on_end(self, finished):
        self.finished, self.ended = finished, time.monotonic()
        self._loop.quit()


def _bytes(layer):
    """What a layer and its mask keep in memory."""
    pixels = layer.get_width() * layer.get_height()
    return pixels * (layer.get_bpp() + (layer.get_mask().get_bpp() if layer.get_mask() else 0))


def read_and_encode(frame, folder, merged):
    """Seconds of GEGL's read and PNG of the frame, and of the plug-in's own, both in this process; GEGL's bytes."""
    area, path = Rect(*frame), Path(folder) / "bare.png"
    plan = Plan(area, area, area.size)
    layer = _image.get_layers()[-1]
    begun = time.monotonic()
    if merged:
        _encode_merged(frame, path)
    elif layer.get_mask() or layer.get_filters():
        _encode_seen(layer, frame, path)
    else:
        _encode(layer, frame, path)
    between = time.monotonic()
    if merged:
        export.sent_png(export.visible_pixels(_image, area), plan)
    else:
        export.sent_png(export.layer_pixels(_image, layer, area), plan)
    return {"bare": between - begun, "ours": time.monotonic() - between, "bytes": path.stat().st_size}


def stand_in(frame, url, folder, merged):
    """Seconds to read, encode, send and insert a frame with nothing of what makes an edit right."""
    begun = time.monotonic()
    sent, received = Path(folder) / "sent.png", Path(folder) / "received.png"
    if merged:
        _encode_merged(frame, sent)
    else:
        _encode(_image.get_layers()[-1], frame, sent)
    received.write_bytes(_post(url, sent.read_bytes()))
    layer = Gimp.file_load_layer(Gimp.RunMode.NONINTERACTIVE, _image, Gio.File.new_for_path(str(received)))
    _image.insert_layer(layer, None, 0)
    layer.set_offsets(*frame[:2])
    waited = time.monotonic() - begun
    _image.remove_layer(layer)
    return waited


def plugin_start():
    """Seconds of a plug-in of GIMP's own, in Python too, that has a picture of one pixel to work on."""
    image = Gimp.Image.new(1, 1, Gimp.ImageBaseType.RGB)
    layer = Gimp.Layer.new(image, "one pixel", 1, 1, Gimp.ImageType.RGB_IMAGE, 100, Gimp.LayerMode.NORMAL)
    image.insert_layer(layer, None, 0)
    procedure = Gimp.get_pdb().lookup_procedure("python-fu-foggify")
    config = procedure.create_config()
    config.set_property("run-mode", Gimp.RunMode.NONINTERACTIVE)
    config.set_property("image", image)
    config.set_core_object_array("drawables", [layer])
    begun = time.monotonic()
    procedure.run(config)
    waited = time.monotonic() - begun
    image.delete()
    return waited


def worker_start(root, log):
    """Seconds of a worker that is given no job, and of a Python that only loads the same packages."""
    worker = [sys.executable, "-s", "-E", "-m", "lib.worker", log]
    packages = "import sys; sys.path.insert(0, 'vendor'); import numpy, PIL.Image, requests"
    bare = [sys.executable, "-s", "-E", "-c", packages]
    return {"worker": _seconds(worker, root), "bare": _seconds(bare, root)}


def _seconds(command, folder):
    begun = time.monotonic()
    subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, check=True)
    return time.monotonic() - begun


def _encode(layer, frame, path):
    graph = Gegl.Node()
    reading, cutting = graph.create_child("gegl:buffer-source"), graph.create_child("gegl:crop")
    saving = graph.create_child("gegl:png-save")
    reading.set_property("buffer", layer.get_buffer())
    for name, value in zip(("x", "y", "width", "height"), frame, strict=True):
        cutting.set_property(name, float(value))
    saving.set_property("path", str(path))
    saving.set_property("compression", 1)
    saving.set_property("bitdepth", 8)
    reading.link(cutting)
    cutting.link(saving)
    saving.process()


def _encode_seen(layer, frame, path):
    """The layer with its mask and filters, which GIMP has to compute: in an image that is only the frame."""
    x, y, width, height = frame
    alone = Gimp.Image.new(width, height, Gimp.ImageBaseType.RGB)
    twin = Gimp.Layer.new_from_drawable(layer, alone)
    alone.insert_layer(twin, None, 0)
    twin.set_offsets(-x, -y)
    _encode(Gimp.Layer.new_from_visible(alone, alone, "seen"), (0, 0, width, height), path)
    alone.delete()


def _encode_merged(frame, path):
    x, y, width, height = frame
    copy = _image.duplicate()
    copy.undo_disable()
    copy.crop(width, height, x, y)
    _encode(copy.merge_visible_layers(Gimp.MergeType.CLIP_TO_IMAGE), (0, 0, width, height), path)
    copy.delete()


def _post(url, picture):
    """The picture of the answer to a request that has only a picture and a prompt."""
    boundary = uuid.uuid4().hex
    part = f"--{boundary}\r\nContent-Disposition: form-data; name="
    head = f'{part}"prompt"\r\n\r\nx\r\n{part}"image"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n'
    body = head.encode() + picture + f"\r\n--{boundary}--\r\n".encode()
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname, address.port)
    kind = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    connection.request("POST", f"{address.path}/images/edits", body, kind)
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return base64.b64decode(answer["data"][0]["b64_json"])
