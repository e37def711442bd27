#!/usr/bin/env python3
"""Measures the windows beside GIMP: painting while edits wait, before and after by key, lists of 5,000.

python3 tests/bench/windows.py [strokes] [before] [folder] [history]     in GIMP 3.2; everything without arguments
"""

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

CHECKOUT = Path(__file__).absolute().parents[2]
sys.path.insert(0, str(CHECKOUT))

from tests.bench.environment import run_in_tests_environment

run_in_tests_environment()

from PIL import Image, ImageChops

from lib.jobs.job import VERSION
from tests.gimp.endpoint import TestEndpoint
from tests.gimp.harness import GimpUnderTest
from tests.gimp.peaks import Memory
from tests.gimp.screen import (
    MAIN,
    activate,
    click,
    close_by_escape,
    close_panel,
    open_panel,
    press_entry,
    press_generate,
    set_counts,
    texts,
    wait_for_text,
)
from tests.waiting import wait_until

SCREEN = (1280, 720)
CANVAS = (330, 200, 700, 560)  # on the screen: left, top, right, bottom of what is painted on
STROKES, POINTS = 9, 1500
PAGES = 60
COUNT = 5_000
MOST_ANTS = 0.02


def main():
    gimp = GimpUnderTest.find("3.2")
    done = gimp.install()
    if done.returncode:
        sys.exit(done.stderr)
    endpoint = TestEndpoint()
    environment = {"OPENAI_BASE_URL": endpoint.url, "OPENAI_API_KEY": "sk-bench", "GENERATIVE_EDIT_PROVIDER": "custom"}
    print("| | measured | limit |\n| --- | --- | --- |")
    with tempfile.TemporaryDirectory() as work, gimp.start(work, window=SCREEN, accessible=True) as window:
        window.wait_for_window(MAIN)
        window.renew(environment)
        for name in sys.argv[1:] or MEASURED:
            MEASURED[name](window, endpoint)
            window.clear()
    endpoint.close()


def print_row(what, measured, limit):
    print(f"| {what} | {measured} | {limit} |", flush=True)


def measure_strokes(window, endpoint):
    """The time of a stroke without the panel, and with it and three edits that wait."""
    image = _open(window)
    alone = _strokes(window)
    open_panel(window, image)
    endpoint.behave("held")
    set_counts(window)
    for prompt in ("one", "two", "three"):
        _ask_for(window, prompt)
    beside = _strokes(window)
    again = _strokes(window)
    endpoint.release.set()
    wait_until(lambda: texts(window).count("1 result") >= 3, "the results")
    close_panel(window)
    alone = statistics.median(alone + _strokes(window))
    beside = statistics.median(beside + again)
    print_row("stroke without the panel", f"{alone:.3f} s", "")
    print_row("stroke while 3 edits wait", f"{beside:.3f} s, {beside / alone:.2f} times", "1.1 times")


def measure_before(window, endpoint):
    """The time from pressing or releasing F9 until the canvas has changed, without that of xdotool and of looking."""
    image = _open(window, "ellipse")
    open_panel(window, image)
    endpoint.behave("variations")
    set_counts(window)
    _ask_for(window, "compared")
    wait_until(lambda: "1 result" in texts(window), "the result")
    window.settle()
    seconds = {"keydown": [], "keyup": []}
    for _turn in range(8):
        for event, measured in seconds.items():
            before = _canvas(window)
            begun = time.monotonic()
            window.keys(event, "F9")
            _wait_for_change(window, before)
            measured.append(time.monotonic() - begun)
            window.settle()
    begun = time.monotonic()
    for _turn in range(8):
        window.keys("mousemove", "1", "1")
        _canvas(window)
    own = (time.monotonic() - begun) / 8
    close_panel(window)
    for event, what in (("keydown", "the picture before"), ("keyup", "the result again")):
        measured = statistics.median(seconds[event])
        print_row(what, f"{measured - own:.3f} s, besides {own:.3f} s of xdotool and of one look", "0.1 s")


def measure_folder(window, _endpoint):
    """The time until the window lists 5,000 pictures, and the memory while they are scrolled through."""
    source, out = window.work / "in", window.work / "out"
    source.mkdir()
    out.mkdir()
    for number in range(COUNT):
        Image.new("RGB", (96, 64), (number % 256, number // 256, 99)).save(source / f"{number:04}.png")
    last = {"version": 1, "input_folder": str(source), "output_folder": str(out)}
    (window.data / "last-used.json").write_text(json.dumps(last))
    _measure_list(window, "Edit Folder…", "Edit Folder", "Pictures", f"{COUNT} pictures")


def measure_history(window, _endpoint):
    """The time until History lists 5,000 edits, and the memory while they are scrolled through."""
    jobs = window.data / "jobs"
    jobs.mkdir(parents=True, exist_ok=True)
    plan = {"frame": [0, 0, 96, 64], "sent": [0, 0, 96, 64], "size": [96, 64]}
    for number in range(COUNT):
        when = time.time() - 600 * number
        folder = jobs / f"{time.strftime('%Y%m%d-%H%M%S', time.localtime(when))}-{number:06x}"
        folder.mkdir()
        job = {"version": VERSION, "created": when, "provider": "custom", "image": f"photo {number % 40}", "plan": plan}
        (folder / "job.json").write_text(json.dumps({**job, "request": {"prompt": f"a boat, number {number}"}}))
        (folder / "response.json").write_text('{"results": ["result-1.png"]}')
        Image.new("RGB", (96, 64), (number % 256, number // 256, 99)).save(folder / "result-1.png")
        (folder / "inserted").touch()
    _measure_list(window, "History…", "Generative Edit: History", "Earlier edits", f"{COUNT} edits")


MEASURED = {
    "strokes": measure_strokes,
    "before": measure_before,
    "folder": measure_folder,
    "history": measure_history,
}


def _measure_list(window, entry, title, name, complete):
    image = _open(window)
    begun = time.monotonic()
    press_entry(window, entry)
    window.wait_for_window(title)
    opened = time.monotonic() - begun
    wait_for_text(window, complete, title)
    listed = time.monotonic() - begun
    print_row(f"{title} with {COUNT} is open", f"{opened:.2f} s, all listed after {listed:.2f} s", "2 s")
    wait_until(lambda: window.call("accessibility.focus", title=title, name=name), "the list has the keyboard", 20)
    memory = Memory(window)
    megabytes = [memory.megabytes()]
    for _part in range(4):
        for _page in range(PAGES // 4):
            window.keys("key", "Next")
            time.sleep(0.05)
        window.settle()
        megabytes.append(memory.megabytes())
    plug_in = ", ".join(f"{each['plug-in']:.0f}" for each in megabytes)
    print_row(f"memory of the plug-in while {PAGES} pages are scrolled", f"{plug_in} MB", "flat")
    close_by_escape(window, title)
    window.call("edits.close", image_id=image)


def _open(window, case="nothing_selected"):
    image = window.call("edits.show", case=case)
    window.settle()
    return image


def _ask_for(window, prompt):
    click(window, "Prompt")
    window.keys("key", "ctrl+a")
    window.keys("type", prompt)
    press_generate(window)
    wait_until(lambda: f"{prompt}: " in texts(window), f"{prompt} is listed", 20)


def _strokes(window):
    """The seconds of each of some strokes, from the first point until the last one is seen."""
    activate(window, MAIN)
    window.keys("key", "p")
    return [_stroke(window, number) for number in range(STROKES)]


def _stroke(window, number):
    left, top, right, bottom = CANVAS
    y = top + (bottom - top) * (number + 1) // (STROKES + 1)
    moves = []
    for point in range(POINTS):
        moves += ["mousemove", str(left + (right - left) * point // POINTS), str(y + point % 7)]
    window.keys("mousemove", str(left), str(y))
    before = window.settle().crop((right - 6, y - 4, right + 6, y + 12))
    begun = time.monotonic()
    window.keys("mousedown", "1", *moves, "mouseup", "1")
    while True:
        now = window.screenshot().crop((right - 6, y - 4, right + 6, y + 12))
        if ImageChops.difference(now.convert("RGB"), before.convert("RGB")).getbbox():
            break
        if time.monotonic() > begun + 30:
            raise AssertionError("the stroke is not seen")
    seconds = time.monotonic() - begun
    window.keys("key", "ctrl+z")
    window.settle()
    return seconds


def _canvas(window):
    return window.screenshot().crop(CANVAS).convert("RGB")


def _wait_for_change(window, before):
    end = time.monotonic() + 10
    while not _differ(_canvas(window), before):
        if time.monotonic() > end:
            raise AssertionError("the canvas does not change")


def _differ(one, other):
    """Whether more differs than the selection's marching ants."""
    changed = ImageChops.difference(one, other).convert("L").point(lambda value: 255 if value else 0)
    return changed.histogram()[255] > MOST_ANTS * one.width * one.height


if __name__ == "__main__":
    main()
