"""The progress events that a client passes to its `on_event` callback."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Uploading:
    """Upload progress, in bytes of the request's body."""

    sent: int
    total: int


@dataclass(frozen=True)
class Sent:
    """The request has been sent completely; from now on it may be billed."""

    total: int


@dataclass(frozen=True)
class Downloading:
    """Download progress, in bytes of the response's body; `total` is None if the server doesn't announce it."""

    received: int
    total: int | None


@dataclass(frozen=True)
class Waiting:
    """The request was not processed and will be retried in `seconds`; `attempt` counts the retries from 1."""

    seconds: float
    attempt: int
    reason: str


@dataclass(frozen=True)
class Notice:
    """A message for the user about one field of the request, which doesn't stop the edit."""

    field: str
    text: str


ClientEvent = Uploading | Sent | Downloading | Waiting | Notice
