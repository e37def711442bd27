"""Run several requests in parallel and join their results."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue

from lib.api.errors import ApiError, CancelledError
from lib.api.response import Completed, EditResponse, Failed, StreamEvent, join


def edit_in_parallel(jobs: Sequence[Callable[[], EditResponse]]) -> EditResponse:
    """Run the jobs in threads and join their responses in order, with the errors of the others in `failures`.

    Raises an error if no job succeeded, and `CancelledError` with the responses so far if the caller cancelled.
    """

    def attempt(job: Callable[[], EditResponse]) -> EditResponse | ApiError:
        try:
            return job()
        except ApiError as error:
            return error

    with ThreadPoolExecutor(len(jobs)) as pool:
        outcomes = list(pool.map(attempt, jobs))
    failures = [outcome for outcome in outcomes if isinstance(outcome, ApiError)]
    responses = [outcome for outcome in outcomes if isinstance(outcome, EditResponse)]
    if not responses:
        raise most_serious(failures)
    response = join(responses, failures)
    cancelled = [failure for failure in failures if isinstance(failure, CancelledError)]
    if cancelled:
        error = next((failure for failure in cancelled if failure.maybe_billed), cancelled[0])
        error.response = response
        raise error
    return response


def stream_in_parallel(streams: Sequence[Iterator[StreamEvent]], stop: Callable[[], None]) -> Iterator[StreamEvent]:
    """Run the streams in threads and yield their events as they arrive; `Failed` events come last.

    `stop` is called to end the remaining streams when the caller stops iterating. Raises an error if no stream
    completed.
    """
    queue: SimpleQueue[StreamEvent | None] = SimpleQueue()

    def drain(index: int, stream: Iterator[StreamEvent]) -> None:
        try:
            for event in stream:
                queue.put(event)
        except ApiError as error:
            queue.put(Failed(error, index))
        finally:
            queue.put(None)

    failures: list[Failed] = []
    completed = False
    running = len(streams)
    with ThreadPoolExecutor(running) as pool:
        futures = [pool.submit(drain, index, stream) for index, stream in enumerate(streams)]
        try:
            while running:
                event = queue.get()
                if event is None:
                    running -= 1
                elif isinstance(event, Failed):
                    failures.append(event)
                else:
                    completed = completed or isinstance(event, Completed)
                    yield event
        finally:
            stop()
    for future in futures:
        future.result()
    if failures and not completed:
        raise most_serious([failure.error for failure in failures])
    yield from failures


def most_serious(failures: Sequence[ApiError]) -> ApiError:
    """Return the first failure that may have been billed, or else the first one."""
    return next((failure for failure in failures if failure.maybe_billed), failures[0])
