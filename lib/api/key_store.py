"""The system's key store, accessed through keyring with a time limit, because some stores never respond."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

_SERVICE = "generative-edit"
_INDEX = "accounts"  # keyring can't list entries, so this entry lists our accounts
_TIMEOUT = 2.0
_DELETE_ALL_TIMEOUT = 20.0
_PROMPT_TIMEOUT = 60.0
_NEVER_PROMPTING = ("keyring.backends.macOS", "keyring.backends.Windows")
_SECRET_SERVICE = "keyring.backends.SecretService"
_STORE_NAMES = {
    "keyring.backends.macOS": "Keychain",
    "keyring.backends.Windows": "Windows Credential Manager",
    _SECRET_SERVICE: "Secret Service",
}
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Store:
    """The system's key store: the name that users know it by, and whether it would prompt to be unlocked."""

    name: str
    locked: bool


def read(account: str, *, interactive: bool) -> str | None:
    """Return the key of an account, or None if it has none or no store responds."""
    return _with_store(lambda backend: backend.get_password(_SERVICE, account), interactive)


def write(account: str, value: str, *, interactive: bool) -> bool:
    """Save a key; return whether a store accepted it."""

    def save(backend: Any) -> bool:
        # The index first: an account without a key does no harm, but a key without an account can't be deleted later.
        _write_index(backend, _read_index(backend) | {account})
        backend.set_password(_SERVICE, account, value)
        return True

    return _with_store(save, interactive) or False


def delete(account: str, *, interactive: bool) -> None:
    """Delete the key of an account."""

    def forget(backend: Any) -> None:
        if _delete(backend, account):
            _write_index(backend, _read_index(backend) - {account})

    _with_store(forget, interactive)


def delete_all(*, interactive: bool) -> bool | None:
    """Delete all keys; return False if some remain, None if no store responds."""

    def forget_all(backend: Any) -> bool:
        remaining = {account for account in _read_index(backend) if not _delete(backend, account)}
        if remaining:
            _write_index(backend, remaining)
            return False
        return _delete(backend, _INDEX)

    return _with_store(forget_all, interactive, _DELETE_ALL_TIMEOUT)


def find_store() -> Store | None:
    """Return the system's key store, or None if none responds within 2 seconds."""
    stores: list[Store] = []

    def find() -> None:
        with contextlib.suppress(Exception):  # as in `_with_store`
            backend, locked = _usable_store()
            if backend is not None:
                stores.append(Store(_STORE_NAMES[type(backend).__module__], locked))

    thread = threading.Thread(target=find, daemon=True)
    thread.start()
    thread.join(_TIMEOUT)
    return stores[0] if stores else None


def _read_index(backend: Any) -> set[str]:
    """Return the accounts in the index; a damaged index counts as empty, so that the store stays usable."""
    try:
        names = json.loads(backend.get_password(_SERVICE, _INDEX) or "[]")
    except (ValueError, RecursionError):
        names = None
    return {name for name in names if isinstance(name, str)} if isinstance(names, list) else set()


def _delete(backend: Any, account: str) -> bool:
    """Delete an entry; return whether it is gone, since keyring's error is the same for a missing entry."""
    from keyring.errors import PasswordDeleteError

    with contextlib.suppress(PasswordDeleteError):
        backend.delete_password(_SERVICE, account)
    return backend.get_password(_SERVICE, account) is None


def _write_index(backend: Any, accounts: set[str]) -> None:
    backend.set_password(_SERVICE, _INDEX, json.dumps(sorted(accounts)))


def _with_store(action: Callable[[Any], _Result], interactive: bool, timeout: float = _TIMEOUT) -> _Result | None:
    """Run `action` on the key store in a thread, with a time limit; return None without a store or on failure."""
    results: list[_Result] = []

    def run() -> None:
        # Key stores raise many kinds of errors; all of them mean that no store is available.
        with contextlib.suppress(Exception):
            backend, prompts = _usable_store()
            if backend is not None and (interactive or not prompts):
                if prompts:
                    prompting.set()
                results.append(action(backend))

    prompting = threading.Event()
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(timeout)
    if prompting.is_set():
        thread.join(_PROMPT_TIMEOUT)
    return results[0] if results else None


def _usable_store() -> tuple[Any, bool]:
    """Return the keyring backend and whether it would prompt the user, or (None, False).

    Only the systems' own stores are used: other backends prompt on the terminal, which carries the worker's protocol.
    """
    import keyring

    keyring_backend = keyring.get_keyring()
    for candidate in getattr(keyring_backend, "backends", [keyring_backend]):
        module = type(candidate).__module__
        if module in _NEVER_PROMPTING:
            return candidate, False
        if module == _SECRET_SERVICE:
            return candidate, _secret_service_locked()
    return None, False


def _secret_service_locked() -> bool:
    import secretstorage

    with contextlib.closing(secretstorage.dbus_init()) as bus:
        return bool(secretstorage.get_default_collection(bus).is_locked())
