"""Install Debian packages on this machine as root, or say how to install them."""

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from lib.installer.problem import SetupProblem
from lib.storage.file_lock import locked

# If this variable is set, nothing is installed with apt-get: it passes --no-system-packages on to child processes.
FORBIDDEN = "GENERATIVE_EDIT_NO_SYSTEM_PACKAGES"
_LOCK = Path("/var/cache/apt/generative-edit.lock")
_INSTALL = ("apt-get", "install", "--yes", "--no-install-recommends")
# Wait for another apt-get that is running, and keep existing settings instead of asking.
_OPTIONS = (
    "--option=DPkg::Lock::Timeout=300",
    "--option=Dpkg::Options::=--force-confdef",
    "--option=Dpkg::Options::=--force-confold",
)
_QUIET = {"DEBIAN_FRONTEND": "noninteractive", "DEBCONF_NONINTERACTIVE_SEEN": "true", "NEEDRESTART_MODE": "l"}
_NETWORK = re.compile(
    r"resolv|could not connect|unable to connect|connection (failed|refused|reset|timed out)|unreachable|timed? ?out"
    r"|failed to fetch|proxy|tls|certificate",
    re.IGNORECASE,
)
_DISK = re.compile(r"no space left|not enough free|disk quota|write error", re.IGNORECASE)


def forbid() -> None:
    """Forbid apt-get for this process and its child processes."""
    os.environ[FORBIDDEN] = "1"


def require(tools: Mapping[str, str]) -> None:
    """Install the packages of missing tools. `tools` maps a program's name, or a file's path, to its package."""
    install([package for tool, package in tools.items() if not _exists(tool)])


def install(packages: Iterable[str]) -> None:
    """Install Debian packages; raise SetupProblem with the command to run if we are not root or it is forbidden."""
    names = sorted(set(packages))
    if not names:
        return
    sudo = "" if is_root() else "sudo "
    command = f"{sudo}apt-get update && {sudo}{shlex.join([*_INSTALL, *names])}"
    if not is_root():
        raise SetupProblem(f"Required packages are missing: {', '.join(names)}.", f"Run: {command}")
    if os.environ.get(FORBIDDEN):
        raise SetupProblem(
            f"Required packages are missing: {', '.join(names)}, and --no-system-packages forbids installing them.",
            f"Run: {command}",
        )
    # apt-get waits for another one when it installs, but not when it updates.
    with locked(_LOCK, wait=True):
        print(f"Required system packages: {', '.join(names)}", flush=True)
        update = _apt("update", "--quiet")
        print(_plan(names), flush=True)
        result = _apt(*_INSTALL[1:], *_OPTIONS, *names)
    if result.returncode:
        errors = [*_errors(update.stderr), *_errors(result.stderr)] or ["apt-get failed"]
        raise SetupProblem(
            f"Couldn't install {', '.join(names)}: {errors[0]}.", advice(errors, f"Try it yourself: {command}")
        )


def advice(errors: Iterable[str], otherwise: str) -> str:
    """Return what to do about a package manager's errors: free disk space, check the network, or `otherwise`."""
    text = "\n".join(errors)
    if _DISK.search(text):
        return "Free some disk space, then run this again."
    if _NETWORK.search(text):
        return "Check the network, then run this again."
    return otherwise


def is_root() -> bool:
    return os.geteuid() == 0


def _exists(tool: str) -> bool:
    return Path(tool).exists() if tool.startswith("/") else bool(shutil.which(tool))


def _plan(names: list[str]) -> str:
    """Return a sentence with every package that apt-get would install or replace for these."""
    plan = _apt(*_INSTALL[1:], "--simulate", *names)
    others = sorted(set(re.findall(r"^Inst (\S+)", plan.stdout, re.MULTILINE)) - set(names))
    return f"apt-get installs {', '.join(names)}" + (f", and their dependencies {', '.join(others)}" if others else "")


def _apt(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run apt-get in English and without a terminal, so that it cannot wait for an answer."""
    environment = {**os.environ, **_QUIET, "LC_ALL": "C"}
    return subprocess.run(
        ["apt-get", *arguments], capture_output=True, encoding="utf-8", errors="replace", stdin=subprocess.DEVNULL,
        env=environment,
    )  # fmt: skip


def _errors(text: str) -> list[str]:
    """Return apt-get's errors, including failed downloads, which it calls warnings; its last line if there are none."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line[3:].rstrip(".") for line in lines if line.startswith(("E: ", "W: Failed to fetch"))]
    return errors or lines[-1:]
