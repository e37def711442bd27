"""`install.py doctor`: checks each piece and prints a line each, with the mend where one is needed."""

import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lib.installer import catalogues, packages, procedures, stamp, targets
from lib.installer.changelog import version
from lib.installer.gimps import WHERE_TO_GET
from lib.installer.installation import Installation
from lib.installer.problem import SetupProblem
from lib.installer.pythons import Python
from lib.installer.targets import Target
from lib.settings.settings import NAME

# How the line begins that a bug report should have.
REPORT = "For a bug report:"
_AGAIN = "run: python3 install.py"
_ANOTHER = "give that folder another name or another place, then run: python3 install.py"
_ASK_ENDPOINT = """
from lib.api.client import ImagesClient
from lib.endpoint import Endpoint
with Endpoint.start() as endpoint, ImagesClient(endpoint.base_url, endpoint.key, "local") as client:
    print(", ".join(model.id for model in client.models()))
"""
_FIND_KEY = """
from lib.settings import settings
from lib.api import keys
found = keys.find("openai", file=settings.key_file())
print(found.source if found else "")
"""
_VERSION = "import sys; print(sys.version.split()[0], sys.executable)"
# What the plug-in's own Python is asked, and how its answer reads.
_QUESTIONS: tuple[tuple[str, str, Callable[[str], str]], ...] = (
    ("Embedded endpoint", _ASK_ENDPOINT, lambda text: f"answers with the models {text}"),
    (
        "OpenAI key",
        _FIND_KEY,
        lambda text: f"found in {text}" if text else "none; only the providers in the cloud need one",
    ),
)


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's: what was looked at, what was found, and the mend where it is not well."""

    name: str
    found: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{'✗' if self.hint else '✓'} {self.name}: {self.found}" + (f" → {self.hint}" if self.hint else "")


def run(named: str | None) -> int:
    """Prints all findings, then a line for a bug report; 1 where something needs mending, else 0."""
    report = [f"{NAME} {version()}", _system(), f"Python {platform.python_version()}"]
    bad = False
    for name, findings in _examine(named):
        wrong = []
        for finding in findings:
            print(finding, flush=True)
            if finding.hint:
                wrong.append(finding.name)
        report.append(f"{name}: {'not well: ' + ', '.join(wrong) if wrong else 'all well'}")
        bad = bad or bool(wrong)
    print(f"{REPORT} {'; '.join(report)}")
    return int(bad)


def _examine(named: str | None) -> Iterator[tuple[str, Iterator[Finding]]]:
    """Each GIMP with its findings. The names hold versions only: no folder, so no user's name."""
    try:
        found = targets.find(named)
    except SetupProblem as none:
        found = targets.Targets([], [none])
    for problem in found.problems:
        yield "GIMP", iter([Finding("GIMP", problem.what, problem.hint)])
    for target in found.places:
        written = target.installation.stamp()
        installed = f"plug-in {written['version']}, Python {written['python_version']}" if written else "no plug-in"
        yield f"{target.name}, {installed}", _examine_place(target)


def _system() -> str:
    """The system's own name and version, without the machine's name."""
    machine = platform.machine()
    if sys.platform == "darwin":
        return f"macOS {platform.mac_ver()[0]} {machine}"
    if sys.platform == "win32":
        return f"Windows {platform.version()} {machine}"
    try:
        name = platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        name = platform.system()
    return f"{name} {machine}"


def _examine_place(target: Target) -> Iterator[Finding]:
    installation = target.installation
    if target.gimp:
        yield Finding("GIMP", f"{target.gimp.version}, {target.gimp.command}")
    else:
        yield Finding("GIMP", "No GIMP was found on this machine.", WHERE_TO_GET)
    if not installation.folder.exists():
        yield Finding("Plug-in folder", f"nothing in {installation.folder}", _AGAIN)
        return
    written = installation.stamp()
    if not written:
        yield Finding("Plug-in folder", f"{installation.folder} was not made by install.py", _ANOTHER)
        return
    yield from _examine_files(installation)
    if target.gimp:
        answer = procedures.ask(target.gimp, installation.config)
        yield Finding("Procedures", answer.text, answer.hint)
    python = stamp.python(written, installation.python.sandbox)
    told = _ask(installation, python, "Python", _VERSION, str)
    if not told.hint and not told.found.startswith(f"{python.version}."):
        told = Finding("Python", f"{told.found}, but the packages are for {python.version}", _AGAIN)
    yield told
    if told.hint:
        return
    imports = packages.import_all(python)
    yield _ask(installation, python, "Packages", imports, lambda text: f"all {len(text.split())} import")
    for name, code, read in _QUESTIONS:
        yield _ask(installation, python, name, code, read)


def _examine_files(installation: Installation) -> Iterator[Finding]:
    missing = stamp.missing_files(installation.folder)
    installed = (installation.stamp() or {}).get("version")
    if missing:
        yield Finding("Plug-in folder", f"{len(missing)} files are missing, {missing[0]} among them", _AGAIN)
    elif installed != version():
        found = f"{installation.folder} has version {installed}, and this folder {version()}"
        yield Finding("Plug-in folder", found, "run: python3 install.py update")
    else:
        yield Finding("Plug-in folder", str(installation.folder))
    yield _examine_languages(installation)
    starter = installation.folder / f"{NAME}.py"
    yield _examine_run_bit(starter)


def _examine_run_bit(starter: Path) -> Finding:
    if os.access(starter, os.X_OK):
        return Finding("Run bit", f"{starter.name} may be run")
    if starter.exists() and starter.stat().st_mode & 0o100:
        what = f"{starter.name} lies where no program may be run (mounted noexec)"
        return Finding("Run bit", what, "name another folder in GIMP3_DIRECTORY for GIMP, then run: python3 install.py")
    return Finding("Run bit", f"{starter.name} may not be run", f"run: chmod +x {starter}")


def _examine_languages(installation: Installation) -> Finding:
    locale = installation.folder / "lib" / "locale"
    missing = catalogues.missing(locale)
    if missing:
        return Finding("Languages", f"not compiled: {', '.join(missing)}", _AGAIN)
    return Finding("Languages", ", ".join(["en", *sorted(path.stem for path in locale.glob("*.po"))]))


def _ask(installation: Installation, python: Python, name: str, code: str, read: Callable[[str], str]) -> Finding:
    """Runs a piece of code with the plug-in's own Python and packages."""
    try:
        done = python.run(code, installation.folder)
    except OSError:
        return Finding(name, f"{python.program or 'none'} is gone", _AGAIN)
    except subprocess.TimeoutExpired as error:
        return Finding(name, f"no answer in {error.timeout:.0f} seconds", _AGAIN)
    if done.returncode:
        return Finding(name, packages.import_failure(done), _AGAIN)
    return Finding(name, read(done.stdout.strip()))
