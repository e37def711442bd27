"""Puts the pinned packages into vendor/, from the release's own wheels or from the network, for any Python.

packages.json is lib/requirements.txt with everything that these need in turn. It names for each which systems and
Pythons want it, as pip reads a package's conditions for the Python that runs pip, never for the one it fetches for.
"""

import json
import shutil
import subprocess
from pathlib import Path

from lib.installer import pip, pip_wheel
from lib.installer.pip_failure import Failure
from lib.installer.problem import SetupProblem
from lib.installer.pythons import Python

CHECKOUT = pip.CHECKOUT
PINS = Path(__file__).with_name("packages.json")
# The oldest C library that the wheels want, then every older name for the same.
_LINUX_TAGS = ("manylinux_2_28", "manylinux_2_27", "manylinux_2_26", "manylinux_2_24", "manylinux_2_17",
               "manylinux2014", "manylinux_2_12", "manylinux2010", "manylinux_2_5", "manylinux1")  # fmt: skip
_TAGS = {
    "linux": lambda machine: [f"{tag}_{machine}" for tag in _LINUX_TAGS],
    "macosx": lambda machine: [f"macosx_11_0_{machine}"],
    "win": lambda machine: [f"win_{machine}"],
}
_WHEELS_ONLY = ("--only-binary=:all:", "--no-deps")
# Each package must come from vendor/: another of that name elsewhere on this Python's path is not ours.
_IMPORT = """
import importlib, pathlib
vendor = pathlib.Path("vendor").resolve()
for name in {names}:
    print(name, flush=True)
    try:
        origin = importlib.import_module(name).__spec__.origin
    except Exception as error:
        while error.__cause__ or error.__context__:
            error = error.__cause__ or error.__context__
        raise SystemExit(f"{{name}}: {{type(error).__name__}}: {{' '.join(str(error).split())}}")
    if vendor not in pathlib.Path(origin).resolve().parents:
        raise SystemExit(f"{{name}} is not there")
"""


def fetch(vendor: Path, python: Python) -> None:
    """Installs the pins for `python` into `vendor`; raises SetupProblem where pip cannot."""
    words = ["install", "--target", str(vendor), "--no-warn-script-location", *_target(python), *_WHEELS_ONLY]
    try:
        if pip.WHEELS.is_dir():
            try:
                pip.run([*words, "--no-index", "--find-links", str(pip.WHEELS), *pins(python)], vendor.parent)
                return
            except Failure as failure:
                if not failure.none_fits:
                    raise
            shutil.rmtree(vendor, ignore_errors=True)
            print(f"The packages that came with this folder are not for Python {python.version} on {python.platform}.")
        print("Fetching the packages (about 40 MB) …", flush=True)
        pip.run([*words, *pins(python)], vendor.parent)
    except Failure as failure:
        raise failure.problem() from None


def check(folder: Path, python: Python) -> None:
    """Raises SetupProblem unless every pin can be imported from a folder's vendor/ by the Python it is for."""
    try:
        done = python.run(import_all(python), folder)
    except (OSError, subprocess.TimeoutExpired) as error:
        reason = f"no answer in {error.timeout:.0f} seconds" if isinstance(error, subprocess.TimeoutExpired) else error
        raise _unusable(f"{reason}", python) from None
    if done.returncode:
        raise _unusable(import_failure(done), python)


def import_all(python: Python) -> str:
    """The code that imports every pin from vendor/, for `import_failure` to judge."""
    return _IMPORT.format(names=modules(python))


def modules(python: Python) -> list[str]:
    """The module of each pin that loads its compiled part, where it has one."""
    return [pin.get("import", pin["name"].replace("-", "_")) for pin in _pins(python)]


def import_failure(done: "subprocess.CompletedProcess[str]") -> str:
    """Why the imports failed, by their last words, or by the name of the one that ended Python."""
    if done.returncode < 0:
        return f"{(done.stdout.split() or ['Python'])[-1]} ended with signal {-done.returncode}"
    return (done.stderr.strip().splitlines() or ["it failed"])[-1]


def _unusable(reason: str, python: Python) -> SetupProblem:
    return SetupProblem(
        f"The packages were fetched, but cannot be used by {python.program}: {reason.rstrip('.')}.",
        "Correct that, or run install.py with another Python (3.11 to 3.14).",
    )


def download(folder: Path, python: Python) -> None:
    """Downloads the wheels for a Python of any platform into `folder`; raises SetupProblem where pip cannot."""
    _download(folder, [*_platform_options(python), *pins(python)])


def download_pip(folder: Path) -> None:
    """Downloads pip's own wheel, which fits every Python; raises SetupProblem for another one than is known."""
    _download(folder, [f"pip=={pip_wheel.VERSION}"])
    if not pip_wheel.is_ours(folder / pip_wheel.NAME):
        what = f"What the package index has as {pip_wheel.NAME} is another file than expected."
        raise SetupProblem(what, "Check the package index (PIP_INDEX_URL, or pip's own setting), then run this again.")


def _download(folder: Path, words: list[str]) -> None:
    try:
        pip.run(["download", "--dest", str(folder), *_WHEELS_ONLY, *words], folder)
    except Failure as failure:
        raise failure.problem() from None


def pins(python: Python) -> list[str]:
    """What pip is to install for this Python: "requests==2.34.2", …"""
    return [f"{pin['name']}=={pin['version']}" for pin in _pins(python)]


def _pins(python: Python) -> list[dict[str, str]]:
    system, version = _system(python), _number(python.version)
    every: list[dict[str, str]] = json.loads(PINS.read_text(encoding="utf-8"))
    return [pin for pin in every if pin.get("system", system) == system and version < _number(pin.get("below", "99"))]


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


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
