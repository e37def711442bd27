"""Finds every GIMP 3 of this user, its configuration folder and the Python of its worker."""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from lib.installer import pythons
from lib.installer.problem import SetupProblem
from lib.installer.programs import Machine, programs
from lib.installer.pythons import Python

OLDEST = (3, 0)
WHERE_TO_GET = "Install GIMP 3 from your distribution or from gimp.org, then run this again."
_SANDBOXES = ("Flatpak", "Snap")


@dataclass(frozen=True)
class Gimp:
    """An installed GIMP: the command that runs it without a window, and its version, "3.0.4".

    `kind` is how it came here: native, AppImage, GIMP.app, Flatpak or Snap. One in a sandbox has its folders told by
    the sandbox.
    """

    command: str
    version: str
    kind: str = "native"
    python: Python = field(default_factory=pythons.running)
    folder: Path | None = None
    data_home: Path | None = None

    @property
    def minor(self) -> str:
        """The part of the version that names the configuration folder: "3.0"."""
        return ".".join(self.version.split(".")[:2])

    @property
    def name(self) -> str:
        """How it is called to its user: "GIMP 3.0.4 (Flatpak)"."""
        return f"GIMP {self.version}" + (f" ({self.kind})" if self.kind != "native" else "")

    def config_folder(self, machine: Machine | None = None) -> Path:
        """The folder in which this GIMP looks for plug-ins."""
        if self.folder:
            return self.folder
        machine = machine or Machine()
        named = machine.environment.get("GIMP3_DIRECTORY")
        # As GIMP reads it: a path that is not absolute begins in the user's home.
        return machine.home / named if named else machine.config_home() / "GIMP" / self.minor


@dataclass(frozen=True)
class InstalledGimps:
    """Every GIMP ≥ 3.0, one for each configuration folder, the newest first; what stands in the way of others."""

    gimps: list[Gimp]
    problems: list[SetupProblem]


def find() -> Gimp:
    """This user's newest GIMP 3 outside of sandboxes; raises SetupProblem where there is none."""
    met = _outside(Machine())
    usable = [gimp for gimp in met if _number(gimp.version) >= OLDEST]
    if usable:
        return max(usable, key=lambda gimp: _number(gimp.version))
    raise _none(met)


def find_all(machine: Machine | None = None) -> InstalledGimps:
    """Every GIMP of this user; raises SetupProblem where there is not one of 3.0 or later."""
    machine = machine or Machine()
    problems: list[SetupProblem] = []
    met = [*_outside(machine), *_in_sandboxes(problems)]
    usable: dict[Path, Gimp] = {}
    for gimp in sorted(met, key=lambda gimp: _number(gimp.version), reverse=True):
        if _number(gimp.version) >= OLDEST:
            usable.setdefault(gimp.config_folder(machine), gimp)
    if not usable and problems:
        raise problems[0]
    if not usable:
        raise _none(met, machine)
    return InstalledGimps([replace(gimp, folder=folder) for folder, gimp in usable.items()], problems)


def _none(met: list[Gimp], machine: Machine | None = None) -> SetupProblem:
    if met:
        what = f"This machine has GIMP {met[0].version}, and Generative Edit needs 3.0 or later."
        return SetupProblem(what, WHERE_TO_GET)
    left = settings_folders(machine or Machine())
    if left:
        what = f"No GIMP was found on this machine, but the settings of one in {left[-1]}."
        return SetupProblem(what, f"Where that is your GIMP's, name it: python3 install.py --gimp-dir '{left[-1]}'")
    return SetupProblem("No GIMP was found on this machine.", WHERE_TO_GET)


def settings_folders(machine: Machine) -> list[Path]:
    """The configuration folders of GIMP ≥ 3.0 that are there, oldest version first, whether or not that GIMP is."""
    named = machine.environment.get("GIMP3_DIRECTORY")
    if named:
        return [machine.home / named] if (machine.home / named).is_dir() else []
    folders = [path for path in (machine.config_home() / "GIMP").glob("[0-9]*.[0-9]*") if path.is_dir()]
    numbered = [path for path in folders if re.fullmatch(r"\d+\.\d+", path.name) and _number(path.name) >= OLDEST]
    return sorted(numbered, key=lambda path: _number(path.name))


def _outside(machine: Machine) -> list[Gimp]:
    met = []
    for program in programs(machine):
        version = program.version or _told_version(str(program.path))
        if version:
            met.append(Gimp(str(program.path), version, program.kind))
    return met


def _told_version(command: str) -> str | None:
    """Its own word; in the store's package, which has no console, the one in its name."""
    gimp = ask_version(command)
    named = re.search(r"-(\d+\.\d+)\.exe$", command)
    return gimp.version if gimp else f"{named.group(1)}.0" if named else None


def ask_version(command: str) -> Gimp | None:
    """Asks a GIMP for its version; None where it gives none."""
    try:
        answer = pythons.ask([command, "--version"])
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"\b(\d+\.\d+\.\d+)", answer.stdout)
    return Gimp(command, found.group(1)) if found else None


def _in_sandboxes(problems: list[SetupProblem]) -> Iterator[Gimp]:
    for kind in _SANDBOXES:
        version = pythons.gimp_version_in(kind)
        if not version:
            continue
        if _number(version) < OLDEST:
            yield Gimp(kind, version, kind)
            continue
        try:
            yield _sandboxed(kind, version)
        except SetupProblem as problem:
            problems.append(problem)


def _sandboxed(kind: str, version: str) -> Gimp:
    """A GIMP in a sandbox; raises SetupProblem where its Python does not answer or is too old."""
    try:
        told = pythons.about(kind)
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise SetupProblem(
            f"The Python in GIMP's {kind} does not answer: {str(error).rstrip('.')}.",
            f"See whether GIMP itself starts: {' '.join(pythons.enter(kind, ['gimp']))}",
        ) from None
    if _number(told["version"]) < pythons.OLDEST:
        raise SetupProblem(
            f"The Python in GIMP's {kind} is {told['version']}, and Generative Edit needs 3.11 or later.",
            f"Update the {kind}, or use GIMP from your distribution or from gimp.org.",
        )
    python = Python(told["path"], told["version"], f"linux-{told['machine']}", kind)
    command = " ".join(pythons.enter(kind, ["gimp-console"]))
    minor = ".".join(version.split(".")[:2])
    folder = Path(told["gimp"]) if told["gimp"] else Path(told["config"]) / "GIMP" / minor
    return Gimp(command, version, kind, python, folder, Path(told["data"]))


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
