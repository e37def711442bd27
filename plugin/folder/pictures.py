"""Which files of a folder are pictures to edit, and what their results are called. Names are relative, with "/"."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

from lib.translation import _
from plugin.folder.own_results import Identity, OwnResults, identity

ENDINGS = (
    "avif", "bmp", "exr", "gif", "hdr", "heic", "heif", "jp2", "jpeg", "jpg", "jxl", "ora", "png", "ppm", "psd",
    "tga", "tif", "tiff", "webp", "xcf",
)  # fmt: skip
MASK = ".mask.png"
_MASKS = (MASK, ".mask.PNG", ".Mask.png", ".MASK.PNG")
FORMATS = {"png": ".png", "jpeg": ".jpg", "webp": ".webp", "xcf": ".xcf"}
"""What results can be written as, and the ending of each."""
_PICTURE_ENDINGS = tuple(f".{ending}" for ending in ENDINGS)
_EVERYTHING = "*.{" + ",".join(ENDINGS) + "}"
_SPECIAL = re.compile(r"\*\*/|\*|\?|\[!?\]?[^\]]*\]|\{[^{}]*\}|.", re.DOTALL)


@dataclass(frozen=True)
class Skipped:
    """A file or folder that a run leaves out, and why; `unreadable` where there may be pictures in it.

    `is_mask` says that it is a mask without a picture.
    """

    name: str
    reason: str
    unreadable: bool = False
    is_mask: bool = False


@dataclass
class Listing:
    """The pictures of a folder, and what was left out; both sorted by name. `names` are all files there."""

    pictures: list[str]
    skipped: list[Skipped]
    names: list[str]


def list_pictures(folder: Path, pattern: str, out: Path | None = None) -> Listing:
    """Return the pictures in a folder that a pattern names; raise OSError, or ValueError for a bad pattern.

    `*` and `?` stand for letters of a name, `**/` for any folders, `{a,b}` for either; case does not matter. An empty
    pattern names everything that GIMP usually opens. Masks (NAME.mask.png), hidden files and folders, what is below
    `out`, and the results of this or another run are no pictures.
    """
    scan = _Scan(matcher(pattern or _EVERYTHING), "/" in pattern, out)
    scan.read(folder)
    results = OwnResults([*scan.folders, *folder.resolve().parents, *([out] if out else [])])
    pictures = []
    for name, is_link in scan.files:
        if results.include(folder / name, is_link):
            scan.skip(name, result_reason())
        else:
            pictures.append(name)
    return Listing(sorted(pictures), sorted(scan.skipped, key=lambda skipped: skipped.name), scan.names)


def result_reason() -> str:
    """Return why a result is not edited."""
    return _("This is a result of Generative Edit. Copy it to another folder to edit it again.")


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


def is_file(path: Path) -> bool:
    """Return whether there is such a file; not where its name is too long, or nobody may look."""
    return os.path.isfile(path)  # noqa: PTH113 - Path's raises


def mask_of(name: str) -> str:
    """The mask that belongs to a picture: "a/b.jpg" has "a/b.mask.png"."""
    return str(PurePosixPath(name).with_suffix("")) + MASK


def mask_beside(folder: Path, name: str) -> Path:
    """Return where the mask of a picture is, or would be.

    It may have the picture's whole name ("b.jpg.mask.png"), be written in capitals, or accents in another form.
    """
    stems = [
        form
        for stem in (mask_of(name).removesuffix(MASK), name)
        for form in (stem, unicodedata.normalize("NFC", stem), unicodedata.normalize("NFD", stem))
    ]
    paths = [folder / f"{stem}{ending}" for stem in dict.fromkeys(stems) for ending in _MASKS]
    return next(filter(is_file, paths), paths[0])


def unused_masks(names: Iterable[str], pictures: Iterable[str]) -> list[str]:
    """Return the masks among files that belong to none of these pictures, and to no other picture beside them."""
    names = list(names)
    others = (name for name in names if name.lower().endswith(_PICTURE_ENDINGS) and not is_mask(name))
    fitting = set[str]()
    for name in (*pictures, *others):
        fitting |= {unicodedata.normalize("NFC", form) for form in (name, str(PurePosixPath(name).with_suffix("")))}
    return sorted(
        name
        for name in filter(is_mask, names)
        if not name.endswith(_MASKS) or unicodedata.normalize("NFC", name[: -len(MASK)]) not in fitting
    )


def mask_reason() -> str:
    """Return why a mask is not used."""
    return _(
        "There is no picture for this mask. A mask is named after its picture, such as beach.mask.png for beach.jpg."
    )


class _Scan:
    """Reads folders: `files` are those that are wanted, each with whether it is a link; `names` are all files."""

    def __init__(self, wanted: re.Pattern[str], deep: bool, out: Path | None) -> None:
        self.files: list[tuple[str, bool]] = []
        self.names: list[str] = []
        self.folders: list[Path] = []
        self.skipped: list[Skipped] = []
        self._wanted, self._deep = wanted, deep
        self._out = identity(out) if out else None
        self._visited: set[Identity | None] = set()

    def skip(self, name: str, reason: str, *, unreadable: bool = False) -> None:
        """Note what is left out."""
        self.skipped.append(Skipped(name, reason, unreadable))

    def read(self, folder: Path) -> None:
        """Read a folder, and what is below it where that is wanted; raise OSError where it cannot be read itself."""
        waiting = [(folder, "")]
        while waiting:
            here, prefix = waiting.pop()
            try:
                waiting += self._folders_in(here, prefix)
            except OSError as error:
                if not prefix:
                    raise
                self._cannot_read(prefix, error)

    def _folders_in(self, here: Path, prefix: str) -> list[tuple[Path, str]]:
        here_is = identity(here)
        if here_is and here_is in self._visited:
            self.skip(prefix, _("This folder was read already."))
            return []
        with os.scandir(here) as entries:
            listed = [entry for entry in entries if not entry.name.startswith(".")]
        self._visited.add(here_is)
        self.folders.append(here)
        return [(Path(entry.path), f"{prefix}{entry.name}/") for entry in listed if self._is_folder(entry, prefix)]

    def _is_folder(self, entry: os.DirEntry[str], prefix: str) -> bool:
        """Return whether an entry is a folder to read; a file is noted, whatever else is wanted is skipped."""
        name = prefix + entry.name
        is_wanted = bool(self._wanted.fullmatch(name)) and not is_mask(name)
        try:
            if entry.is_dir():
                return self._deep and self._may_enter(entry, name)
            self.names.append(name)
            if is_wanted and entry.is_file():
                self.files.append((name, entry.is_symlink()))
            elif is_wanted:
                self.skip(name, _("It is not a regular file."))
        except OSError as error:
            if is_wanted:
                self._cannot_read(name, error)
        return False

    def _may_enter(self, entry: os.DirEntry[str], name: str) -> bool:
        if entry.is_symlink():
            self.skip(f"{name}/", _("It is a link to a folder. Links to folders are not followed."))
            return False
        return self._out is None or identity(Path(entry.path)) != self._out

    def _cannot_read(self, name: str, error: OSError) -> None:
        self.skip(name, _("It cannot be read: {reason}.").format(reason=error.strerror), unreadable=True)


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
