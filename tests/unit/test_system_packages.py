"""Debian packages: named before they are installed, never with a question, never against --no-system-packages."""

import os

import pytest

from lib.installer import isolation, packages, private_gimp, system_packages
from lib.installer.problem import SetupProblem
from tests.unit.made_machine import put_program, run

PLAN = """case "$*" in
*--simulate*) echo 'Inst proot (5.1.0 Debian:12 [amd64])'; echo 'Inst libtalloc2 (2.4.0 Debian:12 [amd64])' ;;
"""
SILENT = 'read answer && exit 9\n[ "$DEBIAN_FRONTEND" = noninteractive ] || exit 8\n'


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setattr(system_packages, "is_root", lambda: True)
    monkeypatch.setattr(system_packages, "_LOCK", tmp_path / "apt.lock")


@pytest.fixture(autouse=True)
def somebody_types():
    """Standard input has answers to give, which nothing that install.py starts may take."""
    ours, (reading, writing) = os.dup(0), os.pipe()
    os.write(writing, b"y\n" * 9)
    os.close(writing)
    os.dup2(reading, 0)
    os.close(reading)
    yield
    os.dup2(ours, 0)
    os.close(ours)


def put_apt(machine, *cases):
    """An apt-get that writes down its words and answers as the cases of a shell's `case "$*"` say."""
    body = SILENT + f'echo "$*" >> {machine}/calls\n' + PLAN + "".join(f"{case} ;;\n" for case in cases) + "esac"
    put_program(machine / "bin/apt-get", body)
    return machine / "calls"


def test_each_package_is_named_before_any_is_installed(machine, root, monkeypatch, capsys):
    calls, named = put_apt(machine), []
    real = system_packages._apt

    def apt(*words):
        if words[0] == "install" and "--simulate" not in words:
            named.append(capsys.readouterr().out)
        return real(*words)

    monkeypatch.setattr(system_packages, "_apt", apt)
    system_packages.install(["proot", "mmdebstrap"])
    assert "apt-get installs mmdebstrap, proot, and for these libtalloc2" in named[0]
    assert [line.split()[0] for line in calls.read_text().splitlines()] == ["update", "install", "install"]


def test_what_is_there_is_not_installed(machine, root):
    calls = put_apt(machine)
    put_program(machine / "bin/proot", "")
    (machine / "keys.gpg").touch()
    system_packages.need({"proot": "proot", str(machine / "keys.gpg"): "debian-archive-keyring"})
    assert not calls.exists()


def test_it_can_be_forbidden(machine, root, monkeypatch):
    calls = put_apt(machine)
    monkeypatch.setenv(system_packages.FORBIDDEN, "")
    system_packages.forbid()
    with pytest.raises(SetupProblem, match=r"--no-system-packages forbids .* Run: apt-get update && apt-get install"):
        system_packages.install(["proot"])
    assert not calls.exists()


def test_the_installers_readme_names_what_may_be_installed():
    text = (packages.CHECKOUT / "lib/installer/README.md").read_text(encoding="utf-8")
    section = text.partition("## The demo")[2].partition("\n## ")[0]
    ways = (isolation.Bubblewrap, isolation.Proot)
    names = {*private_gimp._BUILD_TOOLS.values(), *private_gimp._USERS_BUILD_TOOLS.values()}
    names |= {way.package for way in ways} | {"apt-get", "--no-system-packages"}
    assert [name for name in sorted(names) if f"`{name}`" not in section] == []


def test_the_demo_can_forbid_it(machine, root, monkeypatch, capsys):
    calls = put_apt(machine)
    monkeypatch.setenv(system_packages.FORBIDDEN, "")
    code, told = run(capsys, "demo", "--no-system-packages", "--out", str(machine / "out"))
    assert code == 1 and "--no-system-packages forbids" in told.err and not calls.exists()


@pytest.mark.parametrize(
    ("cases", "sentences"),
    [
        (
            ["update*) echo 'W: Failed to fetch http://x/y  Temporary failure resolving x' >&2",
             "install*) echo 'E: Unable to locate package proot' >&2; exit 100"],
            r"could not be installed: Failed to fetch .* resolving x\. Check the network",
        ),
        (
            ["install*) echo 'E: Unable to locate package proot' >&2; exit 100"],
            r"could not be installed: Unable to locate package proot\. Try by hand: apt-get update && apt-get install",
        ),
        (
            ["install*) echo 'E: You have not enough free space in /var/cache/apt/archives/.' >&2; exit 100"],
            r"not enough free space .* Make room on the disk",
        ),
        (["install*) exit 100"], r"could not be installed: apt-get failed\. Try by hand"),
    ],
)  # fmt: skip
def test_the_true_cause_is_named(machine, root, cases, sentences):
    put_apt(machine, *cases)
    with pytest.raises(SetupProblem, match=sentences):
        system_packages.install(["proot"])


def test_without_root_the_whole_command_is_named(machine, monkeypatch):
    monkeypatch.setattr(system_packages, "is_root", lambda: False)
    with pytest.raises(SetupProblem) as problem:
        system_packages.install(["uidmap", "bubblewrap"])
    assert problem.value.what == "Needed and missing: bubblewrap, uidmap."
    install = "sudo apt-get install --yes --no-install-recommends bubblewrap uidmap"
    assert problem.value.hint == f"Run: sudo apt-get update && {install}"
