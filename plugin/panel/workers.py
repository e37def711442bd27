"""The panel's worker: one process for all of its edits and questions, started again when it has ended."""

from __future__ import annotations

from gi.repository import GLib

from lib import settings
from lib.translation import _
from plugin.installation import worker_python
from plugin.task import EditFailed
from plugin.worker_process import LOG, Worker


class Workers:
    """Gives the running worker: its start and its imports are paid once, not at each edit."""

    def __init__(self) -> None:
        self._worker: Worker | None = None

    def get(self) -> Worker:
        """The worker; raises EditFailed where none can be started."""
        if self._worker is None or self._worker.ended:
            try:
                self._worker = Worker(worker_python(), settings.data_folder() / LOG)
            except GLib.Error as error:
                told = _("The worker cannot be started: {reason}. Run install.py again.")
                raise EditFailed(told.format(reason=error.message)) from None
        return self._worker

    def close(self) -> None:
        """Lets the worker end once nothing is outstanding."""
        if self._worker and not self._worker.ended:
            self._worker.close()
