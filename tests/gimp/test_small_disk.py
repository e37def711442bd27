"""A small disk that is full, or fills up while the endpoint works: one sentence, and nothing is broken or lost."""

import shutil

import pytest

from lib.jobs.history import record
from lib.jobs.history_record import JobState
from tests.waiting import wait_until

DISK = 8 << 20
EDIT = {"case": "corner", "prompt": "x", "provider": "custom"}


# Nothing here depends on GIMP's version.
pytestmark = pytest.mark.one_gimp("3.0")


@pytest.fixture(scope="module")
def small(installed, environment, tmp_path_factory):
    work = tmp_path_factory.mktemp(f"small-{installed.minor}")
    with installed.start(work, environment=environment, disk=DISK) as running:
        yield running


@pytest.fixture
def filler(small):
    """Fills the disk but for some bytes; makes room again at the end."""
    file = small.data.parent / "filler"

    def fill(left):
        room = shutil.disk_usage(file.parent).free - left
        file.write_bytes(bytes(max(0, room)))

    yield fill
    file.unlink(missing_ok=True)
    for job in small.data.glob("jobs/2*"):
        shutil.rmtree(job)


def edit(running):
    return running.call("edits.edit_case", out=str(running.work), **EDIT)


# The picture, the mask or the selection beside it, and room for what comes back: the first that does not fit.
@pytest.mark.parametrize("left", [0, 300 << 10, 1 << 20])
def test_a_full_disk_is_a_sentence_before_anything_is_sent(small, filler, endpoint, left):
    endpoint.behave("echo")
    filler(left)
    done = edit(small)
    assert done["status"] == "execution-error" and done["after"] == done["before"]
    assert "No space left on device" in done["error"] or "Nothing was sent" in done["error"], done["error"]
    assert "disk space" in done["error"] and "Traceback" not in (small.work / "gimp.log").read_text()
    assert not endpoint.received and not list(small.data.glob("jobs/2*"))


def test_a_disk_that_fills_up_meanwhile_costs_the_history_and_not_the_result(small, filler, endpoint):
    endpoint.behave("invert", seconds=1)
    small.begin("edits.edit_case", out=str(small.work), **EDIT)
    wait_until(lambda: endpoint.received)
    filler(0)
    done = small.result()
    assert done["status"] == "success", done["error"]
    assert len(done["after"]["layers"]) == len(done["before"]["layers"]) + 1 and len(endpoint.received) == 1
    (note,) = [note for note in done["report"]["notes"] if "No space left on device" in note]
    assert "disk space" in note
    (job,) = small.data.glob("jobs/2*")
    assert record(job).results == () and record(job).state in (JobState.DAMAGED, JobState.UNKNOWN)


def test_with_room_again_all_is_as_ever(small, filler, endpoint):
    endpoint.behave("echo")
    assert edit(small)["status"] == "success"
    (job,) = small.data.glob("jobs/2*")
    assert record(job).state is JobState.INSERTED
