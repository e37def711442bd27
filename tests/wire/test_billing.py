"""Which failed requests may have been billed, and how often each is sent.

A request may have been billed if all of it may have reached the endpoint, unless the response says that nothing was
done. `TABLE` has a row for each way to fail; each is played on a local socket.
"""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from lib.api import providers
from lib.api.client import ImagesClient
from lib.api.errors import ApiError, CancelledError, TimedOutError
from lib.api.events import Downloading, Waiting
from lib.api.request import EditRequest
from lib.api.transport import Timeouts
from tests.wire.pictures import picture
from tests.wire.server import completed_event, event, images_reply, partial_event

IMAGE = picture()
# Larger than the buffers of both sockets, so that what the server doesn't read can't have been sent.
LARGE = EditRequest([IMAGE + bytes(24_000_000)], "p")
SMALL = EditRequest([IMAGE], "p")
PNG_ANSWER = images_reply(IMAGE).body
NOTHING, HALF, ALL = 0.0, 0.5, 1.0


class Peer:
    """The server's end of one connection, with the actions of a script."""

    def __init__(self, connection: socket.socket, client: ImagesClient) -> None:
        self._connection = connection
        self._remaining = 0
        self.client = client

    def read(self, share: float) -> None:
        """Read the head and this share of the body."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = self._connection.recv(1)
            if not byte:
                raise ConnectionError("the client has gone")
            head += byte
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0] or 0)
        self._remaining = length
        self._read(int(length * share))

    def read_rest(self) -> None:
        self._read(self._remaining)

    def _read(self, count: int) -> None:
        self._remaining -= count
        while count and (data := self._connection.recv(min(count, 1 << 20))):
            count -= len(data)

    def send(self, data: bytes) -> None:
        self._connection.sendall(data)

    def reset(self) -> None:
        """Reset the connection, like a process that is killed."""
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._connection.close()

    def cancel(self) -> None:
        """Cancel as the user would, and wait until the client has closed the connection."""
        self.client.cancel()
        with contextlib.suppress(OSError):
            while self._connection.recv(1 << 20):
                pass


Step = Callable[[Peer], None]
Script = Sequence[Step]


def take(share: float) -> Step:
    return lambda peer: peer.read(share)


def say(data: bytes) -> Step:
    return lambda peer: peer.send(data)


def reset(peer: Peer) -> None:
    peer.reset()


def cancel(peer: Peer) -> None:
    peer.cancel()


def head(status: int, *more: str, length: int | None = 0) -> bytes:
    lines = [f"HTTP/1.1 {status} X", *more, *([f"Content-Length: {length}"] if length is not None else []), "", ""]
    return "\r\n".join(lines).encode()


def answer(status: int, body: bytes = b"", *more: str) -> Step:
    return say(head(status, *more, length=len(body)) + body)


def error(**facts: Any) -> bytes:
    return json.dumps({"error": {"message": "m", **facts}}).encode()


@contextlib.contextmanager
def playing(*scripts: Script) -> Iterator[tuple[str, list[threading.Thread], Callable[[ImagesClient], None]]]:
    """Play a script on each connection in turn; yield the URL, the connections, and a function to pass the client."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    clients: list[ImagesClient] = []
    threads: list[threading.Thread] = []

    def play(connection: socket.socket, script: Script) -> None:
        with connection, contextlib.suppress(OSError):
            peer = Peer(connection, clients[0])
            for step in script:
                step(peer)

    def accept() -> None:
        for script in scripts:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threads.append(threading.Thread(target=play, args=(connection, script)))
            threads[-1].start()

    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1", threads, clients.append
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        accepting.join(10)
        for thread in threads:
            thread.join(10)


BUSY: Script = [take(ALL), answer(429, error(), "Retry-After: 1")]
EVENTS = head(200, "Content-Type: text/event-stream", length=None)
PARTIAL, COMPLETED = partial_event(IMAGE, 0), completed_event(IMAGE)


def fails(kind: str) -> bytes:
    return event("error", error={"message": "m", "type": kind})


def moderated(stage: str) -> bytes:
    return error(code="moderation_blocked", moderation_details={"moderation_stage": stage})


# What happens on each connection in turn, and whether it may have been billed. Every connection is one request.
TABLE: dict[str, tuple[list[Script], bool]] = {
    "the head arrived": ([[take(NOTHING), reset]], False),
    "half of it arrived": ([[take(HALF), reset]], False),
    "all of it arrived": ([[take(ALL), reset]], True),
    "all of it arrived, then an orderly end": ([[take(ALL)]], True),
    "102, then dropped": ([[take(ALL), say(b"HTTP/1.1 102 Processing\r\n\r\n"), reset]], True),
    "half a status line": ([[take(ALL), say(b"HTTP/1.1 20")]], True),
    "not HTTP": ([[take(ALL), say(b"hello\r\n\r\n")]], True),
    "half a head": ([[take(ALL), say(b"HTTP/1.1 200 OK\r\nContent-Le")]], True),
    "200 without a body": ([[take(ALL), answer(200)]], True),
    "200 and half a body": ([[take(ALL), say(head(200, length=len(PNG_ANSWER)) + PNG_ANSWER[:99]), reset]], True),
    "200 and no JSON": ([[take(ALL), answer(200, b"<html>")]], True),
    "200 and no picture": ([[take(ALL), answer(200, b'{"data": []}')]], True),
    "400 and half a body": ([[take(ALL), say(head(400, length=100) + b'{"er'), reset]], False),
    "500 and half a body": ([[take(ALL), say(head(500, length=100) + b'{"er'), reset]], True),
    "a stream that ends early": ([[take(ALL), say(EVENTS), reset]], True),
    "a stream that ends after a preview": ([[take(ALL), say(EVENTS + PARTIAL), reset]], True),
    "a stream that ends within the picture": ([[take(ALL), say(EVENTS + COMPLETED[:-99]), reset]], True),
    "a stream that fails": ([[take(ALL), say(EVENTS + fails("server_error"))]], True),
    "a stream that refuses": ([[take(ALL), say(EVENTS + fails("invalid_request_error"))]], False),
    "a stream that refuses after a preview": (
        [[take(ALL), say(EVENTS + PARTIAL + fails("invalid_request_error"))]], True),
    "moderation before the work": ([[take(ALL), answer(400, moderated("input"))]], False),
    "moderation of what was made": ([[take(ALL), answer(400, moderated("output"))]], True),
    **{f"{status}": ([[take(ALL), answer(status, error())]], False)
       for status in (301, 307, 400, 401, 402, 403, 404, 405, 409, 410, 413, 415, 422, 425, 451, 501, 505)},
    **{f"{status}": ([[take(ALL), answer(status, error())]], True)
       for status in (408, 499, 500, 502, 504, 507, 520, 522, 524, 529, 599)},
    **{f"{status}, before all of it had arrived": ([[take(HALF), answer(status, error()), reset]], False)
       for status in (400, 408, 413, 500, 502)},
    "an empty account": ([[take(ALL), answer(429, error(code="insufficient_quota"))]], False),
    "429, always": ([BUSY, BUSY], False),
    "503, always": ([[take(ALL), answer(503)]] * 2, False),
    "503 of a gateway whose server was lost": (
        [[take(ALL), answer(503, b"disconnect/reset before headers. reset reason: connection termination")]], True),
    "429, then half of it arrived": ([BUSY, [take(HALF), reset]], False),
    "429, then all of it arrived": ([BUSY, [take(ALL), reset]], True),
    "429, then 500": ([BUSY, [take(ALL), answer(500)]], True),
    "429, then 400": ([BUSY, [take(ALL), answer(400)]], False),
}  # fmt: skip

CANCELLED: dict[str, tuple[list[Script], bool]] = {
    "when the head has arrived": ([[take(NOTHING), cancel]], False),
    "when half has arrived": ([[take(HALF), cancel]], False),
    "while the answer is awaited": ([[take(ALL), cancel]], True),
    "after 102": ([[take(ALL), say(b"HTTP/1.1 102 Processing\r\n\r\n"), cancel]], True),
    "within the answer's head": ([[take(ALL), say(b"HTTP/1.1 200 OK\r\nContent-Le"), cancel]], True),
    "within the answer": ([[take(ALL), say(head(200, length=99) + b"{"), cancel]], True),
    "within a stream": ([[take(ALL), say(EVENTS + PARTIAL), cancel]], True),
    "within a refusal": ([[take(ALL), say(head(400, length=99) + b"{"), cancel]], False),
    "within a failure": ([[take(ALL), say(head(500, length=99) + b"{"), cancel]], True),
    "within a gateway's time limit": ([[take(ALL), say(head(408, length=99) + b"{"), cancel]], True),
    "within a 429": ([[take(ALL), say(head(429, length=99) + b"{"), cancel]], False),
    "in the second attempt, when the head has arrived": ([BUSY, [take(NOTHING), cancel]], False),
    "in the second attempt, when half has arrived": ([BUSY, [take(HALF), cancel]], False),
    "in the second attempt, while the answer is awaited": ([BUSY, [take(ALL), cancel]], True),
}


def outcome(scripts: list[Script], **options: Any) -> tuple[ApiError, int]:
    """Send an edit to these scripts; return its error and the number of requests."""
    with playing(*scripts) as (url, connections, hand):
        client = ImagesClient(url, "sk-1", **{"max_retries": 1, **options})
        hand(client)
        with pytest.raises(ApiError) as caught:
            list(client.stream(LARGE))
    return caught.value, len(connections)


@pytest.mark.usefixtures("no_waiting")
@pytest.mark.parametrize("case", TABLE)
def test_failed_request_may_have_been_billed(case: str) -> None:
    scripts, billed = TABLE[case]
    # One more script than expected requests, so that an additional request would be noticed.
    error, requests = outcome([*scripts, [reset]])
    assert error.maybe_billed is billed
    assert requests == len(scripts)
    assert error.hint
    if not billed:
        assert "may have been billed" not in f"{error.message} {error.hint}"


@pytest.mark.usefixtures("no_waiting")
def test_connection_dropped_at_once_was_not_billed() -> None:
    error, requests = outcome([[reset]] * 3)
    assert not error.maybe_billed
    assert requests in (1, 2), "it may be noticed before or after the connection counts as made"


@pytest.mark.usefixtures("no_waiting")
@pytest.mark.parametrize("case", CANCELLED)
def test_cancelled_request_may_have_been_billed(case: str) -> None:
    scripts, billed = CANCELLED[case]
    error, requests = outcome([*scripts, [reset]])
    assert isinstance(error, CancelledError)
    assert error.maybe_billed is billed
    assert requests == len(scripts)


@pytest.mark.parametrize("status", [100, 102, 103])
@pytest.mark.parametrize("times", [1, 3])
def test_response_after_interim_responses_is_read(status: int, times: int) -> None:
    interim = f"HTTP/1.1 {status} X\r\nLink: </a.css>\r\n\r\n".encode() * times
    with playing([take(ALL), say(interim), answer(200, PNG_ANSWER)]) as (url, _connections, hand):
        client = ImagesClient(url, "sk-1")
        hand(client)
        assert client.edit(SMALL).images[0].data == IMAGE


Connect = Callable[..., socket.socket]


def refuse(*_arguments: object, **_options: object) -> socket.socket:
    raise ConnectionRefusedError(111, "Connection refused")


def unknown(*_arguments: object, **_options: object) -> socket.socket:
    raise socket.gaierror(-2, "Name or service not known")


def silent(*_arguments: object, **_options: object) -> socket.socket:
    raise TimeoutError


@pytest.fixture
def connecting(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[int]]:
    """Let the first connections succeed and the others fail in a given way; return their numbers."""

    def fail(how: Connect, after: int = 0) -> list[int]:
        from urllib3.util import connection

        real, made = connection.create_connection, list[int]()

        def connect(*arguments: Any, **options: Any) -> socket.socket:
            made.append(len(made))
            return (real if len(made) <= after else how)(*arguments, **options)

        monkeypatch.setattr(connection, "create_connection", connect)
        return made

    return fail


@pytest.mark.usefixtures("no_waiting")
@pytest.mark.parametrize("how", [refuse, unknown, silent])
@pytest.mark.parametrize("attempt", [1, 2])
def test_failed_connection_was_not_billed(how: Connect, attempt: int, connecting: Callable[..., list[int]]) -> None:
    made = connecting(how, after=attempt - 1)
    error, _requests = outcome([BUSY], max_retries=4)
    assert not error.maybe_billed
    assert len(made) == 3, "two retries in total"


@pytest.mark.usefixtures("no_waiting")
@pytest.mark.parametrize("what", [b"HTTP/1.1 400 This is not TLS\r\n\r\n", b"", b"\x15\x03\x01\x00\x02\x02\x28"])
def test_failed_tls_handshake_was_not_billed(what: bytes) -> None:
    with playing(*[[say(what)]] * 4) as (url, connections, hand):
        client = ImagesClient(url.replace("http:", "https:"), "sk-1")
        hand(client)
        with pytest.raises(ApiError) as caught:
            client.edit(SMALL)
    assert not caught.value.maybe_billed
    assert 1 <= len(connections) <= 3


def test_cancel_during_the_handshake_was_not_billed() -> None:
    with playing([lambda peer: peer.cancel()]) as (url, _connections, hand):
        client = ImagesClient(url.replace("http:", "https:"), "sk-1")
        hand(client)
        with pytest.raises(CancelledError) as caught:
            client.edit(SMALL)
    assert not caught.value.maybe_billed


@pytest.mark.usefixtures("no_waiting")
@pytest.mark.parametrize("attempt", [1, 2])
def test_cancel_while_connecting_was_not_billed(attempt: int, connecting: Callable[..., list[int]]) -> None:
    begun, release = threading.Event(), threading.Event()

    def hang(*_arguments: object, **_options: object) -> socket.socket:
        begun.set()
        release.wait(10)
        raise TimeoutError

    connecting(hang, after=attempt - 1)
    with playing(BUSY) as (url, _connections, hand):
        client = ImagesClient(url, "sk-1")
        hand(client)
        stopping = threading.Thread(target=lambda: begun.wait(10) and client.cancel())
        stopping.start()
        with pytest.raises(CancelledError) as caught:
            client.edit(SMALL)
        stopping.join()
        release.set()
    assert not caught.value.maybe_billed


@pytest.mark.usefixtures("no_waiting")
@pytest.mark.parametrize(("share", "billed"), [(NOTHING, False), (HALF, False), (ALL, True)])
@pytest.mark.parametrize("attempt", [1, 2])
def test_timeout_may_have_been_billed_if_the_request_was_sent(share: float, billed: bool, attempt: int) -> None:
    finished = threading.Event()
    scripts: list[Script] = [BUSY] * (attempt - 1) + [[take(share), lambda peer: finished.wait(10) and None]]
    with playing(*scripts) as (url, _connections, hand):
        client = ImagesClient(url, "sk-1", timeouts=Timeouts(overall=0.5))
        hand(client)
        with pytest.raises(TimedOutError) as caught:
            client.edit(LARGE)
        finished.set()
    assert caught.value.maybe_billed is billed


def test_parallel_cancelled_requests_raise_the_one_that_may_have_been_billed() -> None:
    one_at_a_time = replace(providers.get("custom"), supports_n=False)
    others = threading.Semaphore(0)
    done: list[Script] = [[take(ALL), answer(200, PNG_ANSWER)]]
    out: Script = [take(ALL), *[lambda peer: others.acquire(timeout=60) and None] * 2, cancel]
    refused: Script = [*BUSY[:1], answer(429, error(), "Retry-After: 100")]
    with playing(*done, refused, out) as (url, _connections, hand):
        client = ImagesClient(url, provider=one_at_a_time, on_event=partial(_release_when_answered, others))
        hand(client)
        with pytest.raises(CancelledError) as caught:
            client.edit(replace(SMALL, n=3))
    assert caught.value.maybe_billed
    assert caught.value.response is not None


def _release_when_answered(others: threading.Semaphore, event: object) -> None:
    """Count a request whose response is complete, and one that was refused and waits."""
    if isinstance(event, Waiting) or (isinstance(event, Downloading) and event.received == event.total):
        others.release()


def withdraw(peer: Peer) -> None:
    peer.client.withdraw()


@pytest.mark.parametrize(
    ("script", "answered"),
    [
        ([take(NOTHING), withdraw, lambda peer: peer.read_rest(), answer(200, PNG_ANSWER)], True),
        ([take(ALL), withdraw, answer(200, PNG_ANSWER)], True),
        ([take(ALL), withdraw, answer(429, error(), "Retry-After: 100")], False),
    ],
)
def test_withdrawn_request_already_sent_gets_its_response(script: Script, answered: bool) -> None:
    with playing(script, [reset]) as (url, connections, hand):
        client = ImagesClient(url, "sk-1")
        hand(client)
        if answered:
            assert client.edit(LARGE).images[0].data == IMAGE
        with pytest.raises(CancelledError) as caught:
            client.edit(LARGE)
    assert not caught.value.maybe_billed
    assert len(connections) == 1


def test_request_withdrawn_while_connecting_is_not_sent(connecting: Callable[..., list[int]]) -> None:
    ours, theirs = socket.socketpair()

    def late(*_arguments: object, **_options: object) -> socket.socket:
        client.withdraw()
        return ours

    connecting(late)
    client = ImagesClient("http://127.0.0.1:1/v1", "sk-1")
    with pytest.raises(CancelledError) as caught:
        client.edit(SMALL)
    assert not caught.value.maybe_billed
    assert theirs.recv(1) == b""
    theirs.close()


def test_image_url_is_downloaded_after_withdraw() -> None:
    by_url = json.dumps({"data": [{"url": "/a.png"}]}).encode()
    fetched: Script = [lambda peer: peer.read(NOTHING), answer(200, IMAGE)]
    with playing([take(ALL), withdraw, answer(200, by_url)], fetched) as (url, _connections, hand):
        client = ImagesClient(url, "sk-1")
        hand(client)
        assert client.edit(SMALL).images[0].data == IMAGE
