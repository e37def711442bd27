"""Where GIMP's programs lie on each system: the PATH, application folders, AppImages."""

import os
import plistlib
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

# gimp, gimp-3, gimp-3.2, gimp-console, gimp-console-3.0, …
_COMMAND = re.compile(r"gimp(-console)?(-\d[\d.]*)?")
_APPIMAGE = re.compile(r"gimp.*\.appimage", re.IGNORECASE)
_VERSION = re.compile(r"\d+\.\d+\.\d+")
_APPIMAGE_FOLDERS = ("Applications", "AppImages", ".local/bin", "bin", "Downloads", "Desktop")


@dataclass(frozen=True)
class Machine:
    """What a search has to know: the system as sys.platform names it, the environment, the user's home."""

    system: str = sys.platform
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    home: Path = field(default_factory=Path.home)

    def config_home(self) -> Path:
        """The folder in which GIMP makes its own: GIMP/3.0, GIMP/3.2, …"""
        if self.system == "win32":
            return Path(self.environment.get("APPDATA") or self.home / "AppData" / "Roaming")
        if self.system == "darwin":
            return self.home / "Library" / "Application Support"
        return Path(self.environment.get("XDG_CONFIG_HOME") or self.home / ".config")

    def path(self) -> list[Path]:
        """The folders of the PATH."""
        separator = ";" if self.system == "win32" else ":"
        return [Path(folder) for folder in self.environment.get("PATH", "").split(separator) if folder]


@dataclass(frozen=True)
class Program:
    """A program that is GIMP by its name; its version where that can be told without starting it."""

    path: Path
    kind: str = "native"
    version: str | None = None


def programs(machine: Machine) -> list[Program]:
    """Every GIMP program of this user, each file once; those without a window first."""
    if machine.system == "darwin":
        found = [*_apps(machine), *_in_folders(machine, machine.path())]
    elif machine.system == "win32":
        found = _in_folders(machine, [*_windows_folders(machine), *machine.path()])
    else:
        found = [*_in_folders(machine, machine.path()), *_appimages(machine)]
    return list({os.path.realpath(program.path): program for program in reversed(found)}.values())[::-1]


def _in_folders(machine: Machine, folders: list[Path]) -> list[Program]:
    met = [path for folder in folders for path in _matching(folder, "gimp*") if _is_gimp(machine, path)]
    return [Program(path) for path in sorted(met, key=lambda path: ("console" not in path.name, path.name))]


def _is_gimp(machine: Machine, path: Path) -> bool:
    if machine.system == "win32":
        return path.suffix.lower() == ".exe" and bool(_COMMAND.fullmatch(path.stem.lower()))
    # A snap's command is a link to snap itself; that GIMP is met as a sandbox.
    snap = Path(os.path.realpath(path)).name == "snap"
    return bool(_COMMAND.fullmatch(path.name)) and os.access(path, os.X_OK) and not snap


def _windows_folders(machine: Machine) -> list[Path]:
    """Where the installer puts GIMP, for all users or for one, and where the store puts its names."""
    variables = (("ProgramFiles", "."), ("ProgramW6432", "."), ("LOCALAPPDATA", "Programs"))
    parents = [Path(machine.environment[name]) / inner for name, inner in variables if machine.environment.get(name)]
    installed = [folder / "bin" for parent in parents for folder in _matching(parent, "GIMP*")]
    local = machine.environment.get("LOCALAPPDATA")
    return [*installed, *([Path(local) / "Microsoft" / "WindowsApps"] if local else [])]


def _apps(machine: Machine) -> Iterator[Program]:
    for parent in (machine.home / "Applications", Path("/Applications")):
        for app in _matching(parent, "GIMP*.app"):
            inner = app / "Contents" / "MacOS"
            command = next((inner / name for name in ("gimp-console", "gimp") if (inner / name).exists()), None)
            if command:
                yield Program(command, "GIMP.app", _plist_version(app / "Contents" / "Info.plist"))


def _plist_version(path: Path) -> str | None:
    try:
        version = plistlib.loads(path.read_bytes()).get("CFBundleShortVersionString", "")
    except (OSError, plistlib.InvalidFileException, ValueError):
        return None
    found = _VERSION.search(str(version))
    return found.group() if found else None


def _appimages(machine: Machine) -> Iterator[Program]:
    folders = [*machine.path(), *(machine.home / name for name in _APPIMAGE_FOLDERS), Path("/opt")]
    for path in (path for folder in folders for path in _matching(folder, "*")):
        if _APPIMAGE.fullmatch(path.name):
            found = _VERSION.search(path.name)
            yield Program(path, "AppImage", found.group() if found else None)


def _matching(folder: Path, pattern: str) -> list[Path]:
    try:
        return sorted(folder.glob(pattern))
    except OSError:
        return []
