"""The packages of an extension: the wheels that suit the Python that runs, unpacked once."""

import os
import sys
import zipfile
from pathlib import Path

import pytest

from lib.worker import bundled_packages
from tests.systems import DATA_HOME

NAMES = (
    "abi-1-cp311-abi3-manylinux_2_28_x86_64.whl",
    "fast-1-cp311-cp311-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
    "fast-1-cp313-cp313-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
    "later-1-cp314-abi3-macosx_11_0_arm64.whl",
    "pure-1-py3-none-any.whl",
    "threads-1-cp313-cp313t-manylinux_2_17_x86_64.whl",
    "two-1-py2.py3-none-any.whl",
)


@pytest.mark.parametrize(
    ("version", "packages"),
    [
        ((3, 11), ["abi", "fast", "pure", "two"]),
        ((3, 12), ["abi", "pure", "two"]),
        ((3, 13), ["abi", "fast", "pure", "two"]),
        ((3, 14), ["abi", "later", "pure", "two"]),
    ],
)
def test_wheels_are_chosen_by_their_tags(version, packages):
    selected = bundled_packages.matching([Path(name) for name in NAMES], version)
    assert [path.name.split("-")[0] for path in selected] == packages
    assert all(f"cp{version[0]}{version[1]}" in path.name for path in selected if path.name.startswith("fast"))


@pytest.fixture
def wheels(tmp_path, monkeypatch):
    monkeypatch.setenv(DATA_HOME, str(tmp_path / "data"))
    (tmp_path / "wheels").mkdir()

    def put(version):
        for old in (tmp_path / "wheels").iterdir():
            old.unlink()
        with zipfile.ZipFile(tmp_path / "wheels" / f"pure-{version}-py3-none-any.whl", "w") as wheel:
            wheel.writestr("pure_package/__init__.py", f"version = {version}\n")
        return tmp_path / "wheels"

    return put


def test_they_are_unpacked_once_and_those_that_nobody_uses_are_removed(wheels):
    folder = bundled_packages.unpack(wheels(1))
    assert folder.name.startswith(f"{sys.version_info.major}.{sys.version_info.minor}-")
    (folder / "kept").touch()
    os.utime(folder, (1, 1))
    assert bundled_packages.unpack(wheels(1)) == folder and (folder / "kept").exists()
    newer = bundled_packages.unpack(wheels(2))
    assert newer != folder and (newer / "pure_package/__init__.py").read_text() == "version = 2\n"
    assert folder.exists(), "another machine, with another version or system, may share the data folder"
    os.utime(folder, (1, 1))
    assert bundled_packages.unpack(wheels(3)).is_dir() and newer.exists() and not folder.exists()


def test_what_was_interrupted_is_unpacked_again(wheels):
    folder = bundled_packages.unpack(wheels(1))
    folder.rename(folder.with_name(f"{folder.name}.part"))
    assert (bundled_packages.unpack(wheels(1)) / "pure_package").is_dir()
    assert not folder.with_name(f"{folder.name}.part").exists()
