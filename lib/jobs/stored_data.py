"""Files of a job that are saved even if its folder can't be written: in a temporary folder, or in the event itself."""

import base64
import contextlib
import tempfile
from collections.abc import Mapping
from pathlib import Path

from lib.jobs.job import Job
from lib.translation import _

StoredData = str | Mapping[str, str]
"""Data as an event refers to it: a name in the job's folder, a path elsewhere, or the data itself as base64."""


class FallbackWriter:
    """Writes a job's files; a failure to write becomes a note instead of an error."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._temporary_folder: Path | None = None
        self.notes: list[str] = []

    def write(self, name: str, data: bytes, *, durable: bool = False) -> StoredData:
        """Write a file to the first place that accepts it and return where that is."""
        try:
            self._job.write(name, data, durable=durable)
            return name
        except OSError as error:
            return self._write_elsewhere(name, data, error)

    def temporary_folder(self) -> Path:
        """Return a temporary folder, created on first use, for what the job's folder can't hold; raise OSError."""
        self._temporary_folder = self._temporary_folder or Path(tempfile.mkdtemp(prefix="generative-edit-"))
        return self._temporary_folder

    def remove_empty_folder(self) -> None:
        """Remove the temporary folder if it is empty."""
        if self._temporary_folder:
            with contextlib.suppress(OSError):
                self._temporary_folder.rmdir()
                self._temporary_folder = None

    def _write_elsewhere(self, name: str, data: bytes, error: OSError) -> StoredData:
        try:
            path = Job(self.temporary_folder()).write(name, data)
        except OSError:
            text = _("Couldn't save the result to disk ({reason}). It is only in the image: save the image now.")
            self._add_note(text, error)
            return {"base64": base64.b64encode(data).decode("ascii")}
        text = _(
            "Couldn't save the result in History ({reason}). It is in the image and in {folder}. Free some disk space."
        )
        self._add_note(text, error)
        return str(path)

    def _add_note(self, text: str, error: OSError) -> None:
        note = text.format(reason=error.strerror, folder=self._temporary_folder)
        if note not in self.notes:
            self.notes.append(note)


def read(job: Job, stored: StoredData) -> bytes:
    """Return data that an event refers to; raise OSError if its file is gone."""
    return job.path(stored).read_bytes() if isinstance(stored, str) else base64.b64decode(stored["base64"])


def unclipped_path(job: Job, stored: StoredData) -> Path | None:
    """Return where the colours of a layer that its bytes lack are, if it has any; None for data that isn't a file."""
    return job.path(stored).with_suffix(".float") if isinstance(stored, str) else None


def delete(job: Job, stored: StoredData) -> None:
    """Delete data that an event refers to, and its temporary folder once that is empty; never raise."""
    if isinstance(stored, str):
        path = job.path(stored)
        try:
            path.unlink()
            path.with_suffix(".float").unlink(missing_ok=True)
            if path.parent != job.folder:
                path.parent.rmdir()
        except OSError:
            return
