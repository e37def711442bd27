"""Which files of a folder are pictures to edit, and what their results are called. Names are relative, with "/"."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path, PurePosixPath

from lib.translation import _

ENDINGS = (
    "avif", "bmp", "exr", "gif", "hdr", "heic", "heif", "jp2", "jpeg", "jpg", "jxl", "ora", "png", "ppm", "psd",
    "tga", "tif", "tiff", "webp", "xcf",
)  # fmt: skip
MASK = ".mask.png"
FORMATS = {"png": ".png", "jpeg": ".jpg", "webp": ".webp", "xcf": ".xcf"}
"""What results can be written as, and the ending of each."""
OWN_FOLDER = ".generative-edit"
_EVERYTHING = "*.{" + ",".join(ENDINGS) + "}"
_VARIATION = re.compile(r"~\d+$")
_SPECIAL = re.compile(r"\*\*/|\*|\?|\[!?\]?[^\]]*\]|\{[^{}]*\}|.", re.DOTALL)


def pictures_in(folder: Path, pattern: str, but_not: Path | None = None) -> list[str]:
    """The pictures in a folder that a pattern names, sorted; raises OSError, or ValueError for a bad pattern.

    `*` and `?` stand for letters of a name, `**/` for any folders, `{a,b}` for either; case does not matter. An empty
    pattern names everything that GIMP usually opens. Masks (NAME.mask.png), hidden files and folders, and what is below
    `but_not` are no pictures.
    """
    wanted = matcher(pattern or _EVERYTHING)
    deep = "/" in pattern
    return sorted(name for name in _files(folder, deep, but_not) if wanted.fullmatch(name) and not is_mask(name))


@cache
def matcher(pattern: str) -> re.Pattern[str]:
    """The regular expression of a pattern; raises ValueError where the pattern cannot be read."""
    try:
        return re.compile(_translated(pattern), re.IGNORECASE | re.DOTALL)
    except re.error:
        told = _("pattern {pattern!r}: a bracket or brace in it is not closed.")
        raise ValueError(told.format(pattern=pattern)) from None


def is_mask(name: str) -> bool:
    """Whether a file is the mask of a picture beside it."""
    return name.lower().endswith(MASK)


def is_inside(name: str) -> bool:
    """Whether a name stays below the folder that it is counted from."""
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts and not path.parts[0].endswith(":")


def mask_of(name: str) -> str:
    """The mask that belongs to a picture: "a/b.jpg" has "a/b.mask.png"."""
    return str(PurePosixPath(name).with_suffix("")) + MASK


def output_names(endings: Mapping[str, str], taken: Iterable[str] = ()) -> dict[str, str]:
    """What each picture's result is called: its own name with the ending that it is given here.

    Where that is taken, also on a disk that does not tell A from a, or looks like a further result of another picture,
    the picture's whole name stays in it, then a number.
    """
    used = {name.casefold() for name in taken}
    names = {}
    for picture, ending in endings.items():
        candidates = (name for name in _candidates(picture, ending) if not _VARIATION.search(PurePosixPath(name).stem))
        names[picture] = next(name for name in candidates if name.casefold() not in used)
        used.add(names[picture].casefold())
    return names


def variation_names(output: str, count: int) -> list[str]:
    """The names of `count` results of one picture: the first is `output`, the second "NAME~2.png"."""
    path = PurePosixPath(output)
    return [output, *(str(path.with_name(f"{path.stem}~{number}{path.suffix}")) for number in range(2, count + 1))]


def _candidates(picture: str, ending: str) -> Iterator[str]:
    yield str(PurePosixPath(picture).with_suffix(ending))
    yield picture + ending
    number = 2
    while True:
        yield f"{picture}.{number}{ending}"
        number += 1


def _files(folder: Path, deep: bool, but_not: Path | None) -> Iterator[str]:
    waiting: list[tuple[Path, str]] = [(folder, "")]
    while waiting:
        here, prefix = waiting.pop()
        with os.scandir(here) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_file():
                    yield prefix + entry.name
                elif deep and entry.is_dir(follow_symlinks=False) and Path(entry.path) != but_not:
                    waiting.append((Path(entry.path), f"{prefix}{entry.name}/"))


def _translated(pattern: str) -> str:
    if pattern.count("{") != pattern.count("}"):
        raise re.error("brace")
    return "".join(_piece(piece) for piece in _SPECIAL.findall(pattern))


def _piece(piece: str) -> str:
    simple: Mapping[str, str] = {"**/": "(?:.*/)?", "*": "[^/]*", "?": "[^/]"}
    if piece in simple:
        return simple[piece]
    if len(piece) > 1 and piece[0] == "{":
        return "(?:" + "|".join(_translated(choice) for choice in piece[1:-1].split(",")) + ")"
    if len(piece) > 1 and piece[0] == "[":
        inner: Sequence[str] = piece[1:-1].removeprefix("!").replace("\\", "\\\\").replace("[", "\\[")
        return f"[{'^/' if piece[1] == '!' else ''}{inner}]"
    if piece == "[":
        raise re.error("bracket")
    return re.escape(piece)
