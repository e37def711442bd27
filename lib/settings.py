"""Where things are kept: the user's data folder, never GIMP's configuration folder, which GIMP copies at an upgrade."""

import os
import sys
from pathlib import Path

NAME = "generative-edit"


def data_folder() -> Path:
    """The folder of settings, jobs and history; only its user can read it (mode 0700). Made if it is not there."""
    return _private(_user_data() / NAME)


def jobs_folder() -> Path:
    """The folder that holds one folder for each job."""
    return _private(data_folder() / "jobs")


def key_file() -> Path:
    """Where keys are kept on a system without a key store; made with mode 0600 by `lib.api.keys`."""
    return data_folder() / "keys.json"


def _user_data() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")


def _private(folder: Path) -> Path:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder
