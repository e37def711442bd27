"""What tests/run.py does: makes the environment of the tests, then runs what was asked for in it."""

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from dataclasses import replace
from pathlib import Path

from lib.installer import features, packages, pip, pip_wheel, pythons, system_packages
from lib.installer.pip_failure import Failure
from lib.installer.private_gimp import cache_folder
from lib.installer.problem import SetupProblem
from lib.storage.file_lock import locked

CHECKOUT = Path(__file__).absolute().parent.parent

REQUIREMENTS = (CHECKOUT / "tests" / "requirements.txt", CHECKOUT / "lib" / "requirements.txt", packages.PINS)
PROXY_REQUIREMENTS = (CHECKOUT / "tests" / "litellm-requirements.txt",)
# Two processes for each GIMP, which mostly wait for windows, and one for the tests without.
AT_ONCE = ["--numprocesses=5"]
# What runs inside GIMP is checked once more for the oldest Python that a GIMP may have.
GIMPS_PYTHON = ["--python-version", "3.10", "plugin"]
LINTERS = (["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"], ["mypy", *GIMPS_PYTHON])
# Where a virtual environment has its Python.
PYTHON = "Scripts/python.exe" if os.name == "nt" else "bin/python"


def run(arguments):
    """Do what the arguments of tests/run.py say; return the exit code."""
    if arguments[:1] == ["--no-system-packages"]:
        system_packages.forbid()
        arguments = arguments[1:]
    try:
        python = environment()
    except Failure as failure:
        return failed(failure.problem())
    except SetupProblem as problem:
        return failed(problem)
    except OSError as error:
        what = f"Couldn't write {error.filename or cache_folder()}: {error.strerror or error}."
        return failed(SetupProblem(what, "Check its permissions and the free disk space, then run this again."))
    if arguments == ["--lint"]:
        linters = [subprocess.Popen([python, "-m", *words], cwd=CHECKOUT) for words in LINTERS]
        return max(linter.wait() for linter in linters)
    if arguments[:1] == ["--python"]:
        return subprocess.call([python, *arguments[1:]])
    options = AT_ONCE if arguments == ["--all"] else arguments or [*AT_ONCE, "--brief"]
    # Compiled files are kept even where the user wants none: a hundred workers are started from this checkout.
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    # The tests' files are UTF-8, also where the system's own encoding is another.
    variables["PYTHONUTF8"] = "1"
    # As the plug-in starts its worker: the tests fill the cores by themselves.
    variables["OPENBLAS_NUM_THREADS"] = "1"
    return subprocess.call([python, "-m", "pytest", *options], cwd=CHECKOUT, env=variables)


def failed(problem):
    print(f"{problem.what}\n{problem.hint}", file=sys.stderr)
    return 1


def environment(requirements=REQUIREMENTS):
    """The Python of a virtual environment, made where it is not there or its pins have changed.

    The first file of requirements is installed; the others are those that it includes, and the optional packages.
    """
    pins = hashlib.sha256(b"".join(path.read_bytes() for path in requirements)).hexdigest()[:12]
    name = f"{requirements[0].stem}-{sys.version_info.major}.{sys.version_info.minor}"
    folder = cache_folder() / "tests" / f"{name}-{pins}"
    python = folder / PYTHON
    folder.parent.mkdir(parents=True, exist_ok=True)
    with locked(folder.parent / f"{name}.lock", wait=True):
        if not (folder / "whole").exists():
            print(f"Making the environment {folder} from {requirements[0].name} …", flush=True)
            for old in folder.parent.glob(f"{name}-*"):
                shutil.rmtree(old, ignore_errors=True)
            make(folder, requirements[0])
            if packages.PINS in requirements:
                features.fetch(*environment_of(folder))
            (folder / "whole").touch()
    return str(python)


def make(folder, requirements):
    """Make a virtual environment; venv's own way to put pip into it is missing on a plain Debian."""
    venv.create(folder, with_pip=False, symlinks=os.name != "nt")
    pip.run(["install", f"pip=={pip_wheel.VERSION}", "-r", str(requirements)], folder, str(folder / PYTHON))


def environment_of(folder):
    """The packages' folder and the Python of a virtual environment."""
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    done = subprocess.run([folder / PYTHON, "-c", code], check=True, capture_output=True, encoding="utf-8")
    return Path(done.stdout.strip()), replace(pythons.running(), program=str(folder / PYTHON))
