"""Four endpoints behind the real LiteLLM proxy, as on four machines: 200 edits, one endpoint killed, one restarted.

`test_litellm.py` beside GIMP's tests sends a folder run through the same proxy. Here the edits are computed, to
measure what several processes gain on the cores of this machine.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pytest
import requests

from tests.endpoint.support import encoded, mask, photo
from tests.gimp.test_litellm import CHECKOUT, CONFIG, KEY, UPSTREAM_KEY, wait_until_alive, with_addresses
from tests.runner import PROXY_REQUIREMENTS, environment

EDITS, AT_ONCE, ALONE = 200, 16, 40
SIDE, HOLE, SECONDS = 400, 100, 600
UNKNOWN, DONE = "unknown", "done"

pytestmark = [pytest.mark.whole_run, pytest.mark.posix, pytest.mark.timeout(3600)]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


class Machine:
    """An endpoint in a process of its own, on a port that it keeps when it is started again."""

    def __init__(self, folder: Path, number: int) -> None:
        self.port, self._log = free_port(), folder / f"{number}.log"
        self.start()

    def start(self) -> None:
        command = [
            sys.executable,
            "-m",
            "lib.endpoint",
            "--port",
            str(self.port),
            "--key",
            UPSTREAM_KEY,
            "--log-requests",
        ]
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=log)
        assert self.process.stdout and self.process.stdout.readline()

    def stop(self, number: int) -> None:
        self.process.send_signal(number)
        self.process.wait(SECONDS)

    def answered(self) -> int:
        """Return how many edits it has answered with a result."""
        return len(re.findall(r" POST /v1/images/edits 200 ", self._log.read_text()))


@contextmanager
def proxied(folder: Path, count: int) -> Iterator[tuple[str, list[Machine]]]:
    """Start some endpoints and LiteLLM before them; yield its address and the endpoints."""
    folder.mkdir()
    with ExitStack() as stack:
        machines = [Machine(folder, number) for number in range(count)]
        for machine in machines:
            stack.callback(machine.stop, signal.SIGKILL)
        # The README names four; with fewer, one takes the place of several.
        urls = [f"http://127.0.0.1:{machines[number % count].port}/v1" for number in range(4)]
        config = folder / "litellm.yaml"
        config.write_text(with_addresses(CONFIG, urls), encoding="utf-8")
        yield stack.enter_context(litellm(config)), machines


@contextmanager
def litellm(config: Path) -> Iterator[str]:
    """Start LiteLLM with a configuration; yield its base URL. Every way out is a closed port."""
    port, log = free_port(), config.with_suffix(".log")
    nowhere = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:9")
    own = {"LITELLM_MASTER_KEY": KEY, "ENDPOINT_KEY": UPSTREAM_KEY, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    program = Path(environment(PROXY_REQUIREMENTS)).with_name("litellm")
    command = [program, "--config", config, "--host", "127.0.0.1", "--port", str(port)]
    with log.open("wb") as file:
        variables = {**os.environ, **nowhere, "NO_PROXY": "127.0.0.1", **own}
        process = subprocess.Popen(command, env=variables, cwd=config.parent, stdout=file, stderr=file)
    try:
        wait_until_alive(f"http://127.0.0.1:{port}/health/liveliness", process, log)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.kill()
        process.wait()


def edit(url: str, number: int) -> str:
    """Send one edit; wait and send it again only where it was refused, which is no payment. Return how it ended."""
    area = mask_of(number)
    files = {"image": ("a.png", PICTURE, "image/png"), "mask": ("m.png", area, "image/png")}
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        try:
            answer = requests.post(f"{url}/images/edits", headers={"Authorization": f"Bearer {KEY}"}, files=files,
                                   data={"model": "picture-editor", "prompt": "remove"}, timeout=SECONDS)  # fmt: skip
        except requests.RequestException:
            return UNKNOWN
        if answer.status_code == 200:
            return DONE if answer.json()["data"][0]["b64_json"] else "empty"
        if answer.status_code != 429:
            return UNKNOWN
        time.sleep(1)
    return "never accepted"


def mask_of(number: int) -> bytes:
    """Return a mask whose hole is at another place for each edit."""
    area = np.zeros((SIDE, SIDE), bool)
    left, top = 100 + 2 * number % 180, 120 + 3 * number % 160
    area[top : top + HOLE, left : left + HOLE] = True
    return encoded(mask(area))


PICTURE = encoded(photo(SIDE, SIDE))


def run_all(url: str, count: int, at_once: int, ended: Counter[str]) -> float:
    """Send edits, some at once; count how they end; return the seconds that they took."""
    begun, lock = time.monotonic(), threading.Lock()

    def one(number: int) -> None:
        end = edit(url, number)
        with lock:
            ended[end] += 1

    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(one, range(count)))
    return time.monotonic() - begun


def wait_for(ended: Counter[str], count: int) -> None:
    end = time.monotonic() + SECONDS
    while ended.total() < count:
        assert time.monotonic() < end, ended
        time.sleep(0.05)


def test_four_endpoints_of_which_one_is_killed_and_one_restarted(tmp_path: Path) -> None:
    alone: Counter[str] = Counter()
    with proxied(tmp_path / "one", 1) as (url, _machines):
        seconds_alone = run_all(url, ALONE, AT_ONCE * 3 // 4, alone)
    assert alone == {DONE: ALONE}
    ended: Counter[str] = Counter()
    steady: Counter[str] = Counter()
    with proxied(tmp_path / "four", 4) as (url, machines):
        seconds_four = run_all(url, ALONE * 2, AT_ONCE, steady)
        assert steady == {DONE: ALONE * 2}
        before = sum(machine.answered() for machine in machines)
        runner = threading.Thread(target=run_all, args=(url, EDITS, AT_ONCE, ended))
        runner.start()
        wait_for(ended, EDITS // 5)
        machines[1].stop(signal.SIGKILL)
        wait_for(ended, EDITS * 2 // 5)
        machines[2].stop(signal.SIGTERM)  # it finishes what it has accepted
        machines[2].start()
        runner.join(SECONDS)
        answered = sum(machine.answered() for machine in machines) - before
    rate_alone, rate_four = ALONE / seconds_alone, ALONE * 2 / seconds_four
    print(f"one process: {rate_alone:.2f} edits a second; four: {rate_four:.2f}, {rate_four / rate_alone:.2f} times")
    print(f"{EDITS} edits, one endpoint killed and one restarted: {dict(ended)}, {answered} answered")
    assert set(ended) <= {DONE, UNKNOWN} and ended.total() == EDITS, "each ends as one result or as unknown"
    assert ended[UNKNOWN] <= 2 * AT_ONCE
    # A request that LiteLLM had repeated would have been answered once more than the client got a result.
    assert ended[DONE] <= answered <= ended[DONE] + ended[UNKNOWN]
    assert (os.cpu_count() or 1) < 2 or rate_four >= 1.6 * rate_alone
