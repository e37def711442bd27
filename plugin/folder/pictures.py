"""Which files of a folder are pictures to edit, and which are masks. Names are relative, with "/"."""

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
"""The formats of results, and the file name extension of each."""
_PICTURE_ENDINGS = tuple(f".{ending}" for ending in ENDINGS)
_EVERYTHING = "*.{" + ",".join(ENDINGS) + "}"
_SPECIAL = re.compile(r"\*\*/|\*|\?|\[!?\]?[^\]]*\]|\{[^{}]*\}|.", re.DOTALL)


@dataclass(frozen=True)
class Skipped:
    """A file or folder that a run leaves out, and why.

    `unreadable`: there may be pictures in it. `is_mask`: it is a mask without a picture.
    """

    name: str
    reason: str
    unreadable: bool = False
    is_mask: bool = False


@dataclass
class Listing:
    """The pictures of a folder and what was left out, both sorted by name; `names` are all files in it."""

    pictures: list[str]
    skipped: list[Skipped]
    names: list[str]


def list_pictures(folder: Path, pattern: str, out: Path | None = None) -> Listing:
    """Return the pictures in a folder that match a pattern; raise OSError, or ValueError for an invalid pattern.

    `*` and `?` match characters of a name, `**/` any folders, `{a,b}` either; case is ignored. An empty pattern matches
    the usual file types of GIMP. Masks (NAME.mask.png), hidden files and folders, files below `out`, and the results of
    this or another run are left out.
    """
    scan = _Scan(matcher(pattern or _EVERYTHING), "/" in pattern, out)
    scan.read(folder)
    results = OwnResults([*scan.folders, *folder.resolve().parents, *([out] if out else [])])
    pictures = []
    for name, is_link in scan.files:
        if results.contains(folder / name, is_link):
            scan.skip(name, result_reason())
        else:
            pictures.append(name)
    return Listing(sorted(pictures), sorted(scan.skipped, key=lambda skipped: skipped.name), scan.names)


def result_reason() -> str:
    """Return the reason why a result is not edited, for the report."""
    return _("This is a result of Generative Edit. Copy it to another folder to edit it again.")


@cache
def matcher(pattern: str) -> re.Pattern[str]:
    """Return the regular expression of a pattern; raise ValueError if a bracket or brace is not closed."""
    try:
        return re.compile(_translated(pattern), re.IGNORECASE | re.DOTALL)
    except re.error:
        message = _("pattern {pattern!r}: a bracket or brace is not closed.")
        raise ValueError(message.format(pattern=pattern)) from None


def is_mask(name: str) -> bool:
    """Return whether a file has the name of a mask."""
    return name.lower().endswith(MASK)


def is_inside(name: str) -> bool:
    """Return whether a relative name stays inside its folder."""
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts and not path.parts[0].endswith(":")


def is_file(path: Path) -> bool:
    """Return whether a file exists; False if its name is too long or it cannot be accessed."""
    return os.path.isfile(path)  # noqa: PTH113 - Path's raises


def mask_of(name: str) -> str:
    """Return the name of a picture's mask: "a/b.mask.png" for "a/b.jpg"."""
    return str(PurePosixPath(name).with_suffix("")) + MASK


def mask_beside(folder: Path, name: str) -> Path:
    """Return the path of a picture's mask, whether or not it exists.

    It may have the picture's full name ("b.jpg.mask.png"), capitals, or accents in another Unicode form.
    """
    stems = [
        form
        for stem in (mask_of(name).removesuffix(MASK), name)
        for form in (stem, unicodedata.normalize("NFC", stem), unicodedata.normalize("NFD", stem))
    ]
    paths = [folder / f"{stem}{ending}" for stem in dict.fromkeys(stems) for ending in _MASKS]
    return next(filter(is_file, paths), paths[0])


def unused_masks(names: Iterable[str], pictures: Iterable[str]) -> list[str]:
    """Return the masks among these file names that belong to no picture, neither a selected one nor another."""
    names = list(names)
    if not any(map(is_mask, names)):
        return []
    others = (name for name in names if name.lower().endswith(_PICTURE_ENDINGS) and not is_mask(name))
    used = set[str]()
    for name in (*pictures, *others):
        used |= {unicodedata.normalize("NFC", form) for form in (name, str(PurePosixPath(name).with_suffix("")))}
    return sorted(
        name
        for name in filter(is_mask, names)
        if not name.endswith(_MASKS) or unicodedata.normalize("NFC", name[: -len(MASK)]) not in used
    )


def mask_reason() -> str:
    """Return the reason why a mask is not used, for the report."""
    return _("No picture belongs to this mask. Name a mask after its picture, such as beach.mask.png for beach.jpg.")


class _Scan:
    """Scans folders: `files` are those that match, each with whether it is a link; `names` are all files."""

    def __init__(self, pattern: re.Pattern[str], is_recursive: bool, out: Path | None) -> None:
        self.files: list[tuple[str, bool]] = []
        self.names: list[str] = []
        self.folders: list[Path] = []
        self.skipped: list[Skipped] = []
        self._pattern, self._is_recursive = pattern, is_recursive
        self._out = identity(out) if out else None
        self._visited: set[Identity | None] = set()

    def skip(self, name: str, reason: str, *, unreadable: bool = False) -> None:
        """Record what is left out, and why."""
        self.skipped.append(Skipped(name, reason, unreadable))

    def read(self, folder: Path) -> None:
        """Read a folder, and its subfolders if the pattern has any; raise OSError if the folder cannot be read."""
        waiting = [(folder, "")]
        while waiting:
            folder, prefix = waiting.pop()
            try:
                waiting += self._subfolders(folder, prefix)
            except OSError as error:
                if not prefix:
                    raise
                self._skip_unreadable(prefix, error)

    def _subfolders(self, folder: Path, prefix: str) -> list[tuple[Path, str]]:
        folder_id = identity(folder)
        if folder_id and folder_id in self._visited:
            self.skip(prefix, _("This folder has already been read."))
            return []
        with os.scandir(folder) as entries:
            visible = [entry for entry in entries if not entry.name.startswith(".")]
        self._visited.add(folder_id)
        self.folders.append(folder)
        return [(Path(entry.path), f"{prefix}{entry.name}/") for entry in visible if self._is_folder(entry, prefix)]

    def _is_folder(self, entry: os.DirEntry[str], prefix: str) -> bool:
        """Return whether an entry is a folder to read; add a file to the lists, skip anything else that matches."""
        name = prefix + entry.name
        matches = bool(self._pattern.fullmatch(name)) and not is_mask(name)
        try:
            if entry.is_dir():
                return self._is_recursive and self._can_enter(entry, name)
            self.names.append(name)
            if matches and entry.is_file():
                self.files.append((name, entry.is_symlink()))
            elif matches:
                self.skip(name, _("This is not a regular file."))
        except OSError as error:
            if matches:
                self._skip_unreadable(name, error)
        return False

    def _can_enter(self, entry: os.DirEntry[str], name: str) -> bool:
        if entry.is_symlink():
            self.skip(f"{name}/", _("This is a link to a folder. Links to folders are not followed."))
            return False
        return self._out is None or identity(Path(entry.path)) != self._out

    def _skip_unreadable(self, name: str, error: OSError) -> None:
        self.skip(name, _("Could not be read: {reason}.").format(reason=error.strerror), unreadable=True)


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
