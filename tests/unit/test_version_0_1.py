"""What version 0.1 wrote can still be read: its history, a layer's record in an XCF file, settings, a folder run."""

import shutil
from pathlib import Path

import pytest

from lib.api import keys
from lib.frame.geometry import Rect
from lib.jobs import history, stored_data
from lib.jobs.history_record import JobState
from lib.jobs.job import Job
from lib.settings import last_used, prompts, settings, spending
from lib.settings.prompts import Prompt
from lib.settings.spending import Spending
from lib.worker.requests.history import layers
from plugin.edit.record import read_record
from plugin.folder.resume import NextStep, next_step
from plugin.folder.state import RunState
from tests.systems import DATA_HOME

FILES = Path(__file__).absolute().parents[1] / "data" / "version-0.1"
JOB = "20261128-140625-ca8b61"


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    monkeypatch.setenv(DATA_HOME, str(tmp_path))
    job = shutil.copytree(FILES / JOB, settings.jobs_folder() / JOB)
    (job / "inserted").touch()  # an empty file, which needs no copy in the repository


def test_the_history_lists_its_job():
    (record,) = history.records()
    assert (record.state, record.prompt, record.provider) == (JobState.INSERTED, "a boat", "custom")
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


@pytest.fixture
def user_files(data):
    """Copy its files about the user into the data folder."""
    return shutil.copytree(FILES / "settings", settings.data_folder(), dirs_exist_ok=True)


def test_its_settings_and_custom_providers_are_read(user_files):
    assert settings.problem() == ""
    stored = settings.load()
    assert (stored.provider, stored.model, stored.confirm_above) == ("my-server", "gpt-image-2", 0.5)
    assert (stored.context, stored.feather, stored.grow) == ("64", 2.0, 3)
    assert (stored.history_days, stored.history_megabytes, stored.log_prompts) == (30, 500, True)
    assert stored.confirmed == ("my-server", "openai")
    provider = settings.provider("my-server")
    assert (provider.title, provider.base_url) == ("My server", "https://images.example.org/v1")
    assert last_used.load() == ("my-server", "gpt-image-2")


def test_its_keys_prompts_and_spending_are_read(user_files):
    custom = settings.provider("my-server")
    stored = [keys.find(each, file=settings.key_file(), environment={}) for each in ("openai", custom)]
    assert [key.value for key in stored] == ["sk-canary-1", "sk-canary-2"]
    assert prompts.load() == [Prompt("a boat", starred=True), Prompt("a red door")]
    spent = {"openai": Spending(0.0625, 1, 1), "my-server": Spending(0.5, 1, 0)}
    assert spending.in_month("2026-11") == spent


def test_its_interrupted_folder_run_resumes_without_paying_twice(tmp_path):
    """Both answers that arrived are collected; both requests without an answer are not sent again by themselves."""
    jobs = shutil.copytree(FILES / "folder-run" / "jobs", settings.jobs_folder(), dirs_exist_ok=True)
    (jobs / "20261128-163613-7e31bf").mkdir()  # the export of the last picture had only begun
    text = (FILES / "folder-run" / "run.jsonl").read_text().replace("JOBS", str(jobs))
    (tmp_path / "run.jsonl").write_text(text)
    state = RunState(tmp_path / "run.jsonl")
    lines = {name: state.last(name) for name in state.pictures()}
    state.close()
    steps = {name: next_step(Path(line["job"]), was_done=False, retry_unknown=False) for name, line in lines.items()}
    assert steps == {
        "a.png": NextStep.COLLECT, "b.png": NextStep.COLLECT,
        "c.png": NextStep.REPORT_UNKNOWN, "d.png": NextStep.REPORT_UNKNOWN,
        "e.png": NextStep.WITHDRAW, "f.png": NextStep.WITHDRAW,
    }  # fmt: skip
