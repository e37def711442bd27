"""A disk that is full, or fills up while the endpoint works: no paid result is lost."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lib.installer import isolation
from lib.worker.edit_job import EditJob
from tests.systems import DATA_HOME
from tests.unit.worker.test_worker import make_job

CHECKOUT = Path(__file__).absolute().parents[3]
LAYER = 96 * 64 * 4
MEGABYTES = 4


def on_a_small_disk(disk, temporary):
    """Run full_disk.py with a data folder of a few megabytes; return its lines, and the last one separately."""
    if not isolation.Bubblewrap().is_possible():
        pytest.skip("this machine allows no namespaces")
    if not shutil.which("bwrap"):
        pytest.fail("bubblewrap is not installed")
    command = ["bwrap", "--dev-bind", "/", "/", "--size", str(MEGABYTES << 20), "--tmpfs", disk]
    command += ["--dir", disk / "tmp", "--setenv", "TMPDIR", temporary, "--setenv", "XDG_DATA_HOME", disk / "data"]
    command += ["--chdir", CHECKOUT, "--setenv", "PYTHONPATH", CHECKOUT, "--setenv", "PYTHONDONTWRITEBYTECODE", "1"]
    command += [sys.executable, CHECKOUT / "tests/unit/jobs/full_disk.py", disk]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    *runs, last = [json.loads(line) for line in done.stdout.splitlines()]
    return runs, last


@pytest.fixture(scope="module", params=["other", "same"])
def outcomes(request, tmp_path_factory):
    """The outcomes with the temporary folder on another disk, and on the same one."""
    disk, other = tmp_path_factory.mktemp("disk"), tmp_path_factory.mktemp("tmp")
    return request.param, *on_a_small_disk(disk, disk / "tmp" if request.param == "same" else other)


def test_a_paid_result_reaches_the_image_on_a_full_disk(outcomes):
    _where, (first, *runs), _last = outcomes
    assert first["event"] == "done"
    for run in runs:
        assert run["event"] == "done" and run["sent"] == 1, run
        assert run["layers"] == first["layers"] and run["layers"][0][0] == LAYER and run["mask"] == 96 * 64


def test_a_note_says_once_where_the_result_is(outcomes):
    where, (first, *runs), _last = outcomes
    assert first["where"] == ["layer-1.rgba", "layer-mask.raw"]
    places = {place if place in (*first["where"], "event") else "elsewhere" for run in runs for place in run["where"]}
    assert places == {*first["where"], "elsewhere" if where == "other" else "event"}
    for run in runs:
        disk_notes = [note for note in run["notes"] if "No space left" in note]
        assert bool(disk_notes) == (run["where"] != first["where"] or "result-1.png" not in run["files"]), run
        assert len(disk_notes) == len(set(disk_notes)) <= 2


def test_the_answer_is_kept_if_its_pictures_cannot_be_saved(outcomes):
    for run in outcomes[1]:
        assert "result-1.png" not in run["files"] or "answer-1.body" not in run["files"]
    assert any("answer-1.body" in run["files"] for run in outcomes[1])


def test_no_partial_file_is_left_and_the_history_has_the_right_state(outcomes):
    for run in outcomes[1]:
        assert not [name for name in run["files"] if name.endswith(".part")]
        without_result = "unread" if "answer-1.body" in run["files"] else "damaged"
        expected = "waiting" if "result-1.png" in run["files"] else without_result
        assert run["state"] == expected or (expected, run["state"]) == ("damaged", "unknown"), run


def test_without_disk_space_for_a_result_nothing_is_sent(outcomes):
    last = outcomes[2]
    assert last["before"]["event"] == "error" and last["sent"] == 0 and "sent.json" not in last["files"]
    assert "Nothing was sent" in last["before"]["message"] and "Free some disk space" in last["before"]["hint"]


def test_settings_and_spending_are_not_changed(outcomes):
    assert outcomes[2]["unchanged"] == ["No space left on device", 7, 0.5]


@pytest.mark.parametrize("name", ["sent.json", "running.lock"])
def test_a_disk_error_before_sending_is_reported(name, tmp_path, monkeypatch):
    monkeypatch.setenv(DATA_HOME, str(tmp_path))
    job = make_job()
    job.path(f".{name}.part" if name == "sent.json" else name).mkdir()
    final = EditJob(job, lambda event: None).run()
    assert final["event"] == "error" and "Nothing was sent" in final["hint"] and not job.path("sent.json").exists()
