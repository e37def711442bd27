"""What is remembered, in the user's data folder: never in GIMP's configuration folder, which GIMP copies at an upgrade.

`load` never fails: what is wrong in the file is the default, and `problem` says so. `change` and its like keep whatever
another GIMP has written meanwhile.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from lib.api import providers
from lib.api.providers import Provider
from lib.settings.custom_providers import Entry, as_provider, checked_entry, checked_name
from lib.settings.values import checked
from lib.storage.stored_json import Data, StoredJson
from lib.translation import _

NAME = "generative-edit"
VERSION = 1


@dataclass(frozen=True)
class Settings:
    """What the user has set. "" means: nothing chosen; a limit of 0 is none.

    `model` is meant for `provider` only. `confirm_above` is in US dollars, `context`, `feather` and `grow` are what the
    windows start with. `providers` are the user's own, `confirmed` names those whose first paid use was confirmed.
    """

    provider: str = ""
    model: str = ""
    confirm_above: float = 0.25
    context: str = "auto"
    feather: float = 0.0
    grow: int = 0
    history_days: int = 60
    history_megabytes: int = 2000
    log_prompts: bool = False
    providers: Mapping[str, Entry] = field(default_factory=dict)
    confirmed: tuple[str, ...] = ()


def data_folder() -> Path:
    """The folder of settings, jobs and history; only its user can read it (mode 0700). Made if it is not there."""
    return _private(_user_data() / NAME)


def jobs_folder() -> Path:
    """The folder that holds one folder for each job."""
    return _private(data_folder() / "jobs")


def key_file() -> Path:
    """Where keys are kept on a system without a key store; made with mode 0600 by `lib.api.keys`."""
    return data_folder() / "keys.json"


def load() -> Settings:
    """The settings as they are on disk now."""
    return _read()[0]


def problem() -> str:
    """What is wrong with the file of settings, a sentence each: it was set aside, or a value is not used; else ""."""
    return _read()[1]


def acknowledge() -> None:
    """The user knows that a broken file was set aside; raises OSError where the disk refuses."""
    _file().acknowledge()


def change(**values: Any) -> Settings:
    """Changes these fields and no other.

    Raises ValueError, with a sentence, for a value that cannot be, OSError where the disk refuses.
    """
    read = {name: checked(name, value) for name, value in values.items()}
    stored = {name: list(value) if isinstance(value, tuple) else value for name, value in read.items()}
    return _read_from(_file().change(lambda data: data | stored))[0]


def confirm(name: str) -> Settings:
    """Remembers that the first paid use of a provider was confirmed; raises OSError."""

    def add(data: Data) -> Data:
        return data | {"confirmed": sorted({*_read_from(data)[0].confirmed, name})}

    return _read_from(_file().change(add))[0]


def keep_provider(name: str, entry: Mapping[str, Any]) -> Settings:
    """Adds or replaces one of the user's own providers; raises ValueError with what is wrong with it, or OSError.

    Where its address is another one, its first paid use is confirmed again.
    """
    kept = checked_entry(checked_name(name), entry)

    def put(data: Data) -> Data:
        before = _entries(data).get(name)
        moved = not isinstance(before, Mapping) or before.get("base_url") != kept["base_url"]
        data = _unconfirmed(data, name) if moved else data
        return data | {"providers": {**_entries(data), name: dict(kept)}}

    return _read_from(_file().change(put))[0]


def forget_provider(name: str) -> Settings:
    """Removes one of the user's own providers, as the default too; its key is `lib.api.keys`'. Raises OSError."""

    def drop(data: Data) -> Data:
        rest = {other: entry for other, entry in _entries(data).items() if other != name}
        chosen = {"provider": "", "model": ""} if data.get("provider") == name else {}
        return _unconfirmed(data, name) | {"providers": rest} | chosen

    return _read_from(_file().change(drop))[0]


def provider(name: str) -> Provider:
    """The provider of this name, built in or the user's own; raises ValueError that lists the names."""
    own = {} if name in providers.names() else load().providers
    if name in own:
        return as_provider(name, own[name])
    try:
        return providers.get(name)
    except ValueError:
        told = _("There is no provider “{name}”. The providers are {names}.")
        raise ValueError(told.format(name=name, names=", ".join(provider_names()))) from None


def provider_names() -> list[str]:
    """The names of all providers: the built-in ones, then the user's own by title."""
    own = load().providers
    return [*providers.names(), *sorted(own, key=lambda name: own[name]["title"].casefold())]


def _file() -> StoredJson:
    return StoredJson(data_folder() / "settings.json", VERSION, {0: _from_hand})


def _from_hand(data: Data) -> Data:
    """From a file without a version, as written by hand: with hyphens, as the procedures' arguments have."""
    return {name.replace("-", "_"): value for name, value in data.items()}


def _read() -> tuple[Settings, str]:
    try:
        file = _file()
    except OSError as error:
        told = _("The folder of settings cannot be made ({reason}): nothing is remembered.")
        return Settings(), told.format(reason=error.strerror or error)
    found = file.read()
    settings, wrong = _read_from(found.data)
    return settings, " ".join(filter(None, [found.problem, *wrong]))


def _read_from(data: Data) -> tuple[Settings, list[str]]:
    """The settings in an object, the default for each value that cannot be; and what is wrong, a sentence each."""
    values, wrong = {}, []
    for known in fields(Settings):
        if known.name not in data or known.name == "providers":
            continue
        try:
            values[known.name] = checked(known.name, data[known.name])
        except ValueError as error:
            wrong.append(str(error))
    own = {}
    for name, entry in _entries(data).items():
        try:
            own[name] = checked_entry(checked_name(name), entry)
        except ValueError as error:
            wrong.append(str(error))
    return Settings(**values, providers=own), wrong


def _entries(data: Data) -> dict[str, Any]:
    entries = data.get("providers")
    return entries if isinstance(entries, dict) else {}


def _unconfirmed(data: Data, name: str) -> Data:
    return data | {"confirmed": [other for other in _read_from(data)[0].confirmed if other != name]}


def _user_data() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")


def _private(folder: Path) -> Path:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder
