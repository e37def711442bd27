"""stamp.json: what install.py wrote down about an installation, and what the worker and the starter check."""

import hashlib
import json
from pathlib import Path
from typing import Any

from lib.installer import packages
from lib.installer.pythons import Python

STAMP = "stamp.json"


def read(folder: Path) -> dict[str, Any] | None:
    """The stamp of an installed folder; None where nothing readable is there."""
    try:
        stamp = json.loads((folder / STAMP).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return stamp if isinstance(stamp, dict) else None


def write(folder: Path, version: str, python: Python) -> None:
    """Writes down all that lies in the folder, with `/` between names on every system."""
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    stamp = identity(python) | {"version": version, "python": python.program, "files": files}
    (folder / STAMP).write_text(json.dumps(stamp, indent=0), encoding="utf-8")


def identity(python: Python) -> dict[str, str]:
    """What packages depend on: the Python, its platform, the pins."""
    return {
        "python_version": python.version,
        "platform": python.platform,
        "pins": hashlib.sha256(packages.PINS.read_bytes()).hexdigest(),
    }


def missing_files(folder: Path) -> list[str]:
    """What install.py wrote and is not there any more; all of it where not even the list is."""
    names = (read(folder) or {}).get("files", [STAMP])
    return [name for name in names if not (folder / name).exists()]
