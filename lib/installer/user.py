"""Whose GIMP it is: that of the user who runs install.py, and not of root in another's place."""

import os
from pathlib import Path

from lib.installer.problem import SetupProblem

# Commands that only write where they are told, or into root's own cache folder.
_FOR_ROOT_TOO = ("release", "demo", "serve")


def check(command: str) -> None:
    """Raises SetupProblem where a command would work for root and not for the user who called it."""
    home = _home()
    if os.name != "posix" or os.geteuid() != 0:
        return
    caller = _caller()
    if caller and (command not in _FOR_ROOT_TOO or not _is_roots(home)):
        raise SetupProblem(
            f"This runs as root, called by {caller}, and would not be for {caller}'s GIMP.",
            f"Run it as {caller}, without sudo: python3 install.py {command}",
        )


def _caller() -> str:
    """Who became root for this command; "" where root logged in."""
    name = os.environ.get("SUDO_USER") or os.environ.get("DOAS_USER") or ""
    if not name and os.environ.get("PKEXEC_UID", "0") != "0":
        name = f"user {os.environ['PKEXEC_UID']}"
    return "" if name == "root" else name


def _is_roots(home: Path) -> bool:
    try:
        return home.stat().st_uid == 0
    except OSError:
        return False


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError:
        raise SetupProblem(
            "This user has no home folder, so no folder for GIMP's settings.", "Set HOME, then run this again."
        ) from None
