"""Debian packages: listed before they are installed, without questions, never with --no-system-packages."""

import os

import pytest

from lib.installer import isolation, packages, private_gimp, system_packages
from lib.installer.problem import SetupProblem
from tests.unit.installer.made_machine import put_program, run

PLAN = """case "$*" in
*--simulate*) echo 'Inst proot (5.1.0 Debian:12 [amd64])'; echo 'Inst libtalloc2 (2.4.0 Debian:12 [amd64])' ;;
"""
SILENT = 'read answer && exit 9\n[ "$DEBIAN_FRONTEND" = noninteractive ] || exit 8\n'


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setattr(system_packages, "is_root", lambda: True)
    monkeypatch.setattr(system_packages, "_LOCK", tmp_path / "apt.lock")


@pytest.fixture(autouse=True)
def typed_answers():
    """Provide answers on standard input that no process of install.py may read."""
    ours, (reading, writing) = os.dup(0), os.pipe()
    os.write(writing, b"y\n" * 9)
    os.close(writing)
    os.dup2(reading, 0)
    os.close(reading)
    yield
    os.dup2(ours, 0)
    os.close(ours)


def put_apt(machine, *cases):
    """Put an apt-get that records its arguments and answers by the cases of a shell's `case "$*"`."""
    body = SILENT + f'echo "$*" >> {machine}/calls\n' + PLAN + "".join(f"{case} ;;\n" for case in cases) + "esac"
    put_program(machine / "bin/apt-get", body)
    return machine / "calls"


def test_all_packages_are_listed_before_any_is_installed(machine, root, monkeypatch, capsys):
    calls, printed = put_apt(machine), []
    real = system_packages._apt

    def apt(*arguments):
        if arguments[0] == "install" and "--simulate" not in arguments:
            printed.append(capsys.readouterr().out)
        return real(*arguments)

    monkeypatch.setattr(system_packages, "_apt", apt)
    system_packages.install(["proot", "mmdebstrap"])
    assert "apt-get installs mmdebstrap, proot, and their dependencies libtalloc2" in printed[0]
    assert [line.split()[0] for line in calls.read_text().splitlines()] == ["update", "install", "install"]


def test_installed_tools_are_not_installed_again(machine, root):
    calls = put_apt(machine)
    put_program(machine / "bin/proot", "")
    (machine / "keys.gpg").touch()
    system_packages.require({"proot": "proot", str(machine / "keys.gpg"): "debian-archive-keyring"})
    assert not calls.exists()


def test_it_can_be_forbidden(machine, root, monkeypatch):
    calls = put_apt(machine)
    monkeypatch.setenv(system_packages.FORBIDDEN, "")
    system_packages.forbid()
    with pytest.raises(SetupProblem, match=r"--no-system-packages forbids .* Run: apt-get update && apt-get install"):
        system_packages.install(["proot"])
    assert not calls.exists()


def test_the_installers_readme_names_every_package_that_may_be_installed():
    text = (packages.CHECKOUT / "lib/installer/README.md").read_text(encoding="utf-8")
    section = text.partition("## The demo")[2].partition("\n## ")[0]
    kinds = (isolation.Bubblewrap, isolation.Proot)
    names = {*private_gimp._BUILD_TOOLS.values(), *private_gimp._USERS_BUILD_TOOLS.values()}
    names |= {kind.package for kind in kinds} | {"apt-get", "--no-system-packages"}
    assert [name for name in sorted(names) if f"`{name}`" not in section] == []


def test_the_demo_can_forbid_it(machine, root, monkeypatch, capsys):
    calls = put_apt(machine)
    monkeypatch.setenv(system_packages.FORBIDDEN, "")
    code, captured = run(capsys, "demo", "--no-system-packages", "--out", str(machine / "out"))
    assert code == 1 and "--no-system-packages forbids" in captured.err and not calls.exists()


@pytest.mark.parametrize(
    ("cases", "sentences"),
    [
        (
            ["update*) echo 'W: Failed to fetch http://x/y  Temporary failure resolving x' >&2",
             "install*) echo 'E: Unable to locate package proot' >&2; exit 100"],
            r"Couldn't install proot: Failed to fetch .* resolving x\. Check the network",
        ),
        (
            ["install*) echo 'E: Unable to locate package proot' >&2; exit 100"],
            r"Couldn't install proot: Unable to locate package proot\. Try it yourself: apt-get update && apt-get",
        ),
        (
            ["install*) echo 'E: You have not enough free space in /var/cache/apt/archives/.' >&2; exit 100"],
            r"not enough free space .* Free some disk space",
        ),
        (["install*) exit 100"], r"Couldn't install proot: apt-get failed\. Try it yourself"),
    ],
)  # fmt: skip
def test_the_cause_of_a_failure_is_reported(machine, root, cases, sentences):
    put_apt(machine, *cases)
    with pytest.raises(SetupProblem, match=sentences):
        system_packages.install(["proot"])


def test_without_root_the_command_is_printed(machine, monkeypatch):
    monkeypatch.setattr(system_packages, "is_root", lambda: False)
    with pytest.raises(SetupProblem) as caught:
        system_packages.install(["uidmap", "bubblewrap"])
    assert caught.value.what == "Required packages are missing: bubblewrap, uidmap."
    install = "sudo apt-get install --yes --no-install-recommends bubblewrap uidmap"
    assert caught.value.hint == f"Run: sudo apt-get update && {install}"
