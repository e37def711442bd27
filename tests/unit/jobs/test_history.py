"""The history: every folder is listed with its state, whatever it contains."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lib.frame.geometry import Rect, Size
from lib.jobs import history, retention
from lib.jobs.history_record import JobState
from lib.jobs.job import INSERTED, VERSION, WORKER_LOCK, Job
from lib.settings import settings
from tests.systems import DATA_HOME
from tests.unit.permissions import permissions_count

CHECKOUT = Path(__file__).absolute().parents[3]
PLAN = {"frame": [0, 0, 96, 64], "sent": [0, 0, 96, 64], "size": [96, 64]}
JOB_SPEC = {"version": VERSION, "created": 1.7e9, "provider": "custom", "request": {"prompt": "a boat"}, "plan": PLAN}
RESPONSE = {"results": ["result-1.png"]}
FAILURE = {"error": {"message": "The key is wrong.", "hint": "Store another.", "code": "invalid_api_key"}}
CANCELLED = {"error": {"code": "cancelled"}}
DAY = 86_400


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    monkeypatch.setenv(DATA_HOME, str(tmp_path))
    return tmp_path


def make(days_ago=0.5, number=0, size=10, **files):
    """Create a job folder of that age; `files` are contents by name, with "_" for "."."""
    when = time.localtime(time.time() - days_ago * DAY)
    folder = settings.jobs_folder() / f"{time.strftime('%Y%m%d-%H%M%S', when)}-{number:06x}"
    folder.mkdir()
    for name, content in files.items():
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        (folder / name.replace("_", ".")).write_bytes(data)
    (folder / "image-1.png").write_bytes(bytes(size))
    os.utime(folder, (time.time() - days_ago * DAY,) * 2)
    return folder


def done(**more):
    files = {"job_json": JOB_SPEC, "sent_json": {}, "response_json": RESPONSE, "result-1_png": b"png"}
    return make(**{**files, **more})


def inserted(**more):
    return done(inserted=b"", **more)


def test_each_state_follows_from_the_files():
    folders = {
        JobState.INSERTED: inserted(number=1),
        JobState.WAITING: done(number=2),
        JobState.UNKNOWN: make(number=3, job_json=JOB_SPEC, sent_json={}),
        JobState.INTERRUPTED: make(number=8, job_json={**JOB_SPEC, "provider": "local"}, sent_json={}),
        JobState.FAILED: make(number=4, job_json=JOB_SPEC, sent_json={}, response_json=FAILURE),
        JobState.CANCELLED: make(number=5, job_json=JOB_SPEC, sent_json={}, response_json=CANCELLED),
        JobState.UNSENT: make(number=6, job_json=JOB_SPEC),
        JobState.DAMAGED: make(number=7, job_json=b"{", sent_json={}),
    }
    by_folder = {record.folder: record for record in history.records()}
    assert {state: by_folder[folder].state for state, folder in folders.items()} == {state: state for state in folders}
    assert len({record.state.words for record in by_folder.values()}) == len(by_folder)
    assert by_folder[folders[JobState.FAILED]].note == "The key is wrong. Store another."
    assert by_folder[folders[JobState.DAMAGED]].note == "Couldn't read job.json."


def test_a_record_has_everything_that_the_list_shows():
    done(report_json={"cost": 0.25, "model": "gpt-image-2"})
    record = next(history.records())
    assert (record.prompt, record.provider, record.model, record.cost) == ("a boat", "custom", "gpt-image-2", 0.25)
    assert record.results == ("result-1.png",) and record.created == 1.7e9 and record.plan.frame.width == 96
    assert record.size == sum(path.stat().st_size for path in record.folder.iterdir())


def test_a_star_is_read_and_protects_from_every_limit():
    job = Job(done(days_ago=500, job_json={**JOB_SPEC, "image": "holiday"}))
    job.star(True)
    os.utime(job.folder, (time.time() - 500 * DAY,) * 2)
    (record,) = history.records()
    assert record.is_starred and record.image == "holiday"
    assert retention.tidy(1, 1) == []
    job.star(False)
    os.utime(job.folder, (time.time() - 500 * DAY,) * 2)
    assert not history.record(job.folder).is_starred and retention.tidy(1, 1) == [job.folder.name]


def test_unprintable_characters_of_a_prompt_are_replaced():
    odd = "a\0b\ud800c\r\x1b[31m\nd\te 山"
    done(job_json={**JOB_SPEC, "request": {"prompt": odd}})
    assert next(history.records()).prompt == "a b?c  [31m\nd\te 山"


def test_only_a_valid_canvas_is_read():
    done(number=1, job_json={**JOB_SPEC, "record": {"canvas": [1920, 1080], "grown": [-64, 0, 1984, 1080]}})
    done(number=2, job_json={**JOB_SPEC, "record": {"canvas": [0, 10**9], "grown": [1, 2, 3, "4"]}})
    done(number=3, job_json={**JOB_SPEC, "record": [1]})
    *odd, first = history.records()
    assert (first.canvas, first.grown) == (Size(1920, 1080), Rect(-64, 0, 1984, 1080))
    assert all(each.canvas is None and each.grown is None for each in odd)


def test_the_newest_jobs_come_first():
    folders = [make(days_ago=days, job_json=JOB_SPEC) for days in (3, 1, 2)]
    assert [record.folder for record in history.records()] == [folders[1], folders[2], folders[0]]


HOSTILE = [
    b"", b"null", b"[]", b"{", b"\xff\xfe", b"[" * 100_000, b'{"version": 99}', b'{"version": "1"}', b'{"version": 0}',
    json.dumps({**JOB_SPEC, "request": "x", "created": "yesterday", "provider": 7, "plan": 3}).encode(),
    json.dumps({**JOB_SPEC, "created": float("inf"), "plan": {"frame": "abcd", "sent": [], "size": None}}).encode(),
    b'{"version": 1, "created": 1' + b"0" * 400 + b', "request": {"prompt": ["a"]}, "plan": {"frame": [0, 0, -1, 5]}}',
    json.dumps({**JOB_SPEC, "images": ["../../../etc/passwd"], "mask": "/etc/passwd"}).encode(),
    b'{"created": NaN}', b"1" * 5000,
]  # fmt: skip


@pytest.mark.parametrize("content", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("name", ["job_json", "response_json", "report_json"])
def test_no_content_of_a_file_breaks_the_list(name, content):
    inserted(number=1)
    done(number=2, **{name: content})
    records = list(history.records())
    assert len(records) == 2
    assert all(record.state.words and record.results == ("result-1.png",) for record in records)


@pytest.mark.linux
def test_nothing_in_the_jobs_folder_breaks_the_list(data):
    jobs = settings.jobs_folder()
    (jobs / "a file").write_text("x")
    (jobs / "link").symlink_to(data)
    (jobs / ".deleted-x").mkdir()
    (jobs / "\udcff odd").mkdir()
    odd = make(number=1, job_json=JOB_SPEC)
    (odd / "sent.json").mkdir()
    (odd / "result-1.png").symlink_to("/etc/passwd")
    (odd / "result-2.png").mkdir()
    by_name = {record.folder.name: record for record in history.records()}
    assert set(by_name) == {"\udcff odd", odd.name}
    assert by_name[odd.name].results == () and by_name[odd.name].state is JobState.UNSENT


@pytest.mark.posix
def test_an_unreadable_folder_is_left_out():
    readable, unreadable = inserted(number=1), make(number=2)
    unreadable.chmod(0)
    with permissions_count():
        assert [record.folder for record in history.records()] == [readable]
    unreadable.chmod(0o700)


def test_notes_report_missing_pictures_and_other_versions():
    done(number=1, response_json={"results": ["result-1.png", "result-2.png"]})
    done(number=2, job_json={**JOB_SPEC, "version": VERSION + 1})
    done(number=3, job_json={**JOB_SPEC, "version": 0})
    make(number=4, job_json=JOB_SPEC, sent_json={}, response_json=RESPONSE)
    interrupted = done(number=5)
    (interrupted / "response.json").unlink()
    notes = {record.folder.name[-1]: record.note for record in history.records()}
    assert "missing" in notes["1"] and "newer version" in notes["2"] and "older version" in notes["3"]
    assert "missing" in notes["4"] and "interrupted" in notes["5"]


def hold_lock(folder):
    """Start a process that claims the job until its input is closed."""
    program = (
        "import sys; from pathlib import Path; from lib.jobs.job import Job\n"
        "with Job(Path(sys.argv[1])).claim(): print('locked', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", program, str(folder)]
    worker = subprocess.Popen(command, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert worker.stdout.readline() == b"locked\n"
    return worker


def test_a_running_job_is_never_deleted_but_a_killed_one_is():
    folder = make(days_ago=1000, job_json=JOB_SPEC, sent_json={})
    with hold_lock(folder) as worker:
        assert next(history.records()).state is JobState.RUNNING
        os.utime(folder, (1e9, 1e9))
        assert retention.tidy(1, 1) == []
        history.delete(folder)
        assert folder.exists()
        worker.kill()
    assert (folder / WORKER_LOCK).exists() and next(history.records()).state is JobState.UNKNOWN
    history.delete(folder)
    assert not folder.exists()


def test_unused_results_and_unknown_answers_are_retained_four_times_as_long():
    expired = [inserted(days_ago=31, number=1), done(days_ago=121, number=3)]
    expired.append(make(days_ago=31, number=2, job_json=JOB_SPEC))
    retained = [inserted(days_ago=29, number=4), done(days_ago=119, number=5)]
    retained.append(make(days_ago=119, number=6, job_json=JOB_SPEC, sent_json={}))
    assert set(retention.tidy(30, 0)) == {folder.name for folder in expired}
    assert all(folder.exists() for folder in retained) and not any(folder.exists() for folder in expired)


def test_the_limit_in_megabytes_deletes_the_oldest_but_no_recent_unused_results():
    waiting = done(days_ago=20, number=1, size=600_000)
    oldest = inserted(days_ago=10, number=2, size=600_000)
    newer = inserted(days_ago=9, number=3, size=600_000)
    assert retention.tidy(30, 2) == [], "1.8 of 2 megabytes"
    assert set(retention.tidy(30, 1)) == {oldest.name, newer.name}
    assert waiting.exists()
    assert retention.tidy(15, 0) == [], "20 days are less than four times 15"
    latest = done(days_ago=1, number=4, size=600_000)
    assert retention.tidy(15, 1) == [waiting.name], "past the limit in days it may be deleted for its size"
    assert latest.exists()


def test_other_folders_and_recent_jobs_are_never_deleted():
    fresh = inserted(days_ago=500, number=1)
    os.utime(fresh)
    other = settings.jobs_folder() / "my own folder"
    other.mkdir()
    os.utime(other, (1e9, 1e9))
    old = inserted(days_ago=500, number=2)
    assert retention.tidy(0, 0) == [] and retention.tidy(30, 0) == [old.name]
    assert fresh.exists() and other.exists()


def test_tidying_runs_at_most_every_ten_minutes_and_finishes_interrupted_deletions():
    settings.change(history_days=30)
    first = inserted(days_ago=40, number=1)
    half = settings.jobs_folder() / ".deleted-20200101-000000-000000"
    half.mkdir()
    retention.tidy_when_due()
    assert not first.exists() and not half.exists()
    second = inserted(days_ago=40, number=2)
    retention.tidy_when_due()
    assert second.exists()


def test_unused_results_and_unknown_answers_are_reported_once():
    waiting = done(number=1)
    inserted(number=2)
    offered = Job.new()
    (offered.folder / "result-1.png").write_bytes(b"png")
    assert history.unreported() == {waiting: JobState.WAITING}, "a window still offers the other"
    Job(waiting).mark_notified()
    assert history.unreported() == {}
    offered.release()
    unknown = make(number=3, job_json=JOB_SPEC, sent_json={})
    make(number=4, job_json={**JOB_SPEC, "provider": "local"}, sent_json={})  # costs nothing, whatever became of it
    assert history.unreported() == {offered.folder: JobState.WAITING, unknown: JobState.UNKNOWN}


def test_a_marker_that_cannot_be_written_is_no_error(data):
    job = Job(data / "gone")
    job.mark_inserted()
    job.mark_notified()
    assert not (data / "gone" / INSERTED).exists()


def test_all_jobs_are_listed_but_only_the_latest_are_checked_for_reports(monkeypatch):
    for number in range(history._MOST_CHECKED + 50):
        inserted(days_ago=10 + number / 100, number=number)
    assert len(list(history.records())) == history._MOST_CHECKED + 50
    assert retention.tidy(1000, 1000) == []
    checked, list_files = [], history.FolderListing.of
    monkeypatch.setattr(history.FolderListing, "of", lambda folder: checked.append(folder) or list_files(folder))
    assert history.unreported() == {} and len(checked) == history._MOST_CHECKED


def test_the_seconds_of_a_providers_requests_come_from_the_latest_reports():
    other = {**JOB_SPEC, "provider": "openai"}
    reports = [{"seconds": {"request": 3}}, {"seconds": {"request": 5.5}}, {"seconds": None}, b"damaged"]
    for number, report in enumerate(reports):
        make(number + 0.5, number, job_json=JOB_SPEC, report_json=report)
    make(9, 9, job_json=other, report_json={"seconds": {"request": 99}})
    assert history.request_seconds("custom", jobs=10) == [3.0, 5.5]
    assert history.request_seconds("custom", jobs=1) == [3.0] and history.request_seconds("openai", jobs=10) == [99.0]
    assert history.request_seconds("custom", "another model", jobs=10) == []
