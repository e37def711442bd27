"""What a rate limit leaves is shared by all threads that ask the same endpoint."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from lib.api.client import ImagesClient
from lib.api.errors import RateLimitError
from lib.api.rate_limit import RateLimiter, RateLimiters
from lib.api.request import EditRequest
from lib.api.transport import Timeouts
from tests.waiting import wait_until
from tests.wire.pictures import picture
from tests.wire.server import Recorded, Reply, images_reply, json_reply, serving

REQUEST = EditRequest([picture()], "a prompt")
NEVER = threading.Event()


def busy(seconds: float) -> Reply:
    return json_reply({"error": {"message": "busy"}}, 429, {"Retry-After": str(seconds)})


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_without_a_refusal_nothing_is_limited() -> None:
    limiter, entered = RateLimiter(), threading.Event()

    def enter() -> None:
        with ExitStack() as stack:
            for _ in range(50):
                stack.enter_context(limiter.slot(NEVER)).accepted()
            entered.set()

    threading.Thread(target=enter, daemon=True).start()
    assert entered.wait(10), "none of fifty at once has to wait"


def test_refusals_of_requests_that_were_out_together_halve_once() -> None:
    clock = Clock()
    limiter = RateLimiter(clock)
    with limiter.slot(NEVER) as a, limiter.slot(NEVER) as b, limiter.slot(NEVER) as c, limiter.slot(NEVER) as d:
        for slot in (a, b, c, d):
            slot.refused(5)
    stopped = threading.Event()
    threading.Timer(0.05, stopped.set).start()
    with limiter.slot(stopped):
        assert stopped.is_set(), "nothing goes for five seconds, but for one that is stopped"
    clock.now += 5.1
    with limiter.slot(NEVER), limiter.slot(NEVER):
        third = threading.Event()
        threading.Timer(0.05, third.set).start()
        with limiter.slot(third):
            assert third.is_set(), "two at once are left of four"


def test_what_one_thread_was_told_the_others_wait_for_too() -> None:
    times: list[float] = []

    def answer(_request: Recorded) -> Reply:
        times.append(time.monotonic())
        return busy(1.0) if len(times) == 1 else images_reply(picture())

    limiter = RateLimiter()
    with serving(answer) as server, ThreadPoolExecutor(8) as pool:

        def edit(_number: int) -> int:
            return len(ImagesClient(server.url, "sk-1", limiter=limiter, patience=30).edit(REQUEST).images)

        first = pool.submit(edit, 0)
        wait_until(lambda: limiter._pause() > 0)
        assert list(pool.map(edit, range(7))) == [1] * 7 and first.result() == 1
    assert len(times) == 9 and min(times[1:]) - times[0] >= 1.0


def test_patience_takes_none_of_the_calls_own_time() -> None:
    replies = [busy(0.6), busy(0.6), images_reply(picture())]
    with serving(replies) as server:
        client = ImagesClient(server.url, "sk-1", timeouts=Timeouts(overall=1.0), patience=5)
        assert len(client.edit(REQUEST).images) == 1


def test_patience_ends() -> None:
    with serving(busy(0.5)) as server, pytest.raises(RateLimitError) as caught:
        ImagesClient(server.url, "sk-1", patience=1.2).edit(REQUEST)
    assert not caught.value.maybe_billed
    assert len(server.requests) == 3


def test_a_cancel_ends_the_wait_of_a_patient_call() -> None:
    with serving(busy(60)) as server:
        client = ImagesClient(server.url, "sk-1", patience=100)
        threading.Timer(0.2, client.cancel).start()
        begun = time.monotonic()
        with pytest.raises(Exception, match="cancelled"):
            client.edit(REQUEST)
        assert time.monotonic() - begun < 30, "half of what it would wait"


def test_each_endpoint_has_one_pace() -> None:
    paces = RateLimiters()
    assert paces.of("http://a/v1") is paces.of("http://a/v1")
    assert paces.of("http://a/v1") is not paces.of("http://b/v1")
