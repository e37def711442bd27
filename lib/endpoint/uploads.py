"""Limit the total size of the request bodies that are being read; slow ones need no slots and so block no edits."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lib.endpoint.errors import busy
from lib.endpoint.jobs import RETRY_AFTER_SECONDS
from lib.endpoint.memory import release_memory

MAX_BYTES = 1024 * 1024 * 1024

Count = Callable[[int], None]


class Uploads:
    """Counts the bytes of the bodies that are being read, at most `MAX_BYTES` in all."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._left = max_bytes
        self._lock = threading.Lock()

    @contextmanager
    def counted(self) -> Iterator[Count]:
        """Yield a function to call with the length of each piece of a body; what it counted is freed at the end.

        The function raises HttpError 429 if the bodies are too large in all.
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
            release_memory()
            with self._lock:
                self._left += counted
