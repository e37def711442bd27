"""The user's own pip settings: those that say where packages come from and how they are reached, and no others.

The rest (`dry-run`, `root`, `prefix`, `user`, `require-hashes`, `python`, …) would lead pip elsewhere than into the
folder it is given, or nowhere. Read by ourselves, as they also say where to fetch pip for a Python that has none.
"""

import configparser
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from lib.installer.problem import SetupProblem
from lib.installer.programs import Machine

_HONOURED = frozenset((
    "index-url", "pypi-url", "extra-index-url", "no-index", "find-links", "trusted-host", "keyring-provider",
    "cert", "client-cert", "proxy", "timeout", "default-timeout", "retries", "resume-retries",
    "cache-dir", "no-cache-dir", "use-feature", "use-deprecated",
))  # fmt: skip
_VARIABLE = "PIP_"
# pip's own default, 5, keeps someone without a network waiting for minutes.
_DEFAULTS = {"retries": "2"}


def read(command: str, machine: Machine | None = None) -> dict[str, str]:
    """Return the settings for "install" or "download" by their names; a variable counts more than a file.

    Raises SetupProblem for a file that pip could not read either.
    """
    machine = machine or Machine()
    sections: dict[str, dict[str, str]] = {"global": {}, command: {}}
    for path in _files(machine):
        parser = _parse(path)
        for section, values in sections.items():
            if parser.has_section(section):
                values.update({_name(name): value for name, value in parser.items(section) if value})
    variables = {
        _name(name.removeprefix(_VARIABLE)): value
        for name, value in machine.environment.items()
        if name.startswith(_VARIABLE) and value
    }
    settings = {**_DEFAULTS, **sections["global"], **sections[command], **variables}
    return {name: value for name, value in settings.items() if name in _HONOURED}


def environment(command: str) -> dict[str, str]:
    """Return the environment in which pip reads these settings and nothing else."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_VARIABLE)}
    settings = {_VARIABLE + name.upper().replace("-", "_"): value for name, value in read(command).items()}
    return {**kept, **settings, "PIP_CONFIG_FILE": os.devnull, "PYTHONUTF8": "1"}


def _name(name: str) -> str:
    return name.lower().replace("_", "-").removeprefix("--")


def _parse(path: Path) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser()
    try:
        parser.read(path, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise SetupProblem(
            f"pip's settings in {path} cannot be read: {reason}.",
            "Correct that file or move it away, then run this again.",
        ) from None
    return parser


def _files(machine: Machine) -> Iterator[Path]:
    """The files in pip's own order: the last one counts most."""
    named = machine.environment.get("PIP_CONFIG_FILE", "")
    if named == os.devnull:
        return
    basename = "pip.ini" if machine.system == "win32" else "pip.conf"
    folders = _shared_folders(machine)
    if not (named and Path(named).exists()):
        folders += _own_folders(machine)
    yield from (folder / basename for folder in (*folders, Path(sys.prefix)))
    if named:
        yield Path(named)


def _shared_folders(machine: Machine) -> list[Path]:
    if machine.system == "win32":
        return [Path(machine.environment.get("PROGRAMDATA") or r"C:\ProgramData") / "pip"]
    if machine.system == "darwin":
        return [Path("/Library/Application Support/pip")]
    folders = (machine.environment.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":")
    return [*(Path(folder) / "pip" for folder in folders if folder), Path("/etc")]


def _own_folders(machine: Machine) -> list[Path]:
    if machine.system == "win32":
        return [machine.home / "pip", machine.config_home() / "pip"]
    config = machine.config_home() / "pip"
    if machine.system == "darwin" and not config.is_dir():
        config = machine.home / ".config" / "pip"
    return [machine.home / ".pip", config]
