"""The user's data folder: missing, moved, read-only, on a file system without locks, shared by two machines."""

import errno
import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from lib.jobs import history
from lib.jobs.job import WORKER_LOCK, Job, is_running
from lib.settings import settings
from lib.storage import file_lock
from plugin.errors import file_error_message
from plugin.folder.resume import NextStep, find_job, next_step
from tests.systems import DATA_HOME
from tests.unit.permissions import permissions_count

CHECKOUT = Path(__file__).absolute().parents[3]


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv(DATA_HOME, str(tmp_path / "data"))
    return settings.data_folder()


def sent_job():
    job = Job.new()
    job.write_json("job.json", {"provider": "custom"})
    job.write("sent.json", b"{}")
    job.release()
    return job


def test_a_missing_folder_is_created_for_its_user_alone(home):
    job = sent_job()
    for path in (*job.folder.iterdir(), job.folder):
        path.rmdir() if path.is_dir() else path.unlink()
    (home / "jobs").rmdir()
    home.rmdir()
    assert settings.load() == settings.Settings() and settings.problem() == ""
    assert sys.platform == "win32" or stat.S_IMODE(home.stat().st_mode) == 0o700
    assert Job.new().folder.is_dir()


@pytest.mark.posix
def test_a_folder_that_was_moved_and_linked_is_used(home, tmp_path):
    settings.change(confirm_above=3.0)
    home.rename(tmp_path / "moved")
    home.symlink_to(tmp_path / "moved")
    assert settings.load().confirm_above == 3.0
    settings.change(confirm_above=4.0)
    assert json.loads((tmp_path / "moved" / "settings.json").read_text())["confirm_above"] == 4.0
    assert home.is_symlink()


def test_a_folder_run_finds_its_jobs_after_a_move(home, tmp_path, monkeypatch):
    """The state of a run names its jobs with their whole path."""
    job = sent_job()
    job.write("response.json", b"{}")
    job.write("result-1.png", b"x")
    before = str(job.folder)
    (tmp_path / "data").rename(tmp_path / "moved")
    assert next_step(Path(before), was_done=False, retry_unknown=False) is NextStep.REPORT_UNKNOWN
    monkeypatch.setenv(DATA_HOME, str(tmp_path / "moved"))
    job_now = find_job(before)
    assert job_now.folder == settings.jobs_folder() / job.folder.name
    assert next_step(job_now.folder, was_done=False, retry_unknown=False) is NextStep.COLLECT
    assert find_job("").folder == Path() and find_job(str(tmp_path / "gone")).folder == tmp_path / "gone"


@pytest.mark.posix
@pytest.mark.parametrize("kind", ["link", "file"])
def test_what_is_in_the_folder_s_place_is_named(home, tmp_path, kind):
    home.rmdir()
    home.symlink_to(tmp_path / "not mounted") if kind == "link" else home.touch()
    reason = "The folder that it links to is missing" if kind == "link" else "Not a directory"
    assert settings.problem() == f"Couldn't create the settings folder ({reason}). Settings won't be saved."
    assert settings.load() == settings.Settings()
    with pytest.raises(OSError, match=reason) as raised:
        Job.new()
    assert file_error_message(raised.value).startswith(f"Couldn't read or write a file: {reason} ({home})")
    assert home.is_symlink() == (kind == "link"), "nothing was replaced"


@pytest.mark.posix
def test_a_read_only_folder_is_named_before_anything_is_sent(home):
    settings.change(confirm_above=3.0)
    home.chmod(0o500)
    try:
        with permissions_count():
            assert settings.load().confirm_above == 3.0, "it can still be read"
            with pytest.raises(PermissionError) as raised:
                Job.new()
            with pytest.raises(PermissionError):
                settings.change(confirm_above=4.0)
    finally:
        home.chmod(0o700)
    message = file_error_message(raised.value)
    assert str(home) in message and "Check its permissions" in message


def test_without_locks_a_job_counts_as_running_for_as_long_as_a_request_may_take(home, monkeypatch):
    job = sent_job()
    job.path(WORKER_LOCK).touch()

    def no_locks(descriptor, wait):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(file_lock, "_lock", no_locks)
    settings.change(confirm_above=3.0)
    assert settings.load().confirm_above == 3.0 and is_running(job.folder)
    history.delete(job.folder)
    assert job.folder.is_dir(), "another machine may be working on it"


def test_changes_of_two_machines_are_all_kept(home):
    """As processes: each machine changes a setting of its own a few times."""
    code = ("import sys; from lib.settings import settings\n"
            "for number in range(1, 21): settings.change(**{sys.argv[1]: number})")  # fmt: skip
    names = ("history_days", "history_megabytes", "grow")
    processes = [subprocess.Popen([sys.executable, "-c", code, name], cwd=CHECKOUT) for name in names]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    stored = settings.load()
    assert [getattr(stored, name) for name in names] == [20, 20, 20]
