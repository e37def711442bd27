"""Which files are results of folder runs: those that the state of an output folder lists."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from lib.storage.file_identity import Content, content_of
from plugin.folder.state import Line, parse_line, state_files

OWN_FOLDER = ".generative-edit"
"""The folder for the run's own files, inside its output folder."""
Identity = tuple[int, int]
"""A file's device and inode, which all of its names and links share."""


def identity(path: Path) -> Identity | None:
    """Return the identity of the file or folder at a path; None if it does not exist."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino


class OwnResults:
    """The results that the runs of some folders have written; folders without a run are ignored.

    A renamed or copied result is recognized by its content, unless a picture that was sent has the same content: an
    edit may change nothing.
    """

    def __init__(self, folders: Iterable[Path]) -> None:
        self._read: set[Path] = set()
        self._resolved: set[Path] = set()
        self._results: set[Identity | None] = set()
        self._contents: set[Content] = set()
        self._sizes: set[int] = set()
        for folder in folders:
            self._add(folder)

    def contains(self, path: Path, is_link: bool) -> bool:
        """Return whether a file is one of the results; for a link, the folders of its target are read first."""
        if is_link and (path.parent not in self._resolved or path.is_symlink()):
            self._resolved.add(path.parent)
            with contextlib.suppress(OSError, RuntimeError):
                for folder in path.resolve().parents:
                    self._add(folder)
        if not self._results and not self._contents:
            return False
        file = identity(path)
        return file is not None and (file in self._results or self._has_content_of_result(path))

    def _has_content_of_result(self, path: Path) -> bool:
        with contextlib.suppress(OSError):
            if path.stat().st_size in self._sizes:
                return content_of(path) in self._contents
        return False

    def _add(self, folder: Path) -> None:
        if folder in self._read:
            return
        self._read.add(folder)
        contents, sources = set[Content](), set[Content]()
        states: list[Path] = []
        with contextlib.suppress(OSError):  # most folders have none; the path of a deep one is too long
            states = state_files(folder / OWN_FOLDER)
        for line in chain.from_iterable(map(_lines, states)):
            files = line.get("files", [])
            names = [*line.get("outputs", []), *(file["name"] for file in files)]
            self._results.update(identity(folder / name) for name in names)
            contents.update(map(_content, files))
            if "source" in line:
                sources.add(_content(line["source"]))
        self._results.discard(None)
        self._contents |= contents - sources
        self._sizes = {size for size, _digest in self._contents}


def _content(file: Mapping[str, Any]) -> Content:
    return file["size"], file["sha256"]


def _lines(state: Path) -> Iterator[Line]:
    """Yield the lines of a run's state; none if it cannot be read."""
    try:
        with state.open("rb") as lines:
            yield from map(parse_line, lines)
    except OSError:
        return
