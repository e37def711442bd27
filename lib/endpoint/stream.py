"""The answer to an edit, which runs in the pool: send its output as it is written, and cancel it on disconnection."""

import logging
import threading
import time
from collections.abc import Callable, Iterator

from lib.endpoint.answer import error_event
from lib.endpoint.cancellation import Cancelled
from lib.endpoint.errors import HttpError
from lib.endpoint.jobs import CHECK_SECONDS, EditSlot, Jobs, PoolTask
from lib.endpoint.memory import PIECE, spool

HEARTBEAT_SECONDS = 5

log = logging.getLogger(__name__)

Emit = Callable[[bytes], None]
IsDisconnected = Callable[[], bool]


class Spool:
    """A buffer between the thread that computes and the one that sends; long answers are on disk.

    A slow client therefore blocks no thread of the pool and takes no memory.
    """

    def __init__(self) -> None:
        self._file = spool()
        self._changed = threading.Condition()
        self._finished = False
        self._sent = 0
        self.written = 0
        self.error: HttpError | None = None

    def write(self, data: bytes) -> None:
        """Append bytes."""
        with self._changed:
            self._file.seek(self.written)
            self._file.write(data)
            self.written += len(data)
            self._changed.notify()

    def finish(self, error: HttpError | None = None) -> None:
        """Mark the end of the answer, perhaps with an error."""
        with self._changed:
            self._finished, self.error = True, error
            self._changed.notify()

    def raise_error(self) -> None:
        """Raise the error, if any, and drop it: its traceback would keep itself and the pictures in memory."""
        error, self.error = self.error, None
        try:
            if error is not None:
                raise error
        finally:
            del error

    def wait(self, seconds: float, *, whole: bool = False) -> bool:
        """Wait at most `seconds` for bytes to read or the end, with `whole` for the end; return whether it came."""
        with self._changed:
            return self._changed.wait_for(lambda: self._finished or (not whole and self.written > self._sent), seconds)

    def read(self) -> bytes:
        """Return the next bytes, empty if there are none yet."""
        with self._changed:
            self._file.seek(self._sent)
            data = self._file.read(PIECE)
            self._sent += len(data)
            return data

    @property
    def exhausted(self) -> bool:
        """Whether everything has been written and read."""
        with self._changed:
            return self._finished and self._sent == self.written

    def close(self) -> None:
        """Delete the bytes."""
        self._file.close()


class AnswerStream(Iterator[bytes]):
    """The body of the answer to an edit: the output of `work`. `close` cancels the work and releases the slot."""

    def __init__(
        self, work: Callable[[Emit], None], jobs: Jobs, slot: EditSlot, is_disconnected: IsDisconnected
    ) -> None:
        self._work = work
        self._jobs = jobs
        self._slot = slot
        self._is_disconnected = is_disconnected
        self._spool = Spool()
        self._closed = False
        self._task = PoolTask(self._compute)

    @classmethod
    def start(
        cls, work: Callable[[Emit], None], jobs: Jobs, slot: EditSlot, is_disconnected: IsDisconnected, *, whole: bool
    ) -> "AnswerStream":
        """Start the work; return its answer when the first bytes, or with `whole` all of them, have been written.

        An error up to then can have its own status. Raise HttpError, or Cancelled if the client has disconnected.
        """
        answer = cls(work, jobs, slot, is_disconnected)
        slot.detached = True
        try:
            answer._wait_for_start(whole)
        except BaseException:
            answer.close()
            raise
        return answer

    def _wait_for_start(self, whole: bool) -> None:
        self._jobs.submit(self._task)
        while not self._spool.wait(CHECK_SECONDS, whole=whole):
            if self._is_disconnected():
                raise Cancelled
        if self._spool.error and (whole or not self._spool.written):
            self._spool.raise_error()

    def __len__(self) -> int:
        """The length of a whole answer in bytes."""
        return self._spool.written

    def __next__(self) -> bytes:
        if self._closed:
            raise StopIteration
        next_heartbeat = time.monotonic() + HEARTBEAT_SECONDS
        while not (data := self._spool.read()):
            if self._spool.exhausted or self._is_disconnected():
                self.close()
                raise StopIteration
            if not self._spool.wait(CHECK_SECONDS) and time.monotonic() > next_heartbeat:
                return b": still working\n\n"
        return data

    def close(self) -> None:
        """End the answer, whether or not all of it has been sent."""
        if self._closed:
            return
        self._closed = True
        self._jobs.cancel(self._task)
        self._task.done.wait()
        self._spool.close()
        self._slot.release()

    def _compute(self) -> None:
        try:
            self._work(self._spool.write)
        except Cancelled:
            raise
        except HttpError as error:
            self._fail(error)
        except Exception:  # noqa: BLE001 - the thread's edge: the client gets an error and the log the traceback
            log.exception("An edit failed")
            self._fail(
                HttpError(500, "The server could not process this request.", code="server_error", kind="server_error")
            )
        else:
            self._spool.finish()
        finally:
            # The pictures are not needed while the answer is sent.
            del self._work

    def _fail(self, error: HttpError) -> None:
        """Pass an error on, as an event if a stream has begun; drop its tracebacks, which would retain the pictures."""
        error.__cause__ = error.__context__ = error.__traceback__ = None
        if self._spool.written:
            self._spool.write(error_event(error.body()))
        self._spool.finish(error)
