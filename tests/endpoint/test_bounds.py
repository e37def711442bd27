"""The limits of the endpoint: memory, threads, connections and time."""

import base64
import gc
import io
import json
import socket
import threading
import time
import tracemalloc
import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import pytest
import requests

from lib.endpoint import Endpoint, app, connection, edits, form, memory, server
from lib.endpoint import jobs as jobs_module
from lib.endpoint.cancellation import Cancelled, checking, checkpoint
from lib.endpoint.connection import ChunkedBody
from lib.endpoint.engine import Result, edit
from lib.endpoint.fill import offsets
from lib.endpoint.fill.offsets import PATCH
from lib.endpoint.fill.pyramid import LARGEST_SIDE, Level
from lib.endpoint.jobs import Jobs, PoolTask, reserve_pixels
from lib.endpoint.pictures import pixels
from lib.endpoint.uploads import Uploads
from tests.bench.abuse import BOUNDARY, multipart
from tests.endpoint.support import AUTH, EDITS, Caller, encoded, error_of, hole, mask, part, photo
from tests.endpoint.test_images import png_header
from tests.waiting import wait_until

SECONDS = 20  # a limit for a test that hangs
BODY = multipart({"image": encoded(photo(8, 8))}, prompt="sepia")


def connected(endpoint: Endpoint) -> socket.socket:
    port = int(endpoint.base_url.split(":")[2].split("/")[0])
    return socket.create_connection(("127.0.0.1", port), SECONDS)


def head(key: str, length: int, *more: str) -> bytes:
    lines = [
        "POST /v1/images/edits HTTP/1.1", "Host: x", f"Authorization: Bearer {key}",
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}", f"Content-Length: {length}", *more, "", "",
    ]  # fmt: skip
    return "\r\n".join(lines).encode()


def read_all(raw: socket.socket) -> bytes:
    answer = b""
    while piece := raw.recv(1 << 16):
        answer += piece
    return answer


def run_until_cancelled(
    monkeypatch: pytest.MonkeyPatch, jobs: Jobs, running: Endpoint
) -> tuple[threading.Event, threading.Event]:
    """Replace the endpoint's jobs, and its engine by one that runs until cancelled; return its start and end events."""
    begun, ended = threading.Event(), threading.Event()

    def work(*_arguments: object, **_options: object) -> Result:
        begun.set()
        try:
            end = time.monotonic() + SECONDS
            while time.monotonic() < end:
                checkpoint()
                time.sleep(0.005)
        except Cancelled:
            ended.set()
            raise
        return Result(photo(8, 8), "Done.")

    monkeypatch.setattr(edits.engine, "edit", work)
    monkeypatch.setattr(running._server.app, "_jobs", jobs)
    return begun, ended


def test_refused_bodies_use_no_memory(endpoint: Endpoint) -> None:
    body = memoryview(bytes(9_000_000))
    with connected(endpoint) as raw:
        raw.sendall(head("wrong", 1) + b"x")
        read_all(raw)
    tracemalloc.start()
    try:
        with connected(endpoint) as raw:
            raw.sendall(head("wrong", len(body)))
            raw.sendall(body)
            assert read_all(raw).startswith(b"HTTP/1.1 401 ")
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


def test_an_endless_refused_body_is_cut_off(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "DRAIN_BYTES", 1_000_000)
    sent = 0
    with connected(endpoint) as raw:
        raw.sendall(head("wrong", 1 << 40))
        with pytest.raises(OSError):
            while sent < 1 << 30:
                sent += raw.send(bytes(1 << 16))
    assert 1_000_000 <= sent < 100_000_000


def test_the_body_of_a_refused_request_is_not_requested(endpoint: Endpoint) -> None:
    for key, expected in (("wrong", b"HTTP/1.1 401 "), (endpoint.key, b"HTTP/1.1 100 Continue\r\n\r\n")):
        with connected(endpoint) as raw:
            raw.sendall(head(key, len(BODY), "Expect: 100-continue"))
            assert raw.recv(1 << 16).startswith(expected)
            if key == endpoint.key:
                raw.sendall(BODY)
                assert read_all(raw).startswith(b"HTTP/1.1 200 ")


def test_an_edit_ends_when_its_client_disconnects(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = Jobs(1, 1)
    with Endpoint.start(key="k") as running:
        begun, ended = run_until_cancelled(monkeypatch, jobs, running)
        with connected(running) as raw:
            raw.sendall(head("k", len(BODY)) + BODY)
            assert begun.wait(SECONDS)
        assert ended.wait(SECONDS)
        wait_until(lambda: jobs.free_slots == 2)


def test_a_client_that_leaves_the_queue_releases_its_slot_immediately(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = Jobs(1, 1)
    with Endpoint.start(key="k") as running:
        begun, ended = run_until_cancelled(monkeypatch, jobs, running)
        with connected(running) as first:
            first.sendall(head("k", len(BODY)) + BODY)
            assert begun.wait(SECONDS)
            with connected(running) as second:
                second.sendall(head("k", len(BODY)) + BODY)
                wait_until(lambda: jobs.free_slots == 0 and jobs._queue)
            wait_until(lambda: jobs.free_slots == 1)
            first.setblocking(False)
            with pytest.raises(BlockingIOError):  # its edit is still running
                first.recv(1)
            assert not ended.is_set()


@pytest.mark.parametrize(
    "prompt", ["fill", "denoise", "warmer", "make it red", "transparent background", "collage", "blur, then sepia"]
)
def test_every_skill_of_the_engine_has_checkpoints(prompt: str) -> None:
    pictures = [photo(64, 64)] * 2 if prompt == "collage" else [photo(64, 64)]
    if prompt == "transparent background":
        pictures[0][:20] = pictures[0][40:] = pictures[0][:, :20] = pictures[0][:, 40:] = 255
    area = None if prompt in ("collage", "transparent background") else hole(64, 64)
    calls = []

    def check() -> None:
        calls.append(1)
        if len(calls) == 2:
            raise Cancelled

    with checking(check), pytest.raises(Cancelled):
        edit(pictures, area, prompt)


def test_the_number_of_running_edits_is_limited() -> None:
    jobs, lock, release = Jobs(2, 0), threading.Lock(), threading.Event()
    now = most = 0

    def work() -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        release.wait(SECONDS)
        with lock:
            now -= 1

    tasks = [PoolTask(work) for _ in range(6)]
    for task in tasks:
        jobs.submit(task)
    wait_until(lambda: now == 2)
    release.set()
    for task in tasks:
        assert task.done.wait(SECONDS)
    assert most == 2
    wait_until(lambda: jobs._threads == 0)


def test_large_edits_run_one_after_another_and_are_not_overtaken() -> None:
    large, small, began, release = 2048 * 2048, 1024 * 1024, list[str](), threading.Event()

    def work(name: str, pixels: int) -> Callable[[], None]:
        def run() -> None:
            with reserve_pixels(pixels):
                began.append(name)
                release.wait(SECONDS)

        return run

    jobs = Jobs(4, 0)
    tasks = [PoolTask(work("first", small))]
    jobs.submit(tasks[0])
    wait_until(lambda: began == ["first"])
    tasks.append(PoolTask(work("large", large)))
    jobs.submit(tasks[1])
    wait_until(jobs_module._fifo_lock.locked)
    tasks += [PoolTask(work("small", small)) for _ in range(2)]
    for task in tasks[2:]:
        jobs.submit(task)
    leaving = PoolTask(work("left", large))
    jobs.submit(leaving)
    jobs.cancel(leaving)
    assert leaving.done.wait(SECONDS) and began == ["first"]
    release.set()
    for task in tasks:
        assert task.done.wait(SECONDS)
    assert began == ["first", "large", "small", "small"]


def test_waiting_for_pixels_can_be_cancelled() -> None:
    waits = threading.Event()

    def check() -> None:
        if waits.is_set():
            raise Cancelled
        waits.set()

    with reserve_pixels(1), checking(check), pytest.raises(Cancelled), reserve_pixels(50_000_000):
        raise AssertionError("the pixels were not free")
    with reserve_pixels(50_000_000):
        assert not jobs_module._fifo_lock.locked()


@pytest.mark.parametrize("data", [b"", b"no picture", encoded(photo(8, 8))[:20]])
def test_a_file_that_is_not_a_picture_has_no_pixels(data: bytes) -> None:
    assert pixels(data) == 0 and pixels(encoded(photo(12, 10))) == 120


def test_idle_connections_do_not_block_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "CONNECTIONS", 3)
    with Endpoint.start(key="k") as running:
        held = [connected(running) for _ in range(5)]
        answer = requests.get(f"{running.base_url}/models", headers={"Authorization": "Bearer k"}, timeout=SECONDS)
        assert answer.status_code == 200
        assert held[0].recv(1) == b""  # the oldest was closed
        for raw in held:
            raw.close()


def test_the_number_of_connections_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "CONNECTIONS", 2)
    served, full = list[int](), threading.Event()
    with Endpoint.start(key="k") as running:
        jobs = Jobs(2, 0)
        run_until_cancelled(monkeypatch, jobs, running)
        serve = running._server.process_request_thread

        def counted(*arguments: Any) -> None:
            served.append(1)
            serve(*arguments)

        monkeypatch.setattr(running._server, "process_request_thread", counted)
        monkeypatch.setattr(running._server, "_close_oldest", full.set)
        with connected(running) as first, connected(running) as second:
            for raw in (first, second):
                raw.sendall(head("k", len(BODY)) + BODY)
            wait_until(lambda: jobs._threads == 2)
            with connected(running) as third:
                third.sendall(b"GET /v1/models HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer k\r\n\r\n")
                assert full.wait(SECONDS) and len(served) == 2
                first.close()
                assert read_all(third).startswith(b"HTTP/1.1 200 ")


def test_an_endpoint_can_be_closed_while_all_connections_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "CONNECTIONS", 1)
    with Endpoint.start(key="k") as running:
        run_until_cancelled(monkeypatch, Jobs(1, 0), running)
        with connected(running) as busy, connected(running):
            busy.sendall(head("k", len(BODY)) + BODY)
            wait_until(lambda: running._server.app._jobs._threads == 1)
            running.close()


@contextmanager
def half_sent(
    running: Endpoint, monkeypatch: pytest.MonkeyPatch, count: int, path: str = "/images/edits"
) -> Iterator[list[socket.socket]]:
    """Connect `count` clients that have sent a head and the first half of its body, which is being read."""
    reading, parts = threading.Semaphore(0), form._parts

    def counted(*arguments: Any) -> Any:
        reading.release()
        return parts(*arguments)

    monkeypatch.setattr(form, "_parts", counted)
    with ExitStack() as stack:
        clients = [stack.enter_context(connected(running)) for _ in range(count)]
        for raw in clients:
            raw.sendall(head("k", len(BODY)).replace(b"/images/edits", path.encode()) + BODY[: len(BODY) // 2])
        for _ in clients:
            assert reading.acquire(timeout=SECONDS)
        yield clients


def test_slow_bodies_do_not_block_edits(monkeypatch: pytest.MonkeyPatch) -> None:
    with Endpoint.start(key="k", waiting=0) as running, half_sent(running, monkeypatch, 4) as slow:
        with connected(running) as raw:
            raw.sendall(head("k", len(BODY)) + BODY)
            assert read_all(raw).startswith(b"HTTP/1.1 200 ")
        for raw in slow:  # their edits run when the rest of their bodies arrives
            raw.sendall(BODY[len(BODY) // 2 :])
            assert read_all(raw).startswith(b"HTTP/1.1 200 ")


def test_slow_uploads_do_not_block_edits(monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        Endpoint.start(key="k", waiting=0) as running,
        half_sent(running, monkeypatch, 4, "/files"),
        connected(running) as raw,
    ):
        raw.sendall(head("k", len(BODY)) + BODY)
        assert read_all(raw).startswith(b"HTTP/1.1 200 ")


def test_a_client_that_stops_sending_its_body_does_not_block_a_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "GRACE_SECONDS", 10 * SECONDS)
    monkeypatch.setattr(connection, "SILENCE_SECONDS", 0.01)
    monkeypatch.setattr(server, "CONNECTIONS", 2)
    with Endpoint.start(key="k") as running, half_sent(running, monkeypatch, 2):
        answer = requests.get(f"{running.base_url}/models", headers={"Authorization": "Bearer k"}, timeout=SECONDS)
        assert answer.status_code == 200


def test_the_total_size_of_bodies_is_limited(caller: Caller) -> None:
    caller.app._uploads = uploads = Uploads(100_000)
    image = {"image": part(encoded(photo()))}
    with uploads.counted() as count:
        count(100_000)
        for refused in (caller.form(prompt="sepia", **image), caller.json({"prompt": "sepia"})):
            assert refused.status_code == 429 and int(refused.headers["Retry-After"]) >= 1
    assert caller.form(prompt="sepia", image=part(encoded(photo()))).status_code == 200
    with uploads.counted() as count:
        count(100_000)  # all of it is free again


def test_a_refused_edit_is_freed_without_the_garbage_collector(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    created = list[weakref.ref[edits.Edit]]()

    def edit(*arguments: Any) -> edits.Edit:
        created.append(weakref.ref(new := edits.Edit(*arguments)))
        return new

    monkeypatch.setattr(app, "Edit", edit)
    gc.disable()
    try:
        assert caller.edit("fly to the moon").status_code == 400
        wait_until(lambda: created[0]() is None, seconds=5)
    finally:
        gc.enable()


def test_a_busy_endpoint_does_not_request_the_body(monkeypatch: pytest.MonkeyPatch) -> None:
    with Endpoint.start(key="k") as running:
        run_until_cancelled(monkeypatch, jobs := Jobs(1, 0), running)
        with connected(running) as first, connected(running) as second:
            first.sendall(head("k", len(BODY)) + BODY)
            wait_until(lambda: not jobs.free_slots)
            second.sendall(head("k", len(BODY), "Expect: 100-continue"))
            assert second.recv(1 << 16).startswith(b"HTTP/1.1 429 ")


def test_all_files_of_a_request_share_one_temporary_file(monkeypatch: pytest.MonkeyPatch, caller: Caller) -> None:
    spools = []
    monkeypatch.setattr(form, "spool", lambda: spools.append(memory.spool()) or spools[-1])
    pictures = [part(encoded(photo(8, 8, seed)), f"{seed}.png") for seed in range(16)]
    response = caller.form(prompt="collage", images=pictures)
    assert response.status_code == 200 and len(spools) == 1


def test_the_total_size_of_text_is_limited(caller: Caller) -> None:
    fields = {f"x{number}": "y" * 60_000 for number in range(5)}
    assert error_of(caller.form(image=part(encoded(photo())), **fields))["code"] == "request_too_large"


def test_a_client_that_closes_its_sending_side_counts_as_disconnected(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in proxies such as nginx; the README states it."""
    with Endpoint.start(key="k") as running:
        begun, ended = run_until_cancelled(monkeypatch, Jobs(1, 1), running)
        with connected(running) as raw:
            raw.sendall(head("k", len(BODY)) + BODY)
            assert begun.wait(SECONDS)
            raw.shutdown(socket.SHUT_WR)
            assert read_all(raw).startswith(b"HTTP/1.1 499 ") and ended.is_set()


def test_an_endless_head_is_refused(endpoint: Endpoint) -> None:
    with connected(endpoint) as raw:
        raw.sendall(b"GET /v1/models HTTP/1.1\r\n" + b"".join(b"x-%d: %b\r\n" % (i, b"y" * 2000) for i in range(90)))
        assert raw.recv(1 << 16).startswith(b"HTTP/1.1 431 ")


def test_a_slow_body_is_refused(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if the client sends a byte from time to time."""
    monkeypatch.setattr(connection, "GRACE_SECONDS", 0.3)
    monkeypatch.setattr(connection, "DRAIN_SECONDS", 0.1)
    with connected(endpoint) as raw:
        raw.sendall(head(endpoint.key, len(BODY)))
        end = time.monotonic() + SECONDS
        with pytest.raises(OSError):
            while time.monotonic() < end:
                raw.sendall(b"-")
                time.sleep(0.02)


def test_a_slot_is_used_until_the_answer_is_sent(caller: Caller) -> None:
    jobs = caller.app._jobs
    response = caller.edit("sepia")
    assert response.status_code == 200 and jobs.free_slots == 5
    response.close()
    assert jobs.free_slots == 6


@pytest.mark.parametrize("size", [(1 << 24, 1), (1, 1 << 24)])
def test_a_picture_of_one_line_is_refused(caller: Caller, size: tuple[int, int]) -> None:
    error = error_of(caller.form(prompt="blur", image=part(png_header(*size))))
    assert error["code"] == "image_too_large" and "side" in error["message"]


def test_a_result_too_large_for_webp_is_refused_at_once(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edits.engine, "edit", lambda *_arguments, **_options: pytest.fail("it was computed"))
    wide = part(encoded(np.full((1, 16_384, 3), 9, np.uint8)))
    error = error_of(caller.form(prompt="sepia", image=wide, output_format="webp"))
    assert error["param"] == "output_format" and "16,383" in error["message"]


def test_a_narrow_strip_has_no_more_patches_than_a_usual_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (LARGEST_SIDE - PATCH) ** 2 < offsets.MAX_PATCHES
    monkeypatch.setattr(offsets, "MAX_PATCHES", 1000)
    context = np.ones((12, 500), bool)
    patches = offsets._Patches.of(Level(np.zeros((12, 500, 3), np.float32), context, context), np.random.default_rng(0))
    assert patches is not None and len(patches) == 1000


def test_json_with_many_values_is_refused_unparsed(caller: Caller) -> None:
    body = b'{"images": [' + b"{}," * 1_000_000 + b"{}]}"
    tracemalloc.start()
    try:
        response = caller.json(body)
        assert tracemalloc.get_traced_memory()[1] < 6 * len(body)
    finally:
        tracemalloc.stop()
    assert response.status_code == 413 and error_of(response)["code"] == "request_too_large"


def chunked(*chunks: bytes, trailers: bytes = b"") -> bytes:
    return b"".join(chunks) + b"0;last\r\n" + trailers + b"\r\n"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (chunked(b"3\r\nabc\r\n", b"2\r\nde\r\n"), b"abcde"),
        (chunked(b"3;name=value\r\nabc\r\n", b'002 ; q="a;b"\r\nde\r\n'), b"abcde"),
        (chunked(b"A\r\n0123456789\r\n", trailers=b"x-checksum: 1\r\nx-more: 2\r\n"), b"0123456789"),
    ],
)
def test_chunks_are_read_with_extensions_and_trailers(body: bytes, expected: bytes) -> None:
    assert io.BufferedReader(ChunkedBody(io.BytesIO(body))).read() == expected


@pytest.mark.parametrize("body", [b"", b"zz\r\nabc\r\n", b"-1\r\n", b"3\r\nab", b"3\r\nabcd\r\n", b"f" * 5000])
def test_invalid_chunks_are_an_error(body: bytes) -> None:
    with pytest.raises(OSError):
        io.BufferedReader(ChunkedBody(io.BytesIO(body))).read()


def test_a_chunked_edit_with_extensions(endpoint: Endpoint) -> None:
    pieces = [BODY[start : start + 100] for start in range(0, len(BODY), 100)]
    chunks = b"".join(b"%x;piece=%d\r\n%b\r\n" % (len(piece), at, piece) for at, piece in enumerate(pieces))
    lines = head(endpoint.key, 0).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    with connected(endpoint) as raw:
        raw.sendall(lines + chunks + b"0\r\n\r\n")
        assert read_all(raw).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("mime", ["application/octet-stream", "image/jpg", "image/x-png", "text/plain", ""])
def test_the_type_of_a_file_is_determined_by_its_bytes(caller: Caller, mime: str) -> None:
    response = caller.form(
        prompt="sepia", image=part(encoded(photo()), "upload", mime), mask=part(encoded(mask(hole())), "upload", mime)
    )
    assert response.status_code == 200, response.text


def test_a_file_without_a_name_is_accepted(caller: Caller) -> None:
    """Node's form-data sends a Buffer without a name."""
    body = multipart({"image": encoded(photo(8, 8))}, prompt="sepia").replace(b'; filename="image.png"', b"")
    assert b"filename" not in body
    content_type = f"multipart/form-data; boundary={BOUNDARY}"
    response = caller.client.post(EDITS, data=body, headers=AUTH, content_type=content_type)
    assert response.status_code == 200, response.text


@pytest.mark.parametrize("mime", ["image/jpg", "application/octet-stream", ""])
def test_a_data_url_may_have_line_breaks_and_any_type(caller: Caller, mime: str) -> None:
    data = encoded(photo()[..., :3], "JPEG") if mime == "image/jpg" else encoded(photo())
    url = f"data:{mime};base64,{base64.encodebytes(data).decode()}"
    response = caller.json({"images": [{"image_url": url}], "prompt": "sepia"})
    assert response.status_code == 200, response.text


@pytest.mark.parametrize(
    "model", ["gpt-image-2", "gpt-image-2-2026-04-21", "gpt-image-2.6-flare", "dall-e-3", "chatgpt-image-latest"]
)
@pytest.mark.parametrize("stream", ["false", "true"])
def test_openai_models_are_accepted_and_the_answer_names_the_engine(caller: Caller, model: str, stream: str) -> None:
    response = caller.edit("sepia", model=model, stream=stream, quality="high")
    assert response.status_code == 200 and response.headers["x-generative-edit-model"] == "built-in"
    described = caller.client.get(f"/v1/models/{model}", headers=AUTH).json
    assert described["id"] == model and described["owned_by"] == "generative-edit"


def test_an_answer_written_in_parts_is_valid_json(caller: Caller) -> None:
    answer = json.loads(caller.edit("sepia", n="3", seed="1").data)
    assert list(answer) == ["created", "data", "background", "output_format", "quality", "size", "usage"]
    assert len(answer["data"]) == 3 and all(set(image) == {"b64_json", "revised_prompt"} for image in answer["data"])


def test_the_engines_messages_are_for_users_of_gimp() -> None:
    """Its messages are displayed in GIMP, so they mention no masks, endpoints or bills."""
    import ast
    from pathlib import Path

    messages: list[str] = []
    for path in (Path(edits.__file__).parent / "engine").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("_", "N_"):
                messages += [each.value for each in ast.walk(node) if isinstance(each, ast.Constant)]
    text: Any = " ".join(map(str, messages)).lower()
    assert "select" in text
    assert not [word for word in ("mask", "endpoint", "bill", "server", "send") if word in text]
