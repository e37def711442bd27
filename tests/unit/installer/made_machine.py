"""A fake machine for the tests of install.py: GIMPs, fakes of Flatpak and Snap, packages."""

import json
import shlex
import sys
from pathlib import Path

import pytest

from lib.installer import command, packages
from lib.installer.procedures import PROCEDURES
from tests.systems import PLATFORM, REASONS

# The answer to the doctor of a GIMP in which the plug-in is registered.
REGISTERED = "\n".join(f"echo {name} yes" for name in PROCEDURES)


def run(capsys, *arguments):
    """Run install.py with these arguments; return its exit code and its output."""
    code = command.run(arguments)
    return code, capsys.readouterr()


def put_program(path, script):
    """Write a program, which only POSIX systems can run."""
    if PLATFORM == "win32":
        pytest.skip(REASONS["posix"])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def put_gimp(machine, name, version):
    answer = f"""[ "$1" = --version ] && {{ echo 'GNU Image Manipulation Program version {version}'; exit; }}
[ -x "$GIMP3_DIRECTORY/plug-ins/generative-edit/generative-edit.py" ] || {{ echo generative-edit no; exit; }}
{REGISTERED}"""
    return put_program(machine / "bin" / name, answer)


def put_flatpak(machine, version="3.0.4", python="3.13", listed="org.gimp.GIMP"):
    """Put a fake flatpak that follows its documentation: `list` in columns, `run --command=NAME APP WORDS`."""
    home = machine / "home/.var/app/org.gimp.GIMP"
    script = f"""case "$1" in
list) printf 'org.inkscape.Inkscape\\t1.4\\n{listed}\\t{version}\\n' ;;
run) case "$*" in *gimp-console*) {REGISTERED}
    exit ;; esac
    {inside(home, python, '[ "${2#--command=*python3}$3" = org.gimp.GIMP ] && shift 3')} ;;
*) exit 1 ;;
esac"""
    put_program(machine / "bin/flatpak", script)
    return home / "config/GIMP" / ".".join(version.split(".")[:2])


def put_snap(machine, version="3.0.6", python="3.12"):
    """Put a fake snap that follows its documentation: `list NAME` in a table, `run --shell NAME -c SCRIPT WORDS`."""
    home = machine / "home/snap/gimp/47"
    script = f"""case "$1" in
list) printf 'Name  Version  Rev  Tracking  Publisher  Notes\\ngimp  {version}  47  latest/stable  gimp  -\\n' ;;
run) case "$*" in *gimp-console*) {REGISTERED}
    exit ;; esac
    {inside(home, python, '[ "$2 $3 $4" = "--shell gimp -c" ] && shift 6')} ;;
*) exit 1 ;;
esac"""
    put_program(machine / "bin/snap", script)
    # As snapd does: every command of a snap is a link to snap itself.
    (machine / "bin/gimp").symlink_to(machine / "bin/snap")
    return home / ".config/GIMP" / ".".join(version.split(".")[:2])


def inside(home, python, shift):
    """Return a script that runs our own Python as the sandbox's: with its folders, its version, its path."""
    config, data = (".config", ".local/share") if "snap" in home.parts else ("config", "data")
    facts = {"version": python, "path": "/usr/bin/python3", "machine": "x86_64", "config": str(home / config),
             "data": str(home / data), "gimp": ""}  # fmt: skip
    answer = shlex.quote(json.dumps(facts))
    return f"""{shift} || exit 1
    export XDG_DATA_HOME='{home / data}'
    case "$*" in *XDG_CONFIG_HOME*) echo {answer} ;; *) exec "{sys.executable}" "$@" ;; esac"""


def real_fetch(vendor, python):
    """Install the packages that these tests run with."""
    vendor.symlink_to(Path(pytest.__file__).parents[1])


def fake_fetch(vendor, python):
    """Replace pip: every pin is installed and can be imported."""
    vendor.mkdir()
    for name in packages.modules(python):
        module = vendor.joinpath(*name.split("."))
        module.parent.mkdir(parents=True, exist_ok=True)
        for package in module.relative_to(vendor).parents[:-1]:
            (vendor / package / "__init__.py").touch()
        module.with_name(f"{module.name}.py").write_text("fetched = True\n")
    (vendor / "made-for").write_text(f"{python.version} {python.platform}")
