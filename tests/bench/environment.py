"""Starts a bench again in the environment of the tests, which has the packages."""

import sys
from pathlib import Path

from lib.installer.private_gimp import cache_folder


def run_in_tests_environment():
    """Run this program there and exit with its status, unless it runs there already."""
    if Path(sys.prefix).parent == cache_folder() / "tests":
        return
    from tests import runner

    sys.exit(runner.run(["--python", *sys.argv]))
