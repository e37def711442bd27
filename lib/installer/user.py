"""Check that install.py runs as the user whose GIMP it is for, not as root with sudo."""

import os
from pathlib import Path

from lib.installer.invocation import install_command
from lib.installer.problem import SetupProblem

# Commands that write only into the given folder or root's own cache folder.
_ALLOWED_FOR_ROOT = ("release", "demo", "serve")


def check(command: str) -> None:
    """Raise SetupProblem if a command would change root's GIMP instead of the GIMP of the user who called it."""
    home = _home()
    if os.name != "posix" or os.geteuid() != 0:
        return
    caller = _caller()
    if caller and (command not in _ALLOWED_FOR_ROOT or not _belongs_to_root(home)):
        raise SetupProblem(
            f"This was started as root by {caller} and would not change {caller}'s GIMP.",
            f"Run it as {caller}, without sudo: {install_command(command)}",
        )


def _caller() -> str:
    """Return the user who became root for this command; "" if root logged in."""
    name = os.environ.get("SUDO_USER") or os.environ.get("DOAS_USER") or ""
    if not name and os.environ.get("PKEXEC_UID", "0") != "0":
        name = f"user {os.environ['PKEXEC_UID']}"
    return "" if name == "root" else name


def _belongs_to_root(home: Path) -> bool:
    try:
        return home.stat().st_uid == 0
    except OSError:
        return False


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError:
        raise SetupProblem(
            "This user has no home folder for GIMP's settings.", "Set HOME, then run this again."
        ) from None
