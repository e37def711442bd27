"""stamp.json: the record of an installation, written by install.py and checked by the plug-in and the worker."""

import hashlib
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from lib.installer import packages
from lib.installer.pythons import Python

STAMP = "stamp.json"
_CACHE = "__pycache__"


def read(folder: Path) -> dict[str, Any] | None:
    """Return the stamp of an installed folder; None if it has no valid one."""
    try:
        stamp = json.loads((folder / STAMP).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(stamp, dict) or not isinstance(stamp.get("files"), list):
        return None
    return stamp if all(isinstance(stamp.get(name), str) for name in ("version", "python", "python_version")) else None


def write(
    folder: Path, version: str, python: Python, without: Collection[str] = (), left_out: Mapping[str, str] | None = None
) -> None:
    """Write the stamp, which lists every file in the folder, with `/` as the separator on every system.

    `without` are the features that the user does not want; `left_out` says why each feature is missing.

    Compiled files are not listed: they may be deleted at any time, and Python writes them again.
    """
    paths = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    files = sorted(path.as_posix() for path in paths if _CACHE not in path.parts)
    stamp = identity(python, without) | {"left_out": dict(left_out or {})}
    stamp |= {"version": version, "python": python.program, "files": files}
    (folder / STAMP).write_text(json.dumps(stamp, indent=0), encoding="utf-8")


def identity(python: Python, without: Collection[str] = ()) -> dict[str, Any]:
    """Return what the installed packages depend on: the Python, its platform, the pins, the features left out."""
    return {
        "python_version": python.version,
        "platform": python.platform,
        "pins": hashlib.sha256(packages.PINS.read_bytes()).hexdigest(),
        "without": sorted(without),
    }


def python(stamp: dict[str, Any], sandbox: str) -> Python:
    """Return the Python that a stamp names, in the sandbox of its GIMP."""
    return Python(stamp.get("python", ""), stamp.get("python_version", ""), stamp.get("platform", ""), sandbox)


def missing_files(folder: Path) -> list[str]:
    """Return the listed files that no longer exist; the stamp itself if that is missing."""
    names = (read(folder) or {}).get("files", [STAMP])
    return [name for name in names if _CACHE not in name and not (folder / name).exists()]
