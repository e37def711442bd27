"""The provider and the model of the last edit from a window: what one click without a dialog uses."""

from lib.settings import settings
from lib.storage.stored_json import StoredJson

_VERSION = 1


def load() -> tuple[str, str]:
    """The provider's and the model's name; empty where nothing was used yet, or the provider has gone."""
    data = _file().read().data
    provider, model = data.get("provider"), data.get("model")
    if not isinstance(provider, str) or provider not in settings.provider_names():
        return "", ""
    return provider, model if isinstance(model, str) else ""


def remember(provider: str, model: str) -> None:
    """Writes them down; raises OSError where the disk refuses."""
    _file().change(lambda data: data | {"provider": provider, "model": model})


def _file() -> StoredJson:
    return StoredJson(settings.data_folder() / "last-used.json", _VERSION)
