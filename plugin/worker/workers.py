"""A window's worker: one process for all of its edits and requests, started again when it has ended."""

from __future__ import annotations

from typing import Any

from lib.settings import settings
from plugin.errors import EditFailed, of_a_file
from plugin.worker.installation import worker_python
from plugin.worker.process import LOG, OnEvent, Worker


class Workers:
    """Gives the running worker: its start and its imports are paid once, not at each edit."""

    def __init__(self) -> None:
        self._worker: Worker | None = None

    def get(self) -> Worker:
        """Return the worker; raise EditFailed where none can be started."""
        if self._worker is None or not self._worker.is_running:
            try:
                self._worker = Worker(worker_python(), settings.data_folder() / LOG)
            except OSError as error:  # the data folder cannot be made
                raise EditFailed(of_a_file(error)) from None
        return self._worker

    def ask(self, do: str, on_answer: OnEvent, **values: Any) -> None:
        """Ask for something besides an edit, as `Worker.ask` does; no worker is an answer with "error" in it, too."""
        try:
            worker = self.get()
        except EditFailed as error:
            on_answer({"error": {"message": str(error), "hint": ""}})
            return
        worker.ask(do, on_answer, **values)

    def close(self) -> None:
        """Let the worker end once nothing is outstanding."""
        if self._worker and not self._worker.ended:
            self._worker.close()
