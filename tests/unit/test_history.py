"""The kept jobs: whatever a folder holds, the list goes on and says what the folder is."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lib.frame.geometry import Rect, Size
from lib.jobs import history, retention
from lib.jobs.history_record import State
from lib.jobs.job import INSERTED, LOCK, VERSION, Job
from lib.settings import settings
from tests.systems import DATA_HOME
from tests.unit.permissions import permissions_count

CHECKOUT = Path(__file__).absolute().parents[2]
PLAN = {"frame": [0, 0, 96, 64], "sent": [0, 0, 96, 64], "size": [96, 64]}
ASKED = {"version": VERSION, "created": 1.7e9, "provider": "custom", "request": {"prompt": "a boat"}, "plan": PLAN}
ANSWER = {"results": ["result-1.png"]}
FAILURE = {"error": {"message": "The key is wrong.", "hint": "Store another.", "code": "invalid_api_key"}}
DAY = 86_400


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    monkeypatch.setenv(DATA_HOME, str(tmp_path))
    return tmp_path


def make(days_ago=0.5, number=0, size=10, **files):
    """A job's folder of some age; `files` are their contents by name, with "_" for "."."""
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
    files = {"job_json": ASKED, "sent_json": {}, "response_json": ANSWER, "result-1_png": b"png"}
    return make(**{**files, **more})


def inserted(**more):
    return done(inserted=b"", **more)


def test_each_state_is_told_from_the_files():
    folders = {
        State.INSERTED: inserted(number=1),
        State.WAITING: done(number=2),
        State.UNKNOWN: make(number=3, job_json=ASKED, sent_json={}),
        State.INTERRUPTED: make(number=8, job_json={**ASKED, "provider": "local"}, sent_json={}),
        State.FAILED: make(number=4, job_json=ASKED, sent_json={}, response_json=FAILURE),
        State.CANCELLED: make(number=5, job_json=ASKED, sent_json={}, response_json={"error": {"code": "cancelled"}}),
        State.UNSENT: make(number=6, job_json=ASKED),
        State.DAMAGED: make(number=7, job_json=b"{", sent_json={}),
    }
    found = {record.folder: record for record in history.records()}
    assert {state: found[folder].state for state, folder in folders.items()} == {state: state for state in folders}
    assert len({record.state.words for record in found.values()}) == len(found)
    assert found[folders[State.FAILED]].note == "The key is wrong. Store another."
    assert found[folders[State.DAMAGED]].note == "job.json cannot be read."


def test_a_record_holds_what_the_list_shows():
    done(report_json={"cost": 0.25, "model": "gpt-image-2"})
    record = next(history.records())
    assert (record.prompt, record.provider, record.model, record.cost) == ("a boat", "custom", "gpt-image-2", 0.25)
    assert record.results == ("result-1.png",) and record.created == 1.7e9 and record.plan.frame.width == 96
    assert record.size == sum(path.stat().st_size for path in record.folder.iterdir())


def test_a_prompt_that_no_window_could_show_is_mended():
    odd = "a\0b\ud800c\r\x1b[31m\nd\te 山"
    done(job_json={**ASKED, "request": {"prompt": odd}})
    assert next(history.records()).prompt == "a b?c  [31m\nd\te 山"


def test_the_canvas_of_that_time_is_read_where_it_can_be_one():
    done(number=1, job_json={**ASKED, "record": {"canvas": [1920, 1080], "grown": [-64, 0, 1984, 1080]}})
    done(number=2, job_json={**ASKED, "record": {"canvas": [0, 10**9], "grown": [1, 2, 3, "4"]}})
    done(number=3, job_json={**ASKED, "record": [1]})
    *odd, first = history.records()
    assert (first.canvas, first.grown) == (Size(1920, 1080), Rect(-64, 0, 1984, 1080))
    assert all(each.canvas is None and each.grown is None for each in odd)


def test_the_newest_come_first():
    folders = [make(days_ago=days, job_json=ASKED) for days in (3, 1, 2)]
    assert [record.folder for record in history.records()] == [folders[1], folders[2], folders[0]]


HOSTILE = [
    b"", b"null", b"[]", b"{", b"\xff\xfe", b"[" * 100_000, b'{"version": 99}', b'{"version": "1"}', b'{"version": 0}',
    json.dumps({**ASKED, "request": "x", "created": "yesterday", "provider": 7, "plan": 3}).encode(),
    json.dumps({**ASKED, "created": float("inf"), "plan": {"frame": "abcd", "sent": [], "size": None}}).encode(),
    b'{"version": 1, "created": 1' + b"0" * 400 + b', "request": {"prompt": ["a"]}, "plan": {"frame": [0, 0, -1, 5]}}',
    json.dumps({**ASKED, "images": ["../../../etc/passwd"], "mask": "/etc/passwd"}).encode(),
    b'{"created": NaN}', b"1" * 5000,
]  # fmt: skip


@pytest.mark.parametrize("content", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("name", ["job_json", "response_json", "report_json"])
def test_nothing_in_a_file_stops_the_list(name, content):
    inserted(number=1)
    done(number=2, **{name: content})
    found = list(history.records())
    assert len(found) == 2 and all(record.state.words and record.results == ("result-1.png",) for record in found)


@pytest.mark.linux
def test_nothing_in_the_jobs_folder_stops_the_list(data):
    jobs = settings.jobs_folder()
    (jobs / "a file").write_text("x")
    (jobs / "link").symlink_to(data)
    (jobs / ".deleted-x").mkdir()
    (jobs / "\udcff odd").mkdir()
    odd = make(number=1, job_json=ASKED)
    (odd / "sent.json").mkdir()
    (odd / "result-1.png").symlink_to("/etc/passwd")
    (odd / "result-2.png").mkdir()
    found = {record.folder.name: record for record in history.records()}
    assert set(found) == {"\udcff odd", odd.name}
    assert found[odd.name].results == () and found[odd.name].state is State.UNSENT


@pytest.mark.posix
def test_a_folder_that_may_not_be_read_is_left_out():
    readable, unreadable = inserted(number=1), make(number=2)
    unreadable.chmod(0)
    with permissions_count():
        assert [record.folder for record in history.records()] == [readable]
    unreadable.chmod(0o700)


def test_what_is_missing_and_what_version_is_said():
    done(number=1, response_json={"results": ["result-1.png", "result-2.png"]})
    done(number=2, job_json={**ASKED, "version": VERSION + 1})
    done(number=3, job_json={**ASKED, "version": 0})
    make(number=4, job_json=ASKED, sent_json={}, response_json=ANSWER)
    cut_off = done(number=5)
    (cut_off / "response.json").unlink()
    notes = {record.folder.name[-1]: record.note for record in history.records()}
    assert "no longer there" in notes["1"] and "newer version" in notes["2"] and "older version" in notes["3"]
    assert "no longer there" in notes["4"] and "cut off" in notes["5"]


def hold_lock(folder):
    """A process that works on the job until its input is closed."""
    program = (
        "import sys; from pathlib import Path; from lib.jobs.job import Job\n"
        "with Job(Path(sys.argv[1])).running(): print('locked', flush=True); sys.stdin.read()"
    )
    words = [sys.executable, "-c", program, str(folder)]
    worker = subprocess.Popen(words, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert worker.stdout.readline() == b"locked\n"
    return worker


def test_a_running_job_says_so_and_is_never_deleted_and_a_killed_one_is_not_running():
    folder = make(days_ago=1000, job_json=ASKED, sent_json={})
    with hold_lock(folder) as worker:
        assert next(history.records()).state is State.RUNNING
        os.utime(folder, (1e9, 1e9))
        assert retention.tidy(1, 1) == []
        history.delete(folder)
        assert folder.exists()
        worker.kill()
    assert (folder / LOCK).exists() and next(history.records()).state is State.UNKNOWN
    history.delete(folder)
    assert not folder.exists()


def test_limits_in_days_spare_what_was_never_inserted_and_what_is_unknown_four_times_as_long():
    gone = [inserted(days_ago=31, number=1), make(days_ago=31, number=2, job_json=ASKED), done(days_ago=121, number=3)]
    kept = [inserted(days_ago=29, number=4), done(days_ago=119, number=5)]
    kept.append(make(days_ago=119, number=6, job_json=ASKED, sent_json={}))
    assert set(retention.tidy(30, 0)) == {folder.name for folder in gone}
    assert all(folder.exists() for folder in kept) and not any(folder.exists() for folder in gone)


def test_limits_in_megabytes_take_the_oldest_and_spare_fresh_results_that_were_never_inserted():
    waiting = done(days_ago=20, number=1, size=600_000)
    oldest = inserted(days_ago=10, number=2, size=600_000)
    newer = inserted(days_ago=9, number=3, size=600_000)
    assert retention.tidy(30, 2) == [], "1.8 of 2 megabytes"
    assert set(retention.tidy(30, 1)) == {oldest.name, newer.name}
    assert waiting.exists()
    assert retention.tidy(15, 0) == [], "20 days are less than four times 15"
    latest = done(days_ago=1, number=4, size=600_000)
    assert retention.tidy(15, 1) == [waiting.name], "past the limit in days it may make room"
    assert latest.exists()


def test_no_limits_delete_nothing_and_strangers_and_fresh_jobs_stay():
    fresh = inserted(days_ago=500, number=1)
    os.utime(fresh)
    stranger = settings.jobs_folder() / "my own folder"
    stranger.mkdir()
    os.utime(stranger, (1e9, 1e9))
    old = inserted(days_ago=500, number=2)
    assert retention.tidy(0, 0) == [] and retention.tidy(30, 0) == [old.name]
    assert fresh.exists() and stranger.exists()


def test_tidying_is_done_at_most_every_ten_minutes_and_finishes_what_was_interrupted():
    settings.change(history_days=30)
    first = inserted(days_ago=40, number=1)
    half = settings.jobs_folder() / ".deleted-20200101-000000-000000"
    half.mkdir()
    retention.tidy_when_due()
    assert not first.exists() and not half.exists()
    second = inserted(days_ago=40, number=2)
    retention.tidy_when_due()
    assert second.exists()


def test_a_result_never_inserted_and_an_unknown_answer_are_news_once():
    waiting = done(number=1)
    inserted(number=2)
    offered = Job.new()
    (offered.folder / "result-1.png").write_bytes(b"png")
    assert history.unreported() == {waiting: State.WAITING}, "a window still offers the other"
    Job(waiting).mark_notified()
    assert history.unreported() == {}
    offered.release()
    unknown = make(number=3, job_json=ASKED, sent_json={})
    make(number=4, job_json={**ASKED, "provider": "local"}, sent_json={})  # costs nothing, whatever became of it
    assert history.unreported() == {offered.folder: State.WAITING, unknown: State.UNKNOWN}


def test_a_marker_that_cannot_be_written_is_no_error(data):
    job = Job(data / "gone")
    job.mark_inserted()
    job.mark_notified()
    assert not (data / "gone" / INSERTED).exists()


def test_all_jobs_are_listed_and_only_the_latest_are_looked_at_for_news(monkeypatch):
    for number in range(history._LATEST + 50):
        inserted(days_ago=10 + number / 100, number=number)
    assert len(list(history.records())) == history._LATEST + 50
    assert retention.tidy(1000, 1000) == []
    looked_at, files_of = [], history.FolderListing.of
    monkeypatch.setattr(history.FolderListing, "of", lambda folder: looked_at.append(folder) or files_of(folder))
    assert history.unreported() == {} and len(looked_at) == history._LATEST
