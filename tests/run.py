#!/usr/bin/env python3
"""Runs the tests, on a fresh machine too: makes its own virtual environment and gets the GIMPs that are missing.

python3 tests/run.py                    all tests, those of GIMP 3.0 beside those of GIMP 3.2 and those without one
python3 tests/run.py --all              the same with longer campaigns, and everything in both GIMPs
python3 tests/run.py PYTEST_ARGS...      what pytest's own arguments choose, one after the other
python3 tests/run.py --lint             ruff and mypy instead
python3 tests/run.py --python FILE ...    a program of the tests' own, in their environment

--no-system-packages, as the first word, forbids to install what is missing with apt-get.
This file parses on Python 2.7, so that an old Python gets a sentence, not a SyntaxError.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from install import check_python


def main():
    if not check_python("tests/run.py", sys.argv[1:]):
        return 1
    from tests.runner import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
