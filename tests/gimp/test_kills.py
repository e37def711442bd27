"""GIMP, the plug-in and the worker are killed at twenty points of a job: nothing that arrived is lost or sent twice."""

import base64
import io
import json
import signal
import time

import pytest
from werkzeug.wrappers import Response

from lib.jobs.history import record
from lib.jobs.history_record import JobState
from lib.jobs.job import Job
from tests.gimp.conftest import VERSIONS
from tests.gimp.endpoint import USAGE, TestEndpoint
from tests.waiting import wait_until

POINTS = (
    ("gimp", "folder"), ("plug-in", "folder"), ("plug-in", "image-1.png"), ("worker", "running.lock"),
    ("plug-in", "job.json"), ("gimp", "job.json"), ("worker", "sent.json"), ("plug-in", "sent.json"),
    ("worker", "received"), ("plug-in", "received"), ("gimp", "received"), ("gimp", "half"),
    ("plug-in", "half"), ("worker", "half"), ("worker", "result-1.png"), ("plug-in", "result-1.png"),
    ("gimp", "response.json"), ("worker", "response.json"), ("worker", "layer-1.rgba"), ("gimp", "inserted"),
)  # fmt: skip
VICTIMS = {"gimp": "--batch-interpreter", "plug-in": "generative-edit.py", "worker": "lib.worker"}
PAUSE = 0.25


class HalvesEndpoint(TestEndpoint):
    """Answers in two halves with a pause between them, and keeps what it has answered."""

    def __init__(self):
        super().__init__()
        self.halves = 0
        self.picture = None

    def _halves(self, received):
        time.sleep(PAUSE)
        file = io.BytesIO()
        received.images[0].convert("RGB").rotate(180).save(file, "PNG", compress_level=1)
        self.picture = file.getvalue()
        body = json.dumps({"data": [{"b64_json": base64.b64encode(self.picture).decode()}], "usage": USAGE}).encode()

        def parts():
            yield body[: len(body) // 2]
            self.halves += 1
            time.sleep(PAUSE)
            yield body[len(body) // 2 :]

        headers = {"Content-Length": str(len(body))}
        return Response(parts(), content_type="application/json", headers=headers, direct_passthrough=True)


@pytest.fixture(scope="module")
def endpoint():
    server = HalvesEndpoint()
    yield server
    server.close()


def rounds():
    """One point for each GIMP makes a round; a brief run leaves out some for which a GIMP must be started."""
    whole_only = (0, 5, 9)
    numbers = range(len(POINTS) // len(VERSIONS))
    return [pytest.param(each, marks=pytest.mark.whole_run) if each in whole_only else each for each in numbers]


@pytest.fixture(params=rounds())
def point(request, installed):
    """Each GIMP has every other point."""
    return POINTS[request.param * len(VERSIONS) + VERSIONS.index(installed.minor)]


@pytest.fixture
def running(request, point, installed, environment, tmp_path):
    """The GIMP that serves a module; one of its own for a test that kills it."""
    if point[0] == "gimp":
        with installed.start(tmp_path, environment=environment, linger=True) as own:
            yield own
    else:
        yield request.getfixturevalue("gimp")


def folders(running):
    return set((running.data / "jobs").glob("2*"))


def reach(running, endpoint, before, moment):
    """Waits until a job has come to a moment; returns its folder."""
    folder = wait_until(lambda: next(iter(folders(running) - before), None), pause=0.001)
    if moment == "half":
        wait_until(lambda: endpoint.halves, pause=0.001)
    elif moment == "received":
        wait_until(lambda: endpoint.received, pause=0.001)
    elif moment != "folder":
        wait_until((folder / moment).exists, pause=0.001)
    return folder


def kill(running, victim):
    running.kill(signal.SIGKILL, VICTIMS[victim])


def outcome(running, victim):
    """What GIMP says of the edit; None where GIMP itself was killed."""
    if victim == "gimp":
        return None
    done = running.result()
    if done["status"] != "success":
        assert done["after"] == done["before"], "the image is as it was"
    return done


def assert_nothing_lost(folder, victim, endpoint):
    """A request that went out has its result on disk, or is told as unknown; only the worker's death may lose it."""
    assert len(endpoint.received) <= 1
    if not folder.exists():
        assert not endpoint.received
        return
    state = record(folder)
    sent = (folder / "sent.json").exists()
    assert sent or not endpoint.received
    if state.results:
        assert (folder / "result-1.png").read_bytes() == endpoint.picture
        assert state.state is (JobState.INSERTED if (folder / "inserted").exists() else JobState.WAITING)
    elif sent:
        # Half of an answer may be on disk: whether there is a picture in it is seen when it is read.
        assert victim == "worker" and state.state in (JobState.UNKNOWN, JobState.UNREAD)
    else:
        assert state.state is JobState.UNSENT


def test_nothing_that_arrived_is_lost_and_nothing_is_sent_twice(point, running, endpoint):
    victim, moment = point
    print(f"{victim} is killed at {moment}")
    endpoint.behave("halves")
    endpoint.halves, before = 0, folders(running)
    running.begin("edits.edit_case", case="corner", out=str(running.work), prompt="x", provider="custom")
    folder = reach(running, endpoint, before, moment)
    kill(running, victim)
    done = outcome(running, victim)
    wait_until(lambda: not running.processes("lib.worker"), pause=0.001)
    assert_nothing_lost(folder, victim, endpoint)
    if victim != "worker" and endpoint.received:
        assert (folder / "result-1.png").read_bytes() == endpoint.picture
    if done and victim == "worker" and done["status"] != "success":
        assert "worker process ended" in done["error"]
        assert ("may have been billed" in done["error"]) is (folder.exists() and (folder / "sent.json").exists())


@pytest.mark.one_gimp("3.2")
def test_the_next_start_tells_of_it_once_and_sends_nothing_again(gimp, endpoint):
    endpoint.behave("halves")
    arguments = {"case": "corner", "out": str(gimp.work), "prompt": "x", "provider": "custom"}
    before = folders(gimp)
    for folder in before:
        Job(folder).mark_notified()
    gimp.begin("edits.edit_case", **arguments)
    waiting = reach(gimp, endpoint, before, "received")
    kill(gimp, "plug-in")
    gimp.result()
    wait_until(lambda: not gimp.processes("lib.worker"), pause=0.001)
    endpoint.behave("echo")
    first, second = gimp.call("edits.edit_case", **arguments), gimp.call("edits.edit_case", **arguments)
    (sentence,) = [note for note in first["report"]["notes"] if "never inserted" in note]
    assert (
        sentence.startswith("1 result ") and "History" in sentence and sentence in (gimp.work / "gimp.log").read_text()
    )
    assert not [note for note in second["report"]["notes"] if "never inserted" in note]
    assert len(endpoint.received) == 2 and record(waiting).state is JobState.WAITING
