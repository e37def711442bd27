"""Inside GIMP: an edit of the panel whose worker is played, for ends that a real one does not give on request."""

import errno
import json
import time
from pathlib import Path
from unittest import mock

from gi.repository import Gegl, GLib

from lib.jobs.job import SELECTION, SENT, Job
from lib.settings import settings
from plugin.edit import run as edit_run
from plugin.edit.arguments import defaults
from plugin.edit.draft import draft
from plugin.edit.options import read
from plugin.errors import EditFailed
from plugin.panel.generation import Generation
from plugin.worker import process as worker_process
from plugin.worker import workers
from tests.gimp.inside import edits

REPORT = {"notes": [], "cost": None, "model": "x"}


class _PlayedWorker:
    """Sends the request at once, and has no more to say than it is given."""

    def start(self, job, on_event):
        self.job, self.tell = job, on_event
        job.write_json(SENT, {"time": time.time()})


class _Listener:
    """Keeps the end."""

    ended = None

    def on_progress(self, event):
        pass

    def on_end(self, finished):
        self.ended = finished


def end_of(lost=(), broken=False):
    """A preview and a result arrive, the files `lost` not; `broken` makes the canvas refuse the result.

    Returns what the listener was told, and how many layers the image has.
    """
    image, layers = edits.CASES["ellipse"]()
    worker, listener = _PlayedWorker(), _Listener()
    options = read({**defaults(), "prompt": "x", "provider": "custom"})
    generation = Generation(draft(image, layers, options), worker, listener)
    generation.start()
    frame = generation.canvas.frame
    for name in {"preview.raw", "result.raw"} - set(lost):
        worker.job.write(name, bytes(frame.width * frame.height * 4))
    worker.tell({"event": "partial", "image": 0, "index": 0, "layer": "preview.raw"})
    if broken:
        generation.canvas.show = _refuse
    worker.tell({"event": "done", "layers": ["result.raw"], "layer_mask": None, "layer_masks": [], "report": REPORT})
    more_layers = len(image.get_layers()) - len(layers)
    image.delete()
    end = {"error": listener.ended.error, "results": len(listener.ended.variations)}
    return {**end, "more_layers": more_layers, "folder": str(worker.job.folder)}


def _refuse(_rgba):
    raise RuntimeError("the canvas has gone")


def quick_mask_meanwhile():
    """A result of the panel arrives after Quick Mask was turned on."""
    image, layers = edits.CASES["ellipse"]()
    worker = _PlayedWorker()
    options = read({**defaults(), "prompt": "x", "provider": "custom"})
    generation = Generation(draft(image, layers, options), worker, _Listener())
    generation.start()
    sent = worker.job.path(SELECTION).read_bytes()
    edits.turn_on_quick_mask(image)
    frame = generation.canvas.frame
    worker.job.write("result.raw", bytes(frame.width * frame.height * 4))
    worker.tell({"event": "done", "layers": ["result.raw"], "layer_mask": None, "layer_masks": [], "report": REPORT})
    mask = image.get_layers()[0].get_mask()
    area = Gegl.Rectangle.new(0, 0, frame.width, frame.height)
    done = {
        "mask_was_sent": bytes(mask.get_buffer().get(area, 1.0, "Y u8", Gegl.AbyssPolicy.NONE)) == sent,
        "active_channels": [channel.get_name() for channel in image.get_selected_channels()],
        "more_layers": len(image.get_layers()) - len(layers),
    }
    image.delete()
    return done


def answers_of_a_killed_worker(root):
    """What a window hears of its worker: before it is killed, just afterwards, and once its end was read, too."""
    worker_process.ROOT = Path(root)
    python = json.loads((Path(root) / "stamp.json").read_text())["python"]
    workers.worker_python = lambda: python
    window_workers, loop, events = workers.Workers(), GLib.MainLoop(), []

    def take(answer):
        events.append("error" if "error" in answer else "answer")
        loop.quit()

    def ask():
        window_workers.ask("check-prompt", take, prompt="remove it")
        loop.run()

    ask()
    unread = window_workers.get()
    unread._process.force_exit()
    while unread.is_running:
        time.sleep(0.001)
    ask()
    read_to_its_end = window_workers.get()
    read_to_its_end._process.force_exit()
    while not read_to_its_end.ended:
        GLib.MainContext.default().iteration(True)
    ask()
    window_workers.close()
    return events


def answers_after_a_failure(root, log):
    """What is heard of the worker after something failed with what it had said before."""
    worker_process.ROOT = Path(root)
    python = json.loads((Path(root) / "stamp.json").read_text())["python"]
    worker = worker_process.Worker(python, Path(log))
    loop, events = GLib.MainLoop(), []

    def fail(_answer):
        raise RuntimeError("played")

    def take(answer):
        events.append(answer["event"])
        loop.quit()

    worker.ask("check-prompt", fail, prompt="remove it")
    worker.ask("check-prompt", take, prompt="remove it")
    GLib.timeout_add_seconds(20, loop.quit)
    loop.run()
    worker.close()
    return events


class _PlayedEnd:
    """A script's worker, that ends every job with the event that it was made for."""

    def __init__(self, event):
        self._event = event

    def run(self, job, _on_event):
        job.write("worker.log", b"what a library printed")
        if self._event["event"] == "done":
            job.write_json(SENT, {"time": time.time()})
            job.write("result-1.png", b"what was paid for")
        return self._event

    def close(self):
        pass


def _held(path, missing_ok=False):
    """As Windows does with a file that a process has open."""
    raise PermissionError(errno.EACCES, "Access is denied", str(path))


def script_end_with_a_held_log(**event):
    """The same where no file can be deleted, as the worker still has its log open."""
    with mock.patch.object(Path, "unlink", _held):
        return script_end(**event)


def script_end(**event):
    """A script's edit, or Remove Selection, whose worker ends with this event: the error, and the folders that stay."""
    image, layers = edits.CASES["ellipse"]()
    before = set(settings.jobs_folder().iterdir())
    options, error = read({**defaults(), "prompt": "x", "provider": "custom"}), None
    with mock.patch.object(edit_run, "Worker", lambda _python, _log: _PlayedEnd(event)):
        try:
            edit_run.edit(image, layers, options, "python", lambda _event: None)
        except EditFailed as failed:
            error = str(failed)
    image.delete()
    left = [str(folder) for folder in set(settings.jobs_folder().iterdir()) - before]
    return {"error": error, "left": left, "logs": [(Path(folder) / "worker.log").exists() for folder in left]}


def worker_dies(answered):
    """What the real process's end says of a job whose answer had arrived, or had not."""
    job = Job.new()
    job.write_json(SENT, {"time": time.time()})
    if answered:
        job.write("answer-1.body", b"{")
    worker, events = worker_process.Worker.__new__(worker_process.Worker), []
    worker._end, worker._jobs, worker._requests = None, {str(job.folder): events.append}, {}
    worker._finish_all(worker_process._unexpected_end(Path("worker.log")))
    job.release()
    return {"folder": str(job.folder), **events[0]}
