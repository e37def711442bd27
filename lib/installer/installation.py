"""The installed plug-in: a folder that is made whole beside the old one, then takes its place."""

import compileall
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lib.installer import catalogues, packages, pythons, stamp
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
        """Where GIMP finds the plug-in."""
        return self.config / "plug-ins" / NAME

    @property
    def place(self) -> Path:
        """Where its files lie: the same folder, or where a link leads that its user put there."""
        return Path(os.path.realpath(self.folder)) if _is_link(self.folder) else self.folder

    def stamp(self) -> dict[str, Any] | None:
        """What was written down when it was installed; None where nothing is there that install.py made."""
        return stamp.read(self.folder)

    def install(self, link: bool = False, others: Sequence["Installation"] = ()) -> None:
        """Installs or updates; the old installation stays as it is until the new one is whole.

        `others` may have the same packages already. Raises SetupProblem where the folder is not ours or cannot be
        written, or the packages cannot be fetched or used.
        """
        with self._alone() as new:
            self._build(new, link, [self, *others])
            self._swap(new)

    def uninstall(self) -> bool:
        """Removes what was installed; False where there was nothing. Raises SetupProblem where it cannot."""
        if not self.place.exists() and not self._old().exists():
            if self._lock().exists():
                with self._alone():  # which takes the lock of an uninstall that was ended with it
                    return False
            return False
        with self._alone() as new:
            # Out of GIMP's sight in one step, so that a removal that fails halfway leaves no half plug-in.
            self.place.rename(new)
            shutil.rmtree(new)
        return True

    def check_ours(self) -> None:
        """Raises SetupProblem for a folder that install.py did not make, or in which it runs."""
        if not self.place.exists():
            return
        if contains(self.place, CHECKOUT):
            raise SetupProblem(
                f"{self.folder} is where this install.py runs from, and is left as it is.",
                "Move that folder out of GIMP's plug-ins, then run install.py from its new place.",
            )
        if self.stamp() is None:
            raise SetupProblem(
                f"{self.folder} was not made by install.py, and is left as it is.",
                "Give that folder another name or another place, then run this again.",
            )

    @contextmanager
    def _alone(self) -> Iterator[Path]:
        """Works in this folder alone, on a new place beside the plug-in, which is gone afterwards.

        It lies in plug-ins/ too, which may be on another disk; GIMP starts nothing in a folder with a dot.
        """
        new, lock, held = self._beside("new"), self._lock(), False
        try:
            with _folders(self.folder.parent, self.place.parent):
                try:
                    with locked_where_possible(lock) as held:
                        if not held:
                            what = "Another install.py is at work in this folder."
                            raise SetupProblem(what, "Wait until it has ended.")
                        yield from self._at_work(new)
                finally:
                    if held and self.stamp() is None:
                        with suppress(OSError):
                            lock.unlink()
        except OSError as error:
            raise _cannot_write(error, self.config) from error

    def _at_work(self, new: Path) -> Iterator[Path]:
        self._bring_back()
        self.check_ours()
        shutil.rmtree(new, ignore_errors=True)
        try:
            yield new
        finally:
            shutil.rmtree(new, ignore_errors=True)

    def _build(self, new: Path, link: bool, givers: Sequence["Installation"]) -> None:
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
        self._packages(new, givers)
        stamp.write(new, version(), self.python)

    def _packages(self, new: Path, givers: Sequence["Installation"]) -> None:
        """The packages of an installation where they are the same and can be used, else fetched."""
        expected, vendor = stamp.identity(self.python), new / "vendor"
        for giver in givers:
            has = giver.stamp() or {}
            if all(has.get(key) == value for key, value in expected.items()) and not stamp.missing_files(giver.folder):
                shutil.copytree(giver.folder / "vendor", vendor, copy_function=_link_or_copy)
                try:
                    packages.check(new, self.python)
                except SetupProblem:
                    # Damaged since: fetched again.
                    shutil.rmtree(vendor)
                    break
                return
        packages.fetch(vendor, self.python)
        packages.check(new, self.python)

    def _swap(self, new: Path) -> None:
        old, place = self._old(), self.place
        shutil.rmtree(old, ignore_errors=True)
        if place.exists():
            place.rename(old)
        try:
            new.rename(place)
        except OSError:
            self._bring_back()
            raise
        shutil.rmtree(old, ignore_errors=True)

    def _bring_back(self) -> None:
        """Puts the old installation back where an update was ended between its two renames."""
        if self._old().exists() and not self.place.exists():
            self._old().rename(self.place)

    def _lock(self) -> Path:
        return self.config / f"{NAME}.lock"

    def _old(self) -> Path:
        return self._beside("old")

    def _beside(self, what: str) -> Path:
        return self.place.with_name(f".{self.place.name}.{what}")


def contains(folder: Path, path: Path) -> bool:
    """Whether a path lies in a folder or is that folder, whatever links lead there."""
    real = Path(os.path.realpath(path))
    return any(parent.exists() and parent.samefile(folder) for parent in (real, *real.parents))


def _is_link(path: Path) -> bool:
    """Whether a path is a link, or what Windows has for one to a folder."""
    try:
        path.readlink()
    except OSError:
        return False
    return True


@contextmanager
def _folders(*folders: Path) -> Iterator[None]:
    """Makes folders; those that are still empty afterwards are gone again."""
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
    """The files of a part of this checkout, without what Python and we make of them."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".mo")
    return sorted(path for path in files if "__pycache__" not in path.parts)


def _copy(folder: Path, target: Path) -> None:
    """Copies without modes, as a folder that can only be read would be in the next update's way."""
    for path in sources(folder):
        place = target / path.relative_to(folder)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)


def _link_or_copy(source: str, target: str) -> None:
    """A second name for the same file, or a copy where the file system has no such thing."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _cannot_write(error: OSError, config: Path) -> SetupProblem:
    place, reason = error.filename, error.strerror
    if isinstance(error, shutil.Error) and error.args and isinstance(error.args[0], list):
        # copytree gives a list of (source, target, reason).
        _, place, reason = error.args[0][0]
    return SetupProblem(
        f"{place or config} cannot be written: {reason or error}.",
        "Close GIMP and make it writable or make room, or name another folder with --gimp-dir, then run this again.",
    )
