"""Measure the client: memory for a large edit, and time for parallel images, a long event and a cancellation.

Run it with `python -m tests.bench.memory`; `measure()` returns the figures by name.
"""

from __future__ import annotations

import base64
import json
import multiprocessing
import os
import resource
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

from lib.api import providers
from lib.api.client import ImagesClient
from lib.api.errors import CancelledError
from lib.api.parsing import Limits
from lib.api.request import EditRequest
from lib.api.stream import read_stream
from tests.wire.pictures import picture
from tests.wire.server import Recorded, Reply, Server, completed_event, images_reply

MEGABYTE = 1_000_000
UPLOAD_BYTES = 50 * MEGABYTE - 1
IMAGE_BYTES = 30 * MEGABYTE


def measure() -> dict[str, float]:
    """Return all figures: megabytes, seconds, and the time for four images relative to one."""
    return {
        "resident MB, 50 MB up and 30 MB down": peak_memory("json"),
        "resident MB, 50 MB up and 30 MB down as a stream": peak_memory("stream"),
        "time of 4 images at once over that of 1": parallel_ratio(),
        "seconds for an event of 64 MiB": long_event_seconds(),
        "seconds until a cancelled socket is closed": cancel_seconds(),
    }


def peak_memory(encoding: str) -> float:
    """Run one large edit in a separate process and return its peak memory in megabytes."""
    parent_end, child_end = multiprocessing.Pipe()
    server = multiprocessing.Process(target=_serve_large, args=(child_end,), daemon=True)
    server.start()
    url = parent_end.recv()
    result = subprocess.run(
        [sys.executable, "-m", "tests.bench.memory", encoding, url],
        stdout=subprocess.PIPE, text=True, check=True, env={**os.environ, "PYTHONPATH": str(Path.cwd())},
    )  # fmt: skip
    server.terminate()
    server.join()
    return float(result.stdout)


def _serve_large(pipe: Connection) -> None:
    image = picture() + os.urandom(IMAGE_BYTES)

    def answer(request: Recorded) -> Reply:
        if b'name="stream"' in request.body[:4096]:
            return Reply(200, headers={"Content-Type": "text/event-stream"}, chunks=[completed_event(image)])
        return images_reply(image)

    with Server(answer) as server:
        pipe.send(server.url)
        threading.Event().wait()


def _edit_large(encoding: str, url: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.png"
        path.write_bytes(picture())
        with path.open("r+b") as file:
            file.truncate(UPLOAD_BYTES)
        response = ImagesClient(url, provider="custom").edit(
            EditRequest([path], "p", stream=True if encoding == "stream" else None)
        )
    if len(response.images[0].data) < IMAGE_BYTES:
        raise SystemExit("the response is incomplete")
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(kilobytes / (1000 if sys.platform != "darwin" else 1_000_000))


def parallel_ratio(seconds: float = 2.0) -> float:
    """Return the time for four images relative to one, from a server that takes `seconds` for each."""
    reply = images_reply(picture())

    def answer(request: Recorded) -> Reply:
        time.sleep(seconds)
        return reply

    with Server(answer) as server:
        client = ImagesClient(server.url, provider=replace(providers.get("custom"), supports_n=False))
        times = []
        for count in (1, 4):
            start = time.monotonic()
            client.edit(EditRequest([picture()], "p", n=count))
            times.append(time.monotonic() - start)
    return times[1] / times[0]


def long_event_seconds() -> float:
    """Return the seconds to decode one event with 64 MiB of image data that arrives in 64 KiB pieces."""
    image = picture() + bytes(48 << 20)
    data = json.dumps({"type": "image_edit.completed", "b64_json": base64.b64encode(image).decode()}).encode()
    pieces = [data[start : start + 65_536] for start in range(0, len(data), 65_536)]
    start = time.monotonic()
    events = list(read_stream([b"data: ", *pieces, b"\n\n"], Limits(), None, 0, print))
    seconds = time.monotonic() - start
    if len(events) != 1:
        raise SystemExit("the event is missing")
    return seconds


def cancel_seconds() -> float:
    """Return the seconds from `cancel` in another thread until the server notices the closed connection."""
    listener = socket.create_server(("127.0.0.1", 0))
    client = ImagesClient(f"http://127.0.0.1:{listener.getsockname()[1]}/v1", provider="custom")
    seconds: list[float] = []

    def serve() -> None:
        connection, _ = listener.accept()
        while not connection.recv(65_536).endswith(b"--\r\n"):
            pass
        time.sleep(0.1)
        start = time.monotonic()
        client.cancel()
        while connection.recv(1):
            pass
        seconds.append(time.monotonic() - start)
        connection.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        client.edit(EditRequest([picture()], "p"))
    except CancelledError:
        thread.join()
    listener.close()
    return seconds[0]


def main() -> None:
    if len(sys.argv) > 1:
        _edit_large(*sys.argv[1:])
        return
    for name, figure in measure().items():
        print(f"{name}: {figure:.4g}")


if __name__ == "__main__":
    main()
