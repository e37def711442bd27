"""The bound of all bodies that are being read: they take no place among the edits, however slowly they come."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lib.endpoint.errors import busy
from lib.endpoint.jobs import RETRY_AFTER_SECONDS
from lib.endpoint.memory import give_back

MAX_BYTES = 1024 * 1024 * 1024

Count = Callable[[int], None]


class Uploads:
    """Counts the bytes of the bodies that are being read; they may have `MAX_BYTES` together."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._left = max_bytes
        self._lock = threading.Lock()

    @contextmanager
    def counted(self) -> Iterator[Count]:
        """Give a function to call with the length of each piece of a body; what it counted is free again at the end.

        It raises ApiError 429 where the bodies together are too large.
        """
        counted = 0

        def count(length: int) -> None:
            nonlocal counted
            with self._lock:
                if length > self._left:
                    raise busy(RETRY_AFTER_SECONDS)
                self._left -= length
            counted += length

        try:
            yield count
        finally:
            give_back()
            with self._lock:
                self._left += counted
