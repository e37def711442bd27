"""Where what was paid for goes when the disk refuses: a temporary folder, or else the event itself."""

import base64
import contextlib
import tempfile
from collections.abc import Mapping
from pathlib import Path

from lib.jobs.job import Job
from lib.translation import _

StoredData = str | Mapping[str, str]
"""What an event says of data: a name in the job's folder, a path elsewhere, or the data itself as base64."""


class FallbackWriter:
    """Writes a job's files; a disk that refuses is a note and never an error."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._spare: Path | None = None
        self.notes: list[str] = []

    def write(self, name: str, data: bytes, *, durable: bool = False) -> StoredData:
        """Writes where that is possible; says where it is."""
        try:
            self._job.write(name, data, durable=durable)
            return name
        except OSError as error:
            return self._elsewhere(name, data, error)

    def spare_folder(self) -> Path:
        """Return a temporary folder for what the job's own disk refuses; raise OSError where there is none."""
        self._spare = self._spare or Path(tempfile.mkdtemp(prefix="generative-edit-"))
        return self._spare

    def leave_spare_folder(self) -> None:
        """Remove the temporary folder where nothing is in it."""
        if self._spare:
            with contextlib.suppress(OSError):
                self._spare.rmdir()
                self._spare = None

    def _elsewhere(self, name: str, data: bytes, error: OSError) -> StoredData:
        try:
            path = Job(self.spare_folder()).write(name, data)
        except OSError:
            told = _("Nothing can be written to the disk ({reason}): the result is only in the image. Save it.")
            self._note(told, error)
            return {"base64": base64.b64encode(data).decode("ascii")}
        told = _("The history cannot be written ({reason}): the result is in the image and in {folder}. Make room.")
        self._note(told, error)
        return str(path)

    def _note(self, text: str, error: OSError) -> None:
        note = text.format(reason=error.strerror, folder=self._spare)
        if note not in self.notes:
            self.notes.append(note)


def data_of(job: Job, kept: StoredData) -> bytes:
    """The data that an event tells of; raises OSError where it is no longer there."""
    return job.path(kept).read_bytes() if isinstance(kept, str) else base64.b64decode(kept["base64"])


def forget(job: Job, kept: StoredData) -> None:
    """Deletes it, and the temporary folder that it was alone in; what cannot be deleted stays."""
    if isinstance(kept, str):
        path = job.path(kept)
        try:
            path.unlink()
            if path.parent != job.folder:
                path.parent.rmdir()
        except OSError:
            return
