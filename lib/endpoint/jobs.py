"""The bounds of the endpoint's work: so many requests inside, a fixed number of threads that compute, and no more."""

import math
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lib.endpoint.cancellation import Cancelled, checking, checkpoint
from lib.endpoint.errors import busy
from lib.endpoint.memory import give_back

RETRY_AFTER_SECONDS = 5
MEGAPIXELS = 4  # of all edits that compute: one of 2048 x 2048 needs about 250 MB
LOOK_SECONDS = 0.1  # between two looks at whether the caller is still there


_turn = threading.Lock()  # so that small edits do not pass a large one for ever
_megapixels = threading.Semaphore(MEGAPIXELS)


@contextmanager
def room_for(pixels: int) -> Iterator[None]:
    """Wait until the edits that compute have few enough pixels for this one too; the largest compute alone.

    Raises what `checkpoint` does.
    """
    needed, held = min(math.ceil(pixels / 1_000_000), MEGAPIXELS), 0
    try:
        with _turn:
            while held < needed:
                checkpoint()
                held += _megapixels.acquire(timeout=LOOK_SECONDS)
        yield
    finally:
        if held:
            _megapixels.release(held)


class Admission:
    """A place inside. Who sets `kept` takes it over, and calls `leave` at the end."""

    def __init__(self, free: Callable[[], None]) -> None:
        self._free = free
        self.kept = False

    def leave(self) -> None:
        """Give the place back, and the memory that the request has used."""
        give_back()
        self._free()


class PoolTask:
    """Work for a thread of the pool. `over` is set once it has ended, or will never begin."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work
        self.cancelled = threading.Event()
        self.over = threading.Event()

    def run(self) -> None:
        """Do the work, unless or until it is cancelled."""
        try:
            with checking(self._check):
                self._check()
                self._work()
        except Cancelled:
            pass
        finally:
            self.over.set()

    def _check(self) -> None:
        if self.cancelled.is_set():
            raise Cancelled


class Jobs:
    """Lets `running` edits compute at a time; with them, at most `waiting` more requests may be inside.

    A request takes its place once its body is read, as a slow one would keep others out, and keeps it until its answer
    is sent, so that memory is bounded too. The threads end when there is nothing to compute.
    """

    def __init__(self, running: int, waiting: int) -> None:
        self._free = running + waiting
        self._running = running
        self._lock = threading.Lock()
        self._queue: deque[PoolTask] = deque()
        self._threads = 0

    @property
    def free(self) -> int:
        """How many requests could take a place now."""
        with self._lock:
            return self._free

    def check_free(self) -> None:
        """Raise ApiError 429 where there is no place: a body that would be refused need not be read."""
        if not self.free:
            raise busy(RETRY_AFTER_SECONDS)

    @contextmanager
    def place(self) -> Iterator[Admission]:
        """A place, given back at the end unless somebody keeps it. Raises ApiError 429 when there is none."""
        with self._lock:
            if not self._free:
                raise busy(RETRY_AFTER_SECONDS)
            self._free -= 1
        place = Admission(self._add_free)
        try:
            yield place
        finally:
            if not place.kept:
                place.leave()

    def _add_free(self) -> None:
        with self._lock:
            self._free += 1

    def submit(self, task: PoolTask) -> None:
        """Have the task done by the next free thread of the pool."""
        with self._lock:
            self._queue.append(task)
            if self._threads == self._running:
                return
            self._threads += 1
        threading.Thread(target=self._compute, name="edit", daemon=True).start()

    def cancel(self, task: PoolTask) -> None:
        """End the task: at its next checkpoint, or now where it has not begun."""
        task.cancelled.set()
        with self._lock:
            if task in self._queue:
                self._queue.remove(task)
                task.over.set()

    def _compute(self) -> None:
        while task := self._next():
            task.run()

    def _next(self) -> PoolTask | None:
        with self._lock:
            if self._queue:
                return self._queue.popleft()
            self._threads -= 1
            return None
