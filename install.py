#!/usr/bin/env python3
"""Installs Generative Edit into this user's GIMP 3, checks it, shows it, serves its endpoint.

    python3 install.py                  install or update, in every GIMP 3 of yours (--list: only say which)
    python3 install.py update           update where it is installed; settings, history and keys stay
    python3 install.py demo             the main job in a real GIMP, on a real picture
    python3 install.py doctor           check every piece
    python3 install.py serve            the embedded endpoint by itself
    python3 install.py release          write the release files, which need no network to install
    python3 install.py uninstall        remove it (--everything: settings, history, key and private GIMPs too)

Standard library only, and this file parses on Python 2.7, so that an old Python gets a sentence, not a SyntaxError.
"""

import os
import sys

OLDEST_PYTHON = (3, 11)
NEWER = ("python3.14", "python3.13", "python3.12", "python3.11")


def check_python(program, arguments):
    """Whether this Python is new enough; says what is wrong and what to do where it is not."""
    if sys.version_info >= OLDEST_PYTHON:
        return True
    folders = os.environ.get("PATH", "").split(os.pathsep)
    newer = [name for name in NEWER if any(os.access(os.path.join(folder, name), os.X_OK) for folder in folders)]
    command = " ".join([(newer or ["python3.11"])[0], program] + list(arguments))
    sys.stderr.write(
        "Generative Edit needs Python 3.11 or later, and this is Python %d.%d.\n" % sys.version_info[:2]
        + ("Run: %s\n" % command if newer else "Install a newer Python, then run: %s\n" % command)
    )
    return False


def main():
    if not check_python("install.py", sys.argv[1:]):
        return 1
    # With -P or PYTHONSAFEPATH Python does not look beside this file by itself.
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    try:
        from lib.installer.command import run
    except ImportError as error:
        sys.stderr.write(
            "This folder or this Python is not complete: %s.\n"
            "Unpack the release or clone the repository anew, whole, and run install.py there.\n" % error
        )
        return 1
    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
