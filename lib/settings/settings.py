"""The settings, and the user's data folder that they are in.

It isn't GIMP's configuration folder, which GIMP copies on an upgrade. `load` never fails: an invalid value is replaced
with the default, and `problem` reports it. `change` and the other writers preserve the changes of other GIMP processes.
"""

import errno
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from lib.api import providers
from lib.api.providers import Provider
from lib.settings.custom_providers import RESERVED, Entry, build_provider, validate_entry, validate_name
from lib.settings.validators import validate
from lib.storage.stored_json import Data, StoredJson
from lib.translation import _

NAME = "generative-edit"
VERSION = 1


@dataclass(frozen=True)
class Settings:
    """The user's settings; "" means that nothing is selected, a limit of 0 that there is none.

    model: belongs to `provider`. confirm_above, monthly_limit: US dollars. context, feather, grow: the defaults of the
    windows.
    provenance: whether an image is marked in its metadata when a result is inserted.
    providers: the custom ones, by name. confirmed: the providers whose first paid use was confirmed.
    """

    provider: str = ""
    model: str = ""
    confirm_above: float = 0.25
    monthly_limit: float = 0.0
    context: str = "auto"
    feather: float = 0.0
    grow: int = 0
    history_days: int = 60
    history_megabytes: int = 2000
    log_prompts: bool = False
    provenance: bool = True
    providers: Mapping[str, Entry] = field(default_factory=dict)
    confirmed: tuple[str, ...] = ()


def data_folder() -> Path:
    """Return the folder of settings and jobs, readable by its user only (mode 0700); create it if necessary.

    Raises OSError.
    """
    return _private(_user_data() / NAME)


def jobs_folder() -> Path:
    """Return the folder that has a subfolder for each job; create it if necessary."""
    return _private(data_folder() / "jobs")


def key_file() -> Path:
    """Return the path of the file for keys on a system without a key store; `lib.api.keys` creates it, mode 0600."""
    return data_folder() / "keys.json"


def load() -> Settings:
    """Return the settings on disk."""
    return _read()[0]


def problem() -> str:
    """Return a sentence for each problem with the settings file, such as an ignored value; "" without any."""
    return _read()[1]


def acknowledge() -> None:
    """Stop reporting that a damaged file was renamed, as the user knows; raise OSError if that fails."""
    _file().acknowledge()


def change(**values: Any) -> Settings:
    """Change these settings and no others.

    Raises ValueError with a sentence for the user if a value is invalid, OSError if the file can't be written.
    """
    valid = {name: validate(name, value) for name, value in values.items()}
    stored = {name: list(value) if isinstance(value, tuple) else value for name, value in valid.items()}
    return _parse(_file().change(lambda data: data | stored))[0]


def confirm(name: str) -> Settings:
    """Store that the first paid use of a provider was confirmed; raise OSError if that fails."""

    def add(data: Data) -> Data:
        return data | {"confirmed": sorted({*_parse(data)[0].confirmed, name})}

    return _parse(_file().change(add))[0]


def save_provider(name: str, entry: Mapping[str, Any]) -> Settings:
    """Add or replace a custom provider; raise ValueError if its entry is invalid, OSError if it can't be stored.

    If its address changes, its first paid use has to be confirmed again.
    """
    valid = validate_entry(validate_name(name, is_new=name not in load().providers), entry)

    def put(data: Data) -> Data:
        before = _entries(data).get(name)
        moved = not isinstance(before, Mapping) or before.get("base_url") != valid["base_url"]
        data = _without_confirmation(data, name) if moved else data
        return data | {"providers": {**_entries(data), name: dict(valid)}}

    return _parse(_file().change(put))[0]


def remove_provider(name: str) -> Settings:
    """Remove a custom provider, also as the default, but not its key (see `lib.api.keys`); raise OSError."""

    def drop(data: Data) -> Data:
        rest = {other: entry for other, entry in _entries(data).items() if other != name}
        default = {"provider": "", "model": ""} if data.get("provider") == name else {}
        return _without_confirmation(data, name) | {"providers": rest} | default

    return _parse(_file().change(drop))[0]


def provider(name: str) -> Provider:
    """Return the built-in or custom provider of this name; raise ValueError, listing the names, if there is none."""
    custom = {} if name in RESERVED else load().providers
    if name in custom:
        return build_provider(name, custom[name])
    try:
        return providers.get(name)
    except ValueError:
        message = _("There is no provider “{name}”. The providers are {names}.")
        raise ValueError(message.format(name=name, names=", ".join(provider_names()))) from None


def provider_names() -> list[str]:
    """Return the names of all providers: the built-in ones, then the custom ones by title.

    A custom one takes the place of a later built-in one of its name.
    """
    custom = load().providers
    built_in = [name for name in providers.names() if name not in custom]
    return [*built_in, *sorted(custom, key=lambda name: custom[name]["title"].casefold())]


def _file() -> StoredJson:
    return StoredJson(data_folder() / "settings.json", VERSION, {0: _upgrade_unversioned})


def _upgrade_unversioned(data: Data) -> Data:
    """Upgrade a file without a version, written by hand: it may have hyphens, as the procedures' arguments do."""
    return {name.replace("-", "_"): value for name, value in data.items()}


def _read() -> tuple[Settings, str]:
    try:
        file = _file()
    except OSError as error:
        message = _("Couldn't create the settings folder ({reason}). Settings won't be saved.")
        return Settings(), message.format(reason=error.strerror or error)
    result = file.read()
    settings, problems = _parse(result.data)
    return settings, " ".join(filter(None, [result.problem, *problems]))


def _parse(data: Data) -> tuple[Settings, list[str]]:
    """Return the settings in an object, with the default for each invalid value, and a sentence for each problem."""
    values, problems = {}, []
    for setting in fields(Settings):
        if setting.name not in data or setting.name == "providers":
            continue
        try:
            values[setting.name] = validate(setting.name, data[setting.name])
        except ValueError as error:
            problems.append(str(error))
    custom = {}
    for name, entry in _entries(data).items():
        try:
            custom[name] = validate_entry(validate_name(name, is_new=False), entry)
        except ValueError as error:
            problems.append(str(error))
    return Settings(**values, providers=custom), problems


def _entries(data: Data) -> dict[str, Any]:
    entries = data.get("providers")
    return entries if isinstance(entries, dict) else {}


def _without_confirmation(data: Data, name: str) -> Data:
    return data | {"confirmed": [other for other in _parse(data)[0].confirmed if other != name]}


def _user_data() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")


def _private(folder: Path) -> Path:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except FileExistsError:
        if folder.is_symlink():
            raise FileNotFoundError(errno.ENOENT, _("The folder that it links to is missing"), str(folder)) from None
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder)) from None
    return folder
