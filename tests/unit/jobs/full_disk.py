"""Run by test_full_disk on a small file system of its own: jobs whose disk fills up while the endpoint works.

Prints a line with a JSON object for each amount of free space.
"""

import json
import os
import shutil
import sys
import tempfile
import zlib
from pathlib import Path

from lib.jobs import stored_data
from lib.jobs.history import record
from lib.jobs.job import SELECTION
from lib.settings import settings, spending
from lib.worker.edit_job import EditJob
from tests.gimp.endpoint import TestEndpoint
from tests.unit.worker.test_worker import make_job

PAGE = 4096
SHAPE = {"grow": 1, "feather": 0.0}


class Filler:
    """Fills the disk except for a number of pages; `clear` frees it again."""

    def __init__(self, disk):
        self.file = disk / "filler"

    def fill(self, pages):
        size = shutil.disk_usage(self.file.parent).free - pages * PAGE
        with self.file.open("wb") as out:
            out.write(bytes(max(0, size)))

    def clear(self):
        self.file.unlink(missing_ok=True)


class FillingEndpoint(TestEndpoint):
    """Fills the disk when a request has arrived, before it answers."""

    def __init__(self, filler):
        super().__init__()
        self.filler, self.pages = filler, 0

    def _invert(self, received):
        self.filler.fill(self.pages)
        return super()._invert(received)


def run(pages, endpoint):
    """Run one job with only so many free pages on the disk; return its outcome."""
    endpoint.pages = pages
    endpoint.behave("invert")
    job = make_job(provider="custom", layer_mask=SHAPE)
    job.write(SELECTION, b"\xff" * (96 * 64))
    final = EditJob(job, lambda event: None).run()
    outcome = {"pages": pages, "event": final["event"], "sent": len(endpoint.received), "message": final.get("message")}
    if final["event"] == "done":
        layers = [stored_data.read(job, layer) for layer in final["layers"]]
        outcome["layers"] = [[len(data), zlib.crc32(data)] for data in layers]
        outcome["mask"] = len(stored_data.read(job, final["layer_mask"]))
        places = [*final["layers"], final["layer_mask"]]
        outcome["where"] = ["event" if isinstance(each, dict) else each for each in places]
        outcome["notes"] = final["report"]["notes"]
    outcome["files"] = sorted(path.name for path in job.folder.iterdir())
    outcome["state"] = record(job.folder).state.value
    endpoint.filler.clear()
    shutil.rmtree(job.folder)
    for folder in Path(os.environ["TMPDIR"]).glob("generative-edit-*"):
        shutil.rmtree(folder)
    return outcome


def _change_on_full_disk():
    """Return the error, and the settings and spending after changes that the full disk refuses."""
    spending.add("openai", 0.25)
    try:
        settings.change(history_days=8)
    except OSError as error:
        return [error.strerror, settings.load().history_days, spending.in_month()["openai"].dollars]
    return None


def main(disk):
    tempfile.gettempdir()  # selected while the disk is not full
    filler = Filler(disk)
    endpoint = FillingEndpoint(filler)
    os.environ.update(OPENAI_BASE_URL=endpoint.url, OPENAI_API_KEY="sk-test")
    for pages in (1000, *range(20)):
        print(json.dumps(run(pages, endpoint)), flush=True)
    endpoint.behave("invert")
    job = make_job(provider="custom")
    filler.fill(5)
    final = EditJob(job, lambda event: None).run()
    files = [path.name for path in job.folder.iterdir()]
    filler.clear()
    settings.change(history_days=7)
    spending.add("openai", 0.5)
    filler.fill(0)
    unchanged = _change_on_full_disk()
    last = {"unchanged": unchanged, "before": final, "sent": len(endpoint.received), "files": files}
    print(json.dumps(last), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
