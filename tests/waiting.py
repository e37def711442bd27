"""Waiting for what happens, never for a time."""

import time


def wait_until(condition, what="it is so", seconds=60, pause=0.05):
    """Waits for something, looking again after each pause; returns what `condition` gave."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(pause)
    raise AssertionError(f"not within {seconds} seconds: {what}")
