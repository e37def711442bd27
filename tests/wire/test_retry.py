"""Retries: what is retried, after what delay, and what never is."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.api import providers
from lib.api.client import ImagesClient
from lib.api.errors import (
    ApiError,
    BrokenConnectionError,
    CancelledError,
    ConnectionFailedError,
    OverloadedError,
    QuotaError,
    RateLimitError,
    ServerError,
    TimedOutError,
)
from lib.api.events import Waiting
from lib.api.request import EditRequest
from lib.api.retry import MAX_RATE_LIMIT_RETRIES, backoff, retry_after, retry_delay
from lib.api.transport import Timeouts
from tests.wire.pictures import picture
from tests.wire.server import Recorded, Reply, images_reply, json_reply, serving

IMAGE = picture()
REQUEST = EditRequest([IMAGE], "p")
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
BUSY = json_reply({"error": {"message": "busy", "code": "rate_limit_exceeded"}}, 429)


@given(st.integers(1, 50) | st.integers(1000, 1 << 70), st.floats(0, 1))
def test_backoff_grows_to_eight_seconds_plus_jitter(attempt: int, jitter: float) -> None:
    base = min(0.5 * 2 ** min(attempt - 1, 60), 8)
    assert base <= backoff(attempt, jitter) <= 1.25 * base


@given(st.none() | st.floats(0, 1e9), st.integers(1, 1 << 70), st.floats(0, 1))
def test_delay_is_at_least_half_a_second(requested: float | None, attempt: int, jitter: float) -> None:
    seconds = retry_delay(requested, attempt, jitter)
    assert seconds >= 0.5
    assert seconds <= 10 if requested is None else seconds == max(requested, 0.5)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "0"}, 0),
        ({"Retry-After": "1.5"}, 1.5),
        ({"Retry-After": format_datetime(NOW + timedelta(seconds=30), usegmt=True)}, 30),
        ({"Retry-After": "Sun, 22 Nov 2026 12:00:30 -0000"}, 30),
        ({"Retry-After": format_datetime(NOW - timedelta(seconds=30), usegmt=True)}, 0),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "250", "Retry-After": "9"}, 0.25),
        ({"retry-after-ms": "x", "Retry-After": "9"}, 9),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-3"}, None),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": "NaN"}, None),
        ({"Retry-After": "1e400"}, None),
        ({"Retry-After": "1e300"}, 86_400),
        ({"Retry-After": "9" * 300}, 86_400),
        ({"retry-after-ms": "-1"}, None),
        ({"retry-after-ms": "9" * 300}, 86_400),
        ({"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"}, 86_400),
        ({"Retry-After": "Sun, 22 Nov 99999 12:00:30 GMT"}, None),
        ({"Retry-After": "Sun, 22 Nov 99999999999 12:00:30 GMT"}, None),
        ({"Retry-After": "Sun, 22 Nov 2026 12:00:30 +999999999999"}, None),
        ({"Retry-After": "Sun, 22 Nov 2026 12:00:30 +99999999999999999"}, None),
        ({}, None),
    ],
)
def test_retry_after_formats(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, NOW) == seconds


DATES = st.from_regex(r"(Sun, )?[0-9]{1,12} (Jan|Nov) [0-9]{1,12} [0-9:]{1,12} [-+]?[0-9A-Z]{0,12}", fullmatch=True)


@given(st.sampled_from(["Retry-After", "retry-after-ms"]), st.text() | DATES | st.from_regex(r"[-+]?[0-9]*e?[0-9]*"))
def test_any_retry_after_is_accepted(name: str, value: str) -> None:
    seconds = retry_after({name: value}, NOW)
    assert seconds is None or 0 <= seconds <= 86_400


def count_attempts(reply: Reply | None, kind: type[ApiError]) -> int:
    """Return the number of requests of an edit until it failed with `kind`."""
    with serving(lambda request: reply) as server, pytest.raises(kind):
        ImagesClient(server.url, "sk-1").edit(REQUEST)
    return len(server.requests)


@pytest.mark.usefixtures("no_waiting")
@pytest.mark.parametrize("status", [429, 503])
def test_refused_request_is_retried_a_limited_number_of_times(status: int) -> None:
    kind = RateLimitError if status == 429 else OverloadedError
    assert count_attempts(json_reply({"error": {"message": "busy"}}, status), kind) == 5


@pytest.mark.usefixtures("no_waiting")
@pytest.mark.parametrize("status", [500, 502, 504])
def test_server_error_is_not_retried(status: int) -> None:
    assert count_attempts(json_reply({"error": {"message": "broke"}}, status), ServerError) == 1


@pytest.mark.usefixtures("no_waiting")
def test_missing_response_is_not_retried() -> None:
    assert count_attempts(None, BrokenConnectionError) == 1


@pytest.mark.usefixtures("no_waiting")
def test_exhausted_quota_is_not_retried() -> None:
    body = {"error": {"message": "pay", "type": "insufficient_quota", "code": "credit_balance_exhausted"}}
    assert count_attempts(json_reply(body, 429), QuotaError) == 1


@pytest.mark.usefixtures("no_waiting")
def test_account_without_credit_is_not_retried() -> None:
    assert count_attempts(json_reply({"error": {"message": "pay"}}, 402, {"Retry-After": "0"}), QuotaError) == 1


@pytest.mark.usefixtures("no_waiting")
def test_x_should_retry_false_is_respected() -> None:
    reply = json_reply({"error": {"message": "busy"}}, 429, {"x-should-retry": "false"})
    assert count_attempts(reply, RateLimitError) == 1


def test_each_wait_is_an_event_and_the_retry_is_the_same_request() -> None:
    events: list[object] = []
    at_once = json_reply({"error": {"message": "busy"}}, 429, {"Retry-After": "0"})
    soon = json_reply({"error": {"message": "busy"}}, 429, {"retry-after-ms": "600"})
    start = time.monotonic()
    with serving([at_once, soon, images_reply(IMAGE)]) as server:
        ImagesClient(server.url, "sk-1", on_event=events.append).edit(REQUEST)
    assert time.monotonic() - start >= 1.1
    waits = [event for event in events if isinstance(event, Waiting)]
    assert waits == [Waiting(0.5, 1, "busy"), Waiting(0.6, 2, "busy")]
    first, *retries = [[(part.name, part.value) for part in request.parts] for request in server.requests]
    assert retries == [first, first]


@pytest.mark.parametrize("value", ["0", "-1", "NaN", "inf", "soon"])
def test_max_wait_retries_a_limited_number_of_times(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    delays: list[float] = []

    def no_delay(requested: float | None, attempt: int, jitter: float) -> float:
        delays.append(retry_delay(requested, attempt, jitter))
        return 0.0

    monkeypatch.setattr("lib.api.retry.retry_delay", no_delay)
    monkeypatch.setattr("lib.api.retry.MAX_RATE_LIMIT_RETRIES", 20)
    with serving(json_reply({"error": "busy"}, 429, {"Retry-After": value})) as server, pytest.raises(RateLimitError):
        ImagesClient(server.url, "sk-1", max_wait=3600).edit(REQUEST)
    assert len(server.requests) == 21
    assert min(delays) >= 0.5
    assert MAX_RATE_LIMIT_RETRIES == 100, "waits of half a second for an hour would be 7,200 requests"


@pytest.mark.parametrize("value", ["1e300", "9" * 300, "Fri, 31 Dec 9999 23:59:59 GMT"])
@pytest.mark.parametrize("max_wait", [None, 3600.0])
def test_huge_retry_after_is_reported(value: str, max_wait: float | None) -> None:
    reply = json_reply({"error": "busy"}, 429, {"Retry-After": value})
    with serving(reply) as server, pytest.raises(RateLimitError, match="busy") as caught:
        ImagesClient(server.url, "sk-1", max_wait=max_wait).edit(REQUEST)
    assert len(server.requests) == 1
    assert "Try again after" in caught.value.hint


def test_wait_over_two_minutes_says_when_to_try_again() -> None:
    reply = json_reply({"error": {"message": "busy"}}, 429, {"Retry-After": "3600"})
    with serving(reply) as server, pytest.raises(RateLimitError) as caught:
        ImagesClient(server.url, "sk-1").edit(REQUEST)
    assert len(server.requests) == 1
    assert caught.value.retry_at is not None
    assert timedelta(minutes=59) < caught.value.retry_at - datetime.now(UTC) <= timedelta(hours=1)
    assert f"{caught.value.retry_at.astimezone():%H:%M}" in caught.value.hint


@pytest.mark.usefixtures("no_waiting")
def test_unreachable_server_is_tried_three_times() -> None:
    with socket.socket() as placeholder:
        placeholder.bind(("127.0.0.1", 0))
        port = placeholder.getsockname()[1]
    events: list[object] = []
    client = ImagesClient(f"http://127.0.0.1:{port}/v1", "sk-1", on_event=events.append)
    with pytest.raises(ConnectionFailedError, match="refused") as caught:
        client.edit(REQUEST)
    assert not caught.value.maybe_billed
    assert [type(event) for event in events] == [Waiting, Waiting]


def test_silent_server_times_out_and_may_have_billed() -> None:
    stop = threading.Event()
    reply = Reply(before=lambda: stop.wait(10) and None)
    with serving(reply) as server:
        client = ImagesClient(server.url, "sk-1", timeouts=Timeouts(between_bytes=0.1))
        with pytest.raises(TimedOutError, match="nothing for 0.1 seconds") as caught:
            client.edit(REQUEST)
        stop.set()
    assert caught.value.maybe_billed
    assert len(server.requests) == 1


def test_stalled_response_times_out() -> None:
    stop = threading.Event()

    def half() -> Iterator[bytes]:
        yield b'{"data": ['
        stop.wait(10)

    with serving(Reply(headers={"Content-Length": "1000"}, chunks=half())) as server:
        client = ImagesClient(server.url, "sk-1", timeouts=Timeouts(between_bytes=0.1))
        with pytest.raises(TimedOutError) as caught:
            client.edit(REQUEST)
        stop.set()
    assert caught.value.maybe_billed


def test_response_shorter_than_its_content_length_is_a_broken_connection() -> None:
    short = Reply(headers={"Content-Length": "1000"}, chunks=[b'{"data": []}'])
    with serving(short) as server, pytest.raises(BrokenConnectionError) as caught:
        ImagesClient(server.url, "sk-1").edit(REQUEST)
    assert caught.value.maybe_billed


def test_overall_limit_ends_a_slow_response() -> None:
    def trickle() -> Iterator[bytes]:
        for _ in range(1000):
            yield b" "
            time.sleep(0.01)

    with serving(Reply(headers={"Content-Type": "application/json"}, chunks=trickle())) as server:
        client = ImagesClient(server.url, "sk-1", timeouts=Timeouts(overall=0.3))
        with pytest.raises(TimedOutError, match=r"longer than 0.3 seconds") as caught:
            client.edit(REQUEST)
    assert caught.value.maybe_billed


def test_overall_limit_ends_waits() -> None:
    reply = json_reply({"error": {"message": "busy"}}, 429, {"Retry-After": "100"})
    with serving(reply) as server:
        client = ImagesClient(server.url, "sk-1", timeouts=Timeouts(overall=0.2))
        with pytest.raises(TimedOutError) as caught:
            client.edit(REQUEST)
    assert not caught.value.maybe_billed
    assert "billed" in caught.value.hint


def test_broken_upload_was_not_billed() -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def take_a_little() -> None:
        connection, _ = listener.accept()
        connection.recv(1000)
        connection.close()

    threading.Thread(target=take_a_little, daemon=True).start()
    client = ImagesClient(f"http://127.0.0.1:{listener.getsockname()[1]}/v1", "sk-1")
    big = IMAGE + b"\0" * 20_000_000
    with pytest.raises(BrokenConnectionError) as caught:
        client.edit(EditRequest([big], "p"))
    assert not caught.value.maybe_billed
    assert "Nothing was billed" in caught.value.hint
    listener.close()


def test_exception_in_a_callback_ends_the_request() -> None:
    def fail(event: object) -> None:
        raise KeyError("the caller's own mistake")

    with serving(images_reply(IMAGE)) as server, pytest.raises(KeyError, match="own mistake"):
        ImagesClient(server.url, "sk-1", on_event=fail).edit(REQUEST)


def cancel_after(event: threading.Event, client: ImagesClient) -> threading.Thread:
    def cancel() -> None:
        assert event.wait(10)
        client.cancel()

    thread = threading.Thread(target=cancel)
    thread.start()
    return thread


def test_cancel_closes_the_socket_while_waiting_for_the_response() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    client = ImagesClient(f"http://127.0.0.1:{listener.getsockname()[1]}/v1", "sk-1")
    closed_after: list[float] = []

    def serve() -> None:
        connection, _ = listener.accept()
        while not connection.recv(65_536).endswith(b"--\r\n"):
            pass
        start = time.monotonic()
        client.cancel()
        assert connection.recv(1) == b""
        closed_after.append(time.monotonic() - start)
        connection.close()

    thread = threading.Thread(target=serve)
    thread.start()
    with pytest.raises(CancelledError) as caught:
        client.edit(REQUEST)
    thread.join(10)
    listener.close()
    assert caught.value.maybe_billed
    assert len(closed_after) == 1  # the benchmark measures the time; here it only has to happen


@pytest.mark.parametrize("comes_late", [True, False])
def test_cancel_does_not_wait_for_a_silent_host(comes_late: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    connecting, release, finished = threading.Event(), threading.Event(), threading.Event()
    late, other_end = socket.socketpair()

    def silent(*arguments: object, **options: object) -> socket.socket:
        connecting.set()
        release.wait(10)
        finished.set()
        if not comes_late:
            raise TimeoutError
        return late

    monkeypatch.setattr("urllib3.util.connection.create_connection", silent)
    client = ImagesClient("http://127.0.0.1:1/v1", "sk-1")
    thread = cancel_after(connecting, client)
    with pytest.raises(CancelledError) as caught:
        client.edit(REQUEST)
    thread.join()
    assert not finished.is_set()
    assert not caught.value.maybe_billed
    release.set()
    if comes_late:
        assert other_end.recv(1) == b""  # the late connection was closed
    other_end.close()


def test_connect_timeout_was_not_billed(monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(*arguments: object, **options: object) -> socket.socket:
        raise TimeoutError

    monkeypatch.setattr("urllib3.util.connection.create_connection", silent)
    with pytest.raises(ConnectionFailedError, match="The connection to .* timed out") as caught:
        ImagesClient("http://127.0.0.1:1/v1", "sk-1", max_retries=0).edit(REQUEST)
    assert not caught.value.maybe_billed


def test_cancel_ends_a_wait_and_all_later_calls() -> None:
    waiting = threading.Event()
    reply = json_reply({"error": {"message": "busy"}}, 429, {"Retry-After": "100"})
    with serving(reply) as server:
        client = ImagesClient(server.url, "sk-1", on_event=lambda event: isinstance(event, Waiting) and waiting.set())
        thread = cancel_after(waiting, client)
        with pytest.raises(CancelledError) as caught:
            client.edit(REQUEST)
        thread.join()
        with pytest.raises(CancelledError):
            client.models()
    assert not caught.value.maybe_billed
    assert len(server.requests) == 1


def test_cancel_ends_a_stream_between_two_events() -> None:
    stop = threading.Event()

    def silent() -> Iterator[bytes]:
        yield b": hello\n\n"
        stop.wait(10)

    reply = Reply(200, headers={"Content-Type": "text/event-stream"}, chunks=silent())
    requested = threading.Event()

    def answer(request: Recorded) -> Reply:
        requested.set()
        return reply

    with serving(answer) as server:
        client = ImagesClient(server.url, "sk-1")
        thread = cancel_after(requested, client)
        with pytest.raises(CancelledError):
            list(client.stream(REQUEST))
        thread.join()
        stop.set()


def test_cancelled_parallel_edit_has_the_images_so_far() -> None:
    arrived = threading.Semaphore(0)
    stop = threading.Event()

    def answer(request: Recorded) -> Reply | None:
        if len(server.requests) == 1:
            return images_reply(IMAGE)
        arrived.release()
        stop.wait(10)
        return None

    with serving(answer) as server:
        one_at_a_time = replace(providers.get("custom"), supports_n=False)
        client = ImagesClient(server.url, provider=one_at_a_time)

        def cancel() -> None:
            assert arrived.acquire(timeout=10)
            time.sleep(0.1)
            client.cancel()

        thread = threading.Thread(target=cancel)
        thread.start()
        with pytest.raises(CancelledError) as caught:
            client.edit(EditRequest([IMAGE], "p", n=2))
        thread.join()
        stop.set()
    assert caught.value.response is not None
    assert [image.data for image in caught.value.response.images] == [IMAGE]
