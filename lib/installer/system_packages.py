"""Debian packages of this machine: installed where we are root, named where we are not or may not."""

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from lib.installer.problem import SetupProblem
from lib.storage.file_lock import locked

# Set to anything, this forbids every installation with apt-get: what --no-system-packages means to child processes.
FORBIDDEN = "GENERATIVE_EDIT_NO_SYSTEM_PACKAGES"
_LOCK = Path("/var/cache/apt/generative-edit.lock")
_INSTALL = ("apt-get", "install", "--yes", "--no-install-recommends")
# Waits for another apt-get that is running, and leaves settings as they are instead of asking.
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
    """Forbids apt-get for this process and those that it starts."""
    os.environ[FORBIDDEN] = "1"


def need(tools: Mapping[str, str]) -> None:
    """Installs the packages of the missing tools: of programs by their name, of files by their path."""
    install([package for tool, package in tools.items() if not _exists(tool)])


def install(packages: Iterable[str]) -> None:
    """Installs Debian packages as root; raises SetupProblem with the command where we are not root or may not."""
    names = sorted(set(packages))
    if not names:
        return
    sudo = "" if is_root() else "sudo "
    by_hand = f"{sudo}apt-get update && {sudo}{shlex.join([*_INSTALL, *names])}"
    if not is_root():
        raise SetupProblem(f"Needed and missing: {', '.join(names)}.", f"Run: {by_hand}")
    if os.environ.get(FORBIDDEN):
        raise SetupProblem(
            f"Needed and missing: {', '.join(names)}, and --no-system-packages forbids to install them.",
            f"Run: {by_hand}",
        )
    # apt-get waits for another one while it installs, but not while it updates.
    with locked(_LOCK, wait=True):
        print(f"Needed from this system's packages: {', '.join(names)}", flush=True)
        update = _apt("update", "--quiet")
        print(_plan(names), flush=True)
        done = _apt(*_INSTALL[1:], *_OPTIONS, *names)
    if done.returncode:
        errors = [*_errors(update.stderr), *_errors(done.stderr)] or ["apt-get failed"]
        raise SetupProblem(
            f"{', '.join(names)} could not be installed: {errors[0]}.", advice(errors, f"Try by hand: {by_hand}")
        )


def advice(errors: Iterable[str], otherwise: str) -> str:
    """What to do about the errors of a package manager: the network and the disk are named where they are the cause."""
    text = "\n".join(errors)
    if _DISK.search(text):
        return "Make room on the disk, then run this again."
    if _NETWORK.search(text):
        return "Check the network, then run this again."
    return otherwise


def is_root() -> bool:
    return os.geteuid() == 0


def _exists(tool: str) -> bool:
    return Path(tool).exists() if tool.startswith("/") else bool(shutil.which(tool))


def _plan(names: list[str]) -> str:
    """A sentence with all that apt-get would install or replace for these packages, by its own word."""
    plan = _apt(*_INSTALL[1:], "--simulate", *names)
    others = sorted(set(re.findall(r"^Inst (\S+)", plan.stdout, re.MULTILINE)) - set(names))
    return f"apt-get installs {', '.join(names)}" + (f", and for these {', '.join(others)}" if others else "")


def _apt(*words: str) -> "subprocess.CompletedProcess[str]":
    """Runs apt-get in English and without a terminal, so that it can't wait for an answer."""
    environment = {**os.environ, **_QUIET, "LC_ALL": "C"}
    return subprocess.run(
        ["apt-get", *words], capture_output=True, encoding="utf-8", errors="replace", stdin=subprocess.DEVNULL,
        env=environment,
    )  # fmt: skip


def _errors(text: str) -> list[str]:
    """What apt-get calls an error, and the downloads that it calls a warning; its last line where there is none."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    marked = [line[3:].rstrip(".") for line in lines if line.startswith(("E: ", "W: Failed to fetch"))]
    return marked or lines[-1:]
