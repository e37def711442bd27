"""A private GIMP for a machine that has none: a Debian system in a folder, which is run without being installed.

It is in the user's cache folder and read-only in use. The demo needs it, and the tests, which need two versions.
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

# The Debian suite that has each version.
SUITES = {"3.0": "trixie", "3.2": "forky"}
_PACKAGES = (
    "gimp", "gir1.2-gimp-3.0", "python3", "python3-gi", "python3-pip", "ca-certificates", "fonts-dejavu-core",
    "adwaita-icon-theme", "xvfb", "xdotool", "openbox", "dbus", "at-spi2-core", "gir1.2-atspi-2.0",
)  # fmt: skip
# The tools that a build needs and their packages in Debian; the second are only needed by users other than root.
_BUILD_TOOLS = {
    "mmdebstrap": "mmdebstrap",
    "/usr/share/keyrings/debian-archive-keyring.gpg": "debian-archive-keyring",
}
_USERS_BUILD_TOOLS = {"newuidmap": "uidmap"}
# Unused files, which are half of the disk space: manuals, other languages, and the compiler for three-dimensional
# graphics; X draws GIMP's windows without it.
_EXCLUDED = ("/usr/share/man/*", "/usr/share/info/*", "/usr/share/doc/*", "/usr/share/locale/*",
             "/usr/lib/*/libLLVM*", "/usr/lib/*/libgallium*", "/usr/lib/*/libz3*")  # fmt: skip
_INCLUDED = ("/usr/share/doc/*/copyright", *(f"/usr/share/locale/{name}/*" for name in ("de", "fr", "es", "zh_CN")))
_MOUNT_POINTS = ("etc/resolv.conf", "etc/hosts", "etc/pip.conf", "etc/xdg/pip/.keep")
# A build writes it last and a removal deletes it first: a system without it is incomplete.
_MARKER = "etc/generative-edit-whole"
_SUBORDINATE_IDS = (Path("/etc/subuid"), Path("/etc/subgid"))
# Runs a command and ends its process group when our end of its standard input is closed, by force after a while.
# Processes that were started at that very moment are killed too.
_END_WITH_INPUT = """
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
# The lines that mmdebstrap's helper adds to the error of a command.
_HELPER_ERROR = re.compile(r"E: (unshared command|system) failed")


def cache_folder() -> Path:
    """Return the user's cache folder for private GIMPs, the demo and the tests."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / NAME


@dataclass(frozen=True)
class PrivateGimp:
    """A system in a folder, with GIMP of the minor version "3.0" or "3.2" in it."""

    root: Path
    minor: str

    def is_complete(self) -> bool:
        """Return whether its build has finished and no removal has begun."""
        return (self.root / _MARKER).exists()

    def command(self, argv: Iterable[str], folders: Iterable[Path], environment: Mapping[str, str]) -> list[str]:
        """Return the command that runs `argv` inside, with `folders` of the host at the same paths.

        Only `environment` and the variables that the network needs are passed. Nothing stays mounted afterwards.
        """
        inside = {**isolation.inherited_environment(), **environment}
        return isolation.choose().command(self.root, argv, folders, inside)


def ensure(minor: str) -> PrivateGimp:
    """Return the private GIMP of this minor version; build it if necessary (a minute, about 0.6 GB).

    Raise SetupProblem before downloading anything if this system cannot build one.
    """
    folder = cache_folder()
    gimp = PrivateGimp(folder / f"gimp-{minor}", minor)
    if gimp.is_complete():
        isolation.choose()
        return gimp
    _check_system()
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / f"gimp-{minor}.lock", wait=True):
        if not gimp.is_complete():
            _build(gimp)
    return gimp


def add(gimp: PrivateGimp, packages: Iterable[str]) -> None:
    """Install Debian packages that a private GIMP does not have yet; raise SetupProblem if that fails."""
    missing = [name for name in packages if not (gimp.root / "var/lib/dpkg/info" / f"{name}.list").exists()]
    if not missing:
        return
    update = "apt-get -o Acquire::Check-Valid-Until=false update"
    install = f"apt-get install --yes --no-install-recommends {shlex.join(missing)}"
    script = f"{update} && {install} && apt-get clean && rm -r /var/lib/apt/lists/*"
    command = isolation.choose().command_as_root(gimp.root, ["sh", "-c", script])
    if not system_packages.is_root():
        # In the helper's namespace, /proc is still the host's, in which bubblewrap cannot see its processes.
        command = ["sh", "-c", 'mount -t proc proc /proc; exec "$@"', "sh", *command]
    # apt-get needs the system's programs, which are not on a user's path.
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "PATH": path}
    with locked(gimp.root.with_name(f"{gimp.root.name}.lock"), wait=True):
        result = subprocess.run(_as_root(command), capture_output=True, encoding="utf-8", errors="replace",
                              stdin=subprocess.DEVNULL, env=environment)  # fmt: skip
    if result.returncode:
        lines = [line for line in result.stderr.strip().splitlines() if not _HELPER_ERROR.match(line)]
        lines = lines or ["apt-get failed"]
        what = f"Couldn't install {', '.join(missing)} into {gimp.root}: {lines[-1].rstrip('.')}."
        raise SetupProblem(what, system_packages.advice(lines, "Run this again."))


def remove(root: Path) -> None:
    """Remove a private GIMP, complete or not, and unmount what a killed build left mounted in it.

    Raise SetupProblem if any of it cannot be removed.
    """
    for point in sorted(_mounts_below(root), reverse=True):
        subprocess.run(["umount", point], check=True, stdin=subprocess.DEVNULL)
    if not root.exists():
        return
    # The files belong to users of the user's own namespace; the folder itself may belong to the user.
    script = 'rm -f "$1/$2"; find "$1" -xdev -mindepth 1 -delete'
    _error_of(_as_root(["sh", "-c", script, "sh", str(root), _MARKER]))
    reason = _error_of(["rm", "-rf", "--one-file-system", str(root)])
    if root.exists():
        raise SetupProblem(f"Couldn't remove {root}: {reason}.", f"Run: sudo rm -rf {shlex.quote(str(root))}")


def installed() -> list[Path]:
    """Return the folders of this user's private GIMPs, complete or not."""
    return [path for path in cache_folder().glob("gimp-*") if path.is_dir()]


def _build(gimp: PrivateGimp) -> None:
    """Build under a temporary name and rename at the end, so that a killed build is never used."""
    isolation.choose(_build_tools())
    _check_namespace_of_user()
    suite, part = SUITES[gimp.minor], gimp.root.with_name(gimp.root.name + ".part")
    lock = part.with_name(f"{part.name}.lock")
    with locked(lock) as free:
        if not free:
            print(f"Waiting for another build in {part} to finish …", flush=True)
    with locked(lock, wait=True):
        remove(part)
        remove(gimp.root)
    print(f"Downloading GIMP {gimp.minor} from Debian {suite}: about 0.3 GB, 0.6 GB in {gimp.root}", flush=True)
    try:
        # Every process of the build inherits the lock, so none of them still runs when the next build begins.
        lines = _run_build(["flock", "--no-fork", str(lock), *_build_command(suite, part)])
        if lines:
            reason = next((line for line in lines if line.startswith("E: ")), lines[-1])
            what = f"Couldn't download GIMP {gimp.minor}: {reason.rstrip('.')}."
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
    paths = [*(f"path-exclude={path}" for path in _EXCLUDED), *(f"path-include={path}" for path in _INCLUDED)]
    return [
        "mmdebstrap", f"--mode={'root' if system_packages.is_root() else 'unshare'}", "--variant=apt",
        "--aptopt=Acquire::Check-Valid-Until \"false\"", f"--customize-hook={touch}",
        f"--customize-hook=touch \"$1/{_MARKER}\"", *(f"--dpkgopt={path}" for path in paths),
        f"--include={','.join(_PACKAGES)}", suite, str(part), *_mirror(),
    ]  # fmt: skip


def _run_build(command: list[str]) -> list[str]:
    """Run mmdebstrap and print its steps; if it fails, return the last lines of its errors, else none.

    All processes that mmdebstrap started end before this returns or raises.
    """
    lines: list[str] = []
    # In a session of its own, whose processes all end when standard input closes.
    process = subprocess.Popen(["sh", "-c", _END_WITH_INPUT, "sh", *command], stdin=subprocess.PIPE,
                               stderr=subprocess.PIPE, encoding="utf-8", errors="replace",
                               start_new_session=True)  # fmt: skip
    with process:
        try:
            for line in process.stderr or ():
                lines = [*lines[1 - _LAST_LINES :], line.strip()] if line.strip() else lines
                if line.startswith("I: ") and "-hook in shell" not in line:
                    print(f"  {line[3:].strip()}", flush=True)
        finally:
            # Explicitly, because the end of the block waits only a moment after Ctrl-C.
            if process.stdin:
                process.stdin.close()
            process.wait()
    return (lines or ["mmdebstrap failed"]) if process.returncode else []


def _check_namespace_of_user() -> None:
    """Raise SetupProblem if the user is not root and may not create the namespace in which a build runs as root."""
    if system_packages.is_root() or not (reason := _error_of(_as_root(["true"]))):
        return
    user = getpass.getuser()
    if not _has_subordinate_ids(user):
        raise SetupProblem(
            f"The user {user} has no subordinate user IDs, which are needed to download a GIMP without root.",
            f"Run: sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {user}",
        )
    raise SetupProblem(f"This machine does not allow user namespaces: {reason}.", isolation.ALLOW_NAMESPACES)


def _has_subordinate_ids(user: str) -> bool:
    names = (user, str(os.getuid()))
    texts = [path.read_text(encoding="utf-8") if path.is_file() else "" for path in _SUBORDINATE_IDS]
    return all(any(line.split(":")[0] in names for line in text.splitlines()) for text in texts)


def _as_root(command: list[str]) -> list[str]:
    """Return the command as root, or as root in the namespace in which a user's builds run."""
    return command if system_packages.is_root() else ["mmdebstrap", "--unshare-helper", *command]


def _error_of(command: list[str]) -> str:
    """Run a command; return the last line of its errors if it fails, else ""."""
    try:
        result = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace",
                              stdin=subprocess.DEVNULL)  # fmt: skip
    except OSError as error:
        return str(error)
    return (result.stderr.strip().splitlines() or ["it failed"])[-1].rstrip(".") if result.returncode else ""


def _mirror() -> list[str]:
    """Return Debian's mirror from this machine's package sources; none for mmdebstrap's default."""
    for path in (Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))):
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        match = re.search(r"^(?:deb\s+(?:\[[^]]*\]\s*)?|URIs:\s*)(\S+/debian/?)(?:\s|$)", text, re.MULTILINE)
        if match:
            return [match.group(1)]
    return []


def _check_system() -> None:
    if sys.platform != "linux" or not shutil.which("apt-get"):
        raise SetupProblem(
            f"This machine ({platform.system()}) has no GIMP 3 that can run the demo,"
            " and downloading one works only on Debian and its derivatives.",
            "Install GIMP 3 from your distribution, from Flathub or from gimp.org, then run this again.",
        )


def _mounts_below(root: Path) -> list[str]:
    mounts = Path("/proc/mounts").read_text(encoding="utf-8").splitlines()
    points = [line.split(" ")[1].replace("\\040", " ") for line in mounts]
    return [point for point in points if point.startswith(f"{root}/")]
