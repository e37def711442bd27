"""Measures a folder run: sixty pictures, eight at once, an endpoint that takes two seconds for each."""

import base64
import json
import math
import threading
import time

from PIL import Image
from werkzeug.wrappers import Response

from tests.bench.photographs import photograph
from tests.gimp.endpoint import USAGE, TestEndpoint
from tests.gimp.peaks import NAMES, Memory

PICTURES, AT_ONCE, LATENCY = 60, 8, 2.0
SIZE = (1024, 768)
OF_IDEAL = 1.25
PARTS = 4  # of the run, after each of which the memory is looked at


class SlowEndpoint(TestEndpoint):
    """Answers with what it got, as it came, after a while; knows how many it had at once."""

    def __init__(self):
        super().__init__()
        self.at_once = self.most_at_once = self.answered = 0
        self._counting = threading.Lock()
        self.behave("slow")

    def _slow(self, received):
        self._count(1)
        time.sleep(LATENCY)
        self._count(-1)
        data = [{"b64_json": base64.b64encode(received.image_bytes[0]).decode()}]
        return Response(json.dumps({"data": data, "usage": USAGE}), content_type="application/json")

    def _count(self, change):
        with self._counting:
            self.at_once += change
            self.most_at_once = max(self.most_at_once, self.at_once)
            self.answered += change < 0


def print_folder_run(gimp, work):
    """Prints the seconds of a run from GIMP's start to its end, beside the ideal, and the memory as it goes on."""
    endpoint = SlowEndpoint()
    source = work / "in"
    make_pictures(source)
    variables = {"PYTHONDONTWRITEBYTECODE": "", "OPENAI_BASE_URL": endpoint.url, "OPENAI_API_KEY": "sk-bench"}
    arguments = {"input_folder": str(source), "output_folder": str(work / "out"), "prompt": "x", "provider": "custom"}
    gimp.start(work, environment=variables).close()  # the first start asks every plug-in what it is
    begun = time.monotonic()
    with gimp.start(work, environment=variables) as running:
        start = time.monotonic() - begun
        running.begin("folders.run", concurrency=AT_ONCE, **arguments)
        memory = list(watch(running, endpoint))
        done = running.result()
        seconds = time.monotonic() - begun
    endpoint.close()
    if done["status"] != "success":
        raise RuntimeError(done["error"])
    ideal = start + PICTURES * LATENCY / AT_ONCE
    print(f"\nA folder run: {PICTURES} pictures of {SIZE[0]}×{SIZE[1]}, concurrency {AT_ONCE}, an endpoint that takes "
          f"{LATENCY:g} s; at most {endpoint.most_at_once} requests were there at once.\n")  # fmt: skip
    print("| folder run | measured | limit |\n| --- | --- | --- |")
    limit = f"{OF_IDEAL * ideal:.1f}: {OF_IDEAL} × (GIMP's start, {start:.1f}, and {ideal - start:g})"
    print(f"| seconds in all | {seconds:.1f}, {seconds / ideal:.2f} × the ideal | {limit} |")
    for name in NAMES:
        peaks = ", ".join(f"{each[name]:.0f}" for each in memory)
        print(f"| memory of the {name} after each of {PARTS} parts, MB | {peaks} | flat |", flush=True)


def make_pictures(folder):
    """Parts of a photograph, no two alike."""
    folder.mkdir(parents=True)
    whole = Image.fromarray(photograph("coffee.png", SIZE[0] + PICTURES, SIZE[1]))
    for left in range(PICTURES):
        whole.crop((left, 0, left + SIZE[0], SIZE[1])).save(folder / f"{left:02}.jpg", quality=90)


def watch(running, endpoint):
    """The resident megabytes of the plug-in and of the worker, after each part of the run."""
    memory = Memory(running)
    for part in range(1, PARTS + 1):
        while endpoint.answered < math.ceil(part * PICTURES / PARTS):
            time.sleep(0.05)
        yield memory.megabytes()
