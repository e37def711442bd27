"""The packages: the pins are complete and suit each Python, and failed downloads are explained."""

import json
import os
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from lib.installer import packages, pip_wheel, pythons
from lib.installer import pip as pip_module
from lib.installer.problem import SetupProblem
from lib.installer.pythons import Python

REQUIREMENTS = packages.CHECKOUT / "lib" / "requirements.txt"
SYSTEMS = {"linux-x86_64": ("linux", "posix"), "macosx-arm64": ("darwin", "posix"), "win-amd64": ("win32", "nt")}
# The dependencies of packages for other systems or older Pythons, which may not be installed here.
ELSEWHERE = {
    "pywin32-ctypes": [], "importlib-metadata": ["zipp", "lazy-importer"], "zipp": [], "lazy-importer": [],
    "backports-tarfile": [],
}  # fmt: skip


def top_pins():
    pins = re.findall(r"^([\w.-]+)==(\S+)", REQUIREMENTS.read_text(), re.MULTILINE)
    return {canonicalize_name(name): version for name, version in pins}


def resolve(platform, version):
    """Return the requirements and all their dependencies, by the packages' own metadata."""
    system, os_name = SYSTEMS[platform]
    place = {"sys_platform": system, "os_name": os_name, "python_version": version,
             "python_full_version": f"{version}.0", "implementation_name": "cpython",
             "platform_python_implementation": "CPython", "extra": ""}  # fmt: skip
    todo, resolved = set(top_pins()), set()
    while todo:
        name = todo.pop()
        resolved.add(name)
        required = [requirement for requirement in map(Requirement, dependencies(name))
                    if requirement.marker is None or requirement.marker.evaluate(place)]  # fmt: skip
        todo |= {canonicalize_name(requirement.name) for requirement in required} - resolved
    return resolved


def dependencies(name):
    try:
        return metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return ELSEWHERE[name]


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13", "3.14"])
@pytest.mark.parametrize("platform", SYSTEMS)
def test_the_pins_are_the_requirements_and_all_their_dependencies(platform, version):
    pins = dict(pin.split("==") for pin in packages.pins(Python("", version, platform)))
    names = {canonicalize_name(name): version for name, version in pins.items()}
    assert set(names) == resolve(platform, version), "update lib/installer/packages.json"
    assert names | top_pins() == names


@pytest.fixture
def pip(monkeypatch):
    """A fake pip that records its calls in `calls` and fails with each error in `answers`."""
    calls = []

    def answer(command, **options):
        if "--version" in command:
            return subprocess.CompletedProcess(command, 0, "", "")
        calls.append((command, options))
        errors = answers.pop(0) if answers else ""
        return subprocess.CompletedProcess(command, int(bool(errors)), "", errors)

    answers = []
    monkeypatch.setattr(pip_module.subprocess, "run", answer)
    monkeypatch.setattr(pip_module, "WHEELS", Path("/nowhere"))
    answer.calls, answer.answers = calls, answers
    return answer


def test_pip_detects_our_own_platform(pip, tmp_path):
    packages.fetch(tmp_path / "vendor", pythons.running())
    command, options = pip.calls[0]
    assert command[:5] == [sys.executable, "-P", "-m", "pip", "install"] and "--platform" not in command
    assert "--only-binary=:all:" in command and "--no-deps" in command and "numpy==" in " ".join(command)
    assert "PIP_USER" not in options["env"] and options["env"]["PATH"] == os.environ["PATH"]


def test_pip_gets_the_platform_of_a_sandboxs_python(pip, tmp_path):
    packages.fetch(tmp_path / "vendor", Python("/usr/bin/python3", "3.12", "linux-aarch64", "Flatpak"))
    command = pip.calls[0][0]
    assert command[command.index("--python-version") + 1] == "3.12" and "manylinux_2_28_aarch64" in command
    assert not [word for word in command if word.startswith("zipp")] and "--no-compile" in command


@pytest.mark.parametrize(
    ("platform", "tag"),
    [("macosx-arm64", "macosx_11_0_arm64"), ("macosx-x86_64", "macosx_11_0_x86_64"), ("win-amd64", "win_amd64")],
)
def test_pip_gets_the_platforms_of_the_release(pip, tmp_path, platform, tag):
    packages.download(tmp_path, Python("", "3.14", platform))
    command = pip.calls[0][0]
    assert command[4] == "download" and command[command.index("--platform") + 1] == tag
    assert ("jeepney==0.9.0" in command) is False and ("pywin32-ctypes==0.2.3" in command) is (tag == "win_amd64")


@pytest.fixture
def wheels(tmp_path, monkeypatch, pip):
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setattr(pip_module, "WHEELS", folder)
    return folder


def test_a_releases_own_wheels_need_no_network(wheels, pip, tmp_path, capsys):
    packages.fetch(tmp_path / "vendor", pythons.running())
    assert len(pip.calls) == 1 and {"--no-index", str(wheels)} <= set(pip.calls[0][0])
    assert capsys.readouterr().out == ""


def test_packages_for_a_python_without_wheels_in_the_release_are_downloaded(wheels, pip, tmp_path, capsys):
    pip.answers.append("ERROR: No matching distribution found for numpy==2.4.6")
    packages.fetch(tmp_path / "vendor", Python("/usr/bin/python3", "3.15", "linux-x86_64", "Flatpak"))
    assert "do not support Python 3.15 on linux-x86_64" in capsys.readouterr().out
    assert "--no-index" not in pip.calls[1][0]


def test_any_other_failure_of_the_releases_wheels_is_reported(wheels, pip, tmp_path):
    pip.answers.append("ERROR: Wheel 'numpy' located at numpy.whl is invalid.")
    with pytest.raises(SetupProblem, match="numpy.whl is invalid"):
        packages.fetch(tmp_path / "vendor", pythons.running())
    assert len(pip.calls) == 1


@pytest.mark.parametrize("before", ["ERROR: Could not install packages due to an ", "ERROR: Exception:\nTraceback …\n"])
@pytest.mark.parametrize("error", ["[Errno 28] No space left on device", "[Errno 122] Disk quota exceeded"])
def test_a_full_disk(pip, tmp_path, error, before):
    pip.answers.append(f"{before}OSError: {error}\n")
    with pytest.raises(SetupProblem, match=r"The disk is full\. Free at least 250 MB"):
        packages.fetch(tmp_path / "vendor", pythons.running())


def test_without_pip_the_releases_own_is_used(monkeypatch, wheels, pip, tmp_path):
    monkeypatch.setattr(pip_module.importlib.util, "find_spec", lambda name: None)
    (wheels / "pip-26.3-py3-none-any.whl").touch()
    packages.fetch(tmp_path / "vendor", pythons.running())
    assert pip.calls[0][0][:3] == [sys.executable, str(wheels / "pip-26.3-py3-none-any.whl" / "pip"), "install"]


def test_every_pin_is_a_name_and_a_version():
    for pin in json.loads(packages.PINS.read_text()):
        if "feature" in pin:
            continue
        assert set(pin) <= {"name", "version", "system", "below", "import"} and pin.get("system", "win") in (
            "linux",
            "win",
        )


def test_a_release_without_pips_wheel_is_refused(pip, tmp_path):
    pip.answers.append("ERROR: no route")
    with pytest.raises(SetupProblem, match="Couldn't download the packages: no route"):
        packages.download_pip(tmp_path)


def test_a_release_with_another_file_as_pips_wheel_is_refused(pip, tmp_path):
    (tmp_path / pip_wheel.NAME).write_bytes(b"not pip")
    with pytest.raises(SetupProblem, match="is not the expected file"):
        packages.download_pip(tmp_path)
    assert f"pip=={pip_wheel.VERSION}" in pip.calls[0][0]
