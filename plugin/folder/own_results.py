"""Which files are results of folder runs: those that the state of an output folder lists, compared as files."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from lib.storage.file_identity import Content, content_of
from plugin.folder.state_lines import Line, parse_line

OWN_FOLDER = ".generative-edit"
"""What a run keeps in its output folder."""
STATE = "run.jsonl"
Identity = tuple[int, int]
"""A file's device and inode: the same for all of its names and links."""


def identity(path: Path) -> Identity | None:
    """Return which file or folder a path leads to; None where it leads nowhere."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino


class OwnResults:
    """The results that the runs of some output folders have written; folders without a run do not matter.

    A result that was renamed or copied is known by its content, unless it has that of a picture that was sent: an edit
    may change nothing.
    """

    def __init__(self, folders: Iterable[Path]) -> None:
        self._read: set[Path] = set()
        self._results: set[Identity | None] = set()
        self._contents: set[Content] = set()
        self._sizes: set[int] = set()
        for folder in folders:
            self._add(folder)

    def include(self, path: Path, is_link: bool) -> bool:
        """Return whether a file is one of them; where a link leads is looked at too."""
        if is_link:
            with contextlib.suppress(OSError, RuntimeError):
                for folder in path.resolve().parents:
                    self._add(folder)
        if not self._results and not self._contents:
            return False
        this = identity(path)
        return this is not None and (this in self._results or self._has_content_of_one(path))

    def _has_content_of_one(self, path: Path) -> bool:
        with contextlib.suppress(OSError):
            if path.stat().st_size in self._sizes:
                return content_of(path) in self._contents
        return False

    def _add(self, folder: Path) -> None:
        if folder in self._read:
            return
        self._read.add(folder)
        contents, sources = set[Content](), set[Content]()
        for line in _lines(folder / OWN_FOLDER / STATE):
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
    """Yield the lines of a run's state; none where it cannot be read."""
    try:
        with state.open("rb") as lines:
            yield from map(parse_line, lines)
    except OSError:
        return
