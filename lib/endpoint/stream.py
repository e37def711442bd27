"""An edit in a thread of its own, its events handed on as they come."""

import logging
import queue
import threading
from collections.abc import Generator, Iterator

from lib.endpoint.answer import error_event
from lib.endpoint.edits import Edit
from lib.endpoint.errors import ApiError
from lib.endpoint.fill import Cancelled
from lib.endpoint.jobs import Jobs, Place

HEARTBEAT_SECONDS = 5

log = logging.getLogger(__name__)

Item = bytes | ApiError | None  # an event, an error, the end


def events(edit: Edit, jobs: Jobs, place: Place) -> Iterator[bytes]:
    """The stream's events. Returns when the first is there, so that an early error still has its own status.

    The thread keeps the caller's place in the queue until it ends. Raises ApiError.
    """
    items: queue.Queue[Item] = queue.Queue()
    gone = threading.Event()
    threading.Thread(target=_work, args=(edit, jobs, place, items, gone), daemon=True).start()
    place.kept = True
    first = items.get()
    if isinstance(first, ApiError):
        raise first
    return _Closing(_follow(first, items), gone)


class _Closing(Iterator[bytes]):
    """An iterator whose `close` tells the worker, even before the first `next`, that nobody listens."""

    def __init__(self, following: Generator[bytes], gone: threading.Event) -> None:
        self._following = following
        self._gone = gone

    def __next__(self) -> bytes:
        return next(self._following)

    def close(self) -> None:
        """Called by the server when the response is over, sent or not."""
        self._gone.set()
        self._following.close()


def _follow(first: Item, items: "queue.Queue[Item]") -> Generator[bytes]:
    item = first
    while item is not None:
        if isinstance(item, ApiError):
            yield error_event(item.body())
        else:
            yield item
        item = _next(items)
        while item == b"":
            yield b": still working\n\n"
            item = _next(items)


def _next(items: "queue.Queue[Item]") -> Item:
    """The next item; empty bytes when there was none for a while."""
    try:
        return items.get(timeout=HEARTBEAT_SECONDS)
    except queue.Empty:
        return b""


def _work(edit: Edit, jobs: Jobs, place: Place, items: "queue.Queue[Item]", gone: threading.Event) -> None:
    def go_on() -> None:
        if gone.is_set():
            raise Cancelled

    try:
        with jobs.computing():
            edit.stream(items.put, go_on)
    except Cancelled:
        pass
    except ApiError as error:
        items.put(error)
    except Exception:  # noqa: BLE001 - the thread's edge: the client gets a sentence and the log the trace
        log.exception("A streamed edit failed")
        items.put(ApiError(500, "The server failed at this request.", code="server_error", kind="server_error"))
    finally:
        place.leave()
        items.put(None)
