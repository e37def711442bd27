"""The made-up machine of install.py's tests."""

import compileall

import pytest

from lib import translation
from lib.installer import packages
from tests.unit.made_machine import fake_fetch


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine of our own: an empty PATH, home and cache, and packages that need no network."""
    for name in ("bin", "home"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "GIMP3_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(packages, "fetch", fake_fetch)
    monkeypatch.setattr(compileall, "compile_dir", lambda *_folders, **_options: True)  # a second for each installation
    return tmp_path


@pytest.fixture(autouse=True)
def english():
    """Every test begins in English, whatever the last one spoke."""
    yield
    translation.use(["en"])
