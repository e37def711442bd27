"""What the tests must know of the system that they run on."""

import stat
import sys

PLATFORM = sys.platform  # tests set sys.platform to another one
# The variable that moves the user's data folder, where lib/settings/settings.py looks for it on this system.
DATA_HOME = {"win32": "LOCALAPPDATA", "darwin": "HOME"}.get(PLATFORM, "XDG_DATA_HOME")
REASONS = {
    "posix": "needs links, permissions, signals or programs as POSIX systems have them",
    "linux": "needs /proc, or a made-up machine that is a Linux",
}


def skip_reason(markers, platform=sys.platform):
    """Return why tests with these markers cannot run on this system, or "" where they can."""
    missing = {"linux": (), "win32": ("posix", "linux")}.get(platform, ("linux",))
    return next((REASONS[name] for name in missing if name in markers), "")


def is_private(path):
    """Return whether only the user may use a file or folder; on Windows the user's own folders see to that."""
    return sys.platform == "win32" or not stat.S_IMODE(path.stat().st_mode) & 0o077
