"""Find, store and delete API keys: in the environment, the system's key store, or a file only the user can read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lib.api import key_file, key_store
from lib.api.errors import AuthenticationError
from lib.api.providers import Provider, get, host_of
from lib.translation import _


@dataclass(frozen=True)
class Key:
    """A key, its source, and the only host (with port, if any) that may receive it.

    `source` is text for the user; `kind` is the same for programs: "environment", "store" or "file".
    """

    value: str = field(repr=False)
    source: str
    host: str
    kind: str = field(default="", compare=False)

    def __str__(self) -> str:
        return f"a key for {self.host}, from {self.source}"


def find(
    provider: str | Provider,
    base_url: str | None = None,
    *,
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
    interactive: bool = False,
) -> Key | None:
    """Return the key for a provider at a base URL, or None.

    Searches the environment, then the key store, then `file`. A key in a variable belongs to the host in the
    provider's URL variable (`OPENAI_BASE_URL`), or else to the provider's own host, and is not used for another. The
    key store has 2 seconds to respond; unless `interactive`, it is skipped if it would prompt the user.
    """
    entry = _entry(provider)
    environment = os.environ if environment is None else environment
    host = host_of(entry.resolve_url(base_url, environment) or "")
    if not host:
        return None
    key = _from_environment(entry, host, environment)
    if key is not None:
        return key
    account = _account(entry, host)
    store_value = key_store.read(account, interactive=interactive)
    if store_value:
        return Key(str(store_value), _("the key store"), host, "store")
    file_value = key_file.read(file).get(account) if file else None
    return Key(file_value, _("the key file"), host, "file") if file_value else None


def store(
    provider: str | Provider,
    value: str,
    base_url: str | None = None,
    *,
    file: Path | None = None,
    interactive: bool = True,
) -> str:
    """Store a key for a provider at a base URL in the key store, or else in `file` with mode 0600; return which.

    Raises `AuthenticationError` if neither can be written.
    """
    account = _account(_entry(provider), _host_for(_entry(provider), base_url))
    value = value.strip()
    if key_store.write(account, value, interactive=interactive):
        if file:
            key_file.forget(file, account)
        return _("the key store")
    if file is None:
        message = _("No key store is available to save the key in.")
        raise AuthenticationError(message, _("Set it as an environment variable."))
    try:
        key_file.change(file, lambda stored: stored | {account: value})
    except OSError as error:
        message = _("Couldn't write {file}: {reason}.").format(file=file, reason=error.strerror)
        raise AuthenticationError(message, _("Check the folder.")) from None
    return _("the key file")


def forget(
    provider: str | Provider, base_url: str | None = None, *, file: Path | None = None, interactive: bool = True
) -> None:
    """Delete the key for a provider at a base URL from the key store and from `file`."""
    account = _account(_entry(provider), _host_for(_entry(provider), base_url))
    key_store.delete(account, interactive=interactive)
    if file:
        key_file.forget(file, account)


def forget_all(*, file: Path | None = None, interactive: bool = True) -> bool | None:
    """Delete all keys from the key store and from `file`.

    Return False if some remain in the key store, None if no store responds.
    """
    if file is not None:
        key_file.remove(file)
    return key_store.delete_all(interactive=interactive)


def headers_with_key(key: str | Key | None, provider: Provider, base_url: str) -> dict[str, str]:
    """Return the header with the key in the provider's format; empty without a key or if the provider needs none.

    Raises `AuthenticationError` if the key belongs to another host or contains characters not allowed in a header.
    """
    if isinstance(key, Key):
        if key.host != host_of(base_url):
            message = _("The key belongs to {host} and was not sent to {other}.").format(
                host=key.host, other=host_of(base_url)
            )
            raise AuthenticationError(message, _("Save a key for this endpoint in the settings."))
        key = key.value
    key = (key or "").strip()
    if not key or provider.auth == "none":
        return {}
    if not key.isascii() or not key.isprintable():
        message = _("The key contains invalid characters.")
        raise AuthenticationError(message, _("Copy only the key, then paste it again."))
    return {"api-key": key} if provider.auth == "api-key" else {"Authorization": f"Bearer {key}"}


def _from_environment(entry: Provider, host: str, environment: Mapping[str, str]) -> Key | None:
    key_host = host_of(entry.resolve_url(None, environment) or "")
    if entry.name == "custom" and not key_host:
        key_host = host_of(get("openai").base_url or "")
    for name in entry.key_variables:
        value = environment.get(name, "").strip()
        if value and host == key_host:
            return Key(value, _("the environment variable {variable}").format(variable=name), host, "environment")
    return None


def _entry(provider: str | Provider) -> Provider:
    return get(provider) if isinstance(provider, str) else provider


def _account(entry: Provider, host: str) -> str:
    return f"{entry.name} {host}"


def _host_for(entry: Provider, base_url: str | None) -> str:
    host = host_of(entry.resolve_url(base_url, os.environ) or "")
    if not host:
        raise AuthenticationError(
            _("{provider} has no address yet.").format(provider=entry.name), _("Set the base URL first.")
        )
    return host
