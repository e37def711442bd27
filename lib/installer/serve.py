"""`install.py serve`: the embedded endpoint by itself, with the packages that this Python has, or fetched for it."""

import contextlib
import importlib.util
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from lib.installer import packages, private_gimp, pythons, stamp, targets
from lib.storage.file_lock import locked_where_possible

_NEEDED = ("werkzeug", "numpy", "PIL", "requests")
# Taken as by the other commands; nothing here installs system packages.
_NO_SYSTEM_PACKAGES = "--no-system-packages"


def run(words: Sequence[str]) -> int:
    """Serves until it is stopped; raises SetupProblem where the packages are nowhere and can't be fetched.

    It serves in this process, so that whatever ends this ends the server.
    """
    if not all(importlib.util.find_spec(name) for name in _NEEDED):
        vendor = str(_installed_packages() or _own_packages())
        sys.path.insert(0, vendor)
        # For the processes that the endpoint starts.
        os.environ["PYTHONPATH"] = vendor
        importlib.invalidate_caches()
    from lib.endpoint.__main__ import main

    return main([word for word in words if word != _NO_SYSTEM_PACKAGES])


def _installed_packages() -> Path | None:
    """The packages of an installation for this Python; None where there is none."""
    identity = stamp.identity(pythons.running())
    for target in targets.find_installed(None).places:
        installed = target.installation.stamp() or {}
        if all(installed.get(key) == value for key, value in identity.items()):
            return target.installation.folder / "vendor"
    return None


def _own_packages() -> Path:
    """The packages in a folder of the cache, fetched where they are not there for this Python and these pins."""
    python = pythons.running()
    identity = stamp.identity(python)
    folder = private_gimp.cache_folder() / "serve"
    vendor = folder / f"{identity['python_version']}-{identity['platform']}-{identity['pins'][:12]}"
    folder.mkdir(parents=True, exist_ok=True)
    with locked_where_possible(vendor.with_name(f"{vendor.name}.lock"), wait=True):
        if not vendor.is_dir():
            part = vendor.with_name(f"{vendor.name}.part")
            shutil.rmtree(part, ignore_errors=True)
            # The first lines of stdout are the address and the key, for the programs that read them.
            with contextlib.redirect_stdout(sys.stderr):
                packages.fetch(part, python)
            part.rename(vendor)
    return vendor
