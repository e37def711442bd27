"""Limit the endpoint's work: the number of accepted edits, of threads that compute, and of pixels in memory."""

import math
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lib.endpoint.cancellation import Cancelled, checking, checkpoint
from lib.endpoint.errors import busy, stopping
from lib.endpoint.memory import release_memory

RETRY_AFTER_SECONDS = 5
MEGAPIXELS = 4  # of all running edits: one of 2048 x 2048 needs about 250 MB
CHECK_SECONDS = 0.1  # between two checks of whether the client is still connected


_fifo_lock = threading.Lock()  # so that small edits cannot overtake a large one forever
_megapixels = threading.Semaphore(MEGAPIXELS)


@contextmanager
def reserve_pixels(pixels: int) -> Iterator[None]:
    """Wait until the running edits leave room for this many pixels, and reserve them; the largest edits run alone.

    Raise the errors of `checkpoint`.
    """
    needed, held = min(math.ceil(pixels / 1_000_000), MEGAPIXELS), 0
    try:
        with _fifo_lock:
            while held < needed:
                checkpoint()
                held += _megapixels.acquire(timeout=CHECK_SECONDS)
        yield
    finally:
        if held:
            _megapixels.release(held)


class EditSlot:
    """The slot of an accepted edit. Set `detached` to take it over from its block, and call `release` at the end."""

    def __init__(self, on_release: Callable[[], None]) -> None:
        self._on_release = on_release
        self.detached = False

    def release(self) -> None:
        """Free the slot, and return the memory that the request has used."""
        release_memory()
        self._on_release()


class PoolTask:
    """Work for a thread of the pool. `done` is set when it has ended, or will never start."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work
        self.cancelled = threading.Event()
        self.done = threading.Event()

    def run(self) -> None:
        """Do the work until it ends or is cancelled."""
        try:
            with checking(self._check):
                self._check()
                self._work()
        except Cancelled:
            pass
        finally:
            self.done.set()

    def _check(self) -> None:
        if self.cancelled.is_set():
            raise Cancelled


class Jobs:
    """A pool of threads that runs `running` edits at a time and accepts at most `waiting` more.

    A request gets its slot when its body has been read, so that a slow client does not block others, and keeps it until
    its answer is sent, so that memory is limited too. The threads end when the queue is empty.
    """

    def __init__(self, running: int, waiting: int) -> None:
        self._free_slots = self._slots = running + waiting
        self._running = running
        self._lock = threading.Lock()
        self._all_free = threading.Condition(self._lock)
        self.is_draining = False
        self._queue: deque[PoolTask] = deque()
        self._threads = 0

    @property
    def free_slots(self) -> int:
        """The number of requests that would be accepted now."""
        with self._lock:
            return self._free_slots

    def check_capacity(self) -> None:
        """Raise HttpError 429 if no slot is free, so that the body of a refused request is not read; 503 at the end."""
        if self.is_draining:
            raise stopping()
        if not self.free_slots:
            raise busy(RETRY_AFTER_SECONDS)

    @contextmanager
    def slot(self) -> Iterator[EditSlot]:
        """Take a slot, and release it at the end unless it is detached. Raise HttpError 429 if none is free."""
        with self._lock:
            if self.is_draining:
                raise stopping()
            if not self._free_slots:
                raise busy(RETRY_AFTER_SECONDS)
            self._free_slots -= 1
        slot = EditSlot(self._release_slot)
        try:
            yield slot
        finally:
            if not slot.detached:
                slot.release()

    def _release_slot(self) -> None:
        with self._lock:
            self._free_slots += 1
            self._all_free.notify_all()

    def drain(self, seconds: float) -> bool:
        """Accept no more edits; return whether the accepted ones have been answered within some seconds."""
        self.is_draining = True
        with self._lock:
            return self._all_free.wait_for(lambda: self._free_slots == self._slots, seconds)

    def submit(self, task: PoolTask) -> None:
        """Run the task on the next free thread of the pool."""
        with self._lock:
            self._queue.append(task)
            if self._threads == self._running:
                return
            self._threads += 1
        threading.Thread(target=self._compute, name="edit", daemon=True).start()

    def cancel(self, task: PoolTask) -> None:
        """End the task: at its next checkpoint, or immediately if it has not started."""
        task.cancelled.set()
        with self._lock:
            if task in self._queue:
                self._queue.remove(task)
                task.done.set()

    def _compute(self) -> None:
        while task := self._next():
            task.run()

    def _next(self) -> PoolTask | None:
        with self._lock:
            if self._queue:
                return self._queue.popleft()
            self._threads -= 1
            return None
