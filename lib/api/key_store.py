"""The system's key store, by way of keyring: asked within a time limit, as some stores never answer."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

_SERVICE = "generative-edit"
_INDEX = "accounts"  # a key store can't be listed, so it also keeps the names of what we put there
_STORE_SECONDS = 2.0
_ALL_SECONDS = 20.0
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
class Store:
    """The system's key store: its name as users know it, and whether it would ask them something before it answers."""

    name: str
    locked: bool


def read(account: str, *, interactive: bool) -> str | None:
    """The key that is kept for an account; None where there is none, or no store that answers."""
    return _with_store(lambda keeper: keeper.get_password(_SERVICE, account), interactive)


def put(account: str, value: str, *, interactive: bool) -> bool:
    """Keeps a key; returns whether a store took it."""

    def keep(keeper: Any) -> bool:
        # Its name first: a key that was never written is easily forgotten, one without a name cannot be found.
        _keep_index(keeper, _index(keeper) | {account})
        keeper.set_password(_SERVICE, account, value)
        return True

    return _with_store(keep, interactive) or False


def remove(account: str, *, interactive: bool) -> None:
    """Deletes the key of an account."""

    def forget(keeper: Any) -> None:
        if _delete(keeper, account):
            _keep_index(keeper, _index(keeper) - {account})

    _with_store(forget, interactive)


def remove_all(*, interactive: bool) -> bool | None:
    """Deletes every key that was put here; False where the store keeps some, None where none answers."""

    def forget_all(keeper: Any) -> bool:
        left = {account for account in _index(keeper) if not _delete(keeper, account)}
        if left:
            _keep_index(keeper, left)
            return False
        return _delete(keeper, _INDEX)

    return _with_store(forget_all, interactive, _ALL_SECONDS)


def look() -> Store | None:
    """The system's key store; None where there is none that answers within 2 seconds."""
    found: list[Store] = []

    def seek() -> None:
        with contextlib.suppress(Exception):  # as in `_with_store`
            keeper, locked = _usable_store()
            if keeper is not None:
                found.append(Store(_STORE_NAMES[type(keeper).__module__], locked))

    thread = threading.Thread(target=seek, daemon=True)
    thread.start()
    thread.join(_STORE_SECONDS)
    return found[0] if found else None


def _index(keeper: Any) -> set[str]:
    """The names that are noted; one that is damaged is begun afresh, as it must not keep the store from being used."""
    try:
        names = json.loads(keeper.get_password(_SERVICE, _INDEX) or "[]")
    except (ValueError, RecursionError):
        names = None
    return {name for name in names if isinstance(name, str)} if isinstance(names, list) else set()


def _delete(keeper: Any, account: str) -> bool:
    """Deletes an entry; returns whether it is gone. One that is missing raises an error, as one that is kept does."""
    from keyring.errors import PasswordDeleteError

    with contextlib.suppress(PasswordDeleteError):
        keeper.delete_password(_SERVICE, account)
    return keeper.get_password(_SERVICE, account) is None


def _keep_index(keeper: Any, accounts: set[str]) -> None:
    keeper.set_password(_SERVICE, _INDEX, json.dumps(sorted(accounts)))


def _with_store(use: Callable[[Any], _Result], interactive: bool, seconds: float = _STORE_SECONDS) -> _Result | None:
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
    thread.join(seconds)
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
