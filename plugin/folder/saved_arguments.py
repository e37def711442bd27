"""The arguments of a run, stored in its output folder for a window that offers to continue it; no key is among them."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lib.settings import last_used
from lib.storage.stored_json import StoredJson
from plugin.edit.arguments import defaults
from plugin.folder.arguments import FOLDER_ARGUMENTS, RunSpec
from plugin.folder.own_results import OWN_FOLDER

_VERSION = 1


def store(spec: RunSpec) -> None:
    """Store the arguments of a run; disk errors are ignored, as the run matters more."""
    source, out = str(spec.source), str(spec.out)
    with contextlib.suppress(OSError):
        _file(spec.out).change(lambda _old: {**spec.values, "input-folder": source, "output-folder": out})
        last_used.remember_folders(source, out)


def of_run(out: Path) -> dict[str, Any]:
    """Return the arguments of the last run in an output folder; those missing or invalid have their defaults."""
    if not (out / OWN_FOLDER).is_dir():
        return {}
    data = _file(out).read().data
    return _valid(data) if data else {}


def of_last_run() -> dict[str, Any]:
    """Return the arguments of the last run, as far as its folders still exist."""
    source, out = last_used.folders()
    folders = {"input-folder": source, "output-folder": out}
    existing = {name: folder for name, folder in folders.items() if folder and Path(folder).is_dir()}
    return {**(of_run(Path(out)) if out else {}), **dict.fromkeys(folders, ""), **existing}


def _valid(data: Mapping[str, Any]) -> dict[str, Any]:
    values = defaults(FOLDER_ARGUMENTS)
    return {
        name: data[name] if name in data and type(data[name]) is type(default) else default
        for name, default in values.items()
    }


def _file(out: Path) -> StoredJson:
    return StoredJson(out / OWN_FOLDER / "arguments.json", _VERSION)
