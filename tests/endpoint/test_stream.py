"""Streams and the queue: order, late errors, disconnected clients, released slots."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from werkzeug.test import Client

from lib.endpoint import edits, stream
from lib.endpoint.app import App
from lib.endpoint.engine import Refused, Result
from lib.endpoint.errors import HttpError
from lib.endpoint.files import FileStore
from lib.endpoint.jobs import Jobs
from tests.endpoint.support import AUTH, EDITS, KEY, Caller, encoded, error_of, events_of, part, photo
from tests.waiting import wait_until

SECONDS = 20  # a limit for a test that hangs


@pytest.fixture
def jobs() -> Jobs:
    return Jobs(1, 1)


@pytest.fixture
def caller(tmp_path: Any, jobs: Jobs) -> Iterator[Caller]:
    yield Caller(App(KEY, FileStore(tmp_path), jobs))
    wait_until(lambda: jobs.free_slots == 2)


def replace_engine(monkeypatch: pytest.MonkeyPatch, work: Any) -> None:
    """Replace the engine by `work(on_partial)`, which returns pixels."""

    def edit(*_arguments: object, on_partial: Any, **_options: object) -> Result:
        return Result(work(on_partial), "Done.")

    monkeypatch.setattr(edits.engine, "edit", edit)


def request_stream(caller: Caller, **fields: str) -> Any:
    return caller.form(prompt="sepia", image=part(encoded(photo(8, 8))), stream="true", **fields)


def test_each_result_has_a_completed_event(caller: Caller) -> None:
    response = request_stream(caller, n="3", partial_images="0", seed="1")
    events = events_of(response.text)
    assert response.mimetype == "text/event-stream" and "no-store" in response.headers["Cache-Control"]
    assert [name for name, _ in events] == ["image_edit.completed"] * 3
    assert len({data["b64_json"] for _, data in events}) == 3


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_the_number_of_partials_is_as_requested(caller: Caller, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    def work(on_partial: Any) -> np.ndarray:
        for seed in range(3):
            on_partial(photo(8, 8, seed))
        return photo(8, 8, 9)

    replace_engine(monkeypatch, work)
    events = events_of(request_stream(caller, partial_images=str(count)).text)
    assert [data.get("partial_image_index") for _, data in events] == [*range(count), None]


@pytest.mark.parametrize(
    ("error", "code"),
    [(Refused("nothing_stands_out", "No."), "nothing_stands_out"), (RuntimeError("secret"), "server_error")],
)
def test_an_error_after_the_first_event_is_an_event(
    caller: Caller, monkeypatch: pytest.MonkeyPatch, error: Exception, code: str
) -> None:
    def work(on_partial: Any) -> np.ndarray:
        on_partial(photo(8, 8))
        raise error

    replace_engine(monkeypatch, work)
    response = request_stream(caller, partial_images="1")
    assert response.status_code == 200
    (first, _), (name, data) = events_of(response.text)
    assert first == "image_edit.partial_image" and name == "error"
    assert data["error"]["code"] == code and data["type"] == "error" and "secret" not in response.text


def test_an_edit_ends_soon_after_its_client_has_disconnected(
    caller: Caller, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds = []

    def work(on_partial: Any) -> np.ndarray:
        for number in range(100_000):
            rounds.append(number)
            on_partial(photo(8, 8))
            time.sleep(0.005)
        return photo(8, 8)

    replace_engine(monkeypatch, work)
    response = request_stream(caller, partial_images="1")
    assert jobs.free_slots == 1
    response.close()
    wait_until(lambda: jobs.free_slots == 2)
    assert len(rounds) < 100_000


def test_a_slow_edit_sends_heartbeats(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_SECONDS", 0.01)

    def work(on_partial: Any) -> np.ndarray:
        on_partial(photo(8, 8))
        time.sleep(0.2)
        return photo(8, 8)

    replace_engine(monkeypatch, work)
    text = request_stream(caller, partial_images="1").text
    assert ": still working\n\n" in text
    assert [name for name, _ in events_of(text)] == ["image_edit.partial_image", "image_edit.completed"]


def test_an_edit_that_takes_too_long_is_cancelled(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edits, "MAX_SECONDS", -1)
    response = caller.form(prompt="sepia", image=part(encoded(photo(8, 8))))
    assert response.status_code == 413 and error_of(response)["code"] == "timeout"


def test_one_edit_runs_one_waits_and_the_third_is_refused(
    caller: Caller, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    release, running = threading.Event(), []

    def work(_on_partial: Any) -> np.ndarray:
        running.append(1)
        release.wait(SECONDS)
        return photo(8, 8)

    replace_engine(monkeypatch, work)
    statuses: list[int] = []

    def call() -> None:
        data = {"prompt": "sepia", "image": part(encoded(photo(8, 8)))}
        with Client(caller.app).post(EDITS, data=data, headers=AUTH) as answer:
            statuses.append(answer.status_code)

    threads = [threading.Thread(target=call) for _ in range(2)]
    for thread in threads:
        thread.start()
    wait_until(lambda: jobs.free_slots == 0 and running)
    refused = caller.form(prompt="sepia", image=part(encoded(photo(8, 8))))
    assert refused.status_code == 429 and int(refused.headers["Retry-After"]) >= 1
    assert error_of(refused)["code"] == "rate_limit_exceeded"
    assert len(running) == 1, "one core, one edit"
    release.set()
    for thread in threads:
        thread.join(SECONDS)
    assert statuses == [200, 200]


def test_a_slot_is_always_released(jobs: Jobs) -> None:
    with pytest.raises(KeyError), jobs.slot():
        raise KeyError
    assert jobs.free_slots == 2
    with jobs.slot() as slot:
        slot.detached = True
    assert jobs.free_slots == 1
    slot.release()
    with jobs.slot(), jobs.slot(), pytest.raises(HttpError), jobs.slot():
        pass
    assert jobs.free_slots == 2
