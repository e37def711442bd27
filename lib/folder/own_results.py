"""Which files are results of folder runs: those that the state of an output folder lists, compared as files."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

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
    """The results that the runs of some output folders have written; folders without a run do not matter."""

    def __init__(self, folders: Iterable[Path]) -> None:
        self._read: set[Path] = set()
        self._results: set[Identity | None] = set()
        for folder in folders:
            self._add(folder)

    def include(self, path: Path, is_link: bool) -> bool:
        """Return whether a file is one of them; where a link leads is looked at too."""
        if is_link:
            with contextlib.suppress(OSError, RuntimeError):
                for folder in path.resolve().parents:
                    self._add(folder)
        this = identity(path) if self._results else None
        return this is not None and this in self._results

    def _add(self, folder: Path) -> None:
        if folder not in self._read:
            self._read.add(folder)
            self._results.update(identity(folder / name) for name in _recorded(folder / OWN_FOLDER / STATE))
            self._results.discard(None)


def _recorded(state: Path) -> Iterator[str]:
    """Yield the names of the results that a run's state lists."""
    try:
        with state.open("rb") as lines:
            for line in lines:
                yield from _names(line)
    except OSError:
        return


def _names(line: bytes) -> list[str]:
    try:
        facts = json.loads(line)
    except (ValueError, RecursionError):
        return []
    if not isinstance(facts, dict):
        return []
    outputs, files = facts.get("outputs"), facts.get("files")
    names = list(outputs) if isinstance(outputs, list) else []
    names += [file.get("name") for file in files if isinstance(file, dict)] if isinstance(files, list) else []
    return [name for name in names if isinstance(name, str) and not os.path.isabs(name)]  # noqa: PTH117
