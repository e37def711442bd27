"""Isolation of a system in a folder: what this machine allows is checked before anything is downloaded."""

import functools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lib.installer import isolation, private_gimp, system_packages
from lib.installer.problem import SetupProblem
from tests.unit.installer.made_machine import put_program

PROOT = Path(isolation.__file__).with_name("proot.py")
# A fake proot: skip its options and run the program.
FAKE_PROOT = 'while [ "$1" != /bin/sh ]; do shift; done\nexec "$@"'


@pytest.fixture(autouse=True)
def fresh():
    isolation.choose.cache_clear()
    yield
    isolation.choose.cache_clear()


@pytest.fixture
def machine(machine, monkeypatch):
    """The fake machine with an apt-get that installs what its `packages` folder has."""
    monkeypatch.setattr(system_packages, "is_root", lambda: True)
    monkeypatch.setattr(system_packages, "_LOCK", machine / "apt.lock")
    monkeypatch.setenv("PATH", f"{machine}/bin:/usr/bin:/bin")
    real = isolation.shutil.which
    monkeypatch.setattr(isolation.shutil, "which", lambda name: real(name, path=str(machine / "bin")))
    put_program(machine / "bin/apt-get", f'echo "$*" >> {machine}/calls\ncp {machine}/packages/* {machine}/bin/')
    (machine / "packages").mkdir()
    return machine


def installed(machine):
    calls = machine / "calls"
    return calls.read_text().split() if calls.exists() else []


def allow(machine, namespaces, tracing):
    """Set whether the machine allows namespaces and tracing."""
    put_program(machine / "bin/unshare", f"exit {int(not namespaces)}")
    put_program(machine / "packages/bwrap", f"exit {int(not namespaces)}")
    put_program(machine / "packages/proot", FAKE_PROOT if tracing else "exit 1")


def test_bubblewrap_where_namespaces_are_allowed(machine):
    allow(machine, namespaces=True, tracing=True)
    assert isinstance(isolation.choose(), isolation.Bubblewrap) and "bubblewrap" in installed(machine)


def test_proot_where_namespaces_are_not_allowed(machine):
    allow(machine, namespaces=False, tracing=True)
    assert isinstance(isolation.choose(), isolation.Proot)
    assert "proot" in installed(machine) and "bubblewrap" not in installed(machine)


def test_proot_where_bubblewrap_is_installed_but_fails(machine):
    allow(machine, namespaces=False, tracing=True)
    put_program(machine / "bin/bwrap", "exit 1")
    put_program(machine / "bin/unshare", "exit 0")
    assert isinstance(isolation.choose(), isolation.Proot)


def test_a_machine_without_isolation_is_reported_before_any_download(machine):
    allow(machine, namespaces=False, tracing=False)
    put_program(machine / "bin/mmdebstrap", f"touch {machine}/fetched")
    with pytest.raises(SetupProblem, match=r"neither namespaces nor tracing .* --cap-add SYS_PTRACE.* sudo sysctl"):
        private_gimp.ensure("3.0")
    assert not (machine / "fetched").exists()


def test_all_missing_packages_are_reported_together(machine, monkeypatch):
    allow(machine, namespaces=True, tracing=True)
    monkeypatch.setattr(system_packages, "is_root", lambda: False)
    with pytest.raises(SetupProblem) as caught:
        private_gimp.ensure("3.0")
    for package in ("bubblewrap", "mmdebstrap", "uidmap"):
        assert package in caught.value.what and package in caught.value.hint
    assert "sudo apt-get update && sudo apt-get install" in caught.value.hint and not installed(machine)


@pytest.mark.parametrize("kind", [isolation.Bubblewrap(), isolation.Proot()])
def test_only_the_given_variables_are_in_the_environment_inside(machine, monkeypatch, kind):
    monkeypatch.setattr(isolation, "choose", lambda: kind)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-outside")
    monkeypatch.setenv("https_proxy", "http://proxy")
    gimp = private_gimp.PrivateGimp(machine / "gimp-3.0", "3.0")
    command = gimp.command(["gimp", "--quit"], [machine], {"HOME": "/home/one"})
    assert command[-2:] == ["gimp", "--quit"] and str(machine / "gimp-3.0") in " ".join(command)
    text = " ".join(command).replace("=", " ")
    assert "HOME /home/one" in text and "https_proxy http://proxy" in text and "sk-outside" not in text


def proot(machine, *words, **options):
    put_program(machine / "bin/proot", FAKE_PROOT)
    command = [sys.executable, str(PROOT), "-r", str(machine), "--", *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **options)


@pytest.mark.parametrize(("script", "code"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137)])
def test_proot_returns_the_exit_code_of_the_program_inside(machine, script, code):
    process = proot(machine, "sh", "-c", script)
    assert process.wait(30) == code


def test_system_calls_that_proot_does_not_know_fail_inside(machine):
    numbers = {"x86_64": 332, "aarch64": 291}
    if os.uname().machine not in numbers:
        pytest.skip("system calls have other numbers on this machine")
    statx = f"ctypes.CDLL(None, use_errno=True).syscall({numbers[os.uname().machine]}, -1, b'/', 0, 0, None)"
    process = proot(machine, sys.executable, "-c", f"import ctypes; print({statx}, ctypes.get_errno())")
    assert process.communicate(timeout=30)[0] == "-1 38\n"


@pytest.mark.parametrize("name", ["SIGTERM", "SIGKILL"])
def test_proot_ends_with_its_parent(machine, name):
    """Even in the background of a shell, which ignores SIGQUIT for it."""
    in_background = functools.partial(signal.signal, signal.SIGQUIT, signal.SIG_IGN)
    process = proot(machine, "sh", "-c", "echo $PPID; exec sleep 60", preexec_fn=in_background)
    inside = int(process.stdout.readline())
    process.send_signal(getattr(signal, name))
    process.wait(30)
    end = time.monotonic() + 30
    while Path(f"/proc/{inside}").exists() and Path(f"/proc/{inside}/stat").read_text().split()[2] != "Z":
        assert time.monotonic() < end, "proot is still running"
        time.sleep(0.01)
