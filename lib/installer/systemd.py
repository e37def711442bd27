"""The systemd unit with which the endpoint runs as a service: `install.py serve --print-systemd-unit OPTIONS`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from lib.installer.packages import CHECKOUT

_SPARE_SECONDS = 30.0  # for the end itself, before systemd kills the process

_UNIT = """\
# Generative Edit's endpoint as a service. For one user:
#   save this as ~/.config/systemd/user/generative-edit.service, then run
#   systemctl --user enable --now generative-edit; loginctl enable-linger
# Its log: journalctl --user --unit generative-edit
[Unit]
Description=Generative Edit, POST /v1/images/edits
After=network-online.target
Wants=network-online.target

[Service]
WorkingDirectory={folder}
ExecStart={command}
Restart=on-failure
RestartSec=2
# Running edits are finished first: --stop-seconds.
TimeoutStopSec={seconds:.0f}
NoNewPrivileges=yes
PrivateTmp=yes

[Install]
WantedBy=default.target
"""


def unit(arguments: Sequence[str]) -> str:
    """Return the unit that runs install.py serve with these arguments on this Python, in the current folder."""
    words = [sys.executable, str(CHECKOUT / "install.py"), "serve", "--log-requests", *arguments]
    folder, seconds = str(Path.cwd()).replace("%", "%%"), _stop_seconds(arguments) + _SPARE_SECONDS
    return _UNIT.format(folder=folder, seconds=seconds, command=" ".join(_quoted(word) for word in words))


def _stop_seconds(arguments: Sequence[str]) -> float:
    """Return how long the endpoint waits for running edits when it is told to stop."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--stop-seconds", type=float, default=30.0)
    return float(parser.parse_known_args(arguments)[0].stop_seconds)


def _quoted(word: str) -> str:
    """Return a word as systemd reads it: percent and dollar signs begin its own variables."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"' if any(letter in escaped for letter in " \t\"\\'") else escaped
