"""Ends work that nobody waits for any more: its long loops call `checkpoint`, which raises once the caller has left."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Check = Callable[[], None]

_check: ContextVar[Check | None] = ContextVar("check", default=None)


class Cancelled(Exception):  # noqa: N818 - not an error
    """The caller does not want the result any more."""


@contextmanager
def checking(check: Check) -> Iterator[None]:
    """Call `check` at every checkpoint of the block, besides the checks of the blocks around it."""
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
    """Raise what the checks around raise: Cancelled where the caller has left, ApiError where the time is over.

    Work calls this at each turn of a loop that may take long; without a check around it does nothing.
    """
    check = _check.get()
    if check is not None:
        check()
