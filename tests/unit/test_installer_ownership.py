"""Whose files and whose account: what install.py did not make stays, links stay, and root does not act for another."""

import os
import shutil
import subprocess
from types import SimpleNamespace

import pytest

from lib.installer import installation, packages, private_gimp, removal, user
from lib.installer.problem import SetupProblem
from lib.settings import settings
from tests.unit.made_machine import put_gimp, run

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


def refused(capsys, words):
    code, told = run(capsys, *words)
    lines = told.err.splitlines()
    assert code == 1 and len(lines) == 2 and all(line.endswith((".", "install.py")) for line in lines), told.err
    assert "Removed" not in told.out
    return lines[0]


def put_checkout(folder):
    (folder / ".git").mkdir(parents=True)
    (folder / ".git/HEAD").write_text("ref: refs/heads/main\n")
    for part in ("lib", "plugin"):
        (folder / part).mkdir()
        (folder / part / "work.py").write_text("uncommitted = True\n")
    (folder / "generative-edit.py").write_text("")
    return folder


@pytest.mark.parametrize("words", COMMANDS)
def test_a_checkout_among_the_plug_ins_is_left_alone(config, plug_in, capsys, words):
    put_checkout(plug_in)
    before = state(config)
    assert refused(capsys, words) == f"{plug_in} was not made by install.py, and is left as it is."
    assert state(config) == before


@pytest.mark.parametrize("content", ["", "[]", '{"files": []}', '{"name": "another plug-in", "version": "1"}'])
@pytest.mark.parametrize("words", COMMANDS)
def test_another_plug_ins_stamp_is_not_ours(config, plug_in, capsys, words, content):
    plug_in.mkdir(parents=True)
    (plug_in / "stamp.json").write_text(content)
    before = state(config)
    assert "was not made by install.py" in refused(capsys, words)
    assert state(config) == before


@pytest.mark.parametrize("words", COMMANDS)
def test_a_file_of_that_name_is_left_alone(config, plug_in, capsys, words):
    plug_in.parent.mkdir(parents=True)
    plug_in.write_text("a file")
    assert "was not made by install.py" in refused(capsys, words)
    assert plug_in.read_text() == "a file"


@pytest.mark.parametrize("words", COMMANDS)
def test_a_link_to_a_checkout_is_left_alone(config, plug_in, machine, capsys, words):
    checkout = put_checkout(machine / "home/src/generative-edit")
    plug_in.parent.mkdir(parents=True)
    plug_in.symlink_to(checkout)
    before = state(checkout)
    assert "was not made by install.py" in refused(capsys, words)
    assert state(checkout) == before and plug_in.is_symlink()


@pytest.mark.parametrize("inner", [".", "somewhere/deep"])
@pytest.mark.parametrize("words", COMMANDS)
def test_the_folder_that_install_py_runs_from_is_left_alone(plug_in, capsys, monkeypatch, words, inner):
    """A stamped one too, as where install.py is called in what was installed, or lies in a folder in it."""
    run(capsys)
    (plug_in / inner / "lib").mkdir(parents=True, exist_ok=True)
    (plug_in / inner / "lib/work.py").touch()
    before = state(plug_in)
    for module in (installation, removal):
        monkeypatch.setattr(module, "CHECKOUT", plug_in / inner)
    assert refused(capsys, words) == f"{plug_in} is where this install.py runs from, and is left as it is."
    assert state(plug_in) == before


@pytest.mark.parametrize("place", ["data", "cache"])
def test_a_checkout_among_the_data_keeps_everything(plug_in, capsys, place):
    run(capsys)
    folder = {"data": settings.data_folder, "cache": private_gimp.cache_folder}[place]()
    (put_checkout(folder / "x") / ".git").rename(folder / ".git")
    (settings.data_folder() / "settings.json").write_text("{}")
    assert "holds a checkout, and nothing was removed" in refused(capsys, ["uninstall", "--everything"])
    assert (folder / ".git/HEAD").exists() and plug_in.exists() and (settings.data_folder() / "settings.json").exists()


def test_doctor_and_list_name_a_foreign_folder(plug_in, capsys):
    put_checkout(plug_in)
    code, told = run(capsys, "doctor")
    assert code == 1 and f"✗ Plug-in folder: {plug_in} was not made by install.py → give that folder" in told.out
    assert f"{plug_in} was not made by install.py" in run(capsys, "--list")[1].out


def test_a_linked_folder_survives_updates(config, plug_in, machine, capsys):
    """As of someone who keeps plug-ins on another disk, or with the dotfiles."""
    place = machine / "disk/edits"
    plug_in.parent.mkdir(parents=True)
    plug_in.symlink_to(place)
    for word in ("Installed", "Updated", "Updated"):
        code, told = run(capsys)
        assert code == 0 and word in told.out, told.err
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


def test_uninstall_takes_its_lock_along(config, plug_in, capsys):
    run(capsys)
    assert (config / LOCK).exists()
    assert run(capsys, "uninstall")[0] == 0
    assert not plug_in.exists() and not (config / LOCK).exists()


def test_uninstall_takes_the_lock_of_an_earlier_one_along(config, capsys):
    config.mkdir(parents=True, exist_ok=True)
    (config / LOCK).touch()
    assert run(capsys, "uninstall")[0] == 0
    assert not (config / LOCK).exists()


def test_what_cannot_be_removed_is_told(plug_in, capsys, monkeypatch):
    run(capsys)
    rmtree = shutil.rmtree

    def held(folder, ignore_errors=False):
        if not ignore_errors:
            raise PermissionError(13, "Access is denied", str(folder))
        rmtree(folder, ignore_errors=True)

    monkeypatch.setattr(installation.shutil, "rmtree", held)
    code, told = run(capsys, "uninstall")
    assert code == 1 and "Access is denied" in told.err and "Removed" not in told.out


@pytest.mark.parametrize("there", [False, True])
def test_a_first_install_that_fails_leaves_nothing(config, machine, capsys, monkeypatch, there):
    if there:
        (config / "plug-ins/other").mkdir(parents=True)
    before = sorted(machine.rglob("*"))
    monkeypatch.setattr(packages, "fetch", fail)
    assert run(capsys)[0] == 1
    assert sorted(machine.rglob("*")) == before


@pytest.fixture
def root(machine, monkeypatch):
    """Makes us root, in a home that is root's own."""
    for name in ("SUDO_USER", "DOAS_USER", "PKEXEC_UID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(user.os, "geteuid", lambda: 0, raising=False)
    monkeypatch.setattr(user, "_is_roots", lambda home: True)
    return monkeypatch


@pytest.mark.parametrize("command", ["install", "update", "uninstall", "doctor"])
@pytest.mark.parametrize(
    ("variable", "value", "name"),
    [("SUDO_USER", "alice", "alice"), ("DOAS_USER", "alice", "alice"), ("PKEXEC_UID", "1000", "user 1000")],
)
def test_root_for_another_is_refused(config, machine, capsys, root, command, variable, value, name):
    root.setenv(variable, value)
    before = sorted(machine.rglob("*"))
    code, told = run(capsys, command)
    assert code == 1 and sorted(machine.rglob("*")) == before
    assert told.err.splitlines() == [
        f"This runs as root, called by {name}, and would not be for {name}'s GIMP.",
        f"Run it as {name}, without sudo: python3 install.py {command}",
    ]


def test_root_in_its_own_name_is_not_refused(config, capsys, root):
    assert run(capsys)[0] == 0
    root.setenv("SUDO_USER", "root")
    assert run(capsys)[0] == 0


@pytest.mark.parametrize("command", ["demo", "serve", "release"])
def test_what_is_not_for_a_gimp_of_ones_own_is_refused_in_anothers_home_only(root, command):
    root.setenv("SUDO_USER", "alice")
    user.check(command)
    root.setattr(user, "_is_roots", lambda home: False)
    with pytest.raises(SetupProblem, match="called by alice"):
        user.check(command)


def test_nobody_is_asked_on_windows(monkeypatch):
    monkeypatch.setattr(user, "os", SimpleNamespace(name="nt", environ={"SUDO_USER": "alice"}))
    user.check("install")


def test_a_user_without_a_home(capsys, monkeypatch):
    def none():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(user.Path, "home", none)
    code, told = run(capsys)
    assert code == 1 and told.err.splitlines()[1] == "Set HOME, then run this again."


def test_keys_are_forgotten_after_the_plug_in_was_removed(plug_in, capsys, monkeypatch):
    """As a plain uninstall says: first the plug-in, then everything."""
    run(capsys)
    (settings.data_folder() / "settings.json").write_text("{}")
    run(capsys, "uninstall")
    asked = []

    def forget(self, code, folder):
        asked.append((code, (folder / "vendor/keyring.py").exists(), (folder / "lib/api/keys.py").exists()))
        return subprocess.CompletedProcess([], 0, "True\n", "")

    monkeypatch.setattr(removal.Python, "run", forget)
    code, told = run(capsys, "uninstall", "--everything")
    assert code == 0, told.err
    assert asked == [(removal._FORGET_KEYS, True, True)] and "forget_all" in removal._FORGET_KEYS


@pytest.mark.parametrize(
    ("done", "reason"),
    [
        (subprocess.CompletedProcess([], 0, "False\n", ""), "the key store keeps them."),
        (subprocess.CompletedProcess([], 1, "", "Traceback\nImportError: no keyring\n"), "ImportError: no keyring."),
        (subprocess.TimeoutExpired("python3", 60), "the key store does not answer."),
    ],
)
def test_a_key_store_that_keeps_a_key_is_told(config, plug_in, capsys, monkeypatch, done, reason):
    run(capsys)

    def answer(self, code, folder):
        if isinstance(done, Exception):
            raise done
        return done

    monkeypatch.setattr(removal.Python, "run", answer)
    code, told = run(capsys, "uninstall", "--everything")
    assert code == 1 and not plug_in.exists() and not os.path.lexists(private_gimp.cache_folder())
    assert not (config / LOCK).exists()
    assert told.err.splitlines()[0] == f"In the key store, the keys of GIMP 3.0.4 may still be there: {reason}"


def test_without_a_network_the_keys_are_named(plug_in, capsys, monkeypatch):
    run(capsys)
    run(capsys, "uninstall")
    (settings.data_folder() / "settings.json").write_text("{}")
    monkeypatch.setattr(packages, "fetch", fail)
    code, told = run(capsys, "uninstall", "--everything")
    assert code == 1 and told.err.splitlines() == [
        "Keys in the key store may still be there. No.",
        "Remove them with the system's own program: look for the service generative-edit.",
    ]
