"""Find GIMP's programs on each system: on the PATH, in application folders, as AppImages."""

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
    """The machine to search: the system as sys.platform names it, the environment, the user's home."""

    system: str = sys.platform
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    home: Path = field(default_factory=Path.home)

    def config_home(self) -> Path:
        """Return the folder that contains GIMP's configuration folders, GIMP/3.0, GIMP/3.2, …"""
        if self.system == "win32":
            return Path(self.environment.get("APPDATA") or self.home / "AppData" / "Roaming")
        if self.system == "darwin":
            return self.home / "Library" / "Application Support"
        return Path(self.environment.get("XDG_CONFIG_HOME") or self.home / ".config")

    def path(self) -> list[Path]:
        """Return the folders of the PATH."""
        separator = ";" if self.system == "win32" else ":"
        return [Path(folder) for folder in self.environment.get("PATH", "").split(separator) if folder]


@dataclass(frozen=True)
class Program:
    """A program with GIMP's name; its version if that is known without starting it."""

    path: Path
    kind: str = "native"
    version: str | None = None
    has_window: bool = False
    """Whether it opens a window even if it is only asked for its version: on Windows, all but the console programs."""


def programs(machine: Machine) -> list[Program]:
    """Return every GIMP program of this user, each file once; console programs first."""
    if machine.system == "darwin":
        matches = [*_apps(machine), *_in_folders(machine, machine.path())]
    elif machine.system == "win32":
        matches = _in_folders(machine, [*_windows_folders(machine), *machine.path()])
    else:
        matches = [*_in_folders(machine, machine.path()), *_appimages(machine)]
    return list({os.path.realpath(program.path): program for program in reversed(matches)}.values())[::-1]


def _in_folders(machine: Machine, folders: list[Path]) -> list[Program]:
    paths = [path for folder in folders for path in _matching(folder, "gimp*") if _is_gimp(machine, path)]
    # A version's console program answers for both: gimp-console-3.2 for gimp-3.2.
    paths = [path for path in paths if "console" in path.name or not _console_program(path).exists()]
    ordered = sorted(paths, key=lambda path: ("console" not in path.name, path.name))
    return [Program(path, has_window=machine.system == "win32" and "console" not in path.name) for path in ordered]


def _console_program(path: Path) -> Path:
    return path.with_name(path.name.replace("gimp", "gimp-console", 1))


def _is_gimp(machine: Machine, path: Path) -> bool:
    if machine.system == "win32":
        return path.suffix.lower() == ".exe" and bool(_COMMAND.fullmatch(path.stem.lower()))
    # A snap's command is a link to snap itself; that GIMP is found as a sandbox.
    is_snap = Path(os.path.realpath(path)).name == "snap"
    return bool(_COMMAND.fullmatch(path.name)) and os.access(path, os.X_OK) and not is_snap


def _windows_folders(machine: Machine) -> list[Path]:
    """Return the folders in which the installer, for all users or for one, and the store put GIMP's programs."""
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
    match = _VERSION.search(str(version))
    return match.group() if match else None


def _appimages(machine: Machine) -> Iterator[Program]:
    folders = [*machine.path(), *(machine.home / name for name in _APPIMAGE_FOLDERS), Path("/opt")]
    for path in (path for folder in folders for path in _matching(folder, "*")):
        if _APPIMAGE.fullmatch(path.name):
            match = _VERSION.search(path.name)
            yield Program(path, "AppImage", match.group() if match else None)


def _matching(folder: Path, pattern: str) -> list[Path]:
    try:
        return sorted(folder.glob(pattern))
    except OSError:
        return []
