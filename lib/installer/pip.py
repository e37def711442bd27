"""Run pip: this Python's own if it works, else the release's or a downloaded one."""

import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from lib.installer import pip_settings, pip_wheel
from lib.installer.pip_failure import UNREACHED, Failure

CHECKOUT = Path(__file__).absolute().parent.parent.parent
# A release has this folder beside install.py, with every package for its platform, and pip.
WHEELS = CHECKOUT / "wheels"
_OPTIONS = ("--no-input", "--disable-pip-version-check", "--quiet")


def run(arguments: Sequence[str], folder: Path, python: str = "") -> None:
    """Run pip for this Python or the one named, with its temporary files in `folder`; raise Failure, SetupProblem."""
    # Windows limits the length of a path; elsewhere, unpacking on the same disk saves a copy.
    parent = None if sys.platform == "win32" else folder
    with tempfile.TemporaryDirectory(prefix=".pip-", dir=parent, ignore_cleanup_errors=True) as name:
        scratch = Path(name)
        log = scratch / "pip.log"
        environment = {**pip_settings.environment(arguments[0]), "TMPDIR": str(scratch)}
        if "--no-index" in arguments:
            environment.pop("PIP_FIND_LINKS", None)
        command = [*_command(scratch, environment), *(["--python", python] if python else []), *arguments, *_OPTIONS]
        result = subprocess.run([*command, "--log", str(log)], stdin=subprocess.DEVNULL, capture_output=True,
                              encoding="utf-8", errors="replace", env=environment)  # fmt: skip
        if not result.returncode:
            return
        # pip writes the addresses that it tried, and why they failed, only into its log.
        unreached = UNREACHED.findall(log.read_text(encoding="utf-8", errors="replace")) if log.exists() else []
    tried = [f"Could not fetch URL {address}: {reason}" for address, reason in unreached if " 404 " not in f" {reason}"]
    crash = [f"pip crashed with signal {-result.returncode}"] if result.returncode < 0 else []
    raise Failure("\n".join([*tried, result.stderr, *crash]))


def _command(scratch: Path, environment: dict[str, str]) -> list[str]:
    """Return the command for this Python's own pip, or for a wheel of pip, which can be run too."""
    # -P: a file in the current folder may have the name of one of pip's modules.
    own = [sys.executable, "-P", "-m", "pip"]
    is_installed = importlib.util.find_spec("pip") is not None
    if is_installed and not subprocess.run([*own, "--version"], capture_output=True, env=environment).returncode:
        return own
    for wheel in WHEELS.glob("pip-*.whl"):
        return [sys.executable, str(wheel / "pip")]
    try:
        return [sys.executable, str(pip_wheel.fetch(scratch) / "pip")]
    except pip_wheel.NoWheel as error:
        state = "which does not work in this Python" if is_installed else "which this Python does not have"
        raise Failure(str(error), f"pip, {state}") from None
