"""The user's pip settings for package sources and the network.

The others (`dry-run`, `root`, `prefix`, `user`, `require-hashes`, `python`, …) could make pip install into another
folder or not at all. We read them ourselves, because they also say where to download pip for a Python without it.
"""

import configparser
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from lib.installer.problem import SetupProblem
from lib.installer.programs import Machine

_SUPPORTED = frozenset((
    "index-url", "pypi-url", "extra-index-url", "no-index", "find-links", "trusted-host", "keyring-provider",
    "cert", "client-cert", "proxy", "timeout", "default-timeout", "retries", "resume-retries",
    "cache-dir", "no-cache-dir", "use-feature", "use-deprecated",
))  # fmt: skip
_VARIABLE = "PIP_"
# With pip's default of 5, a machine without a network waits for minutes.
_DEFAULTS = {"retries": "2"}


def read(command: str, machine: Machine | None = None) -> dict[str, str]:
    """Return the settings for "install" or "download" by name; environment variables override the files.

    Raise SetupProblem for a file that pip could not read either.
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
    return {name: value for name, value in settings.items() if name in _SUPPORTED}


def environment(command: str) -> dict[str, str]:
    """Return an environment in which pip uses these settings only."""
    others = {name: value for name, value in os.environ.items() if not name.startswith(_VARIABLE)}
    settings = {_VARIABLE + name.upper().replace("-", "_"): value for name, value in read(command).items()}
    return {**others, **settings, "PIP_CONFIG_FILE": os.devnull, "PYTHONUTF8": "1"}


def _name(name: str) -> str:
    return name.lower().replace("_", "-").removeprefix("--")


def _parse(path: Path) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser()
    try:
        parser.read(path, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise SetupProblem(
            f"Couldn't read pip's configuration {path}: {reason}.",
            "Correct or move that file, then run this again.",
        ) from None
    return parser


def _files(machine: Machine) -> Iterator[Path]:
    """Yield the configuration files in pip's order: later files override earlier ones."""
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
