"""Presses a key or paints, and prints after how many seconds the screen shows it, as JSON.

python3 screen_clock.py key KEY TIMES X,Y [X,Y ...]     until all of these pixels have changed: [[press, release], ...]
python3 screen_clock.py paint LEFT RIGHT Y [Y ...]      strokes from left to right: the delay of each point, by stroke

It runs beside the screen, where libX11 and libXtst are, and looks at single pixels all the time, so that looking costs
less than a millisecond.
"""

import ctypes
import json
import sys
import time

SETTLE_SECONDS = 0.5
LONGEST_SECONDS = 10
STEP = 9  # pixels; not the radius of the brush, whose outline would change the next pixel
ALL_PLANES, AS_PIXELS = ctypes.c_ulong(-1), 2
x11, xtst = ctypes.CDLL("libX11.so.6"), ctypes.CDLL("libXtst.so.6")
x11.XOpenDisplay.restype = x11.XGetImage.restype = ctypes.c_void_p
x11.XStringToKeysym.restype = x11.XDefaultRootWindow.restype = x11.XGetPixel.restype = ctypes.c_ulong


class Screen:
    """The display of the environment."""

    def __init__(self):
        self._display = ctypes.c_void_p(x11.XOpenDisplay(None))
        self._root = ctypes.c_ulong(x11.XDefaultRootWindow(self._display))

    def pixel(self, place):
        x, y = place
        image = ctypes.c_void_p(x11.XGetImage(self._display, self._root, x, y, 1, 1, ALL_PLANES, AS_PIXELS))
        value = x11.XGetPixel(image, 0, 0)
        x11.XDestroyImage(image)
        return value

    def press(self, key, is_down):
        symbol = ctypes.c_ulong(x11.XStringToKeysym(key.encode()))
        self._send(xtst.XTestFakeKeyEvent, x11.XKeysymToKeycode(self._display, symbol), is_down)

    def button(self, is_down):
        self._send(xtst.XTestFakeButtonEvent, 1, is_down)

    def move(self, place):
        self._send(xtst.XTestFakeMotionEvent, -1, *place)

    def seconds_until(self, before):
        """The time until all pixels of `before` differ from their values in it."""
        begun = time.monotonic()
        while any(self.pixel(place) == value for place, value in before.items()):
            if time.monotonic() > begun + LONGEST_SECONDS:
                raise SystemExit(f"the screen does not change at {list(before)}")
        return time.monotonic() - begun

    def _send(self, function, *arguments):
        function(self._display, *arguments, ctypes.c_ulong(0))
        x11.XFlush(self._display)


def key(name, times, *points):
    """How long it takes to show a press, and a release."""
    screen, places = Screen(), [tuple(map(int, point.split(","))) for point in points]

    def seconds(is_down):
        before = {place: screen.pixel(place) for place in places}
        screen.press(name, is_down)
        taken = screen.seconds_until(before)
        time.sleep(SETTLE_SECONDS)
        return taken

    return [[seconds(1), seconds(0)] for _time in range(int(times))]


def paint(left, right, *heights):
    """How long each point of some strokes takes to be shown."""
    screen = Screen()

    def delays(y):
        places = [(x, y) for x in range(int(left), int(right), STEP)]
        before = {place: screen.pixel(place) for place in places}
        screen.move(places[0])
        time.sleep(SETTLE_SECONDS)
        screen.button(1)
        taken = [_shown(screen, place, before[place]) for place in places[1:]]
        screen.button(0)
        return taken

    return [delays(int(y)) for y in heights]


def _shown(screen, place, before):
    screen.move(place)
    return screen.seconds_until({place: before})


if __name__ == "__main__":
    print(json.dumps({"key": key, "paint": paint}[sys.argv[1]](*sys.argv[2:])))
