"""The worker of a window: one process for all of its edits and requests, restarted when it has ended."""

from __future__ import annotations

from typing import Any

from lib.jobs.job import Job
from lib.settings import settings
from plugin.errors import EditFailed, file_error_message
from plugin.worker.installation import worker_python
from plugin.worker.process import LOG, OnEvent, Worker


class Workers:
    """Holds the running worker, so that it is started once rather than for each edit."""

    def __init__(self) -> None:
        self._worker: Worker | None = None

    def get(self) -> Worker:
        """Return the running worker, started if necessary; raise EditFailed if it cannot be started."""
        if self._worker is None or not self._worker.is_running:
            try:
                self._worker = Worker(worker_python(), settings.data_folder() / LOG)
            except OSError as error:  # the data folder cannot be made
                raise EditFailed(file_error_message(error)) from None
        return self._worker

    def start(self, job: Job, on_event: OnEvent) -> None:
        """Start a job as `Worker.start` does; raise EditFailed if no worker can be started."""
        self.get().start(job, on_event)

    def cancel(self, job: Job) -> None:
        """Cancel a job as `Worker.cancel` does. The jobs of a worker that has ended have ended, too."""
        if self._worker:
            self._worker.cancel(job)

    def ask(self, do: str, on_answer: OnEvent, **values: Any) -> None:
        """Send a request as `Worker.ask` does; if no worker can be started, the response has "error" in it."""
        try:
            worker = self.get()
        except EditFailed as error:
            on_answer({"error": {"message": str(error), "hint": ""}})
            return
        worker.ask(do, on_answer, **values)

    def close(self) -> None:
        """Let the worker exit once no job is in progress."""
        if self._worker and not self._worker.ended:
            self._worker.close()
