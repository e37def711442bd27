"""The job folder, and the JSON lines between the processes."""

import json

import pytest

from lib.jobs.job import PLUG_IN_LOCK, SENT, Job, decode_line, encode_line
from lib.worker.__main__ import unexpected_error
from tests.systems import DATA_HOME, is_private


@pytest.fixture
def job(tmp_path, monkeypatch):
    monkeypatch.setenv(DATA_HOME, str(tmp_path))
    return Job.new()


def test_a_new_job_has_its_own_private_folder(job):
    assert Job.new().folder != job.folder and Job.new().folder.parent == job.folder.parent
    assert is_private(job.folder)


def test_a_written_file_is_read_back_and_leaves_no_other_file(job):
    job.write_json("job.json", {"prompt": "ein Hügel ⛰"}, durable=True)
    assert job.read_json("job.json") == {"prompt": "ein Hügel ⛰"}
    assert {path.name for path in job.folder.iterdir()} == {"job.json", PLUG_IN_LOCK}


def test_a_failed_write_keeps_the_old_file(job, monkeypatch):
    job.write("a", b"old")

    def disk_full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", disk_full)
    with pytest.raises(OSError, match="No space"):
        job.write("a", b"new")
    assert job.path("a").read_bytes() == b"old"


@pytest.mark.parametrize(
    ("provider", "sent", "billed"), [("openai", True, True), ("openai", False, False), ("local", True, False)]
)
def test_a_job_of_the_built_in_engine_is_never_billed(job, provider, sent, billed):
    job.write_json("job.json", {"provider": provider})
    if sent:
        job.write_json(SENT, {})
    assert (job.was_sent, job.maybe_billed) == (sent, billed)
    assert unexpected_error(job)["maybe_billed"] is billed


@pytest.mark.parametrize("text", ["[1]", "{", ""])
def test_json_other_than_an_object_raises_an_error(job, text):
    job.path("job.json").write_text(text)
    with pytest.raises(ValueError):
        job.read_json("job.json")
    with pytest.raises(ValueError):
        decode_line(text)


def test_a_line_is_ascii_and_one_line():
    line = encode_line({"text": "zwei\nZeilen, Ä"})
    assert line.isascii() and line.count(b"\n") == 1 and decode_line(line) == {"text": "zwei\nZeilen, Ä"}
    assert json.loads(line) == {"text": "zwei\nZeilen, Ä"}
