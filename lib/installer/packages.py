"""Puts the pinned packages into vendor/, from the release's own wheels or from the network, for any Python.

packages.json is lib/requirements.txt with everything that these need in turn. It names for each which systems and
Pythons want it, as pip reads a package's conditions for the Python that runs pip, never for the one it fetches for.
"""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from lib.installer.problem import SetupProblem
from lib.installer.pythons import Python

CHECKOUT = Path(__file__).absolute().parent.parent.parent
PIP = "pip==26.3"
PINS = Path(__file__).with_name("packages.json")
# In a release, beside install.py: every package for its platform, and pip.
WHEELS = CHECKOUT / "wheels"
# The oldest C library that the wheels want, then every older name for the same.
_LINUX_TAGS = ("manylinux_2_28", "manylinux_2_27", "manylinux_2_26", "manylinux_2_24", "manylinux_2_17",
               "manylinux2014", "manylinux_2_12", "manylinux2010", "manylinux_2_5", "manylinux1")  # fmt: skip
_TAGS = {
    "linux": lambda machine: [f"{tag}_{machine}" for tag in _LINUX_TAGS],
    "macosx": lambda machine: [f"macosx_11_0_{machine}"],
    "win": lambda machine: [f"win_{machine}"],
}
# Settings of the user's that would lead pip elsewhere than into the folder it is given.
_PIP_SETTINGS = {"PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0", "PYTHONUTF8": "1"}
_NOT_THERE = ("No matching distribution", "Could not find a version", "is not a supported wheel")


def fetch(vendor: Path, python: Python) -> None:
    """Installs the pins for `python` into `vendor`; raises SetupProblem where pip cannot."""
    target, wanted = ["--target", str(vendor), *_target(python)], pins(python)
    if WHEELS.is_dir():
        failed = _pip(["install", *target, "--no-index", "--find-links", str(WHEELS)], wanted)
        if not failed:
            return
        if not any(words in failed for words in _NOT_THERE):
            raise _problem(failed)
        shutil.rmtree(vendor, ignore_errors=True)
        print(f"The packages that came with this folder are not for Python {python.version} on {python.platform}.")
    print("Fetching the packages (about 40 MB) …", flush=True)
    failed = _pip(["install", *target], wanted)
    if failed:
        raise _problem(failed)


def download(folder: Path, python: Python) -> None:
    """Downloads the wheels for a Python of any platform into `folder`; raises SetupProblem where pip cannot."""
    failed = _pip(["download", "--dest", str(folder), *_platform_options(python)], pins(python))
    if failed:
        raise _problem(failed)


def download_pip(folder: Path) -> None:
    """Downloads pip's own wheel, which fits every Python."""
    failed = _pip(["download", "--dest", str(folder)], [PIP])
    if failed:
        raise _problem(failed)


def pins(python: Python) -> list[str]:
    """What pip is to install for this Python: "requests==2.34.2", …"""
    system = _system(python)
    wanted = []
    for pin in json.loads(PINS.read_text(encoding="utf-8")):
        if pin.get("system", system) == system and _number(python.version) < _number(pin.get("below", "99")):
            wanted.append(f"{pin['name']}=={pin['version']}")
    return wanted


def _target(python: Python) -> list[str]:
    """For a Python that is not ours, its version and platform; ours pip knows best."""
    return [*_platform_options(python), "--no-compile"] if python.sandbox else []


def _platform_options(python: Python) -> list[str]:
    machine = python.platform.rpartition("-")[2]
    tags = _TAGS[_system(python)](machine)
    return ["--python-version", python.version, "--implementation", "cp",
            *(word for tag in tags for word in ("--platform", tag))]  # fmt: skip


def _system(python: Python) -> str:
    """ "linux", "macosx" or "win", whichever way the platform is written."""
    system = python.platform.partition("-")[0]
    return {"darwin": "macosx", "win32": "win"}.get(system, system)


def _pip(words: list[str], requirements: list[str]) -> str:
    """Runs pip; its last error, or "" where it did what it should."""
    command = [*_command(), *words, "--quiet", "--disable-pip-version-check", "--only-binary=:all:", "--no-deps"]
    if words[0] == "install":
        command.append("--no-warn-script-location")
    done = subprocess.run([*command, *requirements], capture_output=True, encoding="utf-8", errors="replace",
                          env={**os.environ, **_PIP_SETTINGS})  # fmt: skip
    return _reason(done.stderr) if done.returncode else ""


def _command() -> list[str]:
    """This Python's pip, or else the one in the release, which runs from its wheel."""
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    for wheel in WHEELS.glob("pip-*.whl"):
        return [sys.executable, str(wheel / "pip")]
    raise SetupProblem(
        f"The Python that runs install.py ({sys.executable}) has no pip.",
        "Install it (on Debian: apt install python3-pip), or take the release file, which brings it; then run this"
        " again.",
    )


def _reason(errors: str) -> str:
    """What pip names as the error, on one line and with a full stop."""
    told = [line for line in errors.splitlines() if line.strip()] or ["pip failed"]
    # Where pip itself breaks, its last line has the reason.
    lines = [line for line in told if line.startswith("ERROR:") and line != "ERROR: Exception:"] or told
    return lines[-1].removeprefix("ERROR:").strip().rstrip(".") + "."


def _problem(reason: str) -> SetupProblem:
    if "No space left" in reason or "Disk quota" in reason:
        return SetupProblem("There is no room for the packages.", "Make room (250 MB), then run this again.")
    return SetupProblem(f"The packages could not be fetched: {reason}", "Check the network, then run this again.")


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
