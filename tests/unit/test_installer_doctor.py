"""The doctor where something is not as it should be, and what it says of each system."""

import subprocess

import pytest

from lib.installer import doctor, gimps, packages, programs, pythons
from tests.unit.made_machine import put_flatpak, put_gimp, put_program, real_fetch, run


def test_no_gimp_at_all(machine, capsys):
    code, told = run(capsys, "doctor")
    lines = told.out.splitlines()
    assert code == 1 and lines[0] == f"✗ GIMP: No GIMP was found on this machine. → {gimps.WHERE_TO_GET}"
    assert len(lines) == 2 and lines[1].endswith("; GIMP: not well: GIMP")


def test_every_gimp_is_looked_at(machine, capsys, monkeypatch):
    monkeypatch.setattr(packages, "fetch", real_fetch)
    put_gimp(machine, "gimp-3.0", "3.0.4")
    put_flatpak(machine, "3.2.0", pythons.running().version)
    run(capsys, "--gimp-dir", str(machine / "home/.config/GIMP/3.0"))
    code, told = run(capsys, "doctor")
    assert code == 1 and told.out.count("✓ GIMP: ") == 2
    assert "GIMP 3.2.0 (Flatpak), no plug-in: not well: Plug-in folder; GIMP 3.0.4, plug-in " in told.out
    assert told.out.endswith(": all well\n")


def test_a_sandbox_that_does_not_start(machine, capsys):
    put_gimp(machine, "gimp", "3.0.4")
    put_program(machine / "bin/flatpak", '[ "$1" = list ] && echo org.gimp.GIMP 3.2.0 || exit 1')
    code, told = run(capsys, "doctor")
    assert code == 1 and "✗ GIMP: The Python in GIMP's Flatpak does not answer: it gives no answer." in told.out
    assert "✓ GIMP: 3.0.4" in told.out


def test_a_python_that_hangs_and_one_that_fails(machine, capsys, monkeypatch):
    put_gimp(machine, "gimp", "3.0.4")
    run(capsys)

    def hang(self, code, folder):
        raise subprocess.TimeoutExpired("python3", 60)

    with monkeypatch.context() as hanging:
        hanging.setattr(pythons.Python, "run", hang)
        assert "✗ Python: no answer in 60 seconds → run: python3 install.py" in run(capsys, "doctor")[1].out
    failed = subprocess.CompletedProcess([], 1, "", "Traceback …\nImportError: libfoo.so.1\n")
    monkeypatch.setattr(pythons.Python, "run", lambda *_: failed)
    assert "✗ Python: ImportError: libfoo.so.1 → run: python3 install.py" in run(capsys, "doctor")[1].out


@pytest.mark.parametrize(
    ("system", "words"),
    [("darwin", "macOS 15.1 arm64"), ("win32", "Windows 10.0.26100 arm64"), ("linux", "Linux arm64")],
)
def test_each_system_names_itself(monkeypatch, system, words):
    monkeypatch.setattr(doctor.sys, "platform", system)
    monkeypatch.setattr(doctor.platform, "machine", lambda: "arm64")
    monkeypatch.setattr(doctor.platform, "mac_ver", lambda: ("15.1", ("", "", ""), "arm64"))
    monkeypatch.setattr(doctor.platform, "version", lambda: "10.0.26100")
    monkeypatch.setattr(doctor.platform, "freedesktop_os_release", dict)
    monkeypatch.setattr(doctor.platform, "system", lambda: "Linux")
    assert doctor._system() == words


def test_a_gimp_that_cannot_be_started_is_no_gimp(machine):
    (machine / "bin/gimp").write_text("not a program")
    (machine / "bin/gimp").chmod(0o755)
    assert gimps.ask_version(str(machine / "bin/nothing")) is None
    assert gimps.ask_version(str(machine / "bin/gimp")) is None


def test_a_folder_named_by_gimp3_directory_is_a_settings_folder(machine):
    (machine / "home/mine").mkdir()
    named = programs.Machine("linux", {"GIMP3_DIRECTORY": "mine"}, machine / "home")
    assert gimps.settings_folders(named) == [machine / "home/mine"]
    assert gimps.settings_folders(programs.Machine("linux", {"GIMP3_DIRECTORY": "no"}, machine / "home")) == []
