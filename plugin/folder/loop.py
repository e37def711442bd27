"""The main loop of a folder run: steps while there is something to do, and a look around twice a second."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gi.repository import GLib

_LOOK_SECONDS = 0.5


class Loop:
    """Calls `step` until it says that there is nothing to do now, and `look` from time to time.

    A callback that fails ends the loop, and `work` raises what it raised: GLib would only print it.
    """

    def __init__(self, step: Callable[[], bool], look: Callable[[], None]) -> None:
        self._step, self._look = step, look
        self._loop = GLib.MainLoop()
        self._source = 0
        self._broken: BaseException | None = None

    def work(self) -> None:
        """Runs until `stop`."""
        looking = GLib.timeout_add(int(_LOOK_SECONDS * 1000), self.guarded(self._looked))
        self.kick()
        self._loop.run()
        GLib.source_remove(looking)

    def raise_failure(self) -> None:
        """Raises what a callback has raised."""
        if self._broken:
            raise self._broken

    def stop(self) -> None:
        """Ends `work` after the callback that runs now."""
        self._loop.quit()

    def kick(self) -> None:
        """There is something to do again."""
        if not self._source:
            self._source = GLib.idle_add(self.guarded(self._stepped))

    def guarded(self, work: Callable[..., Any]) -> Callable[..., Any]:
        """The same callback, whose failure ends the loop."""

        def callback(*arguments: Any) -> Any:
            try:
                return work(*arguments)
            except BaseException as error:  # noqa: BLE001 - raised again by `raise_failure`
                self._broken = self._broken or error
                self._loop.quit()
                return GLib.SOURCE_REMOVE

        return callback

    def _stepped(self) -> bool:
        if self._step():
            return GLib.SOURCE_CONTINUE
        self._source = 0
        return GLib.SOURCE_REMOVE

    def _looked(self) -> bool:
        self._look()
        return GLib.SOURCE_CONTINUE
