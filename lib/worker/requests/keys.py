"""The requests of the Settings window about keys: store a key, delete it, describe where it comes from.

A key is sent through the pipe to the worker, as "key" of a message; no answer contains one.
"""

import contextlib
import os
from collections.abc import Mapping
from typing import Any

from lib.api import key_file, key_store, keys
from lib.api.errors import ApiError
from lib.api.keys import Key, headers_with_key
from lib.api.providers import Provider, host_of
from lib.api.text import sentences
from lib.settings import provider_tests, settings
from lib.settings.custom_providers import build_provider, validate_entry
from lib.translation import _
from lib.worker.job_checks import JobFailed, resolve_endpoint
from lib.worker.requests import capabilities

Message = Mapping[str, Any]
Answer = dict[str, Any]
_HAS_KEY = ("environment", "store", "file")


def store_key(message: Message) -> Answer:
    """Store a key; answer as `key_state`, or with {"error"} if that fails."""
    try:
        provider = provider_of(message)
        base_url, _key = resolve_endpoint(provider)
        if not headers_with_key(message["key"], provider, base_url):
            return {"error": {"message": _("There is no key to store."), "hint": _("Enter the key first.")}}
        place = keys.store(provider, message["key"], base_url, file=settings.key_file())
        provider_tests.forget_test(provider.name)
    except (ApiError, JobFailed) as error:
        return {"error": {"message": error.message, "hint": error.hint}}
    except (OSError, ValueError) as error:
        return {"error": {"message": _("Couldn't store the key ({reason}).").format(reason=error), "hint": ""}}
    state = key_state(message)
    if state["kind"] == "environment":
        state["words"] = _("The key was stored in {place}.").format(place=place) + " " + state["words"]
    return state


def forget_key(message: Message) -> Answer:
    """Delete a stored key; answer as `key_state`, or with {"error"} if that fails."""
    try:
        provider = provider_of(message)
        keys.forget(provider, resolve_endpoint(provider)[0], file=settings.key_file())
        provider_tests.forget_test(provider.name)
    except (ApiError, JobFailed) as error:
        return {"error": {"message": error.message, "hint": error.hint}}
    except (OSError, ValueError) as error:
        return {"error": {"message": _("Couldn't delete the key ({reason}).").format(reason=error), "hint": ""}}
    return key_state(message)


def providers_with_keys(_message: Message) -> Answer:
    """Answer with the names of the providers that have a key: {"names"}."""
    names = settings.provider_names()
    return {"names": [name for name in names if key_state({"provider": name})["kind"] in _HAS_KEY]}


def provider_state(message: Message) -> Answer:
    """Answer as `key_state`, with "abilities": what the provider and its "model" can do, and what an edit costs.

    "test" is what the last test of its connection said, as `lib.settings.provider_tests.last_test` returns it.
    """
    state = key_state(message)
    with contextlib.suppress(ValueError):
        provider = provider_of(message)
        if provider.name != "local":
            state["abilities"] = capabilities.describe(provider, provider.model_name(message.get("model")))
            base_url = provider.resolve_url(None, os.environ)
            state["test"] = provider_tests.last_test(provider.name, base_url) if base_url else None
    return state


def key_state(message: Message) -> Answer:
    """Answer where the key comes from, without the key itself: {"kind", "words"}, the latter for the user.

    "kind" is "environment", "store", "file", "locked" (unknown until the key store is unlocked), "none" (no key),
    "unneeded" (the provider needs none) or "nowhere" (the provider has no address).
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
    return _describe_key(provider, key, host_of(base_url))


def _describe_key(provider: Provider, key: Key | None, host: str) -> Answer:
    store = key_store.find_store()
    if key and key.kind == "environment":
        words = _("The key for {host} comes from {source}, which takes precedence over a stored key.")
        return {"kind": "environment", "words": words.format(host=host, source=key.source)}
    if key and key.kind == "store":
        words = _("The key for {host} is in the system's key store ({store}).")
        return {"kind": "store", "words": words.format(host=host, store=store.name if store else "")}
    if key:
        words = _(
            "The key for {host} is in the file {file}, unencrypted: your user account, and any program it runs, can "
            "read it. No key store is available on this system."
        )
        return {"kind": "file", "words": words.format(host=host, file=settings.key_file())}
    if store and store.locked:
        words = _(
            "The system's key store ({store}) is locked. You will be asked to unlock it when a key for {host} is "
            "needed."
        )
        return {"kind": "locked", "words": words.format(store=store.name, host=host)}
    required, optional = _("There is no key for {host}."), _("There is no key for {host}; it may not need one.")
    words = (required if provider.needs_key else optional).format(host=host)
    return {"kind": "none", "words": sentences(words, key_file.problem(settings.key_file()))}


def provider_of(message: Message) -> Provider:
    """Return the provider named in a message, or the one described by its "entry"; raise ValueError if invalid."""
    name, entry = message["provider"], message.get("entry")
    return build_provider(name, validate_entry(name, entry)) if entry else settings.provider(name)
