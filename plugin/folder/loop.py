"""The main loop of a folder run: steps while there is work, and a tick twice a second."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gi.repository import GLib

_TICK_SECONDS = 0.5


class Loop:
    """Calls `step` until it returns False, again after each `kick`, and `tick` at a regular interval.

    An exception in a callback ends the loop; `raise_failure` raises it again, where GLib would only print it.
    """

    def __init__(self, step: Callable[[], bool], tick: Callable[[], None]) -> None:
        self._step, self._tick = step, tick
        self._loop = GLib.MainLoop()
        self._source = 0
        self._failure: BaseException | None = None

    def work(self) -> None:
        """Run until `stop` is called or a callback fails."""
        ticking = GLib.timeout_add(int(_TICK_SECONDS * 1000), self.guarded(self._on_tick))
        self.kick()
        self._loop.run()
        GLib.source_remove(ticking)

    def raise_failure(self) -> None:
        """Raise the exception of a callback, if one has failed."""
        if self._failure:
            raise self._failure

    def stop(self) -> None:
        """End `work` after the current callback."""
        self._loop.quit()

    def kick(self) -> None:
        """Call `step` again, because there is new work."""
        if not self._source:
            self._source = GLib.idle_add(self.guarded(self._on_idle))

    def guarded(self, work: Callable[..., Any]) -> Callable[..., Any]:
        """Return a callback that ends the loop if it fails."""

        def callback(*arguments: Any) -> Any:
            try:
                return work(*arguments)
            except BaseException as error:  # noqa: BLE001 - raised again by `raise_failure`
                self._failure = self._failure or error
                self._loop.quit()
                return GLib.SOURCE_REMOVE

        return callback

    def _on_idle(self) -> bool:
        if self._step():
            return GLib.SOURCE_CONTINUE
        self._source = 0
        return GLib.SOURCE_REMOVE

    def _on_tick(self) -> bool:
        self._tick()
        return GLib.SOURCE_CONTINUE
