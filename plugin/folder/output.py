"""The output folder of a run: which files in it a run has written, and how finished files get their names."""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from lib.storage.file_identity import describe_file
from plugin.folder.own_results import OWN_FOLDER
from plugin.folder.state import RunState

_UNFINISHED = re.compile(r"part-[0-9a-f-]+\.(png|jpg|webp|xcf|csv|jsonl)(\.raw)?")
# The errors of file systems without hard links.
_NO_LINKS = (errno.EPERM, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.EACCES, errno.EXDEV)


class OutputFolder:
    """The output folder of a run; a file in it is our own only if the run's state lists its name, size and content."""

    def __init__(self, path: Path, state: RunState) -> None:
        self.path, self.state = path, state

    def unfinished(self, identifier: str, ending: str) -> Path:
        """Return the path of an unfinished file: beside the run's state, with a short unique name."""
        return self.path / OWN_FOLDER / f"part-{identifier}{ending}"

    def delete_unfinished(self) -> None:
        """Delete the unfinished files of a run that was killed; raise OSError."""
        for path in (self.path / OWN_FOLDER).iterdir():
            if _UNFINISHED.fullmatch(path.name) and path.is_file():
                path.unlink()

    def is_free(self, name: str) -> bool:
        """Return whether a result may have this name: no file has it, or only one that a run has written."""
        path = self.path / name
        if os.path.lexists(path):
            return self._is_own(path, name)
        parents = (self.path / folder for folder in PurePosixPath(name).parents)
        return all(folder.is_dir() for folder in parents if os.path.lexists(folder))

    def place_all(self, parts: Mapping[str, Path]) -> bool:
        """Rename finished files to their final names; raise OSError.

        Return False, with no file renamed, if another program has created a file of one of the names meanwhile.
        """
        placed: list[str] = []
        for name, part in parts.items():
            try:
                self._place(part, name)
            except FileExistsError:
                for earlier in placed:
                    (self.path / earlier).replace(parts[earlier])
                return False
            placed.append(name)
        return True

    def _place(self, part: Path, name: str) -> None:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        if self._is_own(path, name):
            part.replace(path)
        else:
            _rename(part, path)

    def _is_own(self, path: Path, name: str) -> bool:
        with contextlib.suppress(OSError):
            return path.is_file() and not path.is_symlink() and self.state.has_written(describe_file(path, name))
        return False


def _rename(part: Path, path: Path) -> None:
    """Rename a file; raise FileExistsError if the name exists, even if it has just been created."""
    if os.name == "nt":
        part.rename(path)
        return
    try:
        path.hardlink_to(part)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
        part.rename(path)
    else:
        part.unlink()
