"""Runs pip: this Python's own where it works, else the release's or a fetched one."""

import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from lib.installer import pip_settings, pip_wheel
from lib.installer.pip_failure import UNREACHED, Failure

CHECKOUT = Path(__file__).absolute().parent.parent.parent
# In a release, beside install.py: every package for its platform, and pip.
WHEELS = CHECKOUT / "wheels"
_OPTIONS = ("--no-input", "--disable-pip-version-check", "--quiet")


def run(words: Sequence[str], folder: Path, python: str = "") -> None:
    """Run pip, with its temporary files in `folder`, for this Python or the one named; raises Failure, SetupProblem."""
    # A path's length is limited on Windows; elsewhere what is unpacked need not be copied from another disk.
    near = None if sys.platform == "win32" else folder
    with tempfile.TemporaryDirectory(prefix=".pip-", dir=near, ignore_cleanup_errors=True) as name:
        scratch = Path(name)
        log = scratch / "pip.log"
        environment = {**pip_settings.environment(words[0]), "TMPDIR": str(scratch)}
        if "--no-index" in words:
            environment.pop("PIP_FIND_LINKS", None)
        command = [*_command(scratch, environment), *(["--python", python] if python else []), *words, *_OPTIONS]
        done = subprocess.run([*command, "--log", str(log)], stdin=subprocess.DEVNULL, capture_output=True,
                              encoding="utf-8", errors="replace", env=environment)  # fmt: skip
        if not done.returncode:
            return
        # Which address was tried, and why in vain, pip writes into its log only.
        unreached = UNREACHED.findall(log.read_text(encoding="utf-8", errors="replace")) if log.exists() else []
    tried = [f"Could not fetch URL {address}: {reason}" for address, reason in unreached if " 404 " not in f" {reason}"]
    ended = [f"pip was ended by signal {-done.returncode}"] if done.returncode < 0 else []
    raise Failure("\n".join([*tried, done.stderr, *ended]))


def _command(scratch: Path, environment: dict[str, str]) -> list[str]:
    """This Python's own pip, or else a wheel, from which it runs too."""
    # Not the folder that we were called from, in which a file may be named as one of pip's modules.
    own = [sys.executable, "-P", "-m", "pip"]
    there = importlib.util.find_spec("pip") is not None
    if there and not subprocess.run([*own, "--version"], capture_output=True, env=environment).returncode:
        return own
    for wheel in WHEELS.glob("pip-*.whl"):
        return [sys.executable, str(wheel / "pip")]
    try:
        return [sys.executable, str(pip_wheel.fetch(scratch) / "pip")]
    except pip_wheel.NoWheel as error:
        state = "which does not work in this Python" if there else "which this Python lacks"
        raise Failure(str(error), f"pip, {state},") from None
