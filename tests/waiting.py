"""Waiting for what happens, never for a time."""

import time


def wait_until(condition, what="it is so", seconds=180, pause=0.05):
    """Wait for something, looking again after each pause; return what `condition` gave.

    What takes long to look at is looked at less often: it has other work to do. The limit is for what never comes, on
    the slowest machine.
    """
    end = time.monotonic() + seconds
    while (begun := time.monotonic()) < end:
        value = condition()
        if value:
            return value
        time.sleep(max(pause, time.monotonic() - begun))
    raise AssertionError(f"not within {seconds} seconds: {what}")
