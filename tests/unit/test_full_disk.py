"""A disk that is full or fills up while the endpoint works: nothing that was paid for is lost."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lib.installer import isolation
from lib.worker.edit_job import EditJob
from tests.systems import DATA_HOME
from tests.unit.test_worker import make_job

CHECKOUT = Path(__file__).absolute().parents[2]
LAYER = 96 * 64 * 4
MEGABYTES = 4


def on_a_small_disk(disk, temporary):
    """Runs full_disk.py with the data folder on a file system of a few megabytes; its last line, and the others."""
    if not isolation.Bubblewrap().is_possible():
        pytest.skip("this machine allows no namespaces")
    if not shutil.which("bwrap"):
        pytest.fail("bubblewrap is not installed")
    words = ["bwrap", "--dev-bind", "/", "/", "--size", str(MEGABYTES << 20), "--tmpfs", disk]
    words += ["--dir", disk / "tmp", "--setenv", "TMPDIR", temporary, "--setenv", "XDG_DATA_HOME", disk / "data"]
    words += ["--chdir", CHECKOUT, "--setenv", "PYTHONPATH", CHECKOUT, "--setenv", "PYTHONDONTWRITEBYTECODE", "1"]
    words += [sys.executable, CHECKOUT / "tests/unit/full_disk.py", disk]
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    *runs, last = [json.loads(line) for line in done.stdout.splitlines()]
    return runs, last


@pytest.fixture(scope="module", params=["other", "same"])
def told(request, tmp_path_factory):
    """With the temporary folder on another disk, and on the same."""
    disk, other = tmp_path_factory.mktemp("disk"), tmp_path_factory.mktemp("tmp")
    return request.param, *on_a_small_disk(disk, disk / "tmp" if request.param == "same" else other)


def test_a_paid_result_reaches_the_image_whatever_room_is_left(told):
    _where, (first, *runs), _last = told
    assert first["event"] == "done"
    for run in runs:
        assert run["event"] == "done" and run["sent"] == 1, run
        assert run["layers"] == first["layers"] and run["layers"][0][0] == LAYER and run["mask"] == 96 * 64


def test_where_it_went_is_told_once(told):
    where, (first, *runs), _last = told
    assert first["where"] == ["layer-1.rgba", "layer-mask.raw"]
    homes = {home if home in (*first["where"], "event") else "elsewhere" for run in runs for home in run["where"]}
    assert homes == {*first["where"], "elsewhere" if where == "other" else "event"}
    for run in runs:
        told_of = [note for note in run["notes"] if "No space left" in note]
        assert bool(told_of) == (run["where"] != first["where"] or "result-1.png" not in run["files"]), run
        assert len(told_of) == len(set(told_of)) <= 2


def test_the_answer_stays_where_its_pictures_found_no_room(told):
    for run in told[1]:
        assert "result-1.png" not in run["files"] or "answer-1.body" not in run["files"]
    assert any("answer-1.body" in run["files"] for run in told[1])


def test_no_half_file_stays_and_the_history_says_what_is_there(told):
    for run in told[1]:
        assert not [name for name in run["files"] if name.endswith(".part")]
        kept = "unread" if "answer-1.body" in run["files"] else "damaged"
        expected = "waiting" if "result-1.png" in run["files"] else kept
        assert run["state"] == expected or (expected, run["state"]) == ("damaged", "unknown"), run


def test_without_room_for_a_result_nothing_is_sent(told):
    last = told[2]
    assert last["before"]["event"] == "error" and last["sent"] == 0 and "sent.json" not in last["files"]
    assert "Nothing was sent" in last["before"]["message"] and "Make room" in last["before"]["hint"]


def test_settings_and_spending_stay_as_they_were(told):
    assert told[2]["kept"] == ["No space left on device", 7, 0.5]


@pytest.mark.parametrize("name", ["sent.json", "running.lock"])
def test_a_disk_that_refuses_before_sending_is_a_sentence(name, tmp_path, monkeypatch):
    monkeypatch.setenv(DATA_HOME, str(tmp_path))
    job = make_job()
    job.path(f".{name}.part" if name == "sent.json" else name).mkdir()
    final = EditJob(job, lambda event: None).run()
    assert final["event"] == "error" and "Nothing was sent" in final["hint"] and not job.path("sent.json").exists()
