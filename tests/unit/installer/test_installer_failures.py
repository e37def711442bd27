"""Failures while installing: two sentences for the user, and the old installation is unchanged."""

import errno
import getpass
import json
import os
import shutil
import sys

import pytest

from lib.installer import changelog, command, installation, packages, pythons
from lib.installer.installation import Installation
from lib.installer.problem import SetupProblem
from lib.settings import settings
from tests.unit.installer.made_machine import put_gimp, run


@pytest.fixture
def installed(machine, capsys):
    put_gimp(machine, "gimp", "3.0.4")
    assert run(capsys)[0] == 0
    return machine / "home/.config/GIMP/3.0/plug-ins/generative-edit"


def state(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def is_alone(folder):
    """Return whether there is nothing else beside the plug-in."""
    return list(folder.parent.iterdir()) == [folder]


def fails(capsys, *arguments):
    code, captured = run(capsys, *arguments)
    lines = captured.err.splitlines()
    assert code == 1 and len(lines) == 2 and all(line.endswith(".") for line in lines), captured.err
    return captured.err


def disk_full(*_arguments, **_options):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/home/x/file")


@pytest.mark.parametrize(("where", "name"), [(shutil, "copyfile"), (shutil, "copytree"), (installation.stamp, "write")])
def test_a_full_disk_at_any_step(installed, capsys, monkeypatch, where, name):
    before = state(installed)
    with monkeypatch.context() as full:
        full.setattr(where, name, disk_full)
        assert "Couldn't write /home/x/file: No space left on device." in fails(capsys)
    assert state(installed) == before and is_alone(installed)
    assert run(capsys)[0] == 0


def test_a_disk_that_fills_while_packages_are_copied(installed, capsys, monkeypatch):
    """copytree collects its errors in a list."""
    before = state(installed)
    monkeypatch.setattr(installation, "_link_or_copy", disk_full)
    output = fails(capsys)
    assert output.startswith("Couldn't write ") and "/vendor/" in output and ": [Errno 28] No space left" in output
    assert state(installed) == before


def test_a_file_system_without_hard_links(installed, capsys, monkeypatch):
    monkeypatch.setattr(installation.os, "link", lambda *_: disk_full())
    assert run(capsys)[0] == 0 and (installed / "vendor/requests.py").exists()


@pytest.mark.parametrize("failing", [1, 2])
def test_a_failed_swap_restores_the_old_installation(installed, capsys, monkeypatch, failing):
    before, calls, rename = state(installed), [], installation.Path.rename

    def held(self, target):
        calls.append(target)
        if len(calls) == failing:
            raise PermissionError(errno.EACCES, "Access is denied", str(self))
        return rename(self, target)

    monkeypatch.setattr(installation.Path, "rename", held)
    assert "Access is denied.\nClose GIMP" in fails(capsys)
    assert state(installed) == before and is_alone(installed)


def test_an_update_that_was_killed_between_its_renames_is_undone(installed, capsys, monkeypatch):
    before = state(installed)
    installed.rename(installed.with_name(".generative-edit.old"))
    monkeypatch.setattr(packages, "PINS", packages.PINS.with_name("problem.py"))
    monkeypatch.setattr(packages, "fetch", lambda *_: disk_full())
    fails(capsys)
    assert state(installed) == before and is_alone(installed)


def test_files_of_a_killed_install_are_removed(installed, capsys):
    (installed.with_name(".generative-edit.new") / "lib").mkdir(parents=True)
    assert run(capsys)[0] == 0 and is_alone(installed)


def test_a_read_only_release_folder(machine, tmp_path, monkeypatch, capsys):
    """Its permissions are not copied, as a read-only folder could not be updated."""
    copy = tmp_path / "release"
    for name in ("lib", "plugin"):
        shutil.copytree(packages.CHECKOUT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path in sorted(copy.rglob("*"), reverse=True):
        path.chmod(0o555 if path.is_dir() else 0o444)
    monkeypatch.setattr(installation, "CHECKOUT", copy)
    Installation(machine / "config").install()
    folder = machine / "config/plug-ins/generative-edit"
    assert all(path.stat().st_mode & 0o200 for path in folder.rglob("*"))
    for path in copy.rglob("*"):
        path.chmod(0o755)


def test_uninstall_of_a_locked_folder_leaves_it_complete(installed, capsys, monkeypatch):
    before = state(installed)

    def held(self, target):
        raise PermissionError(errno.EACCES, "Access is denied", str(self))

    monkeypatch.setattr(installation.Path, "rename", held)
    assert "Access is denied" in fails(capsys, "uninstall") and state(installed) == before


def test_update_keeps_settings_history_and_keys(installed, capsys):
    stamp = json.loads((installed / "stamp.json").read_text())
    older = {key: stamp[key] for key in ("python", "python_version", "files")} | {"version": "0.0.1"}
    (installed / "stamp.json").write_text(json.dumps(older))
    data = settings.data_folder()
    (settings.jobs_folder() / "1").mkdir()
    for name in ("settings.json", "keys.json", "jobs/1/job.json"):
        (data / name).write_text(name)
    before = state(data)
    code, captured = run(capsys, "update")
    assert code == 0 and "\nUpdated" in captured.out and state(data) == before
    assert json.loads((installed / "stamp.json").read_text()) == stamp


def test_update_only_updates_existing_installations(installed, machine, capsys):
    put_gimp(machine, "gimp-3.2", "3.2.6")
    assert run(capsys, "update")[1].out.count("Updated") == 1
    assert not (machine / "home/.config/GIMP/3.2").exists()
    run(capsys, "uninstall")
    code, captured = run(capsys, "update")
    assert code == 1
    assert captured.err == "Generative Edit is not installed.\nTo install it, run: python3 install.py\n"


def test_interrupted_by_the_user(installed, capsys, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    before = state(installed)
    monkeypatch.setattr(installation.stamp, "write", stop)
    assert fails(capsys).startswith("Interrupted.")
    assert state(installed) == before and is_alone(installed)


def test_doctor_reports_an_older_installation_and_another_python(installed, capsys, monkeypatch):
    stamp = json.loads((installed / "stamp.json").read_text())
    (installed / "stamp.json").write_text(json.dumps(stamp | {"version": "0.0.1", "python_version": "3.9"}))
    output = run(capsys, "doctor")[1].out
    assert "has version 0.0.1" in output and "→ run: python3 install.py update" in output
    assert "but the packages are for 3.9 → run: python3 install.py" in output
    (installed / "stamp.json").write_text(json.dumps(stamp | {"python": "/nowhere/python3"}))
    assert "✗ Python: /nowhere/python3 no longer exists" in run(capsys, "doctor")[1].out


def test_the_line_for_a_bug_report_has_no_key_and_no_user_name(installed, capsys, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    (installed / "lib/worker/edit_job.py").unlink()
    last = run(capsys, "doctor")[1].out.splitlines()[-1]
    assert last.startswith(f"For a bug report: generative-edit {changelog.version()}; ")
    assert "GIMP 3.0.4, plug-in" in last and "problems: Plug-in folder" in last
    for secret in ("sk-secret", str(installed), "home/", getpass.getuser() + "@", os.uname().nodename):
        assert secret not in last


def test_a_console_that_cannot_encode_our_letters(machine, monkeypatch):
    put_gimp(machine, "gimp", "3.0.4")
    with (machine / "out").open("w", encoding="cp1252") as out:
        monkeypatch.setattr(sys, "stdout", out)
        assert command.run([]) == 0
    assert "Filters ? Generative Edit ? Edit" in (machine / "out").read_text(encoding="cp1252")


def test_the_stores_python_installs_nothing(machine, capsys, monkeypatch):
    put_gimp(machine, "gimp", "3.0.4")

    def refuse():
        raise SetupProblem("This Python is from the Microsoft Store.", "Install Python from python.org.")

    monkeypatch.setattr(pythons, "check_running", refuse)
    fails(capsys)
    assert not (machine / "home/.config").exists()


def test_keys_that_cannot_be_removed_are_reported(installed, capsys, monkeypatch):
    stamp = json.loads((installed / "stamp.json").read_text())
    (installed / "stamp.json").write_text(json.dumps(stamp | {"python": "/nowhere/python3"}))
    monkeypatch.setattr("builtins.input", lambda question: "y")
    code, captured = run(capsys, "uninstall", "--everything")
    assert code == 1
    assert "the keys of GIMP 3.0.4 from the key store: /nowhere/python3 no longer exists.\nRemove" in captured.err
    assert not installed.exists()
