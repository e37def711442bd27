"""Which installations a command is about: every GIMP's, or the one in the folder that --gimp-dir names."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from lib.installer import gimps
from lib.installer.gimps import Gimp
from lib.installer.installation import Installation
from lib.installer.problem import SetupProblem
from lib.installer.programs import Machine
from lib.settings.settings import NAME


@dataclass(frozen=True)
class Target:
    """A place to install into, and the GIMP that looks there where we know it."""

    installation: Installation
    gimp: Gimp | None = None

    @property
    def name(self) -> str:
        return self.gimp.name if self.gimp else "GIMP"


@dataclass(frozen=True)
class Targets:
    """The places, and what stands in the way of others that are there."""

    places: list[Target]
    problems: list[SetupProblem] = field(default_factory=list)


def find(named: str | None) -> Targets:
    """The named folder, or every GIMP's; raises SetupProblem where there is no GIMP of 3.0 or later."""
    if not named:
        found = gimps.find_all()
        return Targets([_target(gimp) for gimp in found.gimps], found.problems)
    folder = Path(named).absolute()
    try:
        met = gimps.find_all().gimps
    except SetupProblem:
        met = []
    # A folder that we do not know is taken for one of a GIMP outside of sandboxes.
    gimp = next((gimp for gimp in met if _owns(gimp, folder)), None)
    gimp = gimp or next((gimp for gimp in met if not gimp.python.sandbox), None)
    return Targets([Target(Installation(folder, gimp.python), gimp) if gimp else Target(Installation(folder))])


def find_installed(named: str | None) -> Targets:
    """As `find`; also the folders whose GIMP is gone and which still have the plug-in.

    That there is no GIMP is a problem only where there is no such folder either.
    """
    try:
        targets = find(named)
    except SetupProblem as problem:
        targets = Targets([], [problem])
    if named:
        return targets
    known = {target.installation.config for target in targets.places}
    left = [Installation(folder) for folder in gimps.settings_folders(Machine()) if folder not in known]
    ours = [Target(one) for one in left if one.folder.exists()]
    problems = targets.problems if targets.places or not ours else []
    return Targets([*targets.places, *ours], problems)


def each(targets: Targets, action: Callable[[Target], None]) -> list[SetupProblem]:
    """Does something in each place, whether or not it fails in another; all problems, those of finding first."""
    problems = list(targets.problems)
    for target in targets.places:
        try:
            action(target)
        except SetupProblem as problem:
            problems.append(problem)
    return problems


def describe(target: Target) -> str:
    """A few lines on a place, for --list."""
    installation, gimp = target.installation, target.gimp
    stamp = installation.stamp()
    state = f"{NAME} {stamp['version']}" if stamp else "not installed"
    if not stamp and installation.folder.exists():
        state = f"{installation.folder} was not made by install.py"
    python = f"{installation.python.version}, {installation.python.program}"
    lines = [target.name, f"command  {gimp.command if gimp else 'not known'}", f"folder   {installation.config}",
             f"Python   {python}", f"plug-in  {state}"]  # fmt: skip
    return "\n    ".join(lines)


def _target(gimp: Gimp) -> Target:
    return Target(Installation(gimp.config_folder(), gimp.python), gimp)


def _owns(gimp: Gimp, folder: Path) -> bool:
    """Whether a folder is this GIMP's; a sandbox owns what lies beside its own, as for another version."""
    own = gimp.config_folder()
    return folder == own or (bool(gimp.python.sandbox) and folder.parent == own.parent)
