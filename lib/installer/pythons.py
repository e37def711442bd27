"""The Python that a GIMP's worker runs on: the one that runs install.py, or the one in GIMP's sandbox."""

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
# The command that lists what is installed, a name and a version in each row, and GIMP's name in it.
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
    """A Python: its program as the plug-in starts it, its version, "3.13", and its platform, "linux-x86_64".

    `sandbox` is "Flatpak" or "Snap" if it is in one; its program's path is then only valid inside.
    """

    program: str
    version: str
    platform: str
    sandbox: str = ""

    def run(self, code: str, folder: Path) -> "subprocess.CompletedProcess[str]":
        """Run code in a folder, with the folder and its vendor/ on the path; raise OSError, TimeoutExpired."""
        start = f"import os, sys; os.chdir({str(folder)!r}); sys.path[:0] = ['.', 'vendor']\n"
        return ask(enter(self.sandbox, [self.program, "-s", "-E", "-X", "utf8", "-c", start + code]))


def running() -> Python:
    """Return the Python that runs install.py; on Windows, its variant that opens no console."""
    program = Path(sys.executable)
    if sys.platform == "win32" and program.with_name("pythonw.exe").exists():
        program = program.with_name("pythonw.exe")
    return Python(str(program), f"{sys.version_info.major}.{sys.version_info.minor}", _platform())


def check_running(prefix: str = sys.base_prefix) -> None:
    """Raise SetupProblem for a Python that can't be the worker's: the Microsoft Store's or one inside GIMP.

    Other programs cannot see the files in AppData that the Store's writes. On macOS, only GIMP may start GIMP.app's; on
    Windows, GIMP's is built with MinGW and cannot load ordinary packages.
    """
    if "PythonSoftwareFoundation.Python" in prefix:
        raise SetupProblem(
            "This Python is from the Microsoft Store, and GIMP cannot see the files that it writes.",
            "Install Python from python.org, then run this again with it.",
        )
    if re.search(r"/GIMP[^/]*\.app/", f"{prefix}/"):
        raise SetupProblem(
            "This Python belongs to GIMP.app, and only GIMP may start it.",
            "Install Python from python.org or with Homebrew (brew install python), then run this again with it.",
        )
    if sysconfig.get_platform().startswith("mingw"):
        raise SetupProblem(
            "This Python was built with MinGW, as GIMP's own is, and cannot load the packages.",
            "Install Python from python.org, then run this again with it.",
        )


def _platform() -> str:
    """Return the running Python's platform: on Windows, that of its build, not that of the machine."""
    return sysconfig.get_platform() if sys.platform == "win32" else f"{sys.platform}-{platform.machine()}"


def enter(sandbox: str, argv: list[str]) -> list[str]:
    """Return the command that runs `argv` in a sandbox, or `argv` for no sandbox."""
    if sandbox == "Flatpak":
        return ["flatpak", "run", f"--command={argv[0]}", _FLATPAK, *argv[1:]]
    if sandbox == "Snap":
        return ["snap", "run", "--shell", "gimp", "-c", 'exec "$0" "$@"', *argv]
    return argv


def gimp_version_in(sandbox: str) -> str | None:
    """Return the version of GIMP that is installed in this kind of sandbox, as its package manager reports it."""
    command, name = _LISTS[sandbox]
    try:
        rows = [line.split() for line in ask(command).stdout.splitlines()]
    except (OSError, subprocess.TimeoutExpired):
        return None
    versions = [re.match(r"\d+\.\d+(\.\d+)*", row[1]) for row in rows if len(row) > 1 and row[0] == name]
    return next((version.group() for version in versions if version), None)


def about(sandbox: str) -> dict[str, Any]:
    """Return facts about the Python in a sandbox: version, path, machine, config, data, gimp.

    Raise OSError, subprocess.TimeoutExpired, or ValueError with its error if it gives no answer.
    """
    answer = ask(enter(sandbox, ["python3", "-c", _ABOUT]))
    try:
        facts: dict[str, Any] = json.loads(answer.stdout.strip().splitlines()[-1])
    except (IndexError, ValueError):
        raise ValueError((answer.stderr.strip().splitlines() or ["it gave no answer"])[-1]) from None
    return facts


def ask(command: list[str], seconds: float = _SECONDS) -> "subprocess.CompletedProcess[str]":
    """Run a short command and capture its output, in whatever encoding; raise subprocess.TimeoutExpired, OSError."""
    return subprocess.run(
        command, capture_output=True, encoding="utf-8", errors="replace", timeout=seconds, stdin=subprocess.DEVNULL
    )
