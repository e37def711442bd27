"""The order in which the panel's edits are sent: each provider has a limit of requests at the same time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar


class Entry(Protocol):
    """An edit in the queue: its provider, the requests that it sends at once, and the provider's limit of requests."""

    @property
    def provider_name(self) -> str: ...

    @property
    def requests(self) -> int: ...

    @property
    def limit(self) -> int: ...


EntryType = TypeVar("EntryType", bound=Entry)


def ready_to_start(waiting: Sequence[EntryType], running: Sequence[EntryType]) -> list[EntryType]:
    """Return the waiting edits that can start now, in their order.

    No edit overtakes another one of its provider. An edit that needs more requests than the limit runs alone.
    """
    used: dict[str, int] = {}
    for entry in running:
        used[entry.provider_name] = used.get(entry.provider_name, 0) + entry.requests
    ready, full = [], set()
    for entry in waiting:
        name, count = entry.provider_name, used.get(entry.provider_name, 0)
        if name in full or (count and count + entry.requests > entry.limit):
            full.add(name)
            continue
        used[name] = count + entry.requests
        ready.append(entry)
    return ready
