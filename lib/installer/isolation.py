"""How a system in a folder is entered: with bubblewrap where namespaces are allowed, else with proot, which needs none.

bubblewrap   the kernel's namespaces; not in a container with the usual limits, nor where users may not make them
proot        traces the processes and translates their paths: slower, but nothing is mounted
"""

import functools
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from lib.installer import proot, system_packages
from lib.installer.problem import SetupProblem

_PROOT = (sys.executable, proot.__file__)
# What the inside needs of the outside: names of hosts and users, authorities, pip's settings.
_SHARED_USERS = ("/etc/passwd", "/etc/group")
_SHARED_FILES = ("/etc/resolv.conf", "/etc/hosts", "/etc/ssl/certs", "/etc/pip.conf", "/etc/xdg/pip")
_PASSED_ON = re.compile(
    r"(PIP_.*|SSL_CERT_.*|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|.*_proxy|.*_PROXY|LANG|LC_.*|OPENBLAS_.*)"
)
_SECONDS = 60
ALLOW_NAMESPACES = (
    "Run, with those of these names that your kernel has: sudo sysctl -w user.max_user_namespaces=10000"
    " kernel.unprivileged_userns_clone=1 kernel.apparmor_restrict_unprivileged_userns=0"
)
_NOTHING_WORKS = (
    "This machine allows neither namespaces nor tracing (ptrace), and a fetched GIMP can't be run without one of them.",
    "In a container, allow tracing: start it with --cap-add SYS_PTRACE. Elsewhere, allow namespaces. "
    + ALLOW_NAMESPACES,
)


class Bubblewrap:
    """Entering with the kernel's namespaces; nothing is left mounted afterwards."""

    program, package = "bwrap", "bubblewrap"

    def is_possible(self) -> bool:
        """Whether this machine allows it, also where bubblewrap is not installed yet."""
        if shutil.which(self.program):
            words = ["bwrap", "--unshare-pid", "--dev", "/dev", "--proc", "/proc", "--ro-bind", "/", "/", "true"]
        else:
            words = ["unshare", *([] if system_packages.is_root() else ["--map-root-user"]), "--mount", "--pid",
                     "--fork", "--mount-proc", "true"]  # fmt: skip
        return _succeeds(words)

    def command(
        self, root: Path, words: Iterable[str], folders: Iterable[Path], environment: Mapping[str, str]
    ) -> list[str]:
        bwrap = ["bwrap", "--die-with-parent", "--unshare-pid", "--clearenv", "--dev", "/dev", "--proc", "/proc",
                 "--tmpfs", "/tmp", "--tmpfs", "/run"]  # fmt: skip
        for name in ("usr", "etc", "var"):
            bwrap += ["--ro-bind", str(root / name), f"/{name}"]
        for link, target in (("bin", "usr/bin"), ("sbin", "usr/sbin"), ("lib", "usr/lib"), ("lib64", "usr/lib64")):
            bwrap += ["--symlink", target, f"/{link}"]
        for name, path in _shared(*_SHARED_USERS):
            bwrap += ["--ro-bind", path, name]
        for folder in folders:
            bwrap += ["--bind", str(folder), str(folder)]
        for name, value in environment.items():
            bwrap += ["--setenv", name, value]
        return [*bwrap, "--", *words]

    def command_as_root(self, root: Path, words: Iterable[str]) -> list[str]:
        bwrap = ["bwrap", "--die-with-parent", "--unshare-pid", "--cap-add", "ALL", "--bind", str(root), "/",
                 "--dev", "/dev", "--proc", "/proc", "--perms", "1777", "--tmpfs", "/tmp",
                 "--tmpfs", "/run"]  # fmt: skip
        for name, path in _shared():
            bwrap += ["--ro-bind", path, name]
        return [*bwrap, "--", *words]


class Proot:
    """Entering by tracing the processes; the temporary folder is shared with the outside."""

    program, package = "proot", "proot"

    def is_possible(self) -> bool:
        """Whether tracing is allowed; taken for granted where proot is not installed yet."""
        return not shutil.which(self.program) or _succeeds([*_PROOT, "-r", "/", "--", "/bin/true"])

    def command(
        self, root: Path, words: Iterable[str], folders: Iterable[Path], environment: Mapping[str, str]
    ) -> list[str]:
        places = [*_shared(*_SHARED_USERS), *((str(folder), str(folder)) for folder in ("/tmp", *folders))]
        # Set by `env` inside, so that only what runs inside has these in its environment.
        settings = [f"{name}={value}" for name, value in (proot.SETTINGS | dict(environment)).items()]
        return [*self._enter(root, places), "--", "/usr/bin/env", "-i", *settings, *words]

    def command_as_root(self, root: Path, words: Iterable[str]) -> list[str]:
        settings = [f"{name}={value}" for name, value in proot.SETTINGS.items()]
        return [*self._enter(root, _shared()), "-0", "--", "/usr/bin/env", *settings, *words]

    def _enter(self, root: Path, places: Iterable[tuple[str, str]]) -> list[str]:
        command = [*_PROOT, "-r", str(root), "-w", "/", "-b", "/dev", "-b", "/proc"]
        for name, path in places:
            command += ["-b", f"{path}:{name}"]
        return command


Isolation = Bubblewrap | Proot


@functools.cache
def choose(tools: tuple[tuple[str, str], ...] = ()) -> Isolation:
    """Return how systems in folders are entered here, once its program and these tools with their packages are there.

    Raise SetupProblem where one is missing and can't be installed from here, or where nothing works.
    """
    for way in (Bubblewrap(), Proot()):
        if way.is_possible():
            system_packages.need({way.program: way.package, **dict(tools)})
            if way.is_possible():
                return way
    raise SetupProblem(*_NOTHING_WORKS)


def inherited_environment() -> dict[str, str]:
    """What of our own environment holds inside too: the language, and the way to the network."""
    passed = {name: value for name, value in os.environ.items() if _PASSED_ON.fullmatch(name)}
    return {**passed, "PATH": "/usr/bin:/bin"}


def _shared(*more: str) -> Iterator[tuple[str, str]]:
    """The shared files that this machine has, each with its real path; an empty folder of authorities is none."""
    for name in (*_SHARED_FILES, *more):
        path = Path(name)
        if path.is_file() or (path.is_dir() and any(path.iterdir())):
            yield name, os.path.realpath(name)


def _succeeds(words: list[str]) -> bool:
    try:
        done = subprocess.run(words, capture_output=True, stdin=subprocess.DEVNULL, timeout=_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
