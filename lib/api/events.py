"""What a client tells its `on_event` callback while a request is under way."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Uploading:
    """So many bytes of the request's body have gone out."""

    sent: int
    total: int


@dataclass(frozen=True)
class Sent:
    """The whole request has gone out: from now on it may be billed."""

    total: int


@dataclass(frozen=True)
class Downloading:
    """So many bytes of the answer have come in; `total` is None where their number isn't known before."""

    received: int
    total: int | None


@dataclass(frozen=True)
class Waiting:
    """The request wasn't processed and is sent again in `seconds`; `attempt` counts the repeats from 1."""

    seconds: float
    attempt: int
    reason: str


@dataclass(frozen=True)
class Notice:
    """Something that the user should know and that stops nothing, about one field of the request."""

    field: str
    text: str


ClientEvent = Uploading | Sent | Downloading | Waiting | Notice
