"""Ownership: install.py never changes foreign files, keeps links, and refuses to run as root for another user."""

import os
import shutil
import subprocess
from types import SimpleNamespace

import pytest

from lib.installer import installation, packages, private_gimp, removal, user
from lib.installer.problem import SetupProblem
from lib.settings import settings
from tests.unit.installer.made_machine import put_gimp, run

COMMANDS = ([], ["update"], ["uninstall"], ["uninstall", "--everything"])
LOCK = "generative-edit.lock"


@pytest.fixture
def config(machine, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda question: "y")
    put_gimp(machine, "gimp", "3.0.4")
    return machine / "home/.config/GIMP/3.0"


@pytest.fixture
def plug_in(config):
    return config / "plug-ins/generative-edit"


def state(folder):
    return {path.relative_to(folder): path.is_file() and path.read_bytes() for path in folder.rglob("*")}


def refuse(capsys, arguments):
    code, captured = run(capsys, *arguments)
    lines = captured.err.splitlines()
    assert code == 1 and len(lines) == 2 and all(line.endswith((".", "install.py")) for line in lines), captured.err
    assert "Removed" not in captured.out
    return lines[0]


def put_checkout(folder):
    (folder / ".git").mkdir(parents=True)
    (folder / ".git/HEAD").write_text("ref: refs/heads/main\n")
    for part in ("lib", "plugin"):
        (folder / part).mkdir()
        (folder / part / "work.py").write_text("uncommitted = True\n")
    (folder / "generative-edit.py").write_text("")
    return folder


@pytest.mark.parametrize("arguments", COMMANDS)
def test_a_checkout_among_the_plug_ins_is_left_alone(config, plug_in, capsys, arguments):
    put_checkout(plug_in)
    before = state(config)
    assert refuse(capsys, arguments) == f"{plug_in} was not created by install.py and was not changed."
    assert state(config) == before


@pytest.mark.parametrize("content", ["", "[]", '{"files": []}', '{"name": "another plug-in", "version": "1"}'])
@pytest.mark.parametrize("arguments", COMMANDS)
def test_another_plug_ins_stamp_is_not_ours(config, plug_in, capsys, arguments, content):
    plug_in.mkdir(parents=True)
    (plug_in / "stamp.json").write_text(content)
    before = state(config)
    assert "was not created by install.py" in refuse(capsys, arguments)
    assert state(config) == before


@pytest.mark.parametrize("arguments", COMMANDS)
def test_a_file_of_that_name_is_left_alone(config, plug_in, capsys, arguments):
    plug_in.parent.mkdir(parents=True)
    plug_in.write_text("a file")
    assert "was not created by install.py" in refuse(capsys, arguments)
    assert plug_in.read_text() == "a file"


@pytest.mark.parametrize("arguments", COMMANDS)
def test_a_link_to_a_checkout_is_left_alone(config, plug_in, machine, capsys, arguments):
    checkout = put_checkout(machine / "home/src/generative-edit")
    plug_in.parent.mkdir(parents=True)
    plug_in.symlink_to(checkout)
    before = state(checkout)
    assert "was not created by install.py" in refuse(capsys, arguments)
    assert state(checkout) == before and plug_in.is_symlink()


@pytest.mark.parametrize("inner", [".", "somewhere/deep"])
@pytest.mark.parametrize("arguments", COMMANDS)
def test_the_folder_that_install_py_runs_from_is_left_alone(plug_in, capsys, monkeypatch, arguments, inner):
    """Even if it is stamped: install.py may be run in the installed folder or in a folder inside it."""
    run(capsys)
    (plug_in / inner / "lib").mkdir(parents=True, exist_ok=True)
    (plug_in / inner / "lib/work.py").touch()
    before = state(plug_in)
    for module in (installation, removal):
        monkeypatch.setattr(module, "CHECKOUT", plug_in / inner)
    assert refuse(capsys, arguments) == f"{plug_in} holds this install.py and was not changed."
    assert state(plug_in) == before


@pytest.mark.parametrize("place", ["data", "cache"])
def test_with_a_checkout_among_the_data_nothing_is_removed(plug_in, capsys, place):
    run(capsys)
    folder = {"data": settings.data_folder, "cache": private_gimp.cache_folder}[place]()
    (put_checkout(folder / "x") / ".git").rename(folder / ".git")
    (settings.data_folder() / "settings.json").write_text("{}")
    assert "contains a checkout. Nothing was removed." in refuse(capsys, ["uninstall", "--everything"])
    assert (folder / ".git/HEAD").exists() and plug_in.exists() and (settings.data_folder() / "settings.json").exists()


def test_doctor_and_list_name_a_foreign_folder(plug_in, capsys):
    put_checkout(plug_in)
    code, captured = run(capsys, "doctor")
    assert code == 1 and f"✗ Plug-in folder: {plug_in} was not created by install.py → rename or move" in captured.out
    assert f"{plug_in} was not created by install.py" in run(capsys, "--list")[1].out


def test_a_linked_folder_survives_updates(config, plug_in, machine, capsys):
    """For users who keep plug-ins on another disk or with their dotfiles."""
    place = machine / "disk/edits"
    plug_in.parent.mkdir(parents=True)
    plug_in.symlink_to(place)
    for word in ("Installed", "Updated", "Updated"):
        code, captured = run(capsys)
        assert code == 0 and word in captured.out, captured.err
        assert plug_in.is_symlink() and (place / "stamp.json").is_file()
        assert [path.name for path in place.parent.iterdir()] == ["edits"]
    assert run(capsys, "uninstall")[0] == 0
    assert not place.exists() and plug_in.is_symlink(), "the link is the user's"
    assert run(capsys)[0] == 0 and (place / "stamp.json").is_file()


def test_a_linked_folder_survives_an_update_that_fails(plug_in, machine, capsys, monkeypatch):
    place = machine / "disk/edits"
    plug_in.parent.mkdir(parents=True)
    plug_in.symlink_to(place)
    run(capsys)
    before = state(place)
    monkeypatch.setattr(packages, "check", fail)
    assert run(capsys)[0] == 1 and state(place) == before and plug_in.is_symlink()


def fail(*_arguments):
    raise SetupProblem("No.", "Nothing.")


def test_linked_plug_ins_survive(config, machine, capsys):
    (machine / "disk").mkdir()
    config.mkdir(parents=True)
    (config / "plug-ins").symlink_to(machine / "disk")
    for words in ([], ["update"], ["uninstall"]):
        assert run(capsys, *words)[0] == 0 and (config / "plug-ins").is_symlink()
    assert list((machine / "disk").iterdir()) == []


def test_linked_data_are_removed_with_their_link(plug_in, machine, capsys):
    run(capsys)
    (machine / "disk").mkdir()
    shutil.rmtree(settings.data_folder())
    (machine / "home/.local/share/generative-edit").symlink_to(machine / "disk")
    (settings.data_folder() / "settings.json").write_text("{}")
    assert run(capsys, "uninstall", "--everything")[0] == 0
    assert not (machine / "disk").exists() and not (machine / "home/.local/share/generative-edit").is_symlink()


def test_uninstall_removes_its_lock(config, plug_in, capsys):
    run(capsys)
    assert (config / LOCK).exists()
    assert run(capsys, "uninstall")[0] == 0
    assert not plug_in.exists() and not (config / LOCK).exists()


def test_uninstall_removes_the_lock_of_an_earlier_one(config, capsys):
    config.mkdir(parents=True, exist_ok=True)
    (config / LOCK).touch()
    assert run(capsys, "uninstall")[0] == 0
    assert not (config / LOCK).exists()


def test_a_folder_that_cannot_be_removed_is_reported(plug_in, capsys, monkeypatch):
    run(capsys)

    def held(folder, _target):
        raise PermissionError(13, "Access is denied", str(folder))

    monkeypatch.setattr(installation.Path, "rename", held)
    code, captured = run(capsys, "uninstall")
    assert code == 1 and "Access is denied" in captured.err and "Removed" not in captured.out


@pytest.mark.parametrize("has_plug_ins", [False, True])
def test_a_first_install_that_fails_leaves_nothing(config, machine, capsys, monkeypatch, has_plug_ins):
    if has_plug_ins:
        (config / "plug-ins/other").mkdir(parents=True)
    before = sorted(machine.rglob("*"))
    monkeypatch.setattr(packages, "fetch", fail)
    assert run(capsys)[0] == 1
    assert sorted(machine.rglob("*")) == before


@pytest.fixture
def root(machine, monkeypatch):
    """Become root, with root's own home."""
    for name in ("SUDO_USER", "DOAS_USER", "PKEXEC_UID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(user.os, "geteuid", lambda: 0, raising=False)
    monkeypatch.setattr(user, "_belongs_to_root", lambda home: True)
    return monkeypatch


@pytest.mark.parametrize("command", ["install", "update", "uninstall", "doctor"])
@pytest.mark.parametrize(
    ("variable", "value", "name"),
    [("SUDO_USER", "alice", "alice"), ("DOAS_USER", "alice", "alice"), ("PKEXEC_UID", "1000", "user 1000")],
)
def test_root_on_behalf_of_another_user_is_refused(config, machine, capsys, root, command, variable, value, name):
    root.setenv(variable, value)
    before = sorted(machine.rglob("*"))
    code, captured = run(capsys, command)
    assert code == 1 and sorted(machine.rglob("*")) == before
    assert captured.err.splitlines() == [
        f"This was started as root by {name} and would not change {name}'s GIMP.",
        f"Run it as {name}, without sudo: python3 install.py {command}",
    ]


def test_root_for_itself_is_allowed(config, capsys, root):
    assert run(capsys)[0] == 0
    root.setenv("SUDO_USER", "root")
    assert run(capsys)[0] == 0


@pytest.mark.parametrize("command", ["demo", "serve", "release"])
def test_commands_without_a_gimp_are_refused_only_in_another_users_home(root, command):
    root.setenv("SUDO_USER", "alice")
    user.check(command)
    root.setattr(user, "_belongs_to_root", lambda home: False)
    with pytest.raises(SetupProblem, match="started as root by alice"):
        user.check(command)


def test_windows_has_no_root(monkeypatch):
    monkeypatch.setattr(user, "os", SimpleNamespace(name="nt", environ={"SUDO_USER": "alice"}))
    user.check("install")


def test_a_user_without_a_home(capsys, monkeypatch):
    def none():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(user.Path, "home", none)
    code, captured = run(capsys)
    assert code == 1 and captured.err.splitlines()[1] == "Set HOME, then run this again."


def test_keys_are_removed_after_the_plug_in_was_removed(plug_in, capsys, monkeypatch):
    """In the order that a plain uninstall suggests: first the plug-in, then everything."""
    run(capsys)
    (settings.data_folder() / "settings.json").write_text("{}")
    run(capsys, "uninstall")
    calls = []

    def forget(self, code, folder):
        calls.append((code, (folder / "vendor/keyring.py").exists(), (folder / "lib/api/keys.py").exists()))
        return subprocess.CompletedProcess([], 0, "True\n", "")

    monkeypatch.setattr(removal.Python, "run", forget)
    code, captured = run(capsys, "uninstall", "--everything")
    assert code == 0, captured.err
    assert calls == [(removal._FORGET_KEYS, True, True)] and "forget_all" in removal._FORGET_KEYS


@pytest.mark.parametrize(
    ("done", "reason"),
    [
        (subprocess.CompletedProcess([], 0, "False\n", ""), "the key store refused."),
        (subprocess.CompletedProcess([], 1, "", "Traceback\nImportError: no keyring\n"), "ImportError: no keyring."),
        (subprocess.TimeoutExpired("python3", 60), "the key store does not respond."),
    ],
)
def test_a_key_store_that_fails_is_reported(config, plug_in, capsys, monkeypatch, done, reason):
    run(capsys)

    def answer(self, code, folder):
        if isinstance(done, Exception):
            raise done
        return done

    monkeypatch.setattr(removal.Python, "run", answer)
    code, captured = run(capsys, "uninstall", "--everything")
    assert code == 1 and not plug_in.exists() and not os.path.lexists(private_gimp.cache_folder())
    assert not (config / LOCK).exists()
    assert captured.err.splitlines()[0] == f"Couldn't remove the keys of GIMP 3.0.4 from the key store: {reason}"


def test_without_a_network_the_keys_are_reported(plug_in, capsys, monkeypatch):
    run(capsys)
    run(capsys, "uninstall")
    (settings.data_folder() / "settings.json").write_text("{}")
    monkeypatch.setattr(packages, "fetch", fail)
    code, captured = run(capsys, "uninstall", "--everything")
    assert code == 1 and captured.err.splitlines() == [
        "Couldn't remove keys from the key store. No.",
        "Remove them with the system's password manager: look for the service generative-edit.",
    ]
