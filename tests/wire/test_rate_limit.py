"""The rate limit of an endpoint is shared by all threads that use it."""

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


def test_nothing_is_limited_before_a_refusal() -> None:
    limiter, entered = RateLimiter(), threading.Event()

    def enter() -> None:
        with ExitStack() as stack:
            for _ in range(50):
                stack.enter_context(limiter.slot(NEVER)).accepted()
            entered.set()

    threading.Thread(target=enter, daemon=True).start()
    assert entered.wait(10), "none of fifty simultaneous requests has to wait"


def test_simultaneous_refusals_halve_the_limit_once() -> None:
    clock = Clock()
    limiter = RateLimiter(clock)
    with limiter.slot(NEVER) as a, limiter.slot(NEVER) as b, limiter.slot(NEVER) as c, limiter.slot(NEVER) as d:
        for slot in (a, b, c, d):
            slot.refused(5)
    stopped = threading.Event()
    threading.Timer(0.05, stopped.set).start()
    with limiter.slot(stopped):
        assert stopped.is_set(), "only a stopped request passes within five seconds"
    clock.now += 5.1
    with limiter.slot(NEVER), limiter.slot(NEVER):
        third = threading.Event()
        threading.Timer(0.05, third.set).start()
        with limiter.slot(third):
            assert third.is_set(), "four simultaneous requests are reduced to two"


def test_all_threads_wait_after_a_refusal() -> None:
    times: list[float] = []

    def answer(_request: Recorded) -> Reply:
        times.append(time.monotonic())
        return busy(1.0) if len(times) == 1 else images_reply(picture())

    limiter = RateLimiter()
    with serving(answer) as server, ThreadPoolExecutor(8) as pool:

        def edit(_number: int) -> int:
            return len(ImagesClient(server.url, "sk-1", limiter=limiter, max_wait=30).edit(REQUEST).images)

        first = pool.submit(edit, 0)
        wait_until(lambda: limiter._delay() > 0)
        assert list(pool.map(edit, range(7))) == [1] * 7 and first.result() == 1
    assert len(times) == 9 and min(times[1:]) - times[0] >= 1.0


def test_waits_do_not_count_towards_the_overall_limit() -> None:
    replies = [busy(0.6), busy(0.6), images_reply(picture())]
    with serving(replies) as server:
        client = ImagesClient(server.url, "sk-1", timeouts=Timeouts(overall=1.0), max_wait=5)
        assert len(client.edit(REQUEST).images) == 1


def test_max_wait_limits_the_retries() -> None:
    with serving(busy(0.5)) as server, pytest.raises(RateLimitError) as caught:
        ImagesClient(server.url, "sk-1", max_wait=1.2).edit(REQUEST)
    assert not caught.value.maybe_billed
    assert len(server.requests) == 3


def test_cancel_ends_a_wait_for_the_rate_limit() -> None:
    with serving(busy(60)) as server:
        client = ImagesClient(server.url, "sk-1", max_wait=100)
        threading.Timer(0.2, client.cancel).start()
        start = time.monotonic()
        with pytest.raises(Exception, match="cancelled"):
            client.edit(REQUEST)
        assert time.monotonic() - start < 30, "half of the wait"


def test_each_endpoint_has_its_own_limiter() -> None:
    limiters = RateLimiters()
    assert limiters.for_endpoint("http://a/v1") is limiters.for_endpoint("http://a/v1")
    assert limiters.for_endpoint("http://a/v1") is not limiters.for_endpoint("http://b/v1")
