"""Killed folder runs, and runs that share a folder: the others or the next continue, and nothing is paid for twice."""

import csv
import io
import random
import signal
import threading
import time
from collections import Counter
from contextlib import ExitStack

import pytest
from PIL import Image, ImageOps

from tests.gimp.endpoint import TestEndpoint, images_answer
from tests.waiting import wait_until

PICTURES, BRIEF_PICTURES = 60, 14
KILLS = 10
WORKER_KILLS, BRIEF_WORKER_KILLS = 4, 2
LATENCY = 0.4
SIZE = (64, 48)
VICTIMS = ("--batch-interpreter", "generative-edit.py")


# Nothing here depends on GIMP's version.
pytestmark = pytest.mark.one_gimp("3.0")


class CountingEndpoint(TestEndpoint):
    """Returns the picture inverted, after a delay; `requests` counts the requests by picture (by its colour)."""

    def __init__(self):
        super().__init__()
        self.requests = Counter()
        self._counting = threading.Lock()
        self.before_answer = lambda: None

    def _counted(self, received):
        picture = received.images[0].convert("RGB")
        with self._counting:
            self.requests[name_of(picture)] += 1
        self.before_answer()
        time.sleep(LATENCY)
        return images_answer([ImageOps.invert(picture)])


@pytest.fixture(scope="module")
def endpoint():
    server = CountingEndpoint()
    yield server
    server.close()


@pytest.fixture
def source(tmp_path, campaign):
    """A folder of pictures, each of its own colour."""
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(campaign(BRIEF_PICTURES, PICTURES)):
        Image.new("RGB", SIZE, colour(number)).save(folder / f"{number:02}.png")
    return folder


def colour(number):
    """Return a colour that differs much from its inverse: a small difference is taken for drift, and corrected."""
    return 4 * number, 20, 235


def name_of(picture):
    return f"{round(picture.getpixel((picture.width // 2, picture.height // 2))[0] / 4):02}.png"


class Runs:
    """Folder runs in one GIMP after another, with the same folders; all processes end with the test."""

    def __init__(self, installed, environment, source, stack):
        self._installed, self._environment, self._stack = installed, environment, stack
        self._work, self.results = source.parent, source.parent / "results"
        self.pictures = len(list(source.iterdir()))
        self._arguments = {"input_folder": str(source), "output_folder": str(self.results), "prompt": "x"}
        self._arguments |= {"provider": "custom", "concurrency": 4}

    def begin(self, **arguments):
        running = self._installed.start(self._work, environment=self._environment, linger=True)
        self._stack.enter_context(running)
        running.begin("folders.run", **{**self._arguments, **arguments})
        return running

    def run(self, **arguments):
        """Run to the end and return GIMP's result."""
        return self.begin(**arguments).result()

    def report(self):
        with (self.results / "report.csv").open(encoding="utf-8-sig", newline="") as file:
            return {row["picture"]: row for row in csv.DictReader(file)}


@pytest.fixture
def runs(installed, environment, source, endpoint):
    endpoint.behave("counted")
    endpoint.requests.clear()
    with ExitStack() as stack:
        yield Runs(installed, environment, source, stack)


def kill_at_random_moments(runs, chance, times, *words):
    for _number in range(times):
        running = runs.begin()
        time.sleep(chance.uniform(0.3, 3.0))
        running.kill(signal.SIGKILL, *words)


def kill_during_requests(runs, endpoint, times, *words):
    """Kill a run as soon as a new request has arrived, before it is answered."""
    for _number in range(times):
        running, before = runs.begin(), endpoint.requests.total()
        wait_until(lambda before=before: endpoint.requests.total() > before, "a request has arrived", pause=0.01)
        running.kill(signal.SIGKILL, *words)


def assert_all_done(runs, endpoint):
    report = runs.report()
    assert {row["status"] for row in report.values()} == {"done"} and len(report) == runs.pictures
    for name in endpoint.requests:
        picture = Image.open(io.BytesIO((runs.results / name).read_bytes())).convert("RGB")
        assert name_of(ImageOps.invert(picture)) == name, "each has its own result"
    assert len(list(runs.results.glob("*.png"))) == runs.pictures == len(endpoint.requests)


@pytest.mark.whole_run
def test_killing_gimp_and_the_plug_in_ten_times_costs_nothing(runs, endpoint):
    chance = random.Random(8)
    kill_at_random_moments(runs, chance, KILLS, *VICTIMS)
    before_the_last = sum(endpoint.requests.values())
    done = runs.run()
    assert done["status"] == "success", done["error"]
    print(f"{before_the_last} of {runs.pictures} requests went out before the last of {KILLS} kills")
    assert 0 < before_the_last < runs.pictures, "the kills happened during the run"
    assert_all_done(runs, endpoint)
    assert endpoint.requests.total() == runs.pictures


def test_requests_of_killed_workers_are_reported_and_only_sent_again_on_request(runs, endpoint, campaign):
    kills = campaign(BRIEF_WORKER_KILLS, WORKER_KILLS)
    kill_during_requests(runs, endpoint, kills, *VICTIMS, "lib.worker")
    done = runs.run()
    assert endpoint.requests.total() == len(endpoint.requests) <= runs.pictures, "nothing was sent twice"
    report = runs.report()
    unknown = {name for name, row in report.items() if row["status"] == "unknown"}
    print(f"{len(unknown)} of {runs.pictures} are unknown after {kills} kills")
    assert unknown and done["status"] != "success" and f"{len(unknown)} unknown, may have been billed" in done["error"]
    assert {row["status"] for name, row in report.items() if name not in unknown} == {"done"}
    assert all("may have been billed" in report[name]["message"] for name in unknown)
    reached = unknown & set(endpoint.requests)
    again = runs.run()
    assert again["status"] != "success" and endpoint.requests.total() == len(endpoint.requests), "still none sent twice"
    done = runs.run(retry_unknown=True)
    assert done["status"] == "success", done["error"]
    assert_all_done(runs, endpoint)
    assert {name for name, count in endpoint.requests.items() if count == 2} == reached
    assert max(endpoint.requests.values()) == 2


class Sharing(Runs):
    """Two runs that share the folders, each in a GIMP on a machine of its own, with data of its own."""

    def start(self, *hosts):
        """Begin both runs, once both GIMPs are there; nothing is answered before both have sent a request."""
        self.results.mkdir(exist_ok=True)
        machines = [self._start(number, host) for number, host in enumerate(hosts, 1)]
        for running in machines:
            running.begin("folders.run", **self._arguments)
        return machines

    def wait_for_both(self):
        wait_until(lambda: all(self._lines(number, '"job"') for number in (1, 2)), "both have taken a picture")

    def done_by(self, number):
        """The number of pictures that the run with this number has done."""
        return self._lines(number, '"state": "done"')

    def _start(self, number, host):
        work = self._work.with_name(f"{self._work.name}-machine-{number}")
        shared = (self.results.parent,)
        running = self._installed.start(work, environment=self._environment, linger=True, host=host, folders=shared)
        self._stack.enter_context(running)
        return running

    def _lines(self, number, text):
        path = self.results / ".generative-edit" / ("run.jsonl" if number == 1 else f"run-{number}.jsonl")
        return path.read_text().count(text) if path.exists() else 0


@pytest.fixture
def sharing(installed, environment, source, endpoint):
    endpoint.behave("counted")
    endpoint.requests.clear()
    with ExitStack() as stack:
        sharing = Sharing(installed, environment, source, stack)
        endpoint.before_answer = sharing.wait_for_both
        yield sharing
        endpoint.before_answer = lambda: None


def test_two_runs_share_a_folder_and_one_goes_on_alone(sharing, endpoint, campaign):
    one, two = sharing.start("", "")
    if campaign(brief=True, whole=False):
        # It is killed with its worker: what it had sent is unknown, and nobody sends it again.
        wait_until(lambda: sharing.done_by(1) and sharing.done_by(2), "both have done a picture", pause=0.01)
        two.kill(signal.SIGKILL, *VICTIMS, "lib.worker")
    else:
        assert two.result()["status"] == "success"
    done = one.result()
    assert endpoint.requests.total() == len(endpoint.requests) == sharing.pictures, "each was sent, and none twice"
    report = sharing.report()
    unknown = {name for name, row in report.items() if row["status"] == "unknown"}
    print(f"{sharing.done_by(1)} and {sharing.done_by(2)} of {sharing.pictures}, {len(unknown)} unknown")
    assert {row["status"] for name, row in report.items() if name not in unknown} == {"done"}
    assert (done["status"] == "success") == (not unknown) and len(report) == sharing.pictures
    assert not list((sharing.results / ".generative-edit").glob("lease-*"))


@pytest.mark.whole_run
@pytest.mark.parametrize("victim", [0, 1])
def test_a_machine_of_two_is_switched_off(sharing, endpoint, victim):
    """Their locks count for each of them only: the other waits until the leases have run out."""
    machines = sharing.start("machine-1", "machine-2")
    wait_until(lambda: sharing.done_by(1) and sharing.done_by(2), "both have done a picture", pause=0.01)
    machines[victim].kill(signal.SIGKILL, *VICTIMS, "lib.worker")
    begin = time.monotonic()
    done = machines[1 - victim].result()
    unknown = {name for name, row in sharing.report().items() if row["status"] == "unknown"}
    figures = f"{sharing.done_by(1)} and {sharing.done_by(2)} of {sharing.pictures}, {len(unknown)} unknown"
    print(f"{figures}, {time.monotonic() - begin:.0f} s after the end of machine {victim + 1}")
    assert unknown and f"{len(unknown)} unknown, may have been billed" in done["error"]
    assert {row["status"] for name, row in sharing.report().items() if name not in unknown} == {"done"}
    assert max(endpoint.requests.values()) == 1, "none was sent twice"
    reached = unknown & set(endpoint.requests)
    again = sharing.run()
    assert again["status"] != "success" and max(endpoint.requests.values()) == 1
    done = sharing.run(retry_unknown=True)
    assert done["status"] == "success", done["error"]
    assert_all_done(sharing, endpoint)
    assert {name for name, count in endpoint.requests.items() if count == 2} == reached
