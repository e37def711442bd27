"""Runs a folder for its window: the run works in the window's main loop, and reports its progress to it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Protocol

from gi.repository import Gimp, GLib

from lib.api.text import sentences
from plugin.errors import EditFailed, explain
from plugin.folder.arguments import RunSpec
from plugin.folder.items import FolderItem
from plugin.folder.opening import check_cost, open_run
from plugin.folder.progress import RunProgress
from plugin.folder.report import Summary
from plugin.folder.run import FolderRun
from plugin.folder_window.statuses import Statuses
from plugin.worker.process import Event


class RunWindow(Protocol):
    """What a run calls: `on_item` after a change of a picture's status, `on_tick` twice a second."""

    def on_item(self, name: str) -> None: ...

    def on_tick(self) -> None: ...


class RunControl:
    """Starts, pauses and stops the run of a window; `summary` describes the last run that has ended."""

    def __init__(self, statuses: Statuses, window: RunWindow) -> None:
        self.summary: Summary | None = None
        self.current: FolderRun | None = None
        self._statuses, self._window = statuses, window
        self._progress: RunProgress | None = None

    def run(
        self,
        spec: RunSpec,
        only: Collection[str] | None = None,
        on_inserted: Callable[[Gimp.Image], None] = lambda image: None,
    ) -> str:
        """Run until the end, while the main loop goes on; return a message about the outcome."""
        self._statuses.start_run()
        try:
            with open_run(spec, self._on_item, only) as folder_run:
                self.current = folder_run
                folder_run.on_inserted, folder_run.on_tick = on_inserted, self._window.on_tick
                return self._work(folder_run)
        except Exception as error:  # noqa: BLE001 - the main loop's edge: nothing else would report it
            return explain(error)
        finally:
            self.current = None
            self._statuses.end_run(spec.out)

    def show_in_gimp(self) -> None:
        """Show the progress in GIMP from now on, as the window is closed."""
        if self.current and not self._progress:
            self._progress = RunProgress(self.current)
            self._progress.__enter__()

    def _work(self, folder_run: FolderRun) -> str:
        try:
            check_cost(folder_run, _iterate_main_loop)
            folder_run.work()
        except EditFailed as error:
            return str(error)
        finally:
            self.summary = folder_run.log.write_report()
            if self._progress:
                self._progress.__exit__(None, None, None)
                self._progress = None
        return sentences(folder_run.stop_reason, str(self.summary), *self.summary.hints)

    def _on_item(self, item: FolderItem, event: Event) -> None:
        if self._statuses.follow(item, event):
            self._window.on_item(item.picture.name)


def _iterate_main_loop() -> None:
    """Let the window draw and react."""
    context = GLib.MainContext.default()
    while context.pending():
        context.iteration(False)
