"""One window of a kind for one image: a second call, which is another process, raises the one that is open."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gi.repository import Gimp, GLib

from lib.storage.file_lock import locked_where_possible

_POLL_MILLISECONDS = 250


class SingleWindow:
    """Where the window may open; it must answer later calls."""

    def __init__(self, requested: Path) -> None:
        self._requested = requested
        self._requested.unlink(missing_ok=True)  # of a call to a window that ended at that moment
        self._polling = 0

    def register(self, raise_window: Callable[[], None]) -> None:
        """Raises the window from now on whenever another call asks for it."""

        def poll() -> bool:
            if self._requested.exists():
                self._requested.unlink(missing_ok=True)
                raise_window()
            return GLib.SOURCE_CONTINUE

        self._polling = GLib.timeout_add(_POLL_MILLISECONDS, poll)

    def unregister(self) -> None:
        """Answers no more calls."""
        if self._polling:
            GLib.source_remove(self._polling)
        self._requested.unlink(missing_ok=True)


@contextmanager
def single_window(image: Gimp.Image, kind: str = "panel") -> Iterator[SingleWindow | None]:
    """Gives the place for the image's window, or raises the one that is open and gives None.

    A lock and a file that the window looks for, not a temporary procedure: GIMP may call one of those while the
    window waits for pixels, and then loses count of the messages and ends the window.
    """
    gimp = f"{platform.node()}-{os.getppid()}"  # the parent of all plug-ins
    files = _folder() / f"{gimp}-{image.get_id()}-{kind}"
    lock, requested = Path(f"{files}.lock"), Path(f"{files}.raise")
    with locked_where_possible(lock) as free:
        if not free:
            requested.touch()
            yield None
            return
        place = SingleWindow(requested)
        try:
            yield place
        finally:
            place.unregister()
            with suppress(PermissionError):  # Windows removes no open file
                lock.unlink()


def _folder() -> Path:
    session = Path(GLib.get_user_runtime_dir())
    # `su` leaves another user's.
    parent = session if os.access(session, os.W_OK) else Path(GLib.get_user_cache_dir())
    folder = parent / "generative-edit"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder
