"""The provider and the model of the last edit made in a window, for edits that open none, and the last folders."""

from lib.settings import settings
from lib.storage.stored_json import StoredJson

_VERSION = 1


def load() -> tuple[str, str]:
    """Return the names of the provider and the model; empty if none was used yet or the provider no longer exists."""
    data = _file().read().data
    provider, model = data.get("provider"), data.get("model")
    if not isinstance(provider, str) or provider not in settings.provider_names():
        return "", ""
    return provider, model if isinstance(model, str) else ""


def remember(provider: str, model: str) -> None:
    """Store the names; raise OSError if that fails."""
    _file().change(lambda data: data | {"provider": provider, "model": model})


def folders() -> tuple[str, str]:
    """Return the input and the output folder of the last folder run; empty if there was none."""
    source, out = (_file().read().data.get(name) for name in ("input_folder", "output_folder"))
    return (source, out) if isinstance(source, str) and isinstance(out, str) else ("", "")


def remember_folders(source: str, out: str) -> None:
    """Store the folders of a folder run; raise OSError if that fails."""
    _file().change(lambda data: data | {"input_folder": source, "output_folder": out})


def _file() -> StoredJson:
    return StoredJson(settings.data_folder() / "last-used.json", _VERSION)
