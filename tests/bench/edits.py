#!/usr/bin/env python3
"""Measures what an edit costs besides the endpoint's own time, each figure beside its limit from the same run.

python3 tests/bench/edits.py [--gimp 3.0|3.2] [--rounds 5] [--short]
"""

import argparse
import os
import platform
import shutil
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).absolute().parents[2]
sys.path.insert(0, str(CHECKOUT))

from tests.bench.environment import run_in_tests_environment

run_in_tests_environment()

from PIL import Image

from tests.bench.folder import print_folder_run
from tests.gimp.endpoint import TestEndpoint
from tests.gimp.harness import GimpUnderTest
from tests.gimp.peaks import Peaks

SMALL, LARGE, HUGE = (1500, 1125), (6000, 4500), (12000, 9000)
# Seconds that an edit may cost at LARGE with 12 layers.
WITHOUT_FIT, WITH_FIT, MERGED = 0.7, 1.2, 1.0
GROWTH = 0.1
EXPORT_OF_BARE = 1.5
PLUGIN_MB = 120
PREVIEW = 0.2
CANCEL = 0.5
STAGES = ("export", "wait", "request", "fit", "insert")


@dataclass(frozen=True)
class Case:
    """One row: the canvas, the layers in it, and how the edit is asked for."""

    canvas: tuple
    layers: int
    fit: bool = False
    merged: bool = False
    effects: bool = False

    @property
    def picture(self):
        """What bench.prepare makes."""
        return {"width": self.canvas[0], "height": self.canvas[1], "layers": self.layers, "effects": self.effects}

    @property
    def limit(self):
        if self.merged or self.effects:
            return MERGED
        return WITH_FIT if self.fit else WITHOUT_FIT

    def __str__(self):
        layers = f"{self.layers} layer{'s' * (self.layers > 1)}"
        kinds = ["fit" * self.fit, "merged" * self.merged, "mask and filter" * self.effects]
        return ", ".join([size(self.canvas), layers, *filter(None, kinds)])


CASES = [Case(canvas, layers, fit) for canvas, layers in ((SMALL, 1), (LARGE, 1), (LARGE, 12), (HUGE, 1))
         for fit in (False, True)]  # fmt: skip
CASES += [Case(SMALL, 1, effects=True), Case(LARGE, 12, effects=True)]
CASES += [Case(SMALL, 1, merged=True), Case(LARGE, 12, merged=True)]
SHORT = [case for case in CASES if case.layers == 12 or case.canvas == SMALL]


class DriftingEndpoint(TestEndpoint):
    """Gives back what it got, shifted and tinted, and knows how long that took it."""

    def __init__(self):
        self.busy = []
        super().__init__()
        self.behave("drift")

    def _answer(self, environ, start_response):
        begun = time.monotonic()
        try:
            return super()._answer(environ, start_response)
        finally:
            self.busy.append(time.monotonic() - begun)

    def _drift(self, received):
        sent = received.images[0].convert("RGB")
        moved = sent.transform(sent.size, Image.Transform.AFFINE, (1, 0, 6, 0, 1, 4), Image.Resampling.BICUBIC)
        received.images[0] = moved.point([min(255, round(value * 1.04)) for value in range(256)] * 3)
        return self._echo(received)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--gimp", default="3.2", choices=("3.0", "3.2"))
    parser.add_argument("--rounds", type=int, default=5, help="each time is the median of so many (5)")
    parser.add_argument("--short", action="store_true", help="only what the limits compare, no starts of GIMP")
    options = parser.parse_args()
    gimp = GimpUnderTest.find(options.gimp)
    installed = gimp.install()
    if installed.returncode:
        sys.exit(installed.stderr)
    print(f"GIMP {gimp.version()}, {machine()}; medians of {options.rounds}.\n", flush=True)
    endpoint = DriftingEndpoint()
    # A user's Python keeps its compiled modules; the tests' does not.
    variables = {"PYTHONDONTWRITEBYTECODE": "", "OPENAI_BASE_URL": endpoint.url, "OPENAI_API_KEY": "sk-bench"}
    with tempfile.TemporaryDirectory() as folder:
        with gimp.start(Path(folder) / "edits", environment=variables) as running:
            bench = Bench(running, endpoint, options.rounds)
            bench.edits(SHORT if options.short else CASES)
            bench.growth()
            print_worker_start(running, options.rounds)
        if not options.short:
            print_gimp_start(gimp, Path(folder), options.rounds)
            print_folder_run(gimp, Path(folder) / "folder-run")
    endpoint.close()


class Bench:
    """The measurements in one running GIMP."""

    def __init__(self, running, endpoint, rounds):
        self.running, self.endpoint, self.rounds = running, endpoint, rounds
        self.launches = []

    def edits(self, cases):
        """Prints a row for each case, then what was sent, inserted and held in memory."""
        print("Seconds besides the endpoint's own and the plug-in's start. *export*: pixels, mask, files; *wait*: "
              "until the worker is ready; *request*: upload, answer; *stand-in*: only reads, encodes, sends, inserts; "
              "*picture*: read and PNG of the frame; *bare*: the same by GEGL.\n")  # fmt: skip
        head = ["edit", *STAGES, "all", "limit", "stand-in", "picture / bare"]
        print(row(head) + row(["---"] * len(head)), end="", flush=True)
        prepared = None
        for case in cases:
            if prepared != case.picture:
                prepared = case.picture
                self.running.call("bench.prepare", **prepared)
            self._edit(case)
        print(f"\n*limit*: at {size(LARGE)} with 12 layers; the picture at most {EXPORT_OF_BARE} × the bare one.\n")
        self._amounts()

    def _edit(self, case):
        folder = str(self.running.work)
        arguments = {"fit": case.fit, "sample_merged": case.merged}
        frame = self._seconds("bench.edit", **arguments)[0]["frame"]  # warms up
        rounds = [self._seconds("bench.edit", **arguments) for _ in range(self.rounds)]
        stages = [split(done["seconds"], endpoint) for done, endpoint in rounds]
        middle = {name: statistics.median(each[name] for each in stages) for name in (*STAGES, "all")}
        self.launches += [each["launch"] for each in stages]
        exports = [
            self.running.call("bench.read_and_encode", frame=frame, folder=folder, merged=case.merged)
            for _ in range(self.rounds)
        ]
        bare, ours = (statistics.median(each[name] for each in exports) for name in ("bare", "ours"))
        stand_in = [
            self._seconds("bench.stand_in", frame=frame, url=self.endpoint.url, folder=folder, merged=case.merged)
            for _ in range(self.rounds)
        ]
        usual = statistics.median(waited - endpoint for waited, endpoint in stand_in)
        cells = [f"{middle[name]:.2f}" for name in STAGES]
        cells += [f"**{middle['all']:.2f}**", f"{case.limit}", f"{usual:.2f}", f"{ours:.2f} / {bare:.2f}"]
        print(row([str(case), *cells]), end="", flush=True)

    def growth(self):
        """What the large picture costs more than the small one, in turn: a busy machine changes by the minute."""
        print(f"\nSmall is {size(SMALL)} with one layer, large {size(LARGE)} with 12; least and median of "
              f"{self.rounds}, in turn. The limit is {GROWTH} s more.\n")  # fmt: skip
        head = ["edit", "small", "large", "more", "GIMP's own: small", "large"]
        print(row(head) + row(["---"] * len(head)), end="", flush=True)
        for name, canvas, layers in (("small", SMALL, 1), ("large", LARGE, 12)):
            self.running.call("bench.prepare", **Case(canvas, layers).picture)
            self.running.call("bench.keep", name=name)
        for kind, options in (("a layer", {}), ("fit", {"fit": True}), ("merged", {"sample_merged": True})):
            self._growth(kind, {"fit": False, **options})

    def _growth(self, kind, options):
        edits, own = ({"small": [], "large": []} for _ in range(2))
        for name in [*edits] * (self.rounds + 1):  # the first warms up
            self.running.call("bench.use", name=name)
            done, endpoint = self._seconds("bench.edit", **options)
            edits[name].append(split(done["seconds"], endpoint)["all"])
            bare = {"frame": done["frame"], "folder": str(self.running.work), "merged": "sample_merged" in options}
            own[name].append(self.running.call("bench.read_and_encode", **bare)["bare"])
        cells = [both(seconds[1:]) for each in (edits, own) for seconds in each.values()]
        more = [take(edits["large"][1:]) - take(edits["small"][1:]) for take in (min, statistics.median)]
        cells.insert(2, " / ".join(f"{seconds:+.2f}" for seconds in more))
        print(row([kind, *cells]), end="", flush=True)

    def _seconds(self, function, **arguments):
        """What a call gave, and the endpoint's own seconds in it."""
        self.endpoint.busy.clear()
        done = self.running.call(function, **arguments)
        return done, sum(self.endpoint.busy)

    def _amounts(self):
        self.endpoint.received.clear()
        with Peaks(self.running) as peaks:
            done = self.running.call("bench.edit", fit=True)
        sent = int(self.endpoint.received[-1].headers["Content-Length"])
        frame = done["frame"]
        folder = str(self.running.work)
        bare = self.running.call("bench.read_and_encode", frame=frame, folder=folder, merged=False)["bytes"]
        wide, high = frame[2:]
        print(row(["amount", "measured", "limit"]) + row(["---"] * 3), end="")
        print(row(["sent, MB", mb(sent), f"{mb(bare)}: the frame alone as GEGL's PNG"]), end="")
        inserted, frame_bytes = done["layer"]["bytes"], 5 * wide * high
        print(row(["layer and mask, MB", mb(inserted), f"{mb(frame_bytes)}: frame {wide}×{high}"]), end="")
        print(row(["peak memory of the plug-in, MB", f"{peaks.mb['plug-in']:.0f}", f"{PLUGIN_MB}"]), end="")
        print(row(["peak memory of the worker, MB", f"{peaks.mb['worker']:.0f}", ""]), end="")
        print(row(["a preview from the wire to the canvas, s", f"{self._preview():.2f}", f"{PREVIEW}"]), end="")
        print(row(["a cancel until all is over, s", f"{self._cancel():.2f}", f"{CANCEL}"]), end="")
        launch = statistics.median(self.launches)
        usual = statistics.median(self.running.call("bench.plugin_start") for _ in range(self.rounds))
        limit = f"{usual:.2f}: GIMP's own Foggify"
        print(row(["start of the plug-in at each edit, s", f"{launch:.2f}", limit]), end="")

    def _preview(self):
        """Seconds from the moment that a preview is sent until it is on the canvas; the median of all."""
        self.endpoint.behave("previews", seconds=1.0)
        waited = []
        for _ in range(self.rounds):
            self.endpoint.previews_sent.clear()
            displayed = self.running.call("bench.previews", **places(self.running))
            waited += [
                displayed_at - sent for displayed_at, sent in zip(displayed, self.endpoint.previews_sent, strict=True)
            ]
        self.endpoint.behave("drift")
        return statistics.median(waited)

    def _cancel(self):
        """Seconds from a cancel while the endpoint works until all is over; the longest of all."""
        self.endpoint.behave("echo", seconds=2.0)
        longest = max(self.running.call("bench.cancel", **places(self.running)) for _ in range(self.rounds))
        self.endpoint.behave("drift")
        return longest


def both(seconds):
    """The least and the median."""
    return f"{min(seconds):.2f} / {statistics.median(seconds):.2f}"


def split(seconds, endpoint):
    """An edit's seconds by stage, without the endpoint's."""
    fit = seconds["fit"]
    everything = seconds["export"] + seconds["worker"] + seconds["insert"]
    return {
        "launch": seconds["call"] - everything,
        "export": seconds["export"],
        "wait": seconds["worker"] - seconds["request"] - fit,
        "request": seconds["request"] - endpoint,
        "fit": fit,
        "insert": seconds["insert"],
        "all": everything - endpoint,
    }


def print_worker_start(running, rounds):
    """The worker starts while the plug-in exports, so that this is not paid in full."""
    starts = [running.call("bench.worker_start", **places(running)) for _ in range(rounds)]
    middle = {name: statistics.median(each[name] for each in starts) for name in ("worker", "bare")}
    limit = f"{middle['bare']:.2f}: Python with the same packages"
    print(row(["start of the worker, s", f"{middle['worker']:.2f}", limit]), end="", flush=True)


def places(running):
    """Where the installed plug-in is, and where a worker may write its log."""
    root, log = running.config / "plug-ins" / "generative-edit", running.work / "worker.log"
    return {"root": str(root), "log": str(log)}


def print_gimp_start(gimp, folder, rounds):
    """GIMP's own start with the plug-in and without it, when it does not know its plug-ins yet and when it does."""
    without = folder / "start" / "without"  # where GIMP under test sees it
    shutil.copytree(gimp.config, without, ignore=shutil.ignore_patterns("plug-ins", "pluginrc"))
    for name, first in (("a first start", True), ("a later start", False)):
        configs = [gimp.config, without] * rounds
        seconds = [start_seconds(gimp, folder, config, first) for config in configs]
        times = list(zip(seconds[::2], seconds[1::2], strict=True))
        share = statistics.median(ours - bare for ours, bare in times)
        whole = statistics.median(ours for ours, _bare in times)
        print(row([f"share of {name} of GIMP, s", f"{share:.2f}", f"of {whole:.2f}"]), end="", flush=True)


def start_seconds(gimp, folder, config, first):
    """GIMP's start with a configuration folder; a `first` one asks every plug-in what it is."""
    if first:
        (config / "pluginrc").unlink(missing_ok=True)
    begun = time.monotonic()
    with gimp.start(folder / "start", config=config):
        return time.monotonic() - begun


def machine():
    """The machine in a few words."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    model = named[0] if named else platform.machine()
    return f"{os.cpu_count()} cores of {model}, load {os.getloadavg()[0]:.1f}"


def row(cells):
    return "| " + " | ".join(cells) + " |\n"


def size(canvas):
    return f"{canvas[0]}×{canvas[1]}"


def mb(count):
    return f"{count / 1e6:.2f}"


if __name__ == "__main__":
    main()
