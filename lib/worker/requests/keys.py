"""What the settings ask the worker about keys: keep one, forget one, say where one comes from.

A key crosses by the worker's pipe, "key" in a message, and in that direction only: no answer holds one.
"""

from collections.abc import Mapping
from typing import Any

from lib.api import key_file, key_store, keys
from lib.api.errors import ApiError
from lib.api.keys import Key, headers_with_key
from lib.api.providers import Provider, host_of
from lib.api.text import sentences
from lib.settings import settings
from lib.settings.custom_providers import as_provider, checked_entry
from lib.translation import _
from lib.worker.job_request import JobFailed, resolve_endpoint

Message = Mapping[str, Any]
Answer = dict[str, Any]


def store_key(message: Message) -> Answer:
    """Keeps a key: the answer of `key_state`; {"error"} where it cannot be kept."""
    try:
        provider = provider_of(message)
        base_url, _found = resolve_endpoint(provider)
        if not headers_with_key(message["key"], provider, base_url):
            return {"error": {"message": _("There is no key to store."), "hint": _("Enter the key first.")}}
        place = keys.store(provider, message["key"], base_url, file=settings.key_file())
    except (ApiError, JobFailed) as error:
        return {"error": {"message": error.message, "hint": error.hint}}
    except (OSError, ValueError) as error:
        return {"error": {"message": _("The key cannot be stored ({reason}).").format(reason=error), "hint": ""}}
    state = key_state(message)
    if state["kind"] == "environment":
        state["words"] = _("The key was stored in {place}.").format(place=place) + " " + state["words"]
    return state


def forget_key(message: Message) -> Answer:
    """Deletes a kept key wherever it is: the answer of `key_state`; {"error"} where that fails."""
    try:
        provider = provider_of(message)
        keys.forget(provider, resolve_endpoint(provider)[0], file=settings.key_file())
    except (ApiError, JobFailed) as error:
        return {"error": {"message": error.message, "hint": error.hint}}
    except (OSError, ValueError) as error:
        return {"error": {"message": _("The key cannot be deleted ({reason}).").format(reason=error), "hint": ""}}
    return key_state(message)


def key_state(message: Message) -> Answer:
    """Where the key comes from, never the key: {"kind", "words"}.

    "kind" is "environment", "store", "file", "locked" (the key store must be opened to know), "none" (there is none),
    "unneeded" (the provider takes none) or "nowhere" (no address yet).
    """
    try:
        provider = provider_of(message)
        if provider.name == "local" or provider.auth == "none":
            return {"kind": "unneeded", "words": _("{provider} needs no key.").format(provider=provider.title)}
        base_url, key = resolve_endpoint(provider)
    except JobFailed as error:
        return {"kind": "nowhere", "words": sentences(error.message, error.hint)}
    except ValueError as error:
        return {"kind": "nowhere", "words": str(error)}
    return _where(provider, key, host_of(base_url))


def _where(provider: Provider, key: Key | None, host: str) -> Answer:
    store = key_store.find_store()
    if key and key.kind == "environment":
        words = _("The key for {host} comes from {source}, which goes before a stored key.")
        return {"kind": "environment", "words": words.format(host=host, source=key.source)}
    if key and key.kind == "store":
        words = _("The key for {host} is in the system's key store ({store}).")
        return {"kind": "store", "words": words.format(host=host, store=store.name if store else "")}
    if key:
        words = _(
            "The key for {host} is in the file {file}, not encrypted: only your user account can read it, and programs "
            "that run under it. This system has no key store that answers."
        )
        return {"kind": "file", "words": words.format(host=host, file=settings.key_file())}
    if store and store.locked:
        words = _("The system's key store ({store}) is locked: whether it has a key for {host} shows when it is used.")
        return {"kind": "locked", "words": words.format(store=store.name, host=host)}
    needed, perhaps = _("There is no key for {host}."), _("There is no key for {host}; it may need none.")
    words = (needed if provider.needs_key else perhaps).format(host=host)
    return {"kind": "none", "words": sentences(words, key_file.problem(settings.key_file()))}


def provider_of(message: Message) -> Provider:
    """The provider that a message means: one that there is, or the fields of one in "entry"; raises ValueError."""
    name, entry = message["provider"], message.get("entry")
    return as_provider(name, checked_entry(name, entry)) if entry else settings.provider(name)
