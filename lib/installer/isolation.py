"""Run programs in a system that lies in a folder: with bubblewrap where namespaces are allowed, else with proot.

bubblewrap   uses the kernel's namespaces, which most containers, and some systems for their users, forbid
proot        traces the processes and translates their paths: slower, but it needs no mounts
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
# Files of the host that are needed inside: host and user names, certificate authorities, pip's settings.
_SHARED_USERS = ("/etc/passwd", "/etc/group")
_SHARED_FILES = ("/etc/resolv.conf", "/etc/hosts", "/etc/ssl/certs", "/etc/pip.conf", "/etc/xdg/pip")
_INHERITED = re.compile(
    r"(PIP_.*|SSL_CERT_.*|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|.*_proxy|.*_PROXY|LANG|LC_.*|OPENBLAS_.*)"
)
_SECONDS = 60
ALLOW_NAMESPACES = (
    "Run, without the settings that your kernel does not have: sudo sysctl -w user.max_user_namespaces=10000"
    " kernel.unprivileged_userns_clone=1 kernel.apparmor_restrict_unprivileged_userns=0"
)
_NOTHING_WORKS = (
    "This machine allows neither namespaces nor tracing (ptrace); a downloaded GIMP needs one of them to run.",
    "In a container, allow tracing: start it with --cap-add SYS_PTRACE. Otherwise, allow namespaces. "
    + ALLOW_NAMESPACES,
)


class Bubblewrap:
    """Isolation with the kernel's namespaces; nothing stays mounted afterwards."""

    program, package = "bwrap", "bubblewrap"

    def is_possible(self) -> bool:
        """Return whether this machine allows namespaces, even if bubblewrap is not installed yet."""
        if shutil.which(self.program):
            argv = ["bwrap", "--unshare-pid", "--dev", "/dev", "--proc", "/proc", "--ro-bind", "/", "/", "true"]
        else:
            argv = ["unshare", *([] if system_packages.is_root() else ["--map-root-user"]), "--mount", "--pid",
                    "--fork", "--mount-proc", "true"]  # fmt: skip
        return _succeeds(argv)

    def command(
        self, root: Path, argv: Iterable[str], folders: Iterable[Path], environment: Mapping[str, str]
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
        return [*bwrap, "--", *argv]

    def command_as_root(self, root: Path, argv: Iterable[str]) -> list[str]:
        bwrap = ["bwrap", "--die-with-parent", "--unshare-pid", "--cap-add", "ALL", "--bind", str(root), "/",
                 "--dev", "/dev", "--proc", "/proc", "--perms", "1777", "--tmpfs", "/tmp",
                 "--tmpfs", "/run"]  # fmt: skip
        for name, path in _shared():
            bwrap += ["--ro-bind", path, name]
        return [*bwrap, "--", *argv]


class Proot:
    """Isolation by tracing the processes; the temporary folder is shared with the host."""

    program, package = "proot", "proot"

    def is_possible(self) -> bool:
        """Return whether tracing is allowed; assumed if proot is not installed yet."""
        return not shutil.which(self.program) or _succeeds([*_PROOT, "-r", "/", "--", "/bin/true"])

    def command(
        self, root: Path, argv: Iterable[str], folders: Iterable[Path], environment: Mapping[str, str]
    ) -> list[str]:
        places = [*_shared(*_SHARED_USERS), *((str(folder), str(folder)) for folder in ("/tmp", *folders))]
        # Set by `env` inside, as proot itself must run without them.
        settings = [f"{name}={value}" for name, value in (proot.SETTINGS | dict(environment)).items()]
        return [*self._enter(root, places), "--", "/usr/bin/env", "-i", *settings, *argv]

    def command_as_root(self, root: Path, argv: Iterable[str]) -> list[str]:
        settings = [f"{name}={value}" for name, value in proot.SETTINGS.items()]
        return [*self._enter(root, _shared()), "-0", "--", "/usr/bin/env", *settings, *argv]

    def _enter(self, root: Path, places: Iterable[tuple[str, str]]) -> list[str]:
        command = [*_PROOT, "-r", str(root), "-w", "/", "-b", "/dev", "-b", "/proc"]
        for name, path in places:
            command += ["-b", f"{path}:{name}"]
        return command


Isolation = Bubblewrap | Proot


@functools.cache
def choose(tools: tuple[tuple[str, str], ...] = ()) -> Isolation:
    """Return the isolation that works on this machine, after installing its program and `tools` if missing.

    `tools` are pairs of a tool and the package that has it. Raise SetupProblem if a package is missing and cannot be
    installed, or if no isolation works.
    """
    for isolation in (Bubblewrap(), Proot()):
        if isolation.is_possible():
            system_packages.require({isolation.program: isolation.package, **dict(tools)})
            if isolation.is_possible():
                return isolation
    raise SetupProblem(*_NOTHING_WORKS)


def inherited_environment() -> dict[str, str]:
    """Return the variables to pass inside: the language, and those that the network needs."""
    inherited = {name: value for name, value in os.environ.items() if _INHERITED.fullmatch(name)}
    return {**inherited, "PATH": "/usr/bin:/bin"}


def _shared(*more: str) -> Iterator[tuple[str, str]]:
    """Yield the shared files that exist on this machine with their real paths, without empty folders."""
    for name in (*_SHARED_FILES, *more):
        path = Path(name)
        if path.is_file() or (path.is_dir() and any(path.iterdir())):
            yield name, os.path.realpath(name)


def _succeeds(argv: list[str]) -> bool:
    try:
        result = subprocess.run(argv, capture_output=True, stdin=subprocess.DEVNULL, timeout=_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return result.returncode == 0
