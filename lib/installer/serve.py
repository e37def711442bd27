"""`install.py serve`: run the embedded endpoint on its own, with this Python's packages or downloaded ones."""

import contextlib
import importlib.util
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from lib.installer import packages, private_gimp, pythons, stamp, systemd, targets
from lib.storage.file_lock import locked_where_possible

_REQUIRED = ("werkzeug", "numpy", "PIL", "requests")
PRINT_UNIT = "--print-systemd-unit"
# Accepted for consistency with the other commands; nothing here installs system packages.
_NO_SYSTEM_PACKAGES = "--no-system-packages"


def run(arguments: Sequence[str]) -> int:
    """Serve until stopped; raise SetupProblem if the packages are missing and cannot be downloaded.

    The server runs in this process, so that it always ends with it.
    """
    if PRINT_UNIT in arguments:
        print(systemd.unit([argument for argument in arguments if argument != PRINT_UNIT]), end="")
        return 0
    if not all(importlib.util.find_spec(name) for name in _REQUIRED):
        vendor = str(_installed_packages() or _cached_packages())
        sys.path.insert(0, vendor)
        # For the endpoint's child processes.
        os.environ["PYTHONPATH"] = vendor
        importlib.invalidate_caches()
    # Edits that run at once share the cores better than the matrices of one.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from lib.endpoint.__main__ import main

    return main([argument for argument in arguments if argument != _NO_SYSTEM_PACKAGES])


def _installed_packages() -> Path | None:
    """Return the packages of an installation for this Python, or None."""
    identity = stamp.identity(pythons.running())
    for target in targets.find_installed(None).places:
        installed = target.installation.stamp() or {}
        if all(installed.get(key) == value for key, value in identity.items()):
            return target.installation.folder / "vendor"
    return None


def _cached_packages() -> Path:
    """Return a folder of the cache with the packages for this Python and these pins; download them if necessary."""
    python = pythons.running()
    identity = stamp.identity(python)
    folder = private_gimp.cache_folder() / "serve"
    vendor = folder / f"{identity['python_version']}-{identity['platform']}-{identity['pins'][:12]}"
    folder.mkdir(parents=True, exist_ok=True)
    with locked_where_possible(vendor.with_name(f"{vendor.name}.lock"), wait=True):
        if not vendor.is_dir():
            part = vendor.with_name(f"{vendor.name}.part")
            shutil.rmtree(part, ignore_errors=True)
            # Programs read the address and the key from the first lines of stdout.
            with contextlib.redirect_stdout(sys.stderr):
                packages.fetch(part, python)
            part.rename(vendor)
    return vendor
