"""The installed plug-in: a folder that is completed beside the old one, then replaces it."""

import compileall
import errno
import glob
import itertools
import os
import shutil
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lib.installer import catalogues, features, packages, pythons, stamp
from lib.installer.changelog import version
from lib.installer.packages import CHECKOUT
from lib.installer.problem import SetupProblem
from lib.installer.pythons import Python
from lib.settings.settings import NAME
from lib.storage.file_lock import locked_where_possible

_COPIED = ("plugin", "lib")


@dataclass(frozen=True)
class Installation:
    """The plug-in inside one GIMP configuration folder, with the Python that its worker runs on."""

    config: Path
    python: Python = field(default_factory=pythons.running)

    @property
    def folder(self) -> Path:
        """The folder in which GIMP looks for the plug-in."""
        return self.config / "plug-ins" / NAME

    @property
    def place(self) -> Path:
        """The folder that holds the files: `folder`, or the target of a link that the user made of it."""
        return Path(os.path.realpath(self.folder)) if _is_link(self.folder) else self.folder

    def stamp(self) -> dict[str, Any] | None:
        """Return the stamp of the installation; None if install.py did not create the folder."""
        return stamp.read(self.folder)

    def install(self, link: bool = False, others: Sequence["Installation"] = (), without: Collection[str] = ()) -> None:
        """Install or update, without some features; the old installation stays until the new one is complete.

        `others` are installations whose packages may be reused. Raise SetupProblem if the folder is not ours or not
        writable, or if the packages cannot be fetched or imported.
        """
        with self._exclusive() as new:
            self._build(new, link, [self, *others], without)
            self._swap(new)

    def uninstall(self) -> bool:
        """Remove the plug-in; return False if it was not installed. Raise SetupProblem if it cannot be removed."""
        if not self.place.exists() and not self._old().exists():
            if self._lock().exists() or self.leftovers():
                with self._exclusive():  # removes what an earlier uninstall left
                    return False
            return False
        with self._exclusive():
            # Hidden from GIMP in one step, so that an interrupted removal leaves no incomplete plug-in.
            self._discard(self.place)
        return True

    def leftovers(self) -> list[Path]:
        """Return the folders of old versions that could not be removed completely, as on Windows a program used them.

        Every command that changes the installation tries to remove them again.
        """
        beside = self.place.parent
        return sorted(beside.glob(f".{glob.escape(self.place.name)}.unused-*")) if beside.is_dir() else []

    def check_ours(self) -> None:
        """Raise SetupProblem for a folder that install.py did not create or runs from."""
        if not self.place.exists():
            return
        if contains(self.place, CHECKOUT):
            raise SetupProblem(
                f"{self.folder} holds this install.py and was not changed.",
                "Move that folder out of GIMP's plug-ins folder, then run install.py from there.",
            )
        if self.stamp() is None:
            raise SetupProblem(
                f"{self.folder} was not created by install.py and was not changed.",
                "Rename or move that folder, then run this again.",
            )

    @contextmanager
    def _exclusive(self) -> Iterator[Path]:
        """Lock this installation; yield a path for a new folder beside it, which is removed afterwards.

        It is in plug-ins/ too, which may be on another disk; GIMP ignores folders whose name starts with a dot.
        """
        new, lock, held = self._beside("new"), self._lock(), False
        try:
            with _folders(self.folder.parent, self.place.parent):
                try:
                    with locked_where_possible(lock) as held:
                        if not held:
                            what = "Another install.py is using this folder."
                            raise SetupProblem(what, "Wait until it has finished, then run this again.")
                        yield from self._prepared(new)
                finally:
                    if held and self.stamp() is None:
                        with suppress(OSError):
                            lock.unlink()
        except OSError as error:
            raise _cannot_write(error, self.config) from error

    def _prepared(self, new: Path) -> Iterator[Path]:
        self._restore()
        self.check_ours()
        for folder in self.leftovers():
            shutil.rmtree(folder, ignore_errors=True)
        self._discard(new)
        try:
            yield new
        finally:
            with suppress(OSError):
                self._discard(new)

    def _discard(self, folder: Path) -> None:
        """Remove a folder, or what can be removed of it; raise OSError if it can't even be renamed.

        On Windows, the loaded files of a program that runs can be renamed with their folder, but not removed.
        """
        if not folder.exists():
            return
        numbers = itertools.count(1)
        unused = next(path for number in numbers if not (path := self._beside(f"unused-{number}")).exists())
        folder.rename(unused)
        shutil.rmtree(unused, ignore_errors=True)

    def _build(self, new: Path, link: bool, others: Sequence["Installation"], without: Collection[str]) -> None:
        new.mkdir()
        for name in _COPIED:
            if link:
                (new / name).symlink_to(CHECKOUT / name)
            else:
                _copy(CHECKOUT / name, new / name)
                compileall.compile_dir(new / name, quiet=2)
        catalogues.compile_all(new / "lib" / "locale")
        starter = new / f"{NAME}.py"
        shutil.copyfile(CHECKOUT / "plugin" / starter.name, starter)
        starter.chmod(0o755)
        left_out = self._add_packages(new, others, without)
        stamp.write(new, version(), self.python, without, left_out)

    def _add_packages(self, new: Path, others: Sequence["Installation"], without: Collection[str]) -> dict[str, str]:
        """Copy the packages of an installation that has the same, usable ones; else fetch them.

        Return why each missing feature was left out.
        """
        expected, vendor = stamp.identity(self.python, without), new / "vendor"
        for other in others:
            installed = other.stamp() or {}
            same = all(installed.get(key) == value for key, value in expected.items())
            if same and not stamp.missing_files(other.folder):
                shutil.copytree(other.folder / "vendor", vendor, copy_function=_link_or_copy)
                try:
                    packages.check(new, self.python)
                except SetupProblem:
                    # The installed packages are damaged: fetch them again.
                    shutil.rmtree(vendor)
                    break
                return dict(installed.get("left_out", {}))
        packages.fetch(vendor, self.python)
        packages.check(new, self.python)
        return features.fetch(vendor, self.python, without)

    def _swap(self, new: Path) -> None:
        old, place = self._old(), self.place
        self._discard(old)
        if place.exists():
            place.rename(old)
        try:
            new.rename(place)
        except OSError:
            self._restore()
            raise
        self._discard(old)

    def _restore(self) -> None:
        """Put the old installation back if an update was interrupted between its two renames."""
        if self._old().exists() and not self.place.exists():
            self._old().rename(self.place)

    def _lock(self) -> Path:
        return self.config / f"{NAME}.lock"

    def _old(self) -> Path:
        return self._beside("old")

    def _beside(self, suffix: str) -> Path:
        return self.place.with_name(f".{self.place.name}.{suffix}")


def contains(folder: Path, path: Path) -> bool:
    """Return whether a path is a folder or lies inside it, with links resolved."""
    real = Path(os.path.realpath(path))
    return any(parent.exists() and parent.samefile(folder) for parent in (real, *real.parents))


def _is_link(path: Path) -> bool:
    """Return whether a path is a symbolic link, or a junction on Windows."""
    try:
        path.readlink()
    except OSError:
        return False
    return True


@contextmanager
def _folders(*folders: Path) -> Iterator[None]:
    """Create folders; afterwards, remove the new ones that are still empty."""
    missing = [path for folder in folders for path in (folder, *folder.parents) if not path.exists()]
    try:
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
        yield
    finally:
        for path in missing:
            with suppress(OSError):
                path.rmdir()


def sources(folder: Path) -> list[Path]:
    """Return the files of a part of this checkout, without compiled ones."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".mo")
    return sorted(path for path in files if "__pycache__" not in path.parts)


def _copy(folder: Path, target: Path) -> None:
    """Copy a folder without permissions: the next update could not replace a read-only folder."""
    for path in sources(folder):
        place = target / path.relative_to(folder)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)


def _link_or_copy(source: str, target: str) -> None:
    """Hard-link a file, or copy it if the file system has no hard links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def is_in_use(error: OSError) -> bool:
    """Return whether Windows refuses because a program has the file or a file of the folder open.

    It reports that as a sharing violation, or, for a loaded program file or a folder, as a denied access.
    """
    return sys.platform == "win32" and error.errno in (errno.EACCES, errno.EPERM)


def _cannot_write(error: OSError, config: Path) -> SetupProblem:
    path, reason = error.filename, error.strerror
    if isinstance(error, shutil.Error) and error.args and isinstance(error.args[0], list):
        # copytree collects (source, target, reason) of each file.
        _, path, reason = error.args[0][0]
    if is_in_use(error):
        return SetupProblem(
            f"A program is using {path or config}.",
            "Close GIMP and every other program that uses the plug-in, such as install.py serve, then run this again.",
        )
    return SetupProblem(
        f"Couldn't write {path or config}: {reason or error}.",
        "Close GIMP, check the folder's permissions and the free disk space, or choose another folder with --gimp-dir,"
        " then run this again.",
    )
