"""Find, keep and forget keys: environment, the system's key store, a file that only the user can read."""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from lib.api.errors import AuthenticationError
from lib.api.providers import Provider, get, host_of
from lib.file_lock import locked
from lib.translation import _

_SERVICE = "generative-edit"
_INDEX = "accounts"  # a key store can't be listed, so it also keeps the names of what we put there
_STORE_SECONDS = 2.0
_ANSWER_SECONDS = 60.0
_SILENT_STORES = ("keyring.backends.macOS", "keyring.backends.Windows")
_SECRET_SERVICE = "keyring.backends.SecretService"
_STORE_NAMES = {
    "keyring.backends.macOS": "Keychain",
    "keyring.backends.Windows": "Windows Credential Manager",
    _SECRET_SERVICE: "Secret Service",
}
_Result = TypeVar("_Result")


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


@dataclass(frozen=True)
class Store:
    """The system's key store: its name as users know it, and whether it would ask them something before it answers."""

    name: str
    locked: bool


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
    stored = _with_store(lambda store: store.get_password(_SERVICE, account), interactive)
    if stored:
        return Key(str(stored), _("the key store"), host, "store")
    kept = _read_file(file).get(account) if file else None
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
    if _with_store(lambda keeper: _put(keeper, account, value), interactive):
        _forget_in_file(file, account)
        return _("the key store")
    if file is None:
        raise AuthenticationError(_("There is no key store to keep the key in."), _("Set it in the environment."))
    try:
        _change_file(file, lambda kept: kept | {account: value})
    except OSError as error:
        message = _("{file} can't be written: {reason}.").format(file=file, reason=error.strerror)
        raise AuthenticationError(message, _("Check the folder.")) from None
    return _("the key file")


def forget(
    provider: str | Provider, base_url: str | None = None, *, file: Path | None = None, interactive: bool = True
) -> None:
    """Delete the kept key for a provider at an address, wherever it is kept."""
    account = _account(_entry(provider), _host_for(_entry(provider), base_url))
    _with_store(lambda keeper: _remove(keeper, account), interactive)
    _forget_in_file(file, account)


def forget_all(*, file: Path | None = None, interactive: bool = True) -> None:
    """Delete every kept key, in the key store and in `file`."""

    def remove_all(keeper: Any) -> None:
        for account in _index(keeper):
            keeper.delete_password(_SERVICE, account)
        keeper.delete_password(_SERVICE, _INDEX)

    _with_store(remove_all, interactive)
    if file is not None:
        file.unlink(missing_ok=True)


def key_store() -> Store | None:
    """The system's key store; None where there is none that answers within 2 seconds."""

    found: list[Store] = []

    def look() -> None:
        with contextlib.suppress(Exception):  # as in `_with_store`
            keeper, locked = _usable_store()
            if keeper is not None:
                found.append(Store(_STORE_NAMES[type(keeper).__module__], locked))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    thread.join(_STORE_SECONDS)
    return found[0] if found else None


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


def _put(keeper: Any, account: str, value: str) -> bool:
    keeper.set_password(_SERVICE, account, value)
    _keep_index(keeper, _index(keeper) | {account})
    return True


def _remove(keeper: Any, account: str) -> None:
    keeper.delete_password(_SERVICE, account)
    _keep_index(keeper, _index(keeper) - {account})


def _index(keeper: Any) -> set[str]:
    return set(json.loads(keeper.get_password(_SERVICE, _INDEX) or "[]"))


def _keep_index(keeper: Any, accounts: set[str]) -> None:
    keeper.set_password(_SERVICE, _INDEX, json.dumps(sorted(accounts)))


def _with_store(use: Callable[[Any], _Result], interactive: bool) -> _Result | None:
    """Let `use` work on the key store in a thread with a time limit; None when there is none or it fails."""
    results: list[_Result] = []

    def work() -> None:
        # A key store fails in as many ways as there are desktops; each means that there is none.
        with contextlib.suppress(Exception):
            keeper, may_ask = _usable_store()
            if keeper is not None and (interactive or not may_ask):
                if may_ask:
                    waits_for_answer.set()
                results.append(use(keeper))

    waits_for_answer = threading.Event()
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(_STORE_SECONDS)
    if waits_for_answer.is_set():
        thread.join(_ANSWER_SECONDS)
    return results[0] if results else None


def _usable_store() -> tuple[Any, bool]:
    """Return the key store and whether it would ask the user something; (None, False) without one.

    Only the systems' own stores are used: others ask on the terminal, where the worker's orders come in.
    """
    import keyring

    chosen = keyring.get_keyring()
    for candidate in getattr(chosen, "backends", [chosen]):
        module = type(candidate).__module__
        if module in _SILENT_STORES:
            return candidate, False
        if module == _SECRET_SERVICE:
            return candidate, _secret_service_locked()
    return None, False


def _secret_service_locked() -> bool:
    import secretstorage

    with contextlib.closing(secretstorage.dbus_init()) as bus:
        return bool(secretstorage.get_default_collection(bus).is_locked())


def _read_file(file: Path) -> dict[str, str]:
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(name): str(value) for name, value in kept.items()} if isinstance(kept, dict) else {}


def _change_file(file: Path, change: Callable[[dict[str, str]], dict[str, str]]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with locked(file.with_name(f".{file.name}.lock"), wait=True):
        _write_file(file, change(_read_file(file)))


def _write_file(file: Path, kept: Mapping[str, str]) -> None:
    fresh = file.with_name(file.name + ".new")
    with contextlib.suppress(FileNotFoundError):
        fresh.unlink()
    # Created with its mode: there is no moment in which another user could read it.
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        json.dump(dict(kept), out)
    fresh.replace(file)


def _forget_in_file(file: Path | None, account: str) -> None:
    if file is not None and account in _read_file(file):
        _change_file(file, lambda kept: {name: value for name, value in kept.items() if name != account})
