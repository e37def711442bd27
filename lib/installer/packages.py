"""Install the pinned packages into vendor/, from the release's wheels or from the network, for any Python.

packages.json is lib/requirements.txt with all dependencies. It states which systems and Pythons need each package,
because pip evaluates a package's conditions for the Python that runs pip, not for the one it downloads for. The entries
with a `feature` are optional, see `features`.
"""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from lib.installer import pip, pip_wheel
from lib.installer.pip_failure import INDEX_HINT, Failure
from lib.installer.problem import SetupProblem
from lib.installer.pythons import Python

CHECKOUT = pip.CHECKOUT
PINS = Path(__file__).with_name("packages.json")
Pin = dict[str, Any]
# The newest C library that a wheel needs, then every older tag.
_LINUX_TAGS = ("manylinux_2_28", "manylinux_2_27", "manylinux_2_26", "manylinux_2_24", "manylinux_2_17",
               "manylinux2014", "manylinux_2_12", "manylinux2010", "manylinux_2_5", "manylinux1")  # fmt: skip
_TAGS = {
    "linux": lambda machine: [f"{tag}_{machine}" for tag in _LINUX_TAGS],
    "macosx": lambda machine: [f"macosx_11_0_{machine}", f"macosx_14_0_{machine}"],
    "win": lambda machine: [f"win_{machine}"],
}
WHEELS_ONLY = ("--only-binary=:all:", "--no-deps")
# Each package must come from vendor/, not from elsewhere on this Python's path.
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
        raise SystemExit(f"{{name}} is missing")
"""


def fetch(vendor: Path, python: Python) -> None:
    """Install the pins for `python` into `vendor`; raise SetupProblem if pip fails."""
    command = ["install", "--target", str(vendor), "--no-warn-script-location", *_target(python), *WHEELS_ONLY]
    try:
        if pip.WHEELS.is_dir():
            try:
                pip.run([*command, "--no-index", "--find-links", str(pip.WHEELS), *pins(python)], vendor.parent)
                return
            except Failure as failure:
                if not failure.is_incompatible:
                    raise
            shutil.rmtree(vendor, ignore_errors=True)
            print(f"The packages in this release do not support Python {python.version} on {python.platform}.")
        print("Downloading the packages (about 40 MB) …", flush=True)
        pip.run([*command, *pins(python)], vendor.parent)
    except Failure as failure:
        raise failure.problem() from None


def check(folder: Path, python: Python) -> None:
    """Raise SetupProblem unless `python` can import every pin from the folder's vendor/."""
    try:
        result = python.run(import_all(python), folder)
    except subprocess.TimeoutExpired as error:
        raise _unusable(f"no answer within {error.timeout:.0f} seconds", python) from None
    except OSError as error:
        raise _unusable(str(error), python) from None
    if result.returncode:
        raise _unusable(import_failure(result), python)


def import_all(python: Python) -> str:
    """Return code that imports every pin from vendor/; `import_failure` explains why it failed."""
    return _IMPORT.format(names=modules(python))


def modules(python: Python) -> list[str]:
    """Return the module of each pin to import: the one that loads its compiled part, if it has one."""
    return [pin.get("import", pin["name"].replace("-", "_")) for pin in _pins(python)]


def import_failure(result: "subprocess.CompletedProcess[str]") -> str:
    """Return why the imports failed: the last line of stderr, or the module at which Python crashed."""
    if result.returncode < 0:
        return f"{(result.stdout.split() or ['Python'])[-1]} crashed with signal {-result.returncode}"
    return (result.stderr.strip().splitlines() or ["it failed"])[-1]


def _unusable(reason: str, python: Python) -> SetupProblem:
    return SetupProblem(
        f"The packages were downloaded, but {python.program} can't import them: {reason.rstrip('.')}.",
        "Fix that, or run install.py with another Python (3.11 to 3.14).",
    )


def download(folder: Path, python: Python) -> None:
    """Download the wheels for a Python of any platform into `folder`; raise SetupProblem if pip fails."""
    _download(folder, [*platform_options(python), *pins(python)])


def download_pip(folder: Path) -> None:
    """Download pip's wheel, which suits every Python; raise SetupProblem if its checksum is not the expected one."""
    _download(folder, [f"pip=={pip_wheel.VERSION}"])
    if not pip_wheel.is_genuine(folder / pip_wheel.NAME):
        what = f"The package index's {pip_wheel.NAME} is not the expected file."
        raise SetupProblem(what, INDEX_HINT)


def _download(folder: Path, arguments: list[str]) -> None:
    try:
        pip.run(["download", "--dest", str(folder), *WHEELS_ONLY, *arguments], folder)
    except Failure as failure:
        raise failure.problem() from None


def pins(python: Python) -> list[str]:
    """Return the requirements for this Python: "requests==2.34.2", …"""
    return [f"{pin['name']}=={pin['version']}" for pin in _pins(python)]


def feature_pins(python: Python, feature: str) -> list[Pin]:
    """Return the pins of a feature for this Python; none if there are no wheels for its platform."""
    platform = f"{_system(python)}-{python.platform.partition('-')[2]}"
    return [pin for pin in _every() if pin.get("feature") == feature and platform not in pin["no_wheels"]]


def _pins(python: Python) -> list[Pin]:
    system, version = _system(python), _number(python.version)
    return [pin for pin in _every() if "feature" not in pin and pin.get("system", system) == system
            and version < _number(pin.get("below", "99"))]  # fmt: skip


def _every() -> list[Pin]:
    pins: list[Pin] = json.loads(PINS.read_text(encoding="utf-8"))
    return pins


def _target(python: Python) -> list[str]:
    """Return pip's options for a Python in a sandbox; none for our own, whose platform pip detects."""
    return [*platform_options(python), "--no-compile"] if python.sandbox else []


def platform_options(python: Python) -> list[str]:
    """Return pip's options for a Python other than the one that runs pip."""
    machine = python.platform.rpartition("-")[2]
    tags = _TAGS[_system(python)](machine)
    return ["--python-version", python.version, "--implementation", "cp",
            *(option for tag in tags for option in ("--platform", tag))]  # fmt: skip


def _system(python: Python) -> str:
    """Return "linux", "macosx" or "win" for a platform's name in any of its spellings."""
    system = python.platform.partition("-")[0]
    return {"darwin": "macosx", "win32": "win"}.get(system, system)


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
