"""The doctor: the problems that it finds, and how it names each operating system."""

import json
import os
import re
import shutil
import subprocess

import pytest

from lib.installer import doctor, gimps, packages, procedures, programs, pythons, stamp
from lib.installer.problem import SetupProblem
from lib.installer.procedures import PROCEDURES
from lib.settings import settings
from tests.unit.installer.made_machine import put_flatpak, put_gimp, put_program, real_fetch, run


def test_no_gimp_at_all(machine, capsys):
    code, captured = run(capsys, "doctor")
    lines = captured.out.splitlines()
    assert code == 1 and lines[0] == f"✗ GIMP: Couldn't find GIMP on this machine. → {gimps.WHERE_TO_GET}"
    assert len(lines) == 2 and lines[1].endswith("; GIMP: problems: GIMP")


def test_every_gimp_is_checked(machine, capsys, monkeypatch):
    monkeypatch.setattr(packages, "fetch", real_fetch)
    put_gimp(machine, "gimp-3.0", "3.0.4")
    put_flatpak(machine, "3.2.0", pythons.running().version)
    run(capsys, "--gimp-dir", str(machine / "home/.config/GIMP/3.0"))
    code, captured = run(capsys, "doctor")
    assert code == 1 and captured.out.count("✓ GIMP: ") == 2
    assert "GIMP 3.2.0 (Flatpak), no plug-in: problems: Plug-in folder; GIMP 3.0.4, plug-in " in captured.out
    assert captured.out.endswith(": all well\n")


def test_a_sandbox_that_does_not_start(machine, capsys):
    put_gimp(machine, "gimp", "3.0.4")
    put_program(machine / "bin/flatpak", '[ "$1" = list ] && echo org.gimp.GIMP 3.2.0 || exit 1')
    code, captured = run(capsys, "doctor")
    assert code == 1 and "✗ GIMP: The Python in GIMP's Flatpak does not respond: it gave no answer." in captured.out
    assert "✓ GIMP: 3.0.4" in captured.out


def test_a_python_that_hangs_and_one_that_fails(machine, capsys, monkeypatch):
    put_gimp(machine, "gimp", "3.0.4")
    run(capsys)

    def hang(self, code, folder):
        raise subprocess.TimeoutExpired("python3", 60)

    with monkeypatch.context() as hanging:
        hanging.setattr(pythons.Python, "run", hang)
        assert "✗ Python: no answer within 60 seconds → run: python3 install.py" in run(capsys, "doctor")[1].out
    failed = subprocess.CompletedProcess([], 1, "", "Traceback …\nImportError: libfoo.so.1\n")
    monkeypatch.setattr(pythons.Python, "run", lambda *_: failed)
    assert "✗ Python: ImportError: libfoo.so.1 → run: python3 install.py" in run(capsys, "doctor")[1].out


@pytest.mark.posix
def test_a_data_folder_that_cannot_be_used_is_named(machine, capsys):
    put_gimp(machine, "gimp", "3.0.4")
    run(capsys)
    folder = settings.data_folder()
    assert f"✓ Data folder: {folder}\n" in run(capsys, "doctor")[1].out and not list(folder.glob(".doctor*"))
    shutil.rmtree(folder)
    folder.symlink_to(machine / "not mounted")
    code, captured = run(capsys, "doctor")
    problem = (
        f"✗ Data folder: Couldn't write to {folder}: The folder that it links to is missing → check its permissions"
    )
    assert code == 1 and problem in captured.out


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


def test_a_gimp_that_does_not_start_is_ignored(machine):
    (machine / "bin/gimp").write_text("not a program")
    (machine / "bin/gimp").chmod(0o755)
    assert gimps.query(str(machine / "bin/nothing")) is None
    assert gimps.query(str(machine / "bin/gimp")) is None


def test_a_gimp_that_does_not_respond_is_named(machine, monkeypatch):
    monkeypatch.setattr(gimps, "_VERSION_SECONDS", 0.3)
    for program in (machine / "bin").glob("gimp*"):
        program.unlink()
    (machine / "bin/gimp-console").write_text("#!/bin/sh\nexec /bin/sleep 30\n")
    (machine / "bin/gimp-console").chmod(0o755)
    with pytest.raises(SetupProblem, match="bin/gimp-console didn't report its version within 0.3 seconds"):
        gimps.find_all()


def test_a_folder_named_by_gimp3_directory_is_a_settings_folder(machine):
    (machine / "home/mine").mkdir()
    named = programs.Machine("linux", {"GIMP3_DIRECTORY": "mine"}, machine / "home")
    assert gimps.settings_folders(named) == [machine / "home/mine"]
    assert gimps.settings_folders(programs.Machine("linux", {"GIMP3_DIRECTORY": "no"}, machine / "home")) == []


def lines(*names):
    return "\n".join(f"{name} yes" for name in names)


@pytest.fixture
def installed(machine, capsys, monkeypatch):
    put_gimp(machine, "gimp", "3.0.4")
    run(capsys)
    # The checks that run in Python have their own tests.
    monkeypatch.setattr(pythons.Python, "run", lambda *_: subprocess.CompletedProcess([], 1, "", "not asked"))
    return machine / "home/.config/GIMP/3.0"


GI = """Traceback (most recent call last):
  File "/x/plug-ins/generative-edit/generative-edit.py", line 12, in <module>
    import gi
{}
gimp-console: LibGimpBase-WARNING: gimp: gimp_wire_read(): unexpected EOF
"""
BINDING = "install GIMP's Python binding (on Debian: gir1.2-gimp-3.0 and python3-gi), then run this again"
START_GIMP = "check whether GIMP itself starts: {gimp}"
READ_OUTPUT = "run: python3 install.py, then read GIMP's output in a terminal"


@pytest.mark.parametrize(
    ("out", "errors", "sentence"),
    [
        (lines(*PROCEDURES), "Gtk-WARNING: cannot open display", "✓ Procedures: all 8 registered in GIMP"),
        ("generative-edit no", GI.format("ModuleNotFoundError: No module named 'gi'"),
         f"✗ Procedures: GIMP cannot start the plug-in: ModuleNotFoundError: No module named 'gi' → {BINDING}"),
        ("generative-edit no", GI.format("ValueError: Namespace Gimp not available"),
         f"✗ Procedures: GIMP cannot start the plug-in: ValueError: Namespace Gimp not available → {BINDING}"),
        ("generative-edit no", GI.format("AttributeError: module 'gi' has no attribute 'require_version'"),
         "✗ Procedures: GIMP cannot start the plug-in: AttributeError: module 'gi' has no attribute 'require_version'"
         f" → {BINDING}"),
        ("generative-edit no", GI.format("ImportError: Failed to load typelib file for namespace 'Gimp'"),
         "✗ Procedures: GIMP cannot start the plug-in: ImportError: Failed to load typelib file for namespace 'Gimp'"
         f" → {BINDING}"),
        ("generative-edit no", "env: 'python3': No such file or directory\n",
         f"✗ Procedures: GIMP cannot start the plug-in: env: 'python3': No such file or directory → {BINDING}"),
        ("generative-edit no", GI.format("SyntaxError: invalid syntax"),
         "✗ Procedures: GIMP cannot start the plug-in: SyntaxError: invalid syntax → run: python3 install.py"),
        ("generative-edit no", "", f"✗ Procedures: not registered in GIMP → {READ_OUTPUT}"),
        (lines("generative-edit"), "",
         "✗ Procedures: only generative-edit registered in GIMP → run: python3 install.py"),
        ("", "Gimp: cannot load x\n", f"✗ Procedures: GIMP does not respond: Gimp: cannot load x → {START_GIMP}"),
        ("", "", f"✗ Procedures: GIMP does not respond: it gave no reason → {START_GIMP}"),
    ],
)  # fmt: skip
def test_gimp_is_asked_which_procedures_are_registered(installed, machine, capsys, monkeypatch, out, errors, sentence):
    monkeypatch.setattr(procedures, "_run", lambda *_: subprocess.CompletedProcess([], 0, out, errors))
    output = run(capsys, "doctor")[1].out
    assert sentence.format(gimp=machine / "bin/gimp") in output.splitlines()
    assert ("Procedures" in output.splitlines()[-1]) is sentence.startswith("✗")


@pytest.mark.parametrize(
    ("failure", "sentence"),
    [
        (subprocess.TimeoutExpired("gimp", 300), "GIMP did not respond within 300 seconds"),
        (FileNotFoundError(2, "No such file or directory"), "GIMP does not start: No such file or directory"),
    ],
)
def test_a_gimp_that_does_not_respond_is_a_problem(installed, capsys, monkeypatch, failure, sentence):
    def fail(*_):
        raise failure

    monkeypatch.setattr(procedures, "_run", fail)
    code, captured = run(capsys, "doctor")
    assert code == 1 and f"✗ Procedures: {sentence} → check whether" in captured.out


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        ("${gimp_dir}/plug-ins/generative-edit/generative-edit.py", "✓ Procedures: all 8 registered in GIMP"),
        ("/opt/plug-ins/generative-edit/generative-edit.py",
         "✗ Procedures: GIMP uses the plug-in in /opt/plug-ins/generative-edit/generative-edit.py instead"
         " → remove that one, then run this again"),
        ("${gimp_plug_in_dir}/plug-ins/generative-edit/generative-edit.py",
         "✗ Procedures: GIMP uses the plug-in in ${gimp_plug_in_dir}/plug-ins/generative-edit/generative-edit.py"
         " instead → remove that one, then run this again"),
    ],
)  # fmt: skip
def test_a_plug_in_of_the_same_name_elsewhere(installed, capsys, file, sentence):
    """As written by GIMP 3.0.4 and 3.2.6, which use the first one on the plug-in path."""
    (installed / "pluginrc").write_text(f'(plug-in-def "{file}" 1795847017\n    (proc-def "generative-edit" 1')
    assert sentence in run(capsys, "doctor")[1].out.splitlines()


def test_gimp_queries_the_plug_in_again(installed, capsys):
    starter = installed / "plug-ins/generative-edit/generative-edit.py"
    os.utime(starter, (1, 1))
    run(capsys, "doctor")
    assert starter.stat().st_mtime > 1


def test_the_checked_procedures_are_the_plug_ins():
    names = set()
    for name in ("entries.py", "windows.py", "folder.py", "subject.py"):
        text = (packages.CHECKOUT / "plugin" / "procedures" / name).read_text()
        names |= set(re.findall(r'^(?:    |NAME = )"(generative-edit[\w-]*)"', text, re.MULTILINE))
    assert names == set(PROCEDURES)


def test_a_file_system_without_executables(installed, capsys, monkeypatch):
    monkeypatch.setattr(doctor.os, "access", lambda path, mode: False)
    output = run(capsys, "doctor", "--gimp-dir", str(installed))[1].out
    assert "✗ Permission: generative-edit.py is on a file system without executables (mounted noexec) → set" in output


def test_deleted_compiled_files_are_not_missing(installed, capsys):
    plug_in = installed / "plug-ins/generative-edit"
    files = json.loads((plug_in / "stamp.json").read_text())["files"]
    assert not [name for name in files if "__pycache__" in name]
    assert list(plug_in.rglob("__pycache__"))
    for folder in list(plug_in.rglob("__pycache__")):
        shutil.rmtree(folder)
    assert "✓ Plug-in folder" in run(capsys, "doctor")[1].out


def test_compiled_files_in_an_old_stamp_are_not_missing(installed):
    plug_in = installed / "plug-ins/generative-edit"
    old = json.loads((plug_in / "stamp.json").read_text())
    files = [*old["files"], "lib/__pycache__/gone.pyc", "lib/gone.py"]
    (plug_in / "stamp.json").write_text(json.dumps(old | {"files": files}))
    assert stamp.missing_files(plug_in) == ["lib/gone.py"]
