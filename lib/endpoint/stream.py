"""An edit computed in the pool: what it writes is handed on as it comes, and it ends once its caller has left."""

import logging
import threading
import time
from collections.abc import Callable, Iterator

from lib.endpoint.answer import error_event
from lib.endpoint.cancellation import Cancelled
from lib.endpoint.errors import HttpError
from lib.endpoint.jobs import LOOK_SECONDS, Admission, Jobs, PoolTask
from lib.endpoint.memory import PIECE, spool

HEARTBEAT_SECONDS = 5

log = logging.getLogger(__name__)

Emit = Callable[[bytes], None]
HasLeft = Callable[[], bool]


class Spool:
    """Bytes on their way from the thread that computes to the one that sends; what is long lies on disk.

    So a caller who reads slowly holds up neither the pool nor memory.
    """

    def __init__(self) -> None:
        self._file = spool()
        self._changed = threading.Condition()
        self._finished = False
        self._sent = 0
        self.written = 0
        self.error: HttpError | None = None

    def write(self, data: bytes) -> None:
        """Append."""
        with self._changed:
            self._file.seek(self.written)
            self._file.write(data)
            self.written += len(data)
            self._changed.notify()

    def finish(self, error: HttpError | None = None) -> None:
        """Say that nothing more is to come, and why."""
        with self._changed:
            self._finished, self.error = True, error
            self._changed.notify()

    def raise_error(self) -> None:
        """Raise the error, if there is one, and forget it: its trace would keep itself and the pictures in memory."""
        error, self.error = self.error, None
        try:
            if error is not None:
                raise error
        finally:
            del error

    def wait(self, seconds: float, *, whole: bool = False) -> bool:
        """Whether within `seconds` there is something to read or nothing more to come; `whole`: only the latter."""
        with self._changed:
            return self._changed.wait_for(
                lambda: self._finished or (not whole and self.written > self._sent), seconds
            )

    def read(self) -> bytes:
        """The next bytes, empty where there are none yet."""
        with self._changed:
            self._file.seek(self._sent)
            data = self._file.read(PIECE)
            self._sent += len(data)
            return data

    @property
    def exhausted(self) -> bool:
        """Whether everything has been read, and nothing more is to come."""
        with self._changed:
            return self._finished and self._sent == self.written

    def close(self) -> None:
        """Forget the bytes."""
        self._file.close()


class AnswerStream(Iterator[bytes]):
    """The body of the answer to an edit: what `work` emits. `close` ends the work and gives the place back."""

    def __init__(self, work: Callable[[Emit], None], jobs: Jobs, place: Admission, has_left: HasLeft) -> None:
        self._work = work
        self._jobs = jobs
        self._place = place
        self._has_left = has_left
        self._spool = Spool()
        self._closed = False
        self._task = PoolTask(self._compute)

    @classmethod
    def begun(
        cls, work: Callable[[Emit], None], jobs: Jobs, place: Admission, has_left: HasLeft, *, whole: bool
    ) -> "AnswerStream":
        """An answer whose first bytes are there, or `whole`, so that an error up to then has its own status.

        Raises ApiError; Cancelled where the caller has left meanwhile.
        """
        answer = cls(work, jobs, place, has_left)
        place.kept = True
        try:
            answer._begin(whole)
        except BaseException:
            answer.close()
            raise
        return answer

    def _begin(self, whole: bool) -> None:
        self._jobs.submit(self._task)
        while not self._spool.wait(LOOK_SECONDS, whole=whole):
            if self._has_left():
                raise Cancelled
        if self._spool.error and (whole or not self._spool.written):
            self._spool.raise_error()

    def __len__(self) -> int:
        """How many bytes a whole answer has."""
        return self._spool.written

    def __next__(self) -> bytes:
        if self._closed:
            raise StopIteration
        silent_until = time.monotonic() + HEARTBEAT_SECONDS
        while not (data := self._spool.read()):
            if self._spool.exhausted or self._has_left():
                self.close()
                raise StopIteration
            if not self._spool.wait(LOOK_SECONDS) and time.monotonic() > silent_until:
                return b": still working\n\n"
        return data

    def close(self) -> None:
        """Called when the answer is over, sent or not."""
        if self._closed:
            return
        self._closed = True
        self._jobs.cancel(self._task)
        self._task.over.wait()
        self._spool.close()
        self._place.leave()

    def _compute(self) -> None:
        try:
            self._work(self._spool.write)
        except Cancelled:
            raise
        except HttpError as error:
            self._fail(error)
        except Exception:  # noqa: BLE001 - the thread's edge: the client gets a sentence and the log the trace
            log.exception("An edit failed")
            self._fail(
                HttpError(500, "The server failed at this request.", code="server_error", kind="server_error")
            )
        else:
            self._spool.finish()
        finally:
            # The pictures are not needed while the answer is sent.
            del self._work

    def _fail(self, error: HttpError) -> None:
        """Hand an error on: as an event where a stream has begun; without its traces, which hold the pictures."""
        error.__cause__ = error.__context__ = error.__traceback__ = None
        if self._spool.written:
            self._spool.write(error_event(error.body()))
        self._spool.finish(error)
