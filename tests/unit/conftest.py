"""The made-up machine of install.py's tests."""

import compileall
import sys

import pytest

from lib import translation
from lib.installer import features, installation, invocation, packages
from tests.systems import REASONS
from tests.unit.installer.made_machine import fake_fetch


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine of our own: an empty PATH, home and cache, and packages that need no network."""
    if sys.platform != "linux":
        pytest.skip(REASONS["linux"])
    for name in ("bin", "home"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "GIMP3_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("SUDO_USER", "DOAS_USER", "PKEXEC_UID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(packages, "fetch", fake_fetch)
    monkeypatch.setattr(features, "_fetch", lambda _vendor, _python, _name: "no network")
    monkeypatch.setattr(invocation, "python_command", lambda: "python3")
    monkeypatch.setattr(installation.compileall, "compile_dir", compile_one)
    return tmp_path


def compile_one(folder, quiet):
    """One file for all: to compile every one takes a second."""
    compileall.compile_file(folder / "__init__.py", quiet=quiet)


@pytest.fixture(autouse=True)
def english():
    """Every test begins in English, whatever the last one spoke."""
    yield
    translation.use(["en"])
