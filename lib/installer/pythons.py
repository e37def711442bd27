"""The Python that a GIMP's worker runs on: the one that runs install.py, or that of the sandbox GIMP lives in."""

import json
import platform
import re
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lib.installer.problem import SetupProblem

OLDEST = (3, 11)
_SECONDS = 60
_FLATPAK = "org.gimp.GIMP"
# How each tells what is installed: a name and a version in each row.
_LISTS = {
    "Flatpak": (["flatpak", "list", "--app", "--columns=application,version"], _FLATPAK),
    "Snap": (["snap", "list", "gimp"], "gimp"),
}
_ABOUT = """
import json, os, platform, sys
home = os.path.expanduser("~")
print(json.dumps({
    "version": "%d.%d" % sys.version_info[:2], "path": sys.executable, "machine": platform.machine(),
    "config": os.environ.get("XDG_CONFIG_HOME") or home + "/.config",
    "data": os.environ.get("XDG_DATA_HOME") or home + "/.local/share",
    "gimp": os.environ.get("GIMP3_DIRECTORY", "") and os.path.join(home, os.environ["GIMP3_DIRECTORY"]),
}))
"""


@dataclass(frozen=True)
class Python:
    """A Python: its program as the worker's starter sees it, its version, "3.13", and its platform, "linux-x86_64".

    `sandbox` is "Flatpak" or "Snap" where it lives in one; from outside, its program is then no file of ours.
    """

    program: str
    version: str
    platform: str
    sandbox: str = ""

    def run(self, code: str, folder: Path) -> "subprocess.CompletedProcess[str]":
        """Runs code in a folder, which is on its path together with vendor/; raises OSError, TimeoutExpired."""
        start = f"import os, sys; os.chdir({str(folder)!r}); sys.path[:0] = ['.', 'vendor']\n"
        return ask(enter(self.sandbox, [self.program, "-s", "-E", "-X", "utf8", "-c", start + code]))


def running() -> Python:
    """The Python that runs install.py; on Windows its sibling that opens no console."""
    program = Path(sys.executable)
    if sys.platform == "win32" and program.with_name("pythonw.exe").exists():
        program = program.with_name("pythonw.exe")
    return Python(str(program), f"{sys.version_info.major}.{sys.version_info.minor}", _platform())


def check_running(prefix: str = sys.base_prefix) -> None:
    """Raises SetupProblem for the Microsoft Store's Python, whose files in AppData no other program sees."""
    if "PythonSoftwareFoundation.Python" in prefix:
        raise SetupProblem(
            "This Python came from the Microsoft Store, and what it writes for GIMP, GIMP cannot see.",
            "Install Python from python.org, then run this again with that one.",
        )


def _platform() -> str:
    """The running Python's own platform: on Windows, that of its build and not that of the machine."""
    return sysconfig.get_platform() if sys.platform == "win32" else f"{sys.platform}-{platform.machine()}"


def enter(sandbox: str, words: list[str]) -> list[str]:
    """The command that runs `words` in a sandbox, or here where there is none."""
    if sandbox == "Flatpak":
        return ["flatpak", "run", f"--command={words[0]}", _FLATPAK, *words[1:]]
    if sandbox == "Snap":
        return ["snap", "run", "--shell", "gimp", "-c", 'exec "$0" "$@"', *words]
    return words


def gimp_version_in(sandbox: str) -> str | None:
    """The version of the GIMP that is installed in this kind of sandbox, by the word of what installs it."""
    command, name = _LISTS[sandbox]
    try:
        rows = [line.split() for line in ask(command).stdout.splitlines()]
    except (OSError, subprocess.TimeoutExpired):
        return None
    versions = [re.match(r"\d+\.\d+(\.\d+)*", row[1]) for row in rows if len(row) > 1 and row[0] == name]
    return next((version.group() for version in versions if version), None)


def about(sandbox: str) -> dict[str, Any]:
    """What the Python in a sandbox says of itself: version, path, machine, config, data, gimp.

    Raises OSError, subprocess.TimeoutExpired, or ValueError with its words where it gives no answer.
    """
    answer = ask(enter(sandbox, ["python3", "-c", _ABOUT]))
    try:
        told: dict[str, Any] = json.loads(answer.stdout.strip().splitlines()[-1])
    except (IndexError, ValueError):
        raise ValueError((answer.stderr.strip().splitlines() or ["it gives no answer"])[-1]) from None
    return told


def ask(command: list[str]) -> "subprocess.CompletedProcess[str]":
    """Runs a command that answers soon, whatever letters it answers in."""
    return subprocess.run(
        command, capture_output=True, encoding="utf-8", errors="replace", timeout=_SECONDS, stdin=subprocess.DEVNULL
    )

