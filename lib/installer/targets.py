"""The installations that a command works on: every GIMP's, or the one in the folder of --gimp-dir."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from lib.installer import features, gimps
from lib.installer.gimps import Gimp
from lib.installer.installation import Installation
from lib.installer.problem import SetupProblem
from lib.installer.programs import Machine
from lib.settings.settings import NAME


@dataclass(frozen=True)
class Target:
    """A place to install into, and its GIMP if known."""

    installation: Installation
    gimp: Gimp | None = None

    @property
    def name(self) -> str:
        return self.gimp.name if self.gimp else "GIMP"


@dataclass(frozen=True)
class Targets:
    """The places, and the problems of GIMPs that cannot be used."""

    places: list[Target]
    problems: list[SetupProblem] = field(default_factory=list)


def find(gimp_dir: str | None) -> Targets:
    """Return the place in `gimp_dir`, or every GIMP's; raise SetupProblem if there is no GIMP of 3.0 or later."""
    if not gimp_dir:
        installed = gimps.find_all()
        return Targets([_target(gimp) for gimp in installed.gimps], installed.problems)
    folder = Path(gimp_dir).absolute()
    try:
        candidates = gimps.find_all().gimps
    except SetupProblem:
        candidates = []
    # An unknown folder is assumed to belong to a GIMP outside sandboxes.
    gimp = next((gimp for gimp in candidates if _owns(gimp, folder)), None)
    gimp = gimp or next((gimp for gimp in candidates if not gimp.python.sandbox), None)
    return Targets([Target(Installation(folder, gimp.python), gimp) if gimp else Target(Installation(folder))])


def find_installed(gimp_dir: str | None) -> Targets:
    """Like `find`, and also return folders with the plug-in whose GIMP has been uninstalled.

    A missing GIMP is only a problem if there is no such folder either.
    """
    try:
        targets = find(gimp_dir)
    except SetupProblem as problem:
        targets = Targets([], [problem])
    if gimp_dir:
        return targets
    folders = {target.installation.config for target in targets.places}
    others = [Installation(folder) for folder in gimps.settings_folders(Machine()) if folder not in folders]
    leftovers = [Target(installation) for installation in others if installation.folder.exists()]
    problems = targets.problems if targets.places or not leftovers else []
    return Targets([*targets.places, *leftovers], problems)


def each(targets: Targets, action: Callable[[Target], None]) -> list[SetupProblem]:
    """Do something in each place, even if it fails in another; return all problems, including those of `targets`."""
    problems = list(targets.problems)
    for target in targets.places:
        try:
            action(target)
        except SetupProblem as problem:
            problems.append(problem)
    return problems


def describe(target: Target) -> str:
    """Return a few lines about a place, for --list."""
    installation, gimp = target.installation, target.gimp
    stamp = installation.stamp()
    state = f"{NAME} {stamp['version']}" if stamp else "not installed"
    if not stamp and installation.folder.exists():
        state = f"{installation.folder} was not created by install.py"
    python = f"{installation.python.version}, {installation.python.program}"
    lines = [target.name, f"command  {gimp.command if gimp else 'unknown'}", f"folder   {installation.config}",
             f"Python   {python}", f"plug-in  {state}"]  # fmt: skip
    left_out = (stamp or {}).get("left_out", {})
    lines += [
        f"without  {features.FEATURES[name].title}: {left_out[name]}" for name in features.FEATURES if name in left_out
    ]
    return "\n    ".join(lines)


def _target(gimp: Gimp) -> Target:
    return Target(Installation(gimp.config_folder(), gimp.python), gimp)


def _owns(gimp: Gimp, folder: Path) -> bool:
    """Return whether a folder is this GIMP's; a sandbox also owns its neighbours, the folders of other versions."""
    own = gimp.config_folder()
    return folder == own or (bool(gimp.python.sandbox) and folder.parent == own.parent)
