"""The packages of an installation that install.py did not make: a GIMP extension or a Flatpak extension.

It holds wheels for several versions of Python in wheels/. Those for the Python that runs are unpacked into the user's
data folder once; pip is not needed for that, as a wheel is a zip file of what is to be importable.
"""

import contextlib
import hashlib
import os
import shutil
import sys
import time
import zipfile
from collections.abc import Iterable
from pathlib import Path

from lib.settings import settings
from lib.storage.file_lock import locked_where_possible

_UNUSED_SECONDS = 30 * 86_400.0


def unpack(wheels: Path) -> Path:
    """Return the folder with the packages for this Python; unpack them first if necessary; raise OSError.

    Folders of other wheels are removed if they have not been used for a month: another machine may share the data
    folder, with another version or system.
    """
    files = matching(wheels.glob("*.whl"))
    digest = hashlib.sha256("\n".join(path.name for path in files).encode()).hexdigest()[:12]
    parent = settings.data_folder() / "packages"
    parent.mkdir(exist_ok=True)
    folder = parent / f"{sys.version_info.major}.{sys.version_info.minor}-{digest}"
    with locked_where_possible(parent / "lock", wait=True):
        if not folder.is_dir():
            part = parent / f"{folder.name}.part"
            shutil.rmtree(part, ignore_errors=True)
            _remove_unused(parent)
            for path in files:
                with zipfile.ZipFile(path) as wheel:
                    wheel.extractall(part)
            part.rename(folder)
    with contextlib.suppress(OSError):
        os.utime(folder)
    return folder


def _remove_unused(parent: Path) -> None:
    for path in parent.iterdir():
        if path.is_dir() and time.time() - path.stat().st_mtime > _UNUSED_SECONDS:
            shutil.rmtree(path, ignore_errors=True)


def matching(wheels: Iterable[Path], version: tuple[int, int] = sys.version_info[:2]) -> list[Path]:
    """Return the wheels that a version of Python can load, by the tags in their names; they are for one platform."""
    return sorted(path for path in wheels if _suits(path, version))


def _suits(wheel: Path, version: tuple[int, int]) -> bool:
    """Return whether a wheel's tags, NAME-VERSION-PYTHON-ABI-PLATFORM, include this version of Python.

    An abi3 wheel suits its own version of Python and all later ones.
    """
    pythons, abi = wheel.stem.split("-")[-3:-1]
    major, minor = version
    if f"py{major}" in pythons.split(".") or f"py{major}{minor}" in pythons.split("."):
        return True
    older = {f"cp{major}{number}" for number in range(minor + 1)}
    return f"cp{major}{minor}" in abi.split(".") or (abi == "abi3" and not older.isdisjoint(pythons.split(".")))
