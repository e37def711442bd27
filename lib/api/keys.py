"""Find, keep and forget keys: environment, the system's key store, a file that only the user can read."""

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
    """A key, where it was found, and the one host (with its port, if it has one) that may get it.

    `kind` says the same as `source` for programs: "environment", "store" or "file".
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
    """Return the key for a provider at an address, or None.

    Looks into the environment, then the key store, then `file`. A variable's key belongs to the host of the
    provider's address variable (`OPENAI_BASE_URL`), else to the provider's own host, and is not used for
    another. The key store gets 2 seconds; unless `interactive`, it is not asked when it would prompt.
    """
    entry = _entry(provider)
    environment = os.environ if environment is None else environment
    host = host_of(entry.resolve_url(base_url, environment) or "")
    if not host:
        return None
    found = _from_environment(entry, host, environment)
    if found is not None:
        return found
    account = _account(entry, host)
    stored = key_store.read(account, interactive=interactive)
    if stored:
        return Key(str(stored), _("the key store"), host, "store")
    kept = key_file.read(file).get(account) if file else None
    return Key(kept, _("the key file"), host, "file") if kept else None


def store(
    provider: str | Provider,
    value: str,
    base_url: str | None = None,
    *,
    file: Path | None = None,
    interactive: bool = True,
) -> str:
    """Keep a key for a provider at an address and return where: the key store, else `file` with mode 0600.

    Raises `AuthenticationError` when neither can be written.
    """
    account = _account(_entry(provider), _host_for(_entry(provider), base_url))
    value = value.strip()
    if key_store.put(account, value, interactive=interactive):
        if file:
            key_file.forget(file, account)
        return _("the key store")
    if file is None:
        raise AuthenticationError(_("There is no key store to keep the key in."), _("Set it in the environment."))
    try:
        key_file.change(file, lambda kept: kept | {account: value})
    except OSError as error:
        message = _("{file} can't be written: {reason}.").format(file=file, reason=error.strerror)
        raise AuthenticationError(message, _("Check the folder.")) from None
    return _("the key file")


def forget(
    provider: str | Provider, base_url: str | None = None, *, file: Path | None = None, interactive: bool = True
) -> None:
    """Delete the kept key for a provider at an address, wherever it is kept."""
    account = _account(_entry(provider), _host_for(_entry(provider), base_url))
    key_store.remove(account, interactive=interactive)
    if file:
        key_file.forget(file, account)


def forget_all(*, file: Path | None = None, interactive: bool = True) -> bool | None:
    """Delete every kept key, in the key store and in `file`.

    Return False when the store did not delete one of them, None when there is no store that answers.
    """
    if file is not None:
        key_file.remove(file)
    return key_store.remove_all(interactive=interactive)


def headers_with_key(key: str | Key | None, provider: Provider, base_url: str) -> dict[str, str]:
    """Return the header that carries a key in a provider's way; empty when there is none or it takes none.

    Raises `AuthenticationError` when the key belongs to another host or can't stand in a header.
    """
    if isinstance(key, Key):
        if key.host != host_of(base_url):
            message = _("The key belongs to {host} and is not sent to {other}.").format(
                host=key.host, other=host_of(base_url)
            )
            raise AuthenticationError(message, _("Store a key for this endpoint in the settings."))
        key = key.value
    key = (key or "").strip()
    if not key or provider.auth == "none":
        return {}
    if not key.isascii() or not key.isprintable():
        raise AuthenticationError(_("The key holds characters that no key has."), _("Copy the key again, alone."))
    return {"api-key": key} if provider.auth == "api-key" else {"Authorization": f"Bearer {key}"}


def _from_environment(entry: Provider, host: str, environment: Mapping[str, str]) -> Key | None:
    own = host_of(entry.resolve_url(None, environment) or "")
    if entry.name == "custom" and not own:
        own = host_of(get("openai").base_url or "")
    for name in entry.key_variables:
        value = environment.get(name, "").strip()
        if value and host == own:
            return Key(value, _("the environment's {variable}").format(variable=name), host, "environment")
    return None


def _entry(provider: str | Provider) -> Provider:
    return get(provider) if isinstance(provider, str) else provider


def _account(entry: Provider, host: str) -> str:
    return f"{entry.name} {host}"


def _host_for(entry: Provider, base_url: str | None) -> str:
    host = host_of(entry.resolve_url(base_url, os.environ) or "")
    if not host:
        raise AuthenticationError(
            _("{provider} needs an address before a key.").format(provider=entry.name), _("Set the base URL first.")
        )
    return host
