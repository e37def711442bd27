"""A real GIMP of our own for a machine that has none: a Debian system in a folder, entered with bubblewrap.

It lies in the user's cache folder and is read-only in use. It serves the demo, and the tests, which want two versions.
"""

import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lib.file_lock import locked
from lib.installer.problem import SetupProblem
from lib.settings import NAME

# The Debian suite in which each version is found.
SUITES = {"3.0": "trixie", "3.2": "forky"}
_PACKAGES = (
    "gimp", "gir1.2-gimp-3.0", "python3", "python3-gi", "python3-pip", "ca-certificates", "fonts-dejavu-core",
    "adwaita-icon-theme", "xvfb", "xdotool", "openbox", "dbus", "at-spi2-core", "gir1.2-atspi-2.0",
)  # fmt: skip
_TOOLS = {"mmdebstrap": "mmdebstrap", "bwrap": "bubblewrap"}
# What the inside needs of the outside: names of hosts, authorities, pip's settings.
_SHARED_FILES = (
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/passwd",
    "/etc/group",
    "/etc/ssl/certs",
    "/etc/pip.conf",
    "/etc/xdg/pip",
)
_MOUNT_POINTS = ("etc/resolv.conf", "etc/hosts", "etc/pip.conf", "etc/xdg/pip/.keep")
_PASSED_ON = re.compile(
    r"(PIP_.*|SSL_CERT_.*|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|.*_proxy|.*_PROXY|LANG|LC_.*|OPENBLAS_.*)"
)


def cache_folder() -> Path:
    """The user's cache folder for private GIMPs, the demo and the tests."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / NAME


@dataclass(frozen=True)
class PrivateGimp:
    """A system in a folder, with GIMP of the minor version "3.0" or "3.2" in it."""

    root: Path
    minor: str

    def command(self, words: Iterable[str], folders: Iterable[Path], environment: Mapping[str, str]) -> list[str]:
        """The command that runs `words` inside, with `folders` of the outside at their own places.

        Only `environment` and what the network needs is passed on. Nothing is left mounted afterwards.
        """
        bwrap = ["bwrap", "--die-with-parent", "--unshare-pid", "--clearenv", "--dev", "/dev", "--proc", "/proc",
                 "--tmpfs", "/tmp", "--tmpfs", "/run"]  # fmt: skip
        for name in ("usr", "etc", "var"):
            bwrap += ["--ro-bind", str(self.root / name), f"/{name}"]
        for link, target in (("bin", "usr/bin"), ("sbin", "usr/sbin"), ("lib", "usr/lib"), ("lib64", "usr/lib64")):
            bwrap += ["--symlink", target, f"/{link}"]
        for name in _SHARED_FILES:
            bwrap += ["--ro-bind-try", os.path.realpath(name), name]
        for folder in folders:
            bwrap += ["--bind", str(folder), str(folder)]
        passed = {name: value for name, value in os.environ.items() if _PASSED_ON.fullmatch(name)}
        for name, value in {**passed, "PATH": "/usr/bin:/bin", **environment}.items():
            bwrap += ["--setenv", name, value]
        return [*bwrap, "--", *words]


def ensure(minor: str) -> PrivateGimp:
    """The private GIMP of this minor version, made if it is not there (a minute, about 1 GB).

    Raises SetupProblem where this system cannot make one.
    """
    folder = cache_folder()
    gimp = PrivateGimp(folder / f"gimp-{minor}", minor)
    if gimp.root.exists():
        _need_tools(["bwrap"])
        return gimp
    _check_system()
    _need_tools(_TOOLS)
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / f"gimp-{minor}.lock", wait=True):
        if not gimp.root.exists():
            _build(gimp)
    return gimp


def add(gimp: PrivateGimp, packages: Iterable[str]) -> None:
    """Adds the Debian packages that a private GIMP has not yet; raises SetupProblem where they cannot be had."""
    missing = [name for name in packages if not (gimp.root / "var/lib/dpkg/info" / f"{name}.list").exists()]
    if not missing:
        return
    _need_tools(["bwrap"])
    install = f"apt-get install --yes --no-install-recommends {shlex.join(missing)}"
    script = f"apt-get -o Acquire::Check-Valid-Until=false update && {install} && apt-get clean"
    command = ["bwrap", "--die-with-parent", "--unshare-pid", "--cap-add", "ALL", "--bind", str(gimp.root), "/",
               "--dev", "/dev", "--proc", "/proc", "--perms", "1777", "--tmpfs", "/tmp", "--tmpfs", "/run"]  # fmt: skip
    for name in _SHARED_FILES:
        if name not in ("/etc/passwd", "/etc/group"):  # a package may change these
            command += ["--ro-bind-try", os.path.realpath(name), name]
    command += ["--setenv", "DEBIAN_FRONTEND", "noninteractive", "sh", "-c", script]
    with locked(gimp.root.with_name(f"{gimp.root.name}.lock"), wait=True):
        helper = [] if _is_root() else ["mmdebstrap", "--unshare-helper"]
        done = subprocess.run([*helper, *command], capture_output=True, text=True)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["apt-get failed"])[-1]
        raise SetupProblem(f"{', '.join(missing)} could not be added to {gimp.root}: {reason}.", "Check the network.")


def remove(root: Path) -> None:
    """Removes a private GIMP, whole or broken, with what a killed build may have left mounted in it."""
    for point in sorted(_mounts_below(root), reverse=True):
        subprocess.run(["umount", point], check=True)
    if root.exists():
        command = ["rm", "-rf", "--one-file-system", str(root)]
        subprocess.run(command if _is_root() else ["mmdebstrap", "--unshare-helper", *command], check=True)


def installed() -> list[Path]:
    """The private GIMPs of this user, broken ones too."""
    return [path for path in cache_folder().glob("gimp-*") if path.is_dir()]


def _build(gimp: PrivateGimp) -> None:
    """Builds under another name and renames when whole, so that a killed build is never taken for a GIMP."""
    suite, part = SUITES[gimp.minor], gimp.root.with_name(gimp.root.name + ".part")
    print(f"Fetching GIMP {gimp.minor} from Debian {suite}: about 0.3 GB to fetch, 1 GB in {gimp.root}", flush=True)
    remove(part)
    touch = " && ".join(f'mkdir -p "$(dirname "$1/{point}")" && touch "$1/{point}"' for point in _MOUNT_POINTS)
    command = [
        "mmdebstrap", f"--mode={'root' if _is_root() else 'unshare'}", "--variant=apt",
        "--aptopt=Acquire::Check-Valid-Until \"false\"", f"--customize-hook={touch}",
        f"--include={','.join(_PACKAGES)}", suite, str(part), *_mirror(),
    ]  # fmt: skip
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    last = _show_progress(process)
    if process.wait():
        remove(part)
        raise SetupProblem(
            f"GIMP {gimp.minor} could not be fetched: {last}.", "Check the network, then run this again."
        )
    part.rename(gimp.root)


def _show_progress(process: "subprocess.Popen[str]") -> str:
    """Prints mmdebstrap's steps; returns its last line, which tells the reason where it fails."""
    last = ""
    for line in process.stderr or ():
        last = line.strip() or last
        if line.startswith("I: "):
            print(f"  {line[3:].strip()}", flush=True)
    return last


def _mirror() -> list[str]:
    """Debian's mirror from this machine's own package sources; nothing where it has none, mmdebstrap knows one."""
    for path in (Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))):
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        found = re.search(r"^(?:deb\s+(?:\[[^]]*\]\s*)?|URIs:\s*)(\S+/debian/?)(?:\s|$)", text, re.MULTILINE)
        if found:
            return [found.group(1)]
    return []


def _check_system() -> None:
    if sys.platform != "linux" or not shutil.which("apt-get"):
        raise SetupProblem(
            f"This machine ({platform.system()}) has no GIMP 3 that can be run from here,"
            " and one can be fetched only on Debian and its like.",
            "Install GIMP 3 from your distribution, from Flathub or from gimp.org, then run this again.",
        )


def _need_tools(tools: Iterable[str]) -> None:
    """Installs the missing tools as root; otherwise names the one command that is needed."""
    missing = [_TOOLS[tool] for tool in tools if not shutil.which(tool)]
    install_system_packages(missing)


def install_system_packages(packages: list[str]) -> None:
    """Installs Debian packages where we are root; raises SetupProblem with the command where we are not."""
    if not packages:
        return
    install = ["apt-get", "install", "--yes", "--no-install-recommends", *packages]
    if not _is_root():
        raise SetupProblem(f"Needed and missing: {', '.join(packages)}.", f"Run: sudo {shlex.join(install)}")
    print(f"Installing {', '.join(packages)} …", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    # Whoever else installs something at this moment is waited for.
    patience = "--option=DPkg::Lock::Timeout=300"
    for command in (["apt-get", "update", "--quiet"], [*install, patience]):
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["apt-get failed"])[-1]
        raise SetupProblem(
            f"{', '.join(packages)} could not be installed: {reason}.",
            f"Try by hand: {shlex.join(install)}",
        )


def _mounts_below(root: Path) -> list[str]:
    mounts = Path("/proc/mounts").read_text(encoding="utf-8").splitlines()
    points = [line.split(" ")[1].replace("\\040", " ") for line in mounts]
    return [point for point in points if point.startswith(f"{root}/")]


def _is_root() -> bool:
    return os.geteuid() == 0
