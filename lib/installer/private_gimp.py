"""A real GIMP of our own for a machine that has none: a Debian system in a folder, entered without being installed.

It lies in the user's cache folder and is read-only in use. It serves the demo, and the tests, which want two versions.
"""

import contextlib
import getpass
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

from lib.installer import isolation, system_packages
from lib.installer.problem import SetupProblem
from lib.settings.settings import NAME
from lib.storage.file_lock import locked

install_system_packages = system_packages.install

# The Debian suite in which each version is found.
SUITES = {"3.0": "trixie", "3.2": "forky"}
_PACKAGES = (
    "gimp", "gir1.2-gimp-3.0", "python3", "python3-gi", "python3-pip", "ca-certificates", "fonts-dejavu-core",
    "adwaita-icon-theme", "xvfb", "xdotool", "openbox", "dbus", "at-spi2-core", "gir1.2-atspi-2.0",
)  # fmt: skip
# What a build needs, and the packages in which Debian and its like have it; the second is for users other than root.
_BUILD_TOOLS = {
    "mmdebstrap": "mmdebstrap",
    "/usr/share/keyrings/debian-archive-keyring.gpg": "debian-archive-keyring",
}
_USERS_BUILD_TOOLS = {"newuidmap": "uidmap"}
# What nobody reads or runs here, and half of the room: manuals, other languages than ours, and the compiler for
# three-dimensional graphics, without which X draws what GIMP's windows need.
_LEFT_OUT = ("/usr/share/man/*", "/usr/share/info/*", "/usr/share/doc/*", "/usr/share/locale/*",
             "/usr/lib/*/libLLVM*", "/usr/lib/*/libgallium*", "/usr/lib/*/libz3*")  # fmt: skip
_STILL_IN = ("/usr/share/doc/*/copyright", *(f"/usr/share/locale/{name}/*" for name in ("de", "fr", "es", "zh_CN")))
_MOUNT_POINTS = ("etc/resolv.conf", "etc/hosts", "etc/pip.conf", "etc/xdg/pip/.keep")
# Written as a build's last step and removed as a removal's first: a system without it is not whole.
_MARKER = "etc/generative-edit-whole"
_SUBORDINATE_IDS = (Path("/etc/subuid"), Path("/etc/subgid"))
# Runs a command whose whole group ends, by force after a while, when our end of its standard input is closed. What the
# command leaves behind then, started at that very moment, ends by force too.
_ENDING_WITH_INPUT = """
exec 3<&0 </dev/null
(trap '' TERM; cat <&3; kill -TERM 0; sleep 20; kill -KILL 0) >/dev/null 2>&1 &
exec 3<&-
ended=
trap 'ended=1' TERM
"$@"
code=$?
[ -z "$ended" ] || kill -KILL 0
kill -KILL $!
exit $code
"""
_LAST_LINES = 40
# What mmdebstrap's helper adds to the reason of a command that failed.
_HELPERS_END = re.compile(r"E: (unshared command|system) failed")


def cache_folder() -> Path:
    """The user's cache folder for private GIMPs, the demo and the tests."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / NAME

@dataclass(frozen=True)
class PrivateGimp:
    """A system in a folder, with GIMP of the minor version "3.0" or "3.2" in it."""

    root: Path
    minor: str

    def is_whole(self) -> bool:
        """Whether it was built to the end, and no removal has begun."""
        return (self.root / _MARKER).exists()

    def command(self, words: Iterable[str], folders: Iterable[Path], environment: Mapping[str, str]) -> list[str]:
        """The command that runs `words` inside, with `folders` of the outside at their own places.

        Only `environment` and what the network needs is passed on. Nothing is left mounted afterwards.
        """
        inside = {**isolation.inherited_environment(), **environment}
        return isolation.choose().command(self.root, words, folders, inside)


def ensure(minor: str) -> PrivateGimp:
    """The private GIMP of this minor version, made if it is not there (a minute, about 0.6 GB).

    Raises SetupProblem where this system cannot make one, before anything is fetched.
    """
    folder = cache_folder()
    gimp = PrivateGimp(folder / f"gimp-{minor}", minor)
    if gimp.is_whole():
        isolation.choose()
        return gimp
    _check_system()
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / f"gimp-{minor}.lock", wait=True):
        if not gimp.is_whole():
            _build(gimp)
    return gimp


def add(gimp: PrivateGimp, packages: Iterable[str]) -> None:
    """Adds the Debian packages that a private GIMP has not yet; raises SetupProblem where they cannot be had."""
    missing = [name for name in packages if not (gimp.root / "var/lib/dpkg/info" / f"{name}.list").exists()]
    if not missing:
        return
    update = "apt-get -o Acquire::Check-Valid-Until=false update"
    install = f"apt-get install --yes --no-install-recommends {shlex.join(missing)}"
    script = f"{update} && {install} && apt-get clean && rm -r /var/lib/apt/lists/*"
    command = isolation.choose().command_as_root(gimp.root, ["sh", "-c", script])
    if not system_packages.is_root():
        # In the helper's namespace /proc is still that of the outer one, where bubblewrap does not find its processes.
        command = ["sh", "-c", 'mount -t proc proc /proc; exec "$@"', "sh", *command]
    # A user's path has not the system's programs in it, which apt-get needs.
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "PATH": path}
    with locked(gimp.root.with_name(f"{gimp.root.name}.lock"), wait=True):
        done = subprocess.run(_as_root(command), capture_output=True, encoding="utf-8", errors="replace",
                              stdin=subprocess.DEVNULL, env=environment)  # fmt: skip
    if done.returncode:
        lines = [line for line in done.stderr.strip().splitlines() if not _HELPERS_END.match(line)]
        lines = lines or ["apt-get failed"]
        what = f"{', '.join(missing)} could not be added to {gimp.root}: {lines[-1].rstrip('.')}."
        raise SetupProblem(what, system_packages.advice(lines, "Run this again."))


def remove(root: Path) -> None:
    """Removes a private GIMP, whole or broken, with what a killed build may have left mounted in it.

    Raises SetupProblem where something of it can't be removed.
    """
    for point in sorted(_mounts_below(root), reverse=True):
        subprocess.run(["umount", point], check=True, stdin=subprocess.DEVNULL)
    if not root.exists():
        return
    # What a build made belongs to users of the user's own namespace; the folder itself may be the user's.
    script = 'rm -f "$1/$2"; find "$1" -xdev -mindepth 1 -delete'
    _failure(_as_root(["sh", "-c", script, "sh", str(root), _MARKER]))
    reason = _failure(["rm", "-rf", "--one-file-system", str(root)])
    if root.exists():
        raise SetupProblem(f"{root} could not be removed: {reason}.", f"Run: sudo rm -rf {shlex.quote(str(root))}")


def installed() -> list[Path]:
    """The private GIMPs of this user, broken ones too."""
    return [path for path in cache_folder().glob("gimp-*") if path.is_dir()]


def _build(gimp: PrivateGimp) -> None:
    """Builds under another name and renames when whole, so that a killed build is never taken for a GIMP."""
    isolation.choose(_build_tools())
    _check_namespace_of_user()
    suite, part = SUITES[gimp.minor], gimp.root.with_name(gimp.root.name + ".part")
    lock = part.with_name(f"{part.name}.lock")
    with locked(lock) as free:
        if not free:
            print(f"Waiting for an earlier build in {part} to end …", flush=True)
    with locked(lock, wait=True):
        remove(part)
        remove(gimp.root)
    print(f"Fetching GIMP {gimp.minor} from Debian {suite}: about 0.3 GB to fetch, 0.6 GB in {gimp.root}", flush=True)
    try:
        # With the lock inherited by all that the build starts, none of that is still at work when the next one begins.
        lines = _run_build(["flock", "--no-fork", str(lock), *_build_command(suite, part)])
        if lines:
            reason = next((line for line in lines if line.startswith("E: ")), lines[-1])
            what = f"GIMP {gimp.minor} could not be fetched: {reason.rstrip('.')}."
            raise SetupProblem(what, system_packages.advice(lines, "Run this again."))
        part.rename(gimp.root)
    except BaseException:
        with contextlib.suppress(SetupProblem, OSError, subprocess.SubprocessError):
            remove(part)
        raise


def _build_tools() -> tuple[tuple[str, str], ...]:
    tools = _BUILD_TOOLS if system_packages.is_root() else _BUILD_TOOLS | _USERS_BUILD_TOOLS
    return tuple(tools.items())


def _build_command(suite: str, part: Path) -> list[str]:
    touch = " && ".join(f'mkdir -p "$(dirname "$1/{point}")" && touch "$1/{point}"' for point in _MOUNT_POINTS)
    paths = [*(f"path-exclude={path}" for path in _LEFT_OUT), *(f"path-include={path}" for path in _STILL_IN)]
    return [
        "mmdebstrap", f"--mode={'root' if system_packages.is_root() else 'unshare'}", "--variant=apt",
        "--aptopt=Acquire::Check-Valid-Until \"false\"", f"--customize-hook={touch}",
        f"--customize-hook=touch \"$1/{_MARKER}\"", *(f"--dpkgopt={path}" for path in paths),
        f"--include={','.join(_PACKAGES)}", suite, str(part), *_mirror(),
    ]  # fmt: skip


def _run_build(command: list[str]) -> list[str]:
    """Runs mmdebstrap and prints its steps; returns its last lines, which tell the reason, where it fails.

    However this ends, all that mmdebstrap started ends too.
    """
    lines: list[str] = []
    # A session of its own, so that each of its processes ends when standard input closes.
    process = subprocess.Popen(["sh", "-c", _ENDING_WITH_INPUT, "sh", *command], stdin=subprocess.PIPE,
                               stderr=subprocess.PIPE, encoding="utf-8", errors="replace",
                               start_new_session=True)  # fmt: skip
    with process:
        try:
            for line in process.stderr or ():
                lines = [*lines[1 - _LAST_LINES :], line.strip()] if line.strip() else lines
                if line.startswith("I: ") and "-hook in shell" not in line:
                    print(f"  {line[3:].strip()}", flush=True)
        finally:
            # By hand, as the end of the block waits only a moment after Ctrl-C.
            if process.stdin:
                process.stdin.close()
            process.wait()
    return (lines or ["mmdebstrap failed"]) if process.returncode else []


def _check_namespace_of_user() -> None:
    """Raises SetupProblem where a user other than root may not have the namespace in which a build is root."""
    if system_packages.is_root() or not (reason := _failure(_as_root(["true"]))):
        return
    user = getpass.getuser()
    if not _has_subordinate_ids(user):
        raise SetupProblem(
            f"The user {user} has no subordinate ids, with which a GIMP is fetched without administrator rights.",
            f"Run: sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {user}",
        )
    raise SetupProblem(f"This machine lets no user make namespaces: {reason}.", isolation.ALLOW_NAMESPACES)


def _has_subordinate_ids(user: str) -> bool:
    names = (user, str(os.getuid()))
    texts = [path.read_text(encoding="utf-8") if path.is_file() else "" for path in _SUBORDINATE_IDS]
    return all(any(line.split(":")[0] in names for line in text.splitlines()) for text in texts)


def _as_root(command: list[str]) -> list[str]:
    """The command as root, or as the root of the namespace in which a user's builds are made."""
    return command if system_packages.is_root() else ["mmdebstrap", "--unshare-helper", *command]


def _failure(command: list[str]) -> str:
    """The last words of a command that fails; nothing where it does not."""
    try:
        done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace",
                              stdin=subprocess.DEVNULL)  # fmt: skip
    except OSError as error:
        return str(error)
    return (done.stderr.strip().splitlines() or ["it failed"])[-1].rstrip(".") if done.returncode else ""


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


def _mounts_below(root: Path) -> list[str]:
    mounts = Path("/proc/mounts").read_text(encoding="utf-8").splitlines()
    points = [line.split(" ")[1].replace("\\040", " ") for line in mounts]
    return [point for point in points if point.startswith(f"{root}/")]
