"""Run by test_full_disk on a small file system of its own: jobs whose disk fills up while the endpoint works.

Prints a JSON object a line for each amount of room that was left.
"""

import json
import os
import shutil
import sys
import tempfile
import zlib
from pathlib import Path

from lib.jobs.fallback_writer import data_of
from lib.jobs.history import record
from lib.jobs.job import SELECTION
from lib.settings import settings, spending
from lib.worker.edit_job import EditJob
from tests.gimp.endpoint import TestEndpoint
from tests.unit.test_worker import make_job

PAGE = 4096
SHAPE = {"grow": 1, "feather": 0.0}


class Filler:
    """Fills the disk but for a number of pages; `clear` makes room again."""

    def __init__(self, disk):
        self.file = disk / "filler"

    def fill(self, pages):
        room = shutil.disk_usage(self.file.parent).free - pages * PAGE
        with self.file.open("wb") as out:
            out.write(bytes(max(0, room)))

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
    """One job while only so many pages are left; what came of it."""
    endpoint.pages = pages
    endpoint.behave("invert")
    job = make_job(provider="custom", layer_mask=SHAPE)
    job.write(SELECTION, b"\xff" * (96 * 64))
    final = EditJob(job, lambda event: None).run()
    told = {"pages": pages, "event": final["event"], "sent": len(endpoint.received), "message": final.get("message")}
    if final["event"] == "done":
        layers = [data_of(job, kept) for kept in final["layers"]]
        told["layers"] = [[len(data), zlib.crc32(data)] for data in layers]
        told["mask"] = len(data_of(job, final["layer_mask"]))
        kept = [*final["layers"], final["layer_mask"]]
        told["where"] = ["event" if isinstance(each, dict) else each for each in kept]
        told["notes"] = final["report"]["notes"]
    told["files"] = sorted(path.name for path in job.folder.iterdir())
    told["state"] = record(job.folder).state.value
    endpoint.filler.clear()
    shutil.rmtree(job.folder)
    for spare in Path(os.environ["TMPDIR"]).glob("generative-edit-*"):
        shutil.rmtree(spare)
    return told


def _remember():
    """What is left of settings and spending after a change that the full disk refuses."""
    spending.add("openai", 0.25)
    try:
        settings.change(history_days=8)
    except OSError as error:
        return [error.strerror, settings.load().history_days, spending.in_month()["openai"].dollars]
    return None


def main(disk):
    tempfile.gettempdir()  # chosen while there is room
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
    kept = _remember()
    print(json.dumps({"kept": kept, "before": final, "sent": len(endpoint.received), "files": files}), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
