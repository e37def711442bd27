"""install.py on fake machines: its error messages, and that an existing installation survives failures."""

import ast
import errno
import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import install
from lib.installer import gimps, packages, private_gimp, removal
from lib.installer.problem import SetupProblem
from lib.settings import settings
from lib.storage import file_lock
from lib.storage.file_lock import locked
from tests.unit.installer.made_machine import put_gimp, put_program, real_fetch, run

CHECKOUT = Path(__file__).absolute().parents[3]


def test_install_copies_the_plug_in_and_names_the_menu_entry(machine, capsys):
    put_gimp(machine, "gimp-console", "3.0.4")
    code, captured = run(capsys)
    folder = machine / "home/.config/GIMP/3.0/plug-ins/generative-edit"
    assert code == 0 and str(folder) in captured.out and "Filters ▸ Generative Edit" in captured.out
    assert os.access(folder / "generative-edit.py", os.X_OK)
    stamp = json.loads((folder / "stamp.json").read_text())
    assert stamp["python"] == sys.executable and "lib/api/models.json" in stamp["files"]
    assert all((folder / name).exists() for name in stamp["files"])
    assert sorted(path.name for path in folder.parent.iterdir()) == ["generative-edit"]


def test_a_second_run_updates_in_place_without_fetching_again(machine, capsys, monkeypatch):
    put_gimp(machine, "gimp-3.2", "3.2.6")
    assert run(capsys)[0] == 0
    folder = machine / "home/.config/GIMP/3.2/plug-ins/generative-edit"
    (folder / "plugin" / "left-over.py").write_text("old")
    monkeypatch.setattr(packages, "fetch", lambda *_: pytest.fail("fetched twice"))
    code, captured = run(capsys)
    assert code == 0 and captured.out.startswith("Updated")
    assert (folder / "vendor/requests.py").exists() and not (folder / "plugin/left-over.py").exists()


def test_packages_for_another_python_are_fetched_again(machine, capsys):
    put_gimp(machine, "gimp", "3.0.4")
    run(capsys)
    folder = machine / "home/.config/GIMP/3.0/plug-ins/generative-edit"
    stamp = json.loads((folder / "stamp.json").read_text())
    (folder / "stamp.json").write_text(json.dumps(stamp | {"python_version": "3.9"}))
    (folder / "vendor/requests.py").write_text("old")
    assert run(capsys)[0] == 0
    assert (folder / "vendor/requests.py").read_text() == "fetched = True\n"


def test_a_failed_update_leaves_the_old_one_working(machine, capsys, monkeypatch):
    put_gimp(machine, "gimp", "3.0.4")
    run(capsys)
    folder = machine / "home/.config/GIMP/3.0/plug-ins/generative-edit"
    before = sorted(folder.rglob("*"))
    (folder / "vendor/requests.py").unlink()
    monkeypatch.setattr(packages, "fetch", fail_to_fetch)
    code, captured = run(capsys)
    assert code == 1 and "Couldn't download the packages" in captured.err
    assert sorted(folder.rglob("*")) == [path for path in before if path.name != "requests.py"]
    assert [path.name for path in folder.parent.iterdir()] == ["generative-edit"]


def fail_to_fetch(vendor, python):
    raise SetupProblem("Couldn't download the packages: no route.", "Check the network, then run this again.")


def test_no_gimp(machine, capsys):
    code, captured = run(capsys)
    assert code == 1 and captured.err.splitlines() == ["Couldn't find GIMP on this machine.", gimps.WHERE_TO_GET]
    assert not (machine / "home/.config").exists()


def test_gimp_2_10_only(machine, capsys):
    put_gimp(machine, "gimp", "2.10.34")
    code, captured = run(capsys)
    assert code == 1 and "has GIMP 2.10.34; Generative Edit needs 3.0 or later" in captured.err


def test_the_newest_gimp_is_used(machine):
    put_gimp(machine, "gimp", "2.10.34")
    put_gimp(machine, "gimp-console-3.0", "3.0.4")
    put_gimp(machine, "gimp-console-3.2", "3.2.6")
    assert gimps.find().version == "3.2.6"


def test_a_read_only_folder(machine, capsys):
    put_gimp(machine, "gimp", "3.0.4")
    code, captured = run(capsys, "--gimp-dir", "/proc/self/generative-edit")
    assert code == 1 and "Couldn't write /proc/self/generative-edit" in captured.err and "--gimp-dir" in captured.err


def test_two_installs_at_once(machine, capsys):
    put_gimp(machine, "gimp", "3.0.4")
    config = machine / "home/.config/GIMP/3.0"
    config.mkdir(parents=True)
    with locked(config / "generative-edit.lock"):
        code, captured = run(capsys)
    assert code == 1 and "Another install.py is using this folder" in captured.err
    assert run(capsys)[0] == 0


def test_an_install_on_a_file_system_without_locks(machine, capsys, monkeypatch):
    def unsupported(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(file_lock, "_lock", unsupported)
    put_gimp(machine, "gimp", "3.0.4")
    assert run(capsys)[0] == 0
    assert (machine / "home/.config/GIMP/3.0/plug-ins/generative-edit").is_dir()


def test_link_follows_the_checkout(machine, capsys):
    put_gimp(machine, "gimp", "3.0.4")
    assert run(capsys, "install", "--link")[0] == 0
    folder = machine / "home/.config/GIMP/3.0/plug-ins/generative-edit"
    assert (folder / "lib").resolve() == CHECKOUT / "lib" and (folder / "plugin").is_symlink()


def test_uninstall_says_where_the_data_remains(machine, capsys):
    put_gimp(machine, "gimp", "3.0.4")
    run(capsys)
    code, captured = run(capsys, "uninstall")
    assert code == 0 and str(settings.data_folder()) in captured.out
    assert not (machine / "home/.config/GIMP/3.0/plug-ins/generative-edit").exists()
    assert settings.data_folder().exists()
    assert "Generative Edit is not installed" in run(capsys, "uninstall")[1].out


def test_uninstall_everything_asks_for_confirmation(machine, capsys, monkeypatch):
    put_gimp(machine, "gimp", "3.0.4")
    run(capsys)
    data = settings.data_folder()
    (private_gimp.cache_folder() / "gimp-3.0" / "usr").mkdir(parents=True)
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}:/usr/bin:/bin")
    monkeypatch.setattr("builtins.input", lambda question: "n")
    assert "Nothing was removed" in run(capsys, "uninstall", "--everything")[1].out and data.exists()
    monkeypatch.setattr(removal, "forget_keys", lambda places: [])
    monkeypatch.setattr("builtins.input", lambda question: "y")
    assert run(capsys, "uninstall", "--everything")[0] == 0
    assert not data.exists() and not private_gimp.cache_folder().exists()


def test_uninstall_everything_without_a_terminal_removes_nothing(machine, capsys, monkeypatch):
    put_gimp(machine, "gimp", "3.0.4")
    run(capsys)
    with Path(os.devnull).open() as empty:
        monkeypatch.setattr(sys, "stdin", empty)
        code, captured = run(capsys, "uninstall", "--everything")
    assert code == 0 and "Nothing was removed" in captured.out and settings.data_folder().exists()


def test_doctor_names_each_problem_and_what_to_do(machine, capsys):
    put_gimp(machine, "gimp", "3.0.4")
    code, captured = run(capsys, "doctor")
    assert code == 1 and "✓ GIMP: 3.0.4" in captured.out and "→ run: python3 install.py" in captured.out
    run(capsys)
    folder = machine / "home/.config/GIMP/3.0/plug-ins/generative-edit"
    (folder / "generative-edit.py").chmod(0o644)
    (folder / "lib/worker/__main__.py").unlink()
    code, captured = run(capsys, "doctor")
    assert code == 1 and "chmod +x" in captured.out and "lib/worker/__main__.py" in captured.out


def test_doctor_finds_no_problem_in_a_working_installation(machine, capsys, monkeypatch):
    put_gimp(machine, "gimp", "3.0.4")
    monkeypatch.setattr(packages, "fetch", real_fetch)
    run(capsys)
    code, captured = run(capsys, "doctor")
    assert code == 0, captured.out
    assert [line.split(":")[0] for line in captured.out.splitlines()[:-1]] == [
        "✓ GIMP", "✓ Plug-in folder", "✓ Languages", "✓ Permission", "✓ Procedures", "✓ Python",
        "✓ Data folder", "✓ Packages", "✓ Subject network", "✓ Embedded endpoint", "✓ OpenAI key",
    ]  # fmt: skip
    assert "built-in" in captured.out


def old_pythons():
    """Return the old Pythons of this machine that work."""
    paths = (shutil.which(f"python{version}") for version in ("2.7", "3.6", "3.7", "3.8", "3.9", "3.10"))
    return [path for path in paths if path and not subprocess.run([path, "-V"], capture_output=True).returncode]


@pytest.mark.parametrize("name", ["install.py", "tests/run.py"])
def test_old_pythons_can_parse_the_programs(name):
    text = (CHECKOUT / name).read_text(encoding="utf-8")
    ast.parse(text, feature_version=(3, 6))
    assert text.isascii(), "Python 2.7 needs a coding comment for other letters"
    for old in old_pythons():
        done = subprocess.run([old, CHECKOUT / name], capture_output=True, text=True)
        assert done.returncode == 1 and done.stderr.startswith("Generative Edit needs Python 3.11 or later")


def test_an_old_python_prints_which_version_is_needed(tmp_path):
    text = (CHECKOUT / "install.py").read_text()
    (tmp_path / "install.py").write_text(text.replace("OLDEST_PYTHON = (3, 11)", "OLDEST_PYTHON = (9, 0)"))
    programs = [(sys.executable, tmp_path / "install.py"), *((old, CHECKOUT / "install.py") for old in old_pythons())]
    for python, program in programs:
        done = subprocess.run([python, program, "demo"], capture_output=True, text=True)
        first, second = done.stderr.splitlines()
        assert done.returncode == 1 and first.startswith("Generative Edit needs Python 3.11 or later; this is")
        assert second.startswith(("Run: python3.", "Install a newer Python, then run: python3."))
        assert second.endswith(" install.py demo")


def test_an_installed_newer_python_is_named(machine, capsys, monkeypatch):
    monkeypatch.setattr(install, "OLDEST_PYTHON", (9, 0))
    assert not install.check_python("install.py", ["doctor"])
    assert "Install a newer Python, then run: python3.11 install.py doctor\n" in capsys.readouterr().err
    put_program(machine / "bin/python3.13", "")
    assert not install.check_python("tests/run.py", [])
    assert capsys.readouterr().err.endswith("\nRun: python3.13 tests/run.py\n")


def test_an_incomplete_folder_is_reported(tmp_path):
    """For example, if only install.py was downloaded."""
    shutil.copy(CHECKOUT / "install.py", tmp_path)
    done = subprocess.run([sys.executable, tmp_path / "install.py"], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 1 and done.stderr.splitlines() == [
        "This folder or this Python installation is incomplete: No module named 'lib'.",
        "Unpack the whole release or clone the repository again, then run install.py there.",
    ]


def test_install_py_works_without_its_folder_on_the_path():
    done = subprocess.run([sys.executable, "-P", CHECKOUT / "install.py", "--version"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_machine_without_debian_says_where_to_get_gimp(machine, capsys):
    code, captured = run(capsys, "demo")
    assert code == 1 and "Install GIMP 3 from your distribution" in captured.err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["demo", "nowhere.png", "--select", "1,2,3,4"], "Couldn't find"),
        (["demo", "picture.png"], "No part of the picture is selected"),
        (["demo", "--select", "1,2"], "--select 1,2 is not a rectangle"),
    ],
)
def test_invalid_arguments_are_reported(machine, capsys, arguments, sentence):
    code, captured = run(capsys, *arguments)
    assert code == 1 and sentence in captured.err and len(captured.err.splitlines()) == 2


@pytest.mark.linux
def test_a_broken_build_is_unmounted_and_removed(tmp_path, monkeypatch):
    part = tmp_path / "gimp-3.0.part"
    (part / "proc").mkdir(parents=True)
    mounts, calls = [f"{part}/sys", f"{part}/proc"], []
    monkeypatch.setattr(private_gimp, "_mounts_below", lambda root: [point for point in mounts if str(root) in point])
    real = private_gimp.subprocess.run

    def run(command, **options):
        calls.append(command)
        return None if command[0] == "umount" else real(command, **options)

    monkeypatch.setattr(private_gimp.subprocess, "run", run)
    private_gimp.remove(part)
    assert calls[:2] == [["umount", f"{part}/sys"], ["umount", f"{part}/proc"]]
    assert "--one-file-system" in calls[-1] and not part.exists()


def test_mounts_below_a_folder_are_listed(monkeypatch):
    mounts = "proc /a/gimp-3.0/proc proc rw 0 0\nx /a/gimp-3.0/a\\040b ext4 rw 0 0\nx /a/gimp-3.0-2 ext4 rw 0 0\n"
    monkeypatch.setattr(private_gimp.Path, "read_text", lambda self, **_: mounts)
    assert private_gimp._mounts_below(Path("/a/gimp-3.0")) == ["/a/gimp-3.0/proc", "/a/gimp-3.0/a b"]


def test_the_data_folder_is_private(machine):
    assert stat.S_IMODE(settings.data_folder().stat().st_mode) == 0o700
    assert stat.S_IMODE(settings.jobs_folder().stat().st_mode) == 0o700


def test_doctor_without_gimp_checks_the_given_folder(machine, capsys):
    code, captured = run(capsys, "doctor", "--gimp-dir", str(machine / "config"))
    assert code == 1 and "✗ GIMP" in captured.out and "✗ Plug-in folder" in captured.out
