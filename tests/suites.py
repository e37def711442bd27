"""Others' programs that judge this API's clients and servers, fetched once into the tests' cache folder."""

import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

import pytest

from lib.installer import pip
from lib.storage.file_lock import locked
from tests.runner import CHECKOUT, cache_folder, environment

SPECIFICATION = CHECKOUT / "tests" / "data" / "images-edits.openapi.json"
"""What OpenAI documents on the route, as this project read it; fields that are not in it are errors."""
REQUIREMENTS = (CHECKOUT / "tests" / "suites-requirements.txt",)
OPENAI_PYTHON = "openai==3.54.0"
NODE_PACKAGES = ("openai@6.49.0", "@stdy/cli@0.22.2")
_NODE_SECONDS = 600


def python() -> Path:
    """Return the Python of an environment with schemathesis, and with what openai-python's tests need."""
    return Path(environment(REQUIREMENTS))


def openai_python() -> Path:
    """Return the folder of openai-python's source release, which has its tests."""

    def fetch(folder: Path) -> None:
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            words = ["download", "--no-deps", "--no-binary", "openai", "--dest", scratch, OPENAI_PYTHON]
            pip.run(words, Path(scratch), str(python()))
            (archive,) = Path(scratch).glob("*.tar.gz")
            with tarfile.open(archive) as file:
                file.extractall(folder, filter="data")

    return next(_fetched("openai-python", OPENAI_PYTHON, fetch).glob("openai-*"))


def node_packages() -> Path:
    """Return a folder whose node_modules has OpenAI's client for Node and Steady; skip the test without Node."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("needs Node.js and npm")

    def fetch(folder: Path) -> None:
        words = ["npm", "install", "--prefix", str(folder), "--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run([*words, *NODE_PACKAGES], check=True, capture_output=True, timeout=_NODE_SECONDS)

    return _fetched("node", " ".join(NODE_PACKAGES), fetch)


def _fetched(name, versions, fetch):
    """The folder of these versions in the cache; filled by `fetch` where it is not there yet."""
    folder = cache_folder() / "tests" / f"{name}-{hashlib.sha256(versions.encode()).hexdigest()[:12]}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with locked(folder.with_name(f"{name}.lock"), wait=True):
        if not (folder / "whole").exists():
            for old in folder.parent.glob(f"{name}-*"):
                shutil.rmtree(old)
            folder.mkdir()
            fetch(folder)
            (folder / "whole").touch()
    return folder
