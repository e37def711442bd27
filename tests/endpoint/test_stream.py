"""Streams and the queue: order, errors on the way, clients that leave, places given back."""

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

SECONDS = 20  # a hang guard


@pytest.fixture
def jobs() -> Jobs:
    return Jobs(1, 1)


@pytest.fixture
def caller(tmp_path: Any, jobs: Jobs) -> Iterator[Caller]:
    yield Caller(App(KEY, FileStore(tmp_path), jobs))
    wait_until(lambda: jobs.free == 2)


def engine_that(monkeypatch: pytest.MonkeyPatch, work: Any) -> None:
    """Replace the engine by `work(on_partial)`, which returns pixels."""

    def edit(*_arguments: object, on_partial: Any, **_options: object) -> Result:
        return Result(work(on_partial), "Done.")

    monkeypatch.setattr(edits.engine, "edit", edit)


def streamed(caller: Caller, **fields: str) -> Any:
    return caller.form(prompt="sepia", image=part(encoded(photo(8, 8))), stream="true", **fields)


def test_several_results_each_end_with_their_own_event(caller: Caller) -> None:
    response = streamed(caller, n="3", partial_images="0", seed="1")
    events = events_of(response.text)
    assert response.mimetype == "text/event-stream" and "no-store" in response.headers["Cache-Control"]
    assert [name for name, _ in events] == ["image_edit.completed"] * 3
    assert len({data["b64_json"] for _, data in events}) == 3


@pytest.mark.parametrize("wanted", [0, 1, 2, 3])
def test_as_many_partials_as_asked_for(caller: Caller, monkeypatch: pytest.MonkeyPatch, wanted: int) -> None:
    def work(on_partial: Any) -> np.ndarray:
        for seed in range(3):
            on_partial(photo(8, 8, seed))
        return photo(8, 8, 9)

    engine_that(monkeypatch, work)
    events = events_of(streamed(caller, partial_images=str(wanted)).text)
    assert [data.get("partial_image_index") for _, data in events] == [*range(wanted), None]


@pytest.mark.parametrize(
    ("error", "code"),
    [(Refused("no_plain_background", "No."), "no_plain_background"), (RuntimeError("secret"), "server_error")],
)
def test_an_error_after_the_first_event_is_an_event(
    caller: Caller, monkeypatch: pytest.MonkeyPatch, error: Exception, code: str
) -> None:
    def work(on_partial: Any) -> np.ndarray:
        on_partial(photo(8, 8))
        raise error

    engine_that(monkeypatch, work)
    response = streamed(caller, partial_images="1")
    assert response.status_code == 200
    (first, _), (name, data) = events_of(response.text)
    assert first == "image_edit.partial_image" and name == "error"
    assert data["error"]["code"] == code and data["type"] == "error" and "secret" not in response.text


def test_an_edit_ends_soon_after_its_client_has_left(
    caller: Caller, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds = []

    def work(on_partial: Any) -> np.ndarray:
        for number in range(100_000):
            rounds.append(number)
            on_partial(photo(8, 8))
            time.sleep(0.005)
        return photo(8, 8)

    engine_that(monkeypatch, work)
    response = streamed(caller, partial_images="1")
    assert jobs.free == 1
    response.close()
    wait_until(lambda: jobs.free == 2)
    assert len(rounds) < 100_000


def test_a_silent_edit_shows_that_it_lives(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_SECONDS", 0.01)

    def work(on_partial: Any) -> np.ndarray:
        on_partial(photo(8, 8))
        time.sleep(0.2)
        return photo(8, 8)

    engine_that(monkeypatch, work)
    text = streamed(caller, partial_images="1").text
    assert ": still working\n\n" in text
    assert [name for name, _ in events_of(text)] == ["image_edit.partial_image", "image_edit.completed"]


def test_an_edit_that_takes_too_long_is_ended(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edits, "MAX_SECONDS", -1)
    response = caller.form(prompt="sepia", image=part(encoded(photo(8, 8))))
    assert response.status_code == 413 and error_of(response)["code"] == "timeout"


def test_one_computes_one_waits_and_the_third_is_sent_away(
    caller: Caller, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    release, running = threading.Event(), []

    def work(_on_partial: Any) -> np.ndarray:
        running.append(1)
        release.wait(SECONDS)
        return photo(8, 8)

    engine_that(monkeypatch, work)
    statuses: list[int] = []

    def call() -> None:
        data = {"prompt": "sepia", "image": part(encoded(photo(8, 8)))}
        with Client(caller.app).post(EDITS, data=data, headers=AUTH) as answer:
            statuses.append(answer.status_code)

    threads = [threading.Thread(target=call) for _ in range(2)]
    for thread in threads:
        thread.start()
    wait_until(lambda: jobs.free == 0 and running)
    refused = caller.form(prompt="sepia", image=part(encoded(photo(8, 8))))
    assert refused.status_code == 429 and int(refused.headers["Retry-After"]) >= 1
    assert error_of(refused)["code"] == "rate_limit_exceeded"
    assert len(running) == 1, "one core, one edit"
    release.set()
    for thread in threads:
        thread.join(SECONDS)
    assert statuses == [200, 200]


def test_a_place_is_given_back_whatever_happens(jobs: Jobs) -> None:
    with pytest.raises(KeyError), jobs.place():
        raise KeyError
    assert jobs.free == 2
    with jobs.place() as kept:
        kept.kept = True
    assert jobs.free == 1
    kept.leave()
    with jobs.place(), jobs.place(), pytest.raises(HttpError), jobs.place():
        pass
    assert jobs.free == 2
