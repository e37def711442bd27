"""One window of a kind for each image: a second call, in another process, raises the window that is already open."""

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
    """The right to open the window of an image, which from then on answers later calls."""

    def __init__(self, request_file: Path) -> None:
        self._request_file = request_file
        self._request_file.unlink(missing_ok=True)  # left by a call that came as the previous window was closing
        self._polling = 0

    def register(self, raise_window: Callable[[], None]) -> None:
        """Raise the window from now on whenever another process requests it."""

        def poll() -> bool:
            if self._request_file.exists():
                self._request_file.unlink(missing_ok=True)
                raise_window()
            return GLib.SOURCE_CONTINUE

        self._polling = GLib.timeout_add(_POLL_MILLISECONDS, poll)

    def unregister(self) -> None:
        """Stop answering requests."""
        if self._polling:
            GLib.source_remove(self._polling)
        self._request_file.unlink(missing_ok=True)


@contextmanager
def single_window(image: Gimp.Image, kind: str = "panel") -> Iterator[SingleWindow | None]:
    """Yield the right to open a window of the image; raise the window that is already open and yield None.

    This uses a lock and a file that the window polls, not a temporary procedure: if GIMP calls one while the window
    waits for pixels, it confuses the replies and kills the plug-in.
    """
    gimp = f"{platform.node()}-{os.getppid()}"  # the parent of all plug-ins
    files = _folder() / f"{gimp}-{image.get_id()}-{kind}"
    lock, request_file = Path(f"{files}.lock"), Path(f"{files}.raise")
    with locked_where_possible(lock) as acquired:
        if not acquired:
            request_file.touch()
            yield None
            return
        window = SingleWindow(request_file)
        try:
            yield window
        finally:
            window.unregister()
            with suppress(PermissionError):  # Windows cannot delete an open file
                lock.unlink()


def _folder() -> Path:
    session = Path(GLib.get_user_runtime_dir())
    # After `su` this is still the folder of the other user.
    parent = session if os.access(session, os.W_OK) else Path(GLib.get_user_cache_dir())
    folder = parent / "generative-edit"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder
