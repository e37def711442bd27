"""What install.py does on Windows and macOS, whose rules are injected here; these tests run on every system."""

import errno
import importlib
import itertools
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

import install
from lib.installer import doctor, gimps, installation, invocation, programs, pythons
from lib.installer.problem import SetupProblem
from lib.installer.programs import Program
from lib.storage import file_lock
from tests.unit.installer.made_machine import put_gimp, put_program, run


@pytest.fixture
def running(monkeypatch):
    """Return a function that makes a Python at a path the running one, on a system with these programs."""

    def use(system, executable, on_path=(), venv=False):
        monkeypatch.setattr(invocation.sys, "platform", system)
        monkeypatch.setattr(invocation.sys, "executable", executable)
        monkeypatch.setattr(invocation.sys, "base_prefix", "/base")
        monkeypatch.setattr(invocation.sys, "prefix", "/venv" if venv else "/base")
        monkeypatch.setattr(invocation.shutil, "which", dict(on_path).get)

    return use


MINOR = sys.version_info.minor
NEWER = f"/opt/python3.{MINOR}"
WINDOWS_PYTHON = r"C:\Program Files\Python\python.exe"


@pytest.mark.parametrize(
    ("system", "executable", "on_path", "venv", "command"),
    [
        ("win32", WINDOWS_PYTHON, {"py": r"C:\Windows\py.exe"}, False, f"py -3.{MINOR}"),
        ("win32", WINDOWS_PYTHON, {"python3": r"C:\WindowsApps\python3.exe"}, False, f'& "{WINDOWS_PYTHON}"'),
        ("win32", r"C:\venv\python.exe", {"py": r"C:\Windows\py.exe"}, True, r"C:\venv\python.exe"),
        ("linux", "/usr/bin/python3", {"python3": "/usr/bin/python3"}, False, "python3"),
        ("linux", NEWER, {"python3": "/usr/bin/python3", f"python3.{MINOR}": NEWER},
         False, f"python3.{MINOR}"),
        ("linux", "/home/me/my venv/bin/python", {}, True, "'/home/me/my venv/bin/python'"),
        ("darwin", "/opt/homebrew/bin/python3", {"python3": "/opt/homebrew/bin/python3"}, False, "python3"),
    ],
)  # fmt: skip
def test_a_hint_names_the_python_that_runs(running, system, executable, on_path, venv, command):
    running(system, executable, on_path, venv)
    assert invocation.install_command("update") == f"{command} install.py update"


def test_arguments_are_quoted_for_the_systems_shell(running):
    running("win32", WINDOWS_PYTHON, {"py": "py"})
    assert invocation.install_command("--gimp-dir", r"C:\my gimp").endswith(r'--gimp-dir "C:\my gimp"')
    running("linux", "/usr/bin/python3", {"python3": "/usr/bin/python3"})
    assert invocation.install_command("--gimp-dir", "/my gimp") == "python3 install.py --gimp-dir '/my gimp'"


@pytest.mark.parametrize(
    ("system", "hint"),
    [
        ("win32", "Install Python from python.org, then run: py install.py"),
        ("darwin", "Install Python from python.org, or with Homebrew (brew install python), then run: python3.11 "
                   "install.py"),
        ("linux", "Install a newer Python, then run: python3.11 install.py"),
    ],
)  # fmt: skip
def test_an_old_python_is_told_where_to_get_another(monkeypatch, capsys, system, hint):
    monkeypatch.setattr(install.sys, "platform", system)
    monkeypatch.setattr(install, "OLDEST_PYTHON", (9, 0))
    monkeypatch.setenv("PATH", "")
    assert not install.check_python("install.py", [])
    assert capsys.readouterr().err.splitlines()[1] == hint


@pytest.mark.parametrize(
    ("names", "waits"),
    [
        (["python.exe"], True),
        (["python.exe", "py.exe"], True),
        (["python.exe", "py.exe", "cmd.exe"], False),
        (["python.exe", "powershell.exe"], False),
        (["python.exe", "unknown"], False),
        ([], False),
    ],
)
def test_a_window_that_a_double_click_opened_stays_open(monkeypatch, capsys, names, waits):
    read = []
    monkeypatch.setattr(install.sys, "stdin", SimpleNamespace(readline=lambda: read.append(1)))
    install.keep_window_open(names)
    assert (bool(read), "Press Enter" in capsys.readouterr().out) == (waits, waits)


def test_the_programs_of_a_console_are_read_from_windows(monkeypatch):
    ctypes = pytest.importorskip("ctypes")
    paths = {7: r"C:\Python\python.exe", 8: r"C:\Windows\py.exe"}

    def console_processes(numbers, _size):
        numbers[0], numbers[1], numbers[2] = 7, 8, 9
        return 3

    def image_name(process, _flags, buffer, _size):
        buffer.value = paths[process.value]
        return 1

    def open_process(_access, _inherit, number):
        return number if number in paths else None

    kernel = SimpleNamespace(GetConsoleProcessList=console_processes, QueryFullProcessImageNameW=image_name,
                             OpenProcess=SimpleNamespace(), CloseHandle=lambda _process: 1)  # fmt: skip
    kernel.OpenProcess = type("Function", (), {"__call__": staticmethod(open_process)})()
    monkeypatch.setattr(ctypes, "windll", SimpleNamespace(kernel32=kernel), raising=False)
    monkeypatch.setattr(install.sys, "platform", "win32")
    assert install.console_programs() == ["python.exe", "py.exe", "unknown"]


def test_no_window_is_kept_elsewhere(monkeypatch):
    monkeypatch.setattr(install.sys, "platform", "linux")
    assert install.console_programs() == []


@pytest.fixture
def windows_lock(monkeypatch):
    """The lock module as it is on Windows, and the log of its calls; the lock is free after some attempts."""
    log, attempts = [], itertools.count()
    state = SimpleNamespace(busy_for=0)

    def locking(_descriptor, mode, _size):
        log.append(mode)
        if mode == "try" and next(attempts) < state.busy_for:
            raise PermissionError(errno.EACCES, "Permission denied")

    fake = SimpleNamespace(locking=locking, LK_LOCK="ten seconds", LK_NBLCK="try", LK_UNLCK="unlock")
    monkeypatch.setitem(sys.modules, "msvcrt", fake)
    with monkeypatch.context() as windows:
        windows.setattr(sys, "platform", "win32")
        importlib.reload(file_lock)
    monkeypatch.setattr(file_lock.time, "sleep", lambda _seconds: log.append("wait"))
    yield state, log
    importlib.reload(file_lock)


def test_a_lock_on_windows_is_waited_for_as_long_as_it_is_held(windows_lock, tmp_path):
    """Windows's own waiting lock gives up after ten attempts."""
    state, log = windows_lock
    state.busy_for = 25
    with file_lock.locked(tmp_path / "lock", wait=True) as acquired:
        assert acquired and log == ["try", "wait"] * 25 + ["try"]
    assert log[-1] == "unlock"


def test_a_lock_on_windows_that_is_not_waited_for(windows_lock, tmp_path):
    state, log = windows_lock
    state.busy_for = 1
    with file_lock.locked(tmp_path / "lock") as acquired:
        assert not acquired
    assert log == ["try"]


@pytest.fixture
def held_files(machine, capsys, monkeypatch):
    """An installation with a loaded .pyd: Windows renames it with its folder, but doesn't delete it."""
    put_gimp(machine, "gimp", "3.0.4")
    assert run(capsys)[0] == 0
    folder = machine / "home/.config/GIMP/3.0/plug-ins/generative-edit"
    (folder / "vendor/_loaded.pyd").write_bytes(b"MZ")
    held, unlink = [True], installation.shutil.os.unlink

    def refuse(path, *arguments, **options):
        if held and Path(path).name == "_loaded.pyd":
            raise PermissionError(errno.EACCES, "Access is denied", str(path))
        unlink(path, *arguments, **options)

    monkeypatch.setattr(shutil.os, "unlink", refuse)
    return SimpleNamespace(folder=folder, held=held, others=lambda: [path.name for path in folder.parent.iterdir()])


def test_an_update_leaves_what_is_in_use_and_the_next_one_removes_it(held_files, capsys):
    code, captured = run(capsys, "update")
    unused = held_files.folder.with_name(".generative-edit.unused-1")
    assert code == 0 and sorted(held_files.others()) == [".generative-edit.unused-1", "generative-edit"]
    assert (
        f"Couldn't remove all of {unused}, as a program uses files in it. The next python3 install.py uninstall removes"
        in captured.out
    )
    assert [path.name for path in unused.rglob("*") if path.is_file()] == ["_loaded.pyd"]
    assert run(capsys, "update")[0] == 0  # still in use: nothing is in its way
    held_files.held.clear()
    assert run(capsys, "update")[0] == 0 and held_files.others() == ["generative-edit"]


def test_uninstall_leaves_what_is_in_use_and_the_next_one_removes_it(held_files, capsys):
    code, captured = run(capsys, "uninstall")
    assert code == 0 and "Removed " in captured.out and "Couldn't remove all of" in captured.out
    assert held_files.others() == [".generative-edit.unused-1"]
    held_files.held.clear()
    code, captured = run(capsys, "uninstall")
    assert code == 0 and held_files.others() == [] and "Couldn't remove" not in captured.out


def test_a_folder_that_cannot_be_renamed_is_in_use(machine, capsys, monkeypatch):
    """Windows renames no folder in which a process runs, as the worker does."""
    put_gimp(machine, "gimp", "3.0.4")
    run(capsys)
    monkeypatch.setattr(installation, "is_in_use", lambda _error: True)

    def refuse(self, _target):
        raise PermissionError(errno.EACCES, "Access is denied", str(self))

    monkeypatch.setattr(installation.Path, "rename", refuse)
    code, captured = run(capsys, "uninstall")
    folder = machine / "home/.config/GIMP/3.0/plug-ins/generative-edit"
    assert code == 1 and captured.err.splitlines()[0] == f"A program is using {folder}."
    assert captured.err.splitlines()[1].startswith("Close GIMP and every other program") and folder.exists()


def test_only_console_programs_are_started(machine, monkeypatch):
    """On Windows, gimp.exe opens a window even for --version."""
    bin_folder = machine / "Program Files/GIMP 3/bin"
    started = machine / "started"
    for name in ("gimp-3.exe", "gimp-3.2.exe", "gimp-console-3.2.exe"):
        put_program(bin_folder / name, f"echo {name} >> '{started}'; echo version 3.2.6")
    variables = {"ProgramFiles": str(machine / "Program Files"), "APPDATA": str(machine / "home")}
    installed = gimps.find_all(programs.Machine("win32", variables, machine / "home")).gimps
    assert [(gimp.version, Path(gimp.command).name) for gimp in installed] == [("3.2.6", "gimp-console-3.2.exe")]
    assert started.read_text().split() == ["gimp-console-3.2.exe"]


def test_a_console_program_answers_for_its_twin(machine):
    for name in ("gimp", "gimp-3.0", "gimp-console-3.0", "gimp-console"):
        put_program(machine / "bin" / name, "echo version 3.0.4")
    names = [program.path.name for program in programs.programs(programs.Machine())]
    assert names == ["gimp-console", "gimp-console-3.0"]


def test_programs_are_asked_in_parallel_for_ten_seconds_each(monkeypatch):
    """Eight that do not answer take as long as one."""

    def ask(command, seconds):
        assert seconds == 10 and command[1] == "--version"
        time.sleep(0.2)
        raise subprocess.TimeoutExpired(command, seconds)

    monkeypatch.setattr(gimps, "programs", lambda _machine: [Program(Path(f"/{number}")) for number in range(8)])
    monkeypatch.setattr(gimps.pythons, "ask", ask)
    start = time.monotonic()
    assert gimps._unsandboxed(programs.Machine(), []) == [] and time.monotonic() - start < 1.2


@pytest.mark.parametrize("system", ["darwin", "linux"])
def test_the_pythons_inside_gimp_are_refused(monkeypatch, system):
    inside = "/Applications/GIMP-3.2.app/Contents/Resources/Library/Frameworks/Python.framework/Versions/3.13"
    with pytest.raises(SetupProblem, match=r"GIMP\.app.*python\.org or with Homebrew"):
        pythons.check_running(inside)
    pythons.check_running("/opt/homebrew/opt/python@3.13/Frameworks/Python.framework/Versions/3.13")
    monkeypatch.setattr(pythons.sysconfig, "get_platform", lambda: "mingw_x86_64_ucrt")
    with pytest.raises(SetupProblem, match=r"MinGW.*python\.org"):
        pythons.check_running(r"C:\Program Files\GIMP 3")


@pytest.mark.parametrize("blocked", ["", "vendor/numpy/core.so"])
def test_quarantined_files_are_named(machine, blocked):
    put_program(machine / "bin/find", f'[ "$2 $3" = "-xattrname com.apple.quarantine" ] && echo "{blocked}"')
    finding = doctor._examine_quarantine(machine / "plug in")
    hint = f"run: xattr -dr com.apple.quarantine '{machine / 'plug in'}'"
    assert (finding.state, finding.hint) == ((f"macOS blocks {blocked}", hint) if blocked
                                             else ("macOS blocks no file", ""))  # fmt: skip
