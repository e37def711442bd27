"""Cancel work when its client disconnects: long loops call `checkpoint`, which then raises."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Check = Callable[[], None]

_check: ContextVar[Check | None] = ContextVar("check", default=None)


class Cancelled(Exception):  # noqa: N818 - not an error
    """The client has disconnected and no longer needs the result."""


@contextmanager
def checking(check: Check) -> Iterator[None]:
    """Call `check` at every checkpoint inside the block, after the checks of enclosing blocks."""
    outer = _check.get()

    def both() -> None:
        if outer is not None:
            outer()
        check()

    token = _check.set(both)
    try:
        yield
    finally:
        _check.reset(token)


def checkpoint() -> None:
    """Run the checks of the enclosing blocks: they raise Cancelled for a closed connection, HttpError at a timeout.

    Long loops call this at each turn; outside any block it does nothing.
    """
    check = _check.get()
    if check is not None:
        check()
