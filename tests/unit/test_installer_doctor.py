"""The doctor where something is not as it should be, and what it says of each system."""

import json
import os
import re
import shutil
import subprocess

import pytest

from lib.installer import doctor, gimps, packages, procedures, programs, pythons, stamp
from lib.installer.procedures import PROCEDURES
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


def lines(*names):
    return "\n".join(f"{name} yes" for name in names)


@pytest.fixture
def installed(machine, capsys, monkeypatch):
    put_gimp(machine, "gimp", "3.0.4")
    run(capsys)
    # What is asked of Python has its own tests.
    monkeypatch.setattr(pythons.Python, "run", lambda *_: subprocess.CompletedProcess([], 1, "", "not asked"))
    return machine / "home/.config/GIMP/3.0"


GI = """Traceback (most recent call last):
  File "/x/plug-ins/generative-edit/generative-edit.py", line 12, in <module>
    import gi
{}
gimp-console: LibGimpBase-WARNING: gimp: gimp_wire_read(): unexpected EOF
"""
BINDING = "install GIMP's Python binding (on Debian: gir1.2-gimp-3.0 and python3-gi), then run this again"
TRY = "see whether GIMP itself starts: {gimp}"
WORDS = "run: python3 install.py, then start GIMP from a terminal and read its words"


@pytest.mark.parametrize(
    ("out", "errors", "sentence"),
    [
        (lines(*PROCEDURES), "Gtk-WARNING: cannot open display", "✓ Procedures: GIMP knows all 7"),
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
        ("generative-edit no", "", f"✗ Procedures: GIMP does not know the plug-in → {WORDS}"),
        (lines("generative-edit"), "", "✗ Procedures: GIMP knows only generative-edit → run: python3 install.py"),
        ("", "Gimp: cannot load x\n", f"✗ Procedures: GIMP does not answer: Gimp: cannot load x → {TRY}"),
        ("", "", f"✗ Procedures: GIMP does not answer: no word → {TRY}"),
    ],
)  # fmt: skip
def test_gimp_is_asked_what_it_knows(installed, machine, capsys, monkeypatch, out, errors, sentence):
    monkeypatch.setattr(procedures, "_run", lambda *_: subprocess.CompletedProcess([], 0, out, errors))
    told = run(capsys, "doctor")[1].out
    assert sentence.format(gimp=machine / "bin/gimp") in told.splitlines()
    assert ("Procedures" in told.splitlines()[-1]) is sentence.startswith("✗")


@pytest.mark.parametrize(
    ("failure", "sentence"),
    [
        (subprocess.TimeoutExpired("gimp", 300), "GIMP does not answer in 300 seconds"),
        (FileNotFoundError(2, "No such file or directory"), "GIMP does not start: No such file or directory"),
    ],
)
def test_a_gimp_that_does_not_answer_is_never_well(installed, capsys, monkeypatch, failure, sentence):
    def fail(*_):
        raise failure

    monkeypatch.setattr(procedures, "_run", fail)
    code, told = run(capsys, "doctor")
    assert code == 1 and f"✗ Procedures: {sentence} → see whether" in told.out


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        ("${gimp_dir}/plug-ins/generative-edit/generative-edit.py", "✓ Procedures: GIMP knows all 7"),
        ("/opt/plug-ins/generative-edit/generative-edit.py",
         "✗ Procedures: GIMP takes the plug-in from /opt/plug-ins/generative-edit/generative-edit.py instead"
         " → remove that one, then run this again"),
        ("${gimp_plug_in_dir}/plug-ins/generative-edit/generative-edit.py",
         "✗ Procedures: GIMP takes the plug-in from ${gimp_plug_in_dir}/plug-ins/generative-edit/generative-edit.py"
         " instead → remove that one, then run this again"),
    ],
)  # fmt: skip
def test_a_plug_in_of_the_same_name_elsewhere(installed, capsys, file, sentence):
    """As GIMP 3.0.4 and 3.2.6 write it down: the first in the path of plug-ins counts."""
    (installed / "pluginrc").write_text(f'(plug-in-def "{file}" 1795847017\n    (proc-def "generative-edit" 1')
    assert sentence in run(capsys, "doctor")[1].out.splitlines()


def test_gimp_is_made_to_look_again(installed, capsys):
    starter = installed / "plug-ins/generative-edit/generative-edit.py"
    os.utime(starter, (1, 1))
    run(capsys, "doctor")
    assert starter.stat().st_mtime > 1


def test_the_procedures_are_those_that_the_plug_in_has():
    names = set()
    for name in ("entries.py", "windows.py", "folder.py"):
        text = (packages.CHECKOUT / "plugin" / "procedures" / name).read_text()
        names |= set(re.findall(r'^(?:    |NAME = )"(generative-edit[\w-]*)"', text, re.MULTILINE))
    assert names == set(PROCEDURES)


def test_a_disk_from_which_nothing_may_be_run(installed, capsys, monkeypatch):
    monkeypatch.setattr(doctor.os, "access", lambda path, mode: False)
    told = run(capsys, "doctor", "--gimp-dir", str(installed))[1].out
    assert "✗ Run bit: generative-edit.py lies where no program may be run (mounted noexec) → name another" in told


def test_a_cleaned_cache_is_not_missing(installed, capsys):
    plug_in = installed / "plug-ins/generative-edit"
    files = json.loads((plug_in / "stamp.json").read_text())["files"]
    assert not [name for name in files if "__pycache__" in name]
    assert list(plug_in.rglob("__pycache__"))
    for folder in list(plug_in.rglob("__pycache__")):
        shutil.rmtree(folder)
    assert "✓ Plug-in folder" in run(capsys, "doctor")[1].out


def test_a_stamp_of_before_that_lists_the_cache_is_not_missing_it(installed):
    plug_in = installed / "plug-ins/generative-edit"
    written = json.loads((plug_in / "stamp.json").read_text())
    files = [*written["files"], "lib/__pycache__/gone.pyc", "lib/gone.py"]
    (plug_in / "stamp.json").write_text(json.dumps(written | {"files": files}))
    assert stamp.missing_files(plug_in) == ["lib/gone.py"]
