"""`install.py doctor`: check each part of the installation and print one line for it, with a hint if it fails."""

import json
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lib.installer import catalogues, features, packages, procedures, stamp, targets
from lib.installer.changelog import version
from lib.installer.gimps import WHERE_TO_GET
from lib.installer.installation import Installation
from lib.installer.invocation import install_command
from lib.installer.problem import SetupProblem
from lib.installer.pythons import Python, ask
from lib.installer.targets import Target
from lib.settings.settings import NAME

# The beginning of the line for a bug report.
REPORT = "For a bug report:"
_ASK_ENDPOINT = """
from lib.api.client import ImagesClient
from lib.endpoint import Endpoint
with Endpoint.start() as endpoint, ImagesClient(endpoint.base_url, endpoint.key, "local") as client:
    print(", ".join(model.id for model in client.models()))
"""
_FIND_KEY = """
from lib.settings import settings
from lib.api import keys
key = keys.find("openai", file=settings.key_file())
print(key.source if key else "")
"""
_FIND_DATA_FOLDER = """
import json
from lib.settings import settings
from lib.storage import atomic_file, file_lock
try:
    folder = settings.data_folder()
    probe = folder / ".doctor"
    atomic_file.write(probe, b"")
    with file_lock.locked_where_possible(probe):
        pass
    probe.unlink()
    print(json.dumps({"folder": str(folder)}))
except OSError as error:
    print(json.dumps({"folder": error.filename or "", "error": error.strerror or str(error)}))
"""
_VERSION = "import sys; print(sys.version.split()[0], sys.executable)"
# The name of a check, the code that the plug-in's own Python runs for it, and how its output is printed.
_CHECKS: tuple[tuple[str, str, Callable[[str], str]], ...] = (
    ("Embedded endpoint", _ASK_ENDPOINT, lambda text: f"answers with the models {text}"),
    (
        "OpenAI key",
        _FIND_KEY,
        lambda text: f"found in {text}" if text else "none; only cloud providers need one",
    ),
)


def _install_again(*command: str) -> str:
    return f"run: {install_command(*command)}"


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's output: what was checked, its state, and what to do if something is wrong."""

    name: str
    state: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{'✗' if self.hint else '✓'} {self.name}: {self.state}" + (f" → {self.hint}" if self.hint else "")


def run(gimp_dir: str | None) -> int:
    """Print all findings, then a line for a bug report; return 1 if any check failed, else 0."""
    report = [f"{NAME} {version()}", _system(), f"Python {platform.python_version()}"]
    failed = False
    for name, findings in _examine(gimp_dir):
        problems = []
        for finding in findings:
            print(finding, flush=True)
            if finding.hint:
                problems.append(finding.name)
        report.append(f"{name}: {'problems: ' + ', '.join(problems) if problems else 'all well'}")
        failed = failed or bool(problems)
    print(f"{REPORT} {'; '.join(report)}")
    return int(failed)


def _examine(gimp_dir: str | None) -> Iterator[tuple[str, Iterator[Finding]]]:
    """Yield each GIMP's name and findings. The name holds only versions: a folder could disclose the user's name."""
    try:
        selected = targets.find(gimp_dir)
    except SetupProblem as error:
        selected = targets.Targets([], [error])
    for problem in selected.problems:
        yield "GIMP", iter([Finding("GIMP", problem.what, problem.hint)])
    for target in selected.places:
        written = target.installation.stamp()
        installed = f"plug-in {written['version']}, Python {written['python_version']}" if written else "no plug-in"
        yield f"{target.name}, {installed}", _examine_place(target)


def _system() -> str:
    """Return the operating system's name and version, without the machine's name."""
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
        yield Finding("GIMP", "Couldn't find GIMP on this machine.", WHERE_TO_GET)
    if not installation.folder.exists():
        yield Finding("Plug-in folder", f"{installation.folder} does not exist", _install_again())
        return
    written = installation.stamp()
    if not written:
        yield Finding(
            "Plug-in folder",
            f"{installation.folder} was not created by install.py",
            f"rename or move that folder, then {_install_again()}",
        )
        return
    yield from _examine_files(installation)
    if target.gimp:
        answer = procedures.ask(target.gimp, installation.config)
        yield Finding("Procedures", answer.text, answer.hint)
    python = stamp.python(written, installation.python.sandbox)
    finding = _check(installation, python, "Python", _VERSION, str)
    if not finding.hint and not finding.state.startswith(f"{python.version}."):
        finding = Finding("Python", f"{finding.state}, but the packages are for {python.version}", _install_again())
    yield finding
    if finding.hint:
        return
    yield _examine_data_folder(installation, python)
    imports = packages.import_all(python)
    yield _check(installation, python, "Packages", imports, lambda text: f"all {len(text.split())} import")
    yield from _examine_features(installation, python)
    for name, code, describe in _CHECKS:
        yield _check(installation, python, name, code, describe)


def _examine_data_folder(installation: Installation, python: Python) -> Finding:
    """Check that the plug-in can write into the user's data folder, which may be on a network share or a full disk."""
    finding = _check(installation, python, "Data folder", _FIND_DATA_FOLDER, str)
    if finding.hint:
        return finding
    answer = json.loads(finding.state)
    if "error" in answer:
        state = f"Couldn't write to {answer['folder']}: {answer['error']}"
        return Finding(
            "Data folder", state, "check its permissions and the free disk space; a link must lead to a folder"
        )
    return Finding("Data folder", answer["folder"])


def _examine_features(installation: Installation, python: Python) -> Iterator[Finding]:
    """Yield a finding for each feature; one that was left out is no failure."""
    left_out = (installation.stamp() or {}).get("left_out", {})
    for name, feature in features.FEATURES.items():
        if name in left_out:
            yield Finding(feature.title, f"left out, {left_out[name]}")
        else:
            yield _check(installation, python, feature.title, feature.code, lambda _text: "its packages work")


def _examine_files(installation: Installation) -> Iterator[Finding]:
    missing = stamp.missing_files(installation.folder)
    installed = (installation.stamp() or {}).get("version")
    if missing:
        yield Finding("Plug-in folder", f"{len(missing)} files are missing, {missing[0]} among them", _install_again())
    elif installed != version():
        state = f"{installation.folder} has version {installed}, this folder has {version()}"
        yield Finding("Plug-in folder", state, _install_again("update"))
    else:
        yield Finding("Plug-in folder", str(installation.folder))
    yield _examine_languages(installation)
    starter = installation.folder / f"{NAME}.py"
    yield _examine_permission(starter)
    if sys.platform == "darwin":
        yield _examine_quarantine(installation.folder)


def _examine_quarantine(folder: Path) -> Finding:
    """Look for files that macOS refuses to run, as they were downloaded: find's -xattrname is macOS's own."""
    command = ["find", str(folder), "-xattrname", "com.apple.quarantine", "-print", "-quit"]
    try:
        path = ask(command).stdout.strip()
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding("Quarantine", f"not checked: {error}")
    if path:
        return Finding(
            "Quarantine", f"macOS blocks {path}", f"run: xattr -dr com.apple.quarantine {shlex.quote(str(folder))}"
        )
    return Finding("Quarantine", "macOS blocks no file")


def _examine_permission(starter: Path) -> Finding:
    if os.access(starter, os.X_OK):
        return Finding("Permission", f"{starter.name} is executable")
    if starter.exists() and starter.stat().st_mode & 0o100:
        state = f"{starter.name} is on a file system without executables (mounted noexec)"
        return Finding("Permission", state, f"set GIMP3_DIRECTORY to another folder, then {_install_again()}")
    return Finding("Permission", f"{starter.name} is not executable", f"run: chmod +x {starter}")


def _examine_languages(installation: Installation) -> Finding:
    locale = installation.folder / "lib" / "locale"
    missing = catalogues.missing(locale)
    if missing:
        return Finding("Languages", f"not compiled: {', '.join(missing)}", _install_again())
    return Finding("Languages", ", ".join(["en", *sorted(path.stem for path in locale.glob("*.po"))]))


def _check(installation: Installation, python: Python, name: str, code: str, describe: Callable[[str], str]) -> Finding:
    """Run a piece of code with the plug-in's own Python and packages; return how it went."""
    try:
        result = python.run(code, installation.folder)
    except OSError:
        return Finding(name, f"{python.program or 'none'} no longer exists", _install_again())
    except subprocess.TimeoutExpired as error:
        return Finding(name, f"no answer within {error.timeout:.0f} seconds", _install_again())
    if result.returncode:
        return Finding(name, packages.import_failure(result), _install_again())
    return Finding(name, describe(result.stdout.strip()))
