"""`install.py serve`: the embedded endpoint by itself, with this Python's packages or those of an installation."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Sequence

from lib.installer import pythons, stamp, targets
from lib.installer.packages import CHECKOUT
from lib.installer.problem import SetupProblem

_NEEDED = ("werkzeug", "numpy", "PIL", "requests")


def run(words: Sequence[str]) -> int:
    """Serves until it is stopped; raises SetupProblem where the packages are nowhere."""
    environment = dict(os.environ)
    if not all(importlib.util.find_spec(name) for name in _NEEDED):
        environment["PYTHONPATH"] = _vendor()
    command = [sys.executable, "-m", "lib.endpoint", *words]
    with subprocess.Popen(command, cwd=CHECKOUT, env=environment) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            # The endpoint hears it too, and ends by itself.
            return process.wait()


def _vendor() -> str:
    """The packages of an installation for this Python."""
    wanted = stamp.identity(pythons.running())
    for target in targets.find_installed(None).places:
        has = target.installation.stamp() or {}
        if all(has.get(key) == value for key, value in wanted.items()):
            return str(target.installation.folder / "vendor")
    raise SetupProblem("The endpoint's packages are not installed for this Python.", "First run: python3 install.py")
