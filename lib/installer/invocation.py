"""How a user starts install.py again with the Python that runs it now: `py`, a virtual environment's, `python3`."""

import os
import shlex
import shutil
import subprocess
import sys

_NAMES = ("python3", "python", f"python3.{sys.version_info.minor}")


def install_command(*arguments: str) -> str:
    """Return the command to type: "python3 install.py update", quoted for the system's shell."""
    return f"{python_command()} {_quoted(['install.py', *arguments])}"


def python_command() -> str:
    """Return what starts this Python: the shortest name that does, else its path.

    On Windows, `python3` and `python` may open the Microsoft Store; the launcher `py` never does.
    """
    if sys.prefix == sys.base_prefix:
        if sys.platform == "win32":
            if shutil.which("py"):
                return f"py -{sys.version_info.major}.{sys.version_info.minor}"
        else:
            for name in _NAMES:
                path = shutil.which(name)
                if path and os.path.realpath(path) == os.path.realpath(sys.executable):
                    return name
    quoted = _quoted([sys.executable])
    # PowerShell, which Windows opens by default, runs a quoted path only after an ampersand.
    return f"& {quoted}" if sys.platform == "win32" and quoted.startswith('"') else quoted


def _quoted(words: list[str]) -> str:
    return subprocess.list2cmdline(words) if sys.platform == "win32" else shlex.join(words)
