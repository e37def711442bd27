"""What version 0.1 wrote can still be opened: a job of its history, and the record of a layer in an XCF file."""

import shutil
from pathlib import Path

import pytest

from lib.frame.geometry import Rect
from lib.jobs import history, stored_data
from lib.jobs.history_record import State
from lib.jobs.job import Job
from lib.settings import settings
from lib.worker.requests.history import layers
from plugin.edit.record import read_record
from tests.systems import DATA_HOME

FILES = Path(__file__).absolute().parents[2] / "data" / "version-0.1"
JOB = "20261128-140625-ca8b61"


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    monkeypatch.setenv(DATA_HOME, str(tmp_path))
    job = shutil.copytree(FILES / JOB, settings.jobs_folder() / JOB)
    (job / "inserted").touch()  # an empty file, which needs no copy in the repository


def test_the_history_lists_its_job():
    (record,) = history.records()
    assert (record.state, record.prompt, record.provider) == (State.INSERTED, "a boat", "custom")
    assert record.results == ("result-1.png",) and record.plan.frame == Rect(0, 0, 192, 108) and not record.note


def test_its_result_can_be_inserted_again():
    job = Job(settings.jobs_folder() / JOB)
    answer = layers({"job": str(job.folder)})
    assert answer["frame"] == [0, 0, 192, 108]
    assert len(stored_data.read(job, answer["layers"][0])) == 192 * 108 * 4
    assert len(stored_data.read(job, answer["layer_mask"])) == 192 * 108


def test_the_record_of_its_layer_can_be_read():
    xcf = (FILES / "edited.xcf").read_bytes()
    start = xcf.index(b'{"version": 1, "request"')
    record = read_record(xcf[start : xcf.index(b"\0", start)])
    assert (record.values["prompt"], record.values["quality"], record.values["context"]) == ("a boat", "high", "16")
    assert record.edited.name == "picture" and [each.name for each in record.references] == ["reference"]
