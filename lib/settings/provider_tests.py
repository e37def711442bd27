"""What the last test of each provider's connection said, and the models that the provider listed.

The file's "providers" has an entry for each: {"base_url", "test": {"date", "verdict", "message", "hint"}, "models":
{"date", "names"}}. An entry is for one address, and ignored once the provider has another.
"""

import contextlib
import os
from collections.abc import Callable, Sequence

from lib.api import models
from lib.api.providers import Provider
from lib.settings import settings
from lib.storage.stored_json import Data, StoredJson

_VERSION = 1
_MOST_MODELS = 500
_LONGEST_NAME = 200
_TEST_FIELDS = ("date", "verdict", "message", "hint")


def last_test(name: str, base_url: str) -> dict[str, str] | None:
    """Return the date (such as "2026-11-28"), verdict, message and hint of the last test; None without one."""
    test = _object(_entry(name, base_url).get("test"))
    complete = all(isinstance(test.get(field), str) for field in _TEST_FIELDS)
    return {field: test[field] for field in _TEST_FIELDS} if complete else None


def listed_models(name: str, base_url: str) -> tuple[str, list[str]]:
    """Return the date of the last list of models, and their names; "" and none if there is no list."""
    entry = _object(_entry(name, base_url).get("models"))
    names, date = entry.get("names"), entry.get("date")
    if not isinstance(names, list) or not isinstance(date, str):
        return "", []
    valid = [model for model in names[:_MOST_MODELS] if isinstance(model, str) and 0 < len(model) <= _LONGEST_NAME]
    return date, list(dict.fromkeys(valid))


def model_choices(provider: Provider) -> list[str]:
    """Return the models to choose from: those of models.json, then the others that the provider listed last.

    If it lists image models, models of other kinds are left out.
    """
    base_url = provider.resolve_url(None, os.environ)
    listed = listed_models(provider.name, base_url)[1] if base_url else []
    images = [name for name in listed if models.rank(name) < models.OTHER]
    own = models.names()
    return [*own, *(name for name in images or listed if name not in own)]


def remember_test(name: str, base_url: str, test: dict[str, str]) -> None:
    """Store a test, with the fields that `last_test` returns; ignore disk errors."""
    _remember(name, base_url, "test", {field: test[field] for field in _TEST_FIELDS})


def remember_models(name: str, base_url: str, date: str, names: Sequence[str]) -> None:
    """Store the names of a provider's models, and the date of the list; ignore disk errors."""
    _remember(name, base_url, "models", {"date": date, "names": list(names)[:_MOST_MODELS]})


def forget_test(name: str) -> None:
    """Delete what the last test said, as after a change of the key; ignore disk errors."""

    def remove(entry: Data) -> Data:
        return {field: entry[field] for field in entry if field != "test"}

    if _entry_of(_read(), name):
        _change(name, remove)


def _remember(name: str, base_url: str, field: str, value: Data) -> None:
    def put(entry: Data) -> Data:
        same = entry if entry.get("base_url") == base_url else {}
        return same | {"base_url": base_url, field: value}

    _change(name, put)


def _change(name: str, edit: Callable[[Data], Data]) -> None:
    def change(data: Data) -> Data:
        return data | {"providers": _object(data.get("providers")) | {name: edit(_entry_of(data, name))}}

    with contextlib.suppress(OSError):
        _file().change(change)


def _entry(name: str, base_url: str) -> Data:
    """Return a provider's entry for this address, {} without one."""
    entry = _entry_of(_read(), name)
    return entry if entry.get("base_url") == base_url else {}


def _entry_of(data: Data, name: str) -> Data:
    return _object(_object(data.get("providers")).get(name))


def _read() -> Data:
    """Return the file's data, {} if it can't be read; never raise."""
    try:
        return _file().read().data
    except OSError:
        return {}


def _file() -> StoredJson:
    return StoredJson(settings.data_folder() / "provider-tests.json", _VERSION)


def _object(value: object) -> Data:
    return value if isinstance(value, dict) else {}
