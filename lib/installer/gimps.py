"""Find every GIMP 3 of this user, its configuration folder and the Python that its worker runs on."""

import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from lib.installer import pythons
from lib.installer.invocation import install_command
from lib.installer.problem import SetupProblem
from lib.installer.programs import Machine, Program, programs
from lib.installer.pythons import Python

OLDEST = (3, 0)
WHERE_TO_GET = "Install GIMP 3 from your distribution or from gimp.org, then run this again."
_SANDBOXES = ("Flatpak", "Snap")
_VERSION_SECONDS = 10


@dataclass(frozen=True)
class Gimp:
    """An installed GIMP: the command that runs it without a window, and its version, "3.0.4".

    `kind` is how it was installed: native, AppImage, GIMP.app, Flatpak or Snap. For a sandboxed GIMP, the sandbox
    reports the folders.
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
        """The name in messages: "GIMP 3.0.4 (Flatpak)"."""
        return f"GIMP {self.version}" + (f" ({self.kind})" if self.kind != "native" else "")

    def config_folder(self, machine: Machine | None = None) -> Path:
        """Return the configuration folder of this GIMP, which holds its plug-ins."""
        if self.folder:
            return self.folder
        machine = machine or Machine()
        named = machine.environment.get("GIMP3_DIRECTORY")
        # As in GIMP, a relative path starts at the user's home.
        return machine.home / named if named else machine.config_home() / "GIMP" / self.minor


@dataclass(frozen=True)
class InstalledGimps:
    """Every usable GIMP ≥ 3.0, one for each configuration folder, newest first, and the problems of the others."""

    gimps: list[Gimp]
    problems: list[SetupProblem]


def find() -> Gimp:
    """Return this user's newest GIMP 3 outside sandboxes; raise SetupProblem if there is none."""
    problems: list[SetupProblem] = []
    gimps = _unsandboxed(Machine(), problems)
    usable = [gimp for gimp in gimps if _number(gimp.version) >= OLDEST]
    if usable:
        return max(usable, key=lambda gimp: _number(gimp.version))
    raise problems[0] if problems else _no_gimp(gimps)


def find_all(machine: Machine | None = None) -> InstalledGimps:
    """Return every GIMP of this user; raise SetupProblem if none is 3.0 or later."""
    machine = machine or Machine()
    problems: list[SetupProblem] = []
    gimps = [*_unsandboxed(machine, problems), *_sandboxed(problems)]
    usable: dict[Path, Gimp] = {}
    for gimp in sorted(gimps, key=lambda gimp: _number(gimp.version), reverse=True):
        if _number(gimp.version) >= OLDEST:
            usable.setdefault(gimp.config_folder(machine), gimp)
    if not usable and problems:
        raise problems[0]
    if not usable:
        raise _no_gimp(gimps, machine)
    return InstalledGimps([replace(gimp, folder=folder) for folder, gimp in usable.items()], problems)


def _no_gimp(outdated: list[Gimp], machine: Machine | None = None) -> SetupProblem:
    if outdated:
        what = f"This machine has GIMP {outdated[0].version}; Generative Edit needs 3.0 or later."
        return SetupProblem(what, WHERE_TO_GET)
    folders = settings_folders(machine or Machine())
    if folders:
        what = f"Couldn't find GIMP on this machine, only the settings folder {folders[-1]}."
        return SetupProblem(
            what, f"If your GIMP uses that folder, run: {install_command('--gimp-dir', str(folders[-1]))}"
        )
    return SetupProblem("Couldn't find GIMP on this machine.", WHERE_TO_GET)


def settings_folders(machine: Machine) -> list[Path]:
    """Return the existing configuration folders of GIMP ≥ 3.0, oldest version first, even of uninstalled ones."""
    named = machine.environment.get("GIMP3_DIRECTORY")
    if named:
        return [machine.home / named] if (machine.home / named).is_dir() else []
    folders = [path for path in (machine.config_home() / "GIMP").glob("[0-9]*.[0-9]*") if path.is_dir()]
    numbered = [path for path in folders if re.fullmatch(r"\d+\.\d+", path.name) and _number(path.name) >= OLDEST]
    return sorted(numbered, key=lambda path: _number(path.name))


def _unsandboxed(machine: Machine, problems: list[SetupProblem]) -> list[Gimp]:
    candidates = programs(machine)
    with ThreadPoolExecutor(max_workers=len(candidates) or 1) as pool:
        versions = list(pool.map(lambda program: program.version or _query_version(program, problems), candidates))
    return [Gimp(str(program.path), version, program.kind)
            for program, version in zip(candidates, versions, strict=True) if version]  # fmt: skip


def _query_version(program: Program, problems: list[SetupProblem]) -> str | None:
    """Return the version that a GIMP reports; for one that would open a window, the version in its name.

    One that does not respond is added to the problems.
    """
    if not program.has_window:
        try:
            gimp = query(str(program.path))
        except subprocess.TimeoutExpired:
            what = f"{program.path} didn't report its version within {_VERSION_SECONDS} seconds."
            problems.append(SetupProblem(what, "Check whether this GIMP starts, then run this again."))
            return None
        return gimp.version if gimp else None
    suffix = re.search(r"-(\d+\.\d+)\.exe$", program.path.name)
    return f"{suffix.group(1)}.0" if suffix else None


def query(command: str) -> Gimp | None:
    """Return the GIMP that a command starts, by its `--version`; None if there is none.

    Raise subprocess.TimeoutExpired if it does not answer within ten seconds.
    """
    try:
        answer = pythons.ask([command, "--version"], _VERSION_SECONDS)
    except OSError:
        return None
    match = re.search(r"\b(\d+\.\d+\.\d+)", answer.stdout)
    return Gimp(command, match.group(1)) if match else None


def _sandboxed(problems: list[SetupProblem]) -> Iterator[Gimp]:
    for kind in _SANDBOXES:
        version = pythons.gimp_version_in(kind)
        if not version:
            continue
        if _number(version) < OLDEST:
            yield Gimp(kind, version, kind)
            continue
        try:
            yield _gimp_in_sandbox(kind, version)
        except SetupProblem as problem:
            problems.append(problem)


def _gimp_in_sandbox(kind: str, version: str) -> Gimp:
    """Return the GIMP in a sandbox; raise SetupProblem if its Python does not answer or is too old."""
    try:
        facts = pythons.about(kind)
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise SetupProblem(
            f"The Python in GIMP's {kind} does not respond: {str(error).rstrip('.')}.",
            f"Check whether GIMP itself starts: {' '.join(pythons.enter(kind, ['gimp']))}",
        ) from None
    if _number(facts["version"]) < pythons.OLDEST:
        raise SetupProblem(
            f"The Python in GIMP's {kind} is {facts['version']}; Generative Edit needs 3.11 or later.",
            f"Update the {kind}, or use GIMP from your distribution or from gimp.org.",
        )
    python = Python(facts["path"], facts["version"], f"linux-{facts['machine']}", kind)
    command = " ".join(pythons.enter(kind, ["gimp-console"]))
    minor = ".".join(version.split(".")[:2])
    folder = Path(facts["gimp"]) if facts["gimp"] else Path(facts["config"]) / "GIMP" / minor
    return Gimp(command, version, kind, python, folder, Path(facts["data"]))


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
