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
    PANEL,
    activate,
    click,
    close_by_escape,
    close_panel,
    is_open,
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
STROKES = 8
PAGES = 60
COUNT = 5_000
PRESSES = 9
LEAST_CHANGE = 24  # of 255
CLOCK = Path(__file__).with_name("screen_clock.py")


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
    """The time until a painted point is seen, without the panel, and with it and three edits that wait."""
    image = _open(window)
    alone = _delays(window, 0)
    open_panel(window, image)
    endpoint.behave("held")
    set_counts(window)
    for prompt in ("one", "two", "three"):
        _ask_for(window, prompt)
    beside = _delays(window, 1)
    activate(window, PANEL)
    window.keys("key", "Escape")
    window.wait_for_window("Cancel them")
    window.keys("key", "Return")
    wait_until(lambda: not is_open(window), "the panel closes")
    endpoint.release.set()
    alone += _delays(window, 2)
    for what, delays in (("without the panel", alone), ("while 3 edits wait", beside)):
        middle, longest = statistics.median(delays), max(delays)
        print_row(f"a painted point {what}", f"{middle:.4f} s, the longest stall {longest:.3f} s", "")
    ratio = statistics.mean(beside) / statistics.mean(alone)
    print_row("painting while 3 edits wait", f"{ratio:.2f} times as long", "1.1 times")


def measure_before(window, endpoint):
    """The time from pressing or releasing F9 until the whole result has changed on the canvas."""
    image = _open(window, "ellipse")
    open_panel(window, image)
    endpoint.behave("variations")
    set_counts(window)
    _ask_for(window, "compared")
    wait_until(lambda: "1 result" in texts(window), "the result")
    points = _points_that_change(window)
    downs, ups = zip(*_clock(window, "key", "F9", PRESSES, *points), strict=True)
    close_panel(window)
    for what, seconds in (("the picture before", downs), ("the result again", ups)):
        print_row(what, f"{statistics.median(seconds):.3f} s, at most {max(seconds):.3f} s", "0.1 s")


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


def _delays(window, number):
    """The seconds until each point of some strokes is seen; `number` strokes were painted like that before."""
    activate(window, MAIN)
    window.keys("key", "k")  # the ink tool: a GIMP without data has no brush
    left, top, right, bottom = CANVAS
    step = (bottom - top) / (3 * STROKES)
    return sum(
        _clock(window, "paint", left, right, *(int(top + step * (3 * each + number)) for each in range(STROKES))), []
    )


def _clock(window, *words):
    done = window.gimp.python(CLOCK, *words, environment={"DISPLAY": window.display})
    if done.returncode:
        raise AssertionError(done.stderr)
    return json.loads(done.stdout)


def _points_that_change(window):
    """Return points all over the canvas that differ with and without the result, as the clock's arguments."""
    window.keys("mousemove", "1", "1")
    result = window.settle().convert("RGB")
    window.keys("keydown", "F9")
    before = window.settle().convert("RGB")
    window.keys("keyup", "F9")
    window.settle()
    changed = ImageChops.difference(result, before).convert("L").crop(CANVAS)
    left, top, right, bottom = changed.getbbox()
    grid = [
        (left + (right - left) * column // 8, top + (bottom - top) * row // 8)
        for column in range(2, 7)
        for row in range(2, 7)
    ]
    points = [place for place in grid if changed.getpixel(place) > LEAST_CHANGE]
    if not points:
        raise AssertionError("F9 changes nothing on the canvas")
    return [f"{CANVAS[0] + x},{CANVAS[1] + y}" for x, y in points]


if __name__ == "__main__":
    main()
