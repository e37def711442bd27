"""The names of results, relative to the output folder, with "/"."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from itertools import count
from pathlib import Path, PurePosixPath

from lib.storage.file_identity import readable_name

_VARIATION = re.compile(r"~\d+$")
_NAME_BYTES, _PATH_BYTES = 255, 4095
_RESERVED = len("~10")  # the suffix of further results


class OutputNames:
    """Chooses names that differ on every file system and that no foreign file has.

    A result has its picture's name. If that is taken, or looks like a further result of another picture, the picture's
    extension is kept in the name, then a number is added. The result is placed in the output folder itself if the
    picture's subfolder cannot be created there. Names that are too long for a file system are shortened.
    """

    def __init__(
        self,
        out: Path,
        pictures: Iterable[str],
        taken: Iterable[str] = (),
        is_free: Callable[[str], bool] = lambda name: True,
    ) -> None:
        """`is_free` returns whether a name in the output folder is unused, or used only by a result of ours."""
        names = list(taken)
        self._out, self._is_free = out, is_free
        self._used = {comparable(name) for name in names}
        self._folders = {folder for name in (*map(readable_name, pictures), *names) for folder in _folders_of(name)}

    def choose(self, picture: str, ending: str, variations: int = 1) -> str:
        """Return a name for a picture's result and reserve it; the names of its further results are free too."""
        name = next(
            name for name in self._candidates(readable_name(picture), ending) if self._is_available(name, variations)
        )
        self._used.add(comparable(name))
        self._folders.update(_folders_of(name))
        return name

    def _is_available(self, name: str, variations: int) -> bool:
        key = comparable(name)
        if _VARIATION.search(PurePosixPath(name).stem) or key in self._used or key in self._folders:
            return False
        return all(map(self._is_free, variation_names(name, variations)))

    def _candidates(self, picture: str, ending: str) -> Iterator[str]:
        folder = str(PurePosixPath(picture).parent)
        prefix = f"{folder}/" if folder != "." and self._can_hold(folder) else ""
        name = PurePosixPath(picture).name
        yield prefix + _shortened(PurePosixPath(name).stem, ending)
        yield prefix + _shortened(name, ending)
        for number in count(2):
            yield prefix + _shortened(name, f".{number}{ending}")

    def _can_hold(self, folder: str) -> bool:
        """Return whether a subfolder of the output folder exists or can be created, and has room for a long name."""
        levels = [folder, *map(str, PurePosixPath(folder).parents[:-1])]
        if len(os.fsencode(self._out / folder)) + 1 + _NAME_BYTES > _PATH_BYTES:
            return False
        if any(len(part.encode()) > _NAME_BYTES for part in PurePosixPath(folder).parts):
            return False
        on_disk = (self._out / level for level in levels)
        if any(os.path.lexists(path) and not path.is_dir() for path in on_disk):
            return False
        return not self._used.intersection(map(comparable, levels))


def preferred_name(picture: str, ending: str) -> str:
    """Return the name of a picture's result if nothing prevents it."""
    return str(PurePosixPath(readable_name(picture)).with_suffix(ending))


def variation_names(output: str, count: int) -> list[str]:
    """Return the names of `count` results of one picture: the first is `output`, the second "NAME~2.png"."""
    path = PurePosixPath(output)
    return [output, *(str(path.with_name(f"{path.stem}~{number}{path.suffix}")) for number in range(2, count + 1))]


def comparable(name: str) -> str:
    """Return a key that is equal for two names that some file system treats as the same, by case or Unicode form."""
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", name).casefold())


def _folders_of(name: str) -> list[str]:
    return [comparable(str(folder)) for folder in PurePosixPath(name).parents if folder.name]


def _shortened(stem: str, ending: str) -> str:
    """Return a file name that is short enough for every file system."""
    max_bytes = _NAME_BYTES - _RESERVED - len(ending.encode())
    return stem.encode()[:max_bytes].decode("utf-8", "ignore") + ending
