#!/usr/bin/env python3
"""Installs Generative Edit into this user's GIMP 3, checks it, shows it, serves its endpoint.

    python3 install.py                  install or update, in every GIMP 3 of yours (--list: only say which)
    python3 install.py update           update where it is installed; settings, history and keys stay
    python3 install.py demo             the main job in a real GIMP, on a real picture
    python3 install.py doctor           check every piece
    python3 install.py serve            the embedded endpoint by itself
    python3 install.py release          write the release files, which need no network to install
    python3 install.py uninstall        remove it (--everything: settings, history, key and private GIMPs too)

Standard library only, and this file parses on Python 3.6, so that an old Python gets a sentence, not a SyntaxError.
"""

import sys

OLDEST_PYTHON = (3, 11)


def main():
    if sys.version_info < OLDEST_PYTHON:
        sys.stderr.write(
            "Generative Edit needs Python 3.11 or later, and this is Python %d.%d.\n"
            "Run this file with a newer Python: python3.11 install.py\n" % sys.version_info[:2]
        )
        return 1
    from lib.installer.command import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
