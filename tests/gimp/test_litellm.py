"""A folder run through the real LiteLLM proxy, before four of our own endpoints: one dies, one is busy for a while."""

import csv
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
import requests
from PIL import Image, ImageOps

from tests.gimp.counted_endpoint import name_of
from tests.runner import PROXY_REQUIREMENTS, environment

CHECKOUT = Path(__file__).parents[2]
README = CHECKOUT / "lib" / "endpoint" / "README.md"
CONFIG = re.search(r"```yaml\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)[1]
PICTURES, ENDPOINTS, AT_ONCE, LATENCY = 60, 4, 8, 0.4
KEY, UPSTREAM_KEY = "sk-proxy-test", "sk-endpoint-test"
DYING, BUSY = 1, 2
START_SECONDS = 120


# Nothing here depends on GIMP's version.
pytestmark = pytest.mark.one_gimp("3.2")


class Machine:
    """One of the four: an endpoint in a process of its own, and what it wrote down."""

    def __init__(self, folder, number):
        self._log, self.busy = folder / f"{number}.log", folder / f"{number}.busy"
        command = [sys.executable, "-m", "tests.gimp.counted_endpoint", "--key", UPSTREAM_KEY]
        command += ["--log", self._log, "--busy", self.busy, "--latency", str(LATENCY)]
        self.process = subprocess.Popen(
            command, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        self.url = self.process.stdout.readline().strip()

    def count(self, what):
        """How often each picture was "asked", "answered" or "refused"."""
        lines = self._log.read_text(encoding="utf-8").splitlines() if self._log.exists() else []
        return Counter(name for event, name in (line.rsplit(" ", 1) for line in lines) if event == what)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@pytest.fixture(scope="module")
def proxy_python():
    return Path(environment(PROXY_REQUIREMENTS))


@pytest.fixture
def machines(tmp_path):
    started = [Machine(tmp_path, number) for number in range(ENDPOINTS)]
    yield started
    for machine in started:
        machine.kill()


@pytest.fixture
def proxy(proxy_python, machines, tmp_path):
    """LiteLLM with the README's configuration, the four addresses replaced; every way out is a closed port."""
    config = tmp_path / "litellm.yaml"
    config.write_text(with_addresses(CONFIG, [machine.url for machine in machines]), encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    nowhere = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:9")
    own = {"LITELLM_MASTER_KEY": KEY, "ENDPOINT_KEY": UPSTREAM_KEY, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    command = [proxy_python.with_name("litellm"), "--config", config, "--host", "127.0.0.1", "--port", str(port)]
    with (tmp_path / "litellm.log").open("wb") as log:
        variables = {**os.environ, **nowhere, "NO_PROXY": "127.0.0.1", **own}
        process = subprocess.Popen(command, env=variables, cwd=tmp_path, stdout=log, stderr=log)
    try:
        wait_until_alive(f"http://127.0.0.1:{port}/health/liveliness", process, tmp_path / "litellm.log")
        yield f"127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def with_addresses(config, urls):
    """The configuration with these addresses in the place of its own."""
    given = iter(urls)
    changed = re.sub(r"http://[^/]+/v1", lambda _: next(given), config)
    assert next(given, None) is None, "the README's configuration has as many endpoints as the test"
    return changed


def wait_until_alive(url, process, log):
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            if requests.get(url, timeout=2).ok:
                return
        except requests.RequestException:
            time.sleep(0.2)
    raise AssertionError(f"LiteLLM did not start: {log.read_text(errors='replace')[-2000:]}")


@pytest.fixture
def source(tmp_path):
    """Sixty pictures, each of its own colour."""
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(PICTURES):
        Image.new("RGB", (64, 48), (4 * number, 255 - 4 * number, 128)).save(folder / f"{number:02}.png")
    return folder


@pytest.fixture
def running(installed, proxy, tmp_path):
    """A GIMP whose settings know the proxy, as a user would have entered it, and whose key file has its key."""
    data = tmp_path / "data" / "generative-edit"
    data.mkdir(parents=True)
    entry = {"title": "Studio", "like": "litellm", "base_url": f"http://{proxy}/v1", "model": "picture-editor"}
    (data / "settings.json").write_text(json.dumps({"version": 1, "providers": {"studio": entry}}), encoding="utf-8")
    (data / "keys.json").write_text(json.dumps({f"studio {proxy}": KEY}), encoding="utf-8")
    (data / "keys.json").chmod(0o600)
    with installed.start(tmp_path) as gimp:
        yield gimp


def total(machines, what):
    return sum((machine.count(what) for machine in machines), Counter())


def wait_for_answers(machines, count):
    end = time.monotonic() + 120
    while total(machines, "answered").total() < count:
        assert time.monotonic() < end, total(machines, "answered")
        time.sleep(0.02)


def report(results):
    with (results / "report.csv").open(encoding="utf-8-sig", newline="") as file:
        return {row["picture"]: row for row in csv.DictReader(file)}


@pytest.mark.whole_run
def test_one_endpoint_dies_and_one_is_busy_and_nothing_is_paid_twice(running, machines, source):
    results = source.with_name("results")
    arguments = {"input_folder": str(source), "output_folder": str(results), "prompt": "invert", "provider": "studio"}
    arguments["match_colour"] = "never"  # of a picture that is nearly grey, the inverse is only a slight tint
    begun = time.monotonic()
    running.begin("folders.run", concurrency=AT_ONCE, **arguments)
    wait_for_answers(machines, PICTURES // 6)
    machines[BUSY].busy.touch()
    wait_for_answers(machines, PICTURES // 2)
    machines[DYING].kill()
    wait_for_answers(machines, PICTURES * 2 // 3)
    machines[BUSY].busy.unlink()
    first = running.result()
    seconds = time.monotonic() - begun
    lines, answered = report(results), total(machines, "answered")
    unknown = {name for name, row in lines.items() if row["status"] == "unknown"}
    done = PICTURES - len(unknown)
    print(f"{done} of {PICTURES} pictures in {seconds:.1f} s through LiteLLM, {done / seconds:.1f} a second")
    print(f"{len(unknown)} unknown, {total(machines, 'refused').total()} times refused")
    print("answered by each:", [machine.count("answered").total() for machine in machines])
    assert max(answered.values()) == 1, "nothing was answered twice"
    assert {row["status"] for row in lines.values()} <= {"done", "unknown"}
    assert machines[BUSY].count("refused"), "it was busy"
    assert len(unknown) <= AT_ONCE, "only what the dying endpoint had, or was given before the proxy left it alone"
    assert (first["status"] == "success") == (not unknown)
    second = running.call("folders.run", concurrency=AT_ONCE, retry_unknown=True, **arguments)
    assert second["status"] == "success", second["error"]
    again = total(machines, "answered") - answered
    assert set(again) == unknown and all(count == 1 for count in again.values()), "only these, and only once"
    for name in lines:
        picture = Image.open(io.BytesIO((results / name).read_bytes())).convert("RGB")
        assert name_of(png(ImageOps.invert(picture))) == name, "each has its own result"
    assert {row["status"] for row in report(results).values()} == {"done"}


def png(picture):
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()
