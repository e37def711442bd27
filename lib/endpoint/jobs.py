"""A bounded queue: so many edits at a time, so many waiting, and no more."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from lib.endpoint.errors import busy

RETRY_AFTER_SECONDS = 5


class Place:
    """A place in the queue. Who sets `kept` takes it over, and calls `leave` at the end."""

    def __init__(self, places: threading.BoundedSemaphore) -> None:
        self._places = places
        self.kept = False

    def leave(self) -> None:
        """Give the place back."""
        self._places.release()


class Jobs:
    """Lets `running` edits compute at a time; with them, at most `waiting` more may be in the house.

    A request takes its place before its body is read, so that memory is bounded too.
    """

    def __init__(self, running: int, waiting: int) -> None:
        self._places = threading.BoundedSemaphore(running + waiting)
        self._cores = threading.BoundedSemaphore(running)

    @contextmanager
    def place(self) -> Iterator[Place]:
        """A place, given back at the end unless somebody keeps it. Raises ApiError 429 when there is none."""
        if not self._places.acquire(blocking=False):
            raise busy(RETRY_AFTER_SECONDS)
        place = Place(self._places)
        try:
            yield place
        finally:
            if not place.kept:
                place.leave()

    @contextmanager
    def computing(self) -> Iterator[None]:
        """Wait for a core, in a place already taken."""
        with self._cores:
            yield
