"""Runs that share an output folder: which of them works on a picture, and what becomes of it if that one is killed."""

import errno
import json
import os
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from lib.jobs.job import Job
from lib.storage.file_identity import describe_file
from plugin.folder import leases
from plugin.folder.arguments import InputPicture, RunSpec
from plugin.folder.leases import LEASE_SECONDS, FolderInUse, RunSlot
from plugin.folder.own_results import OWN_FOLDER, OwnResults
from plugin.folder.resume import NextStep, next_step
from plugin.folder.state import DONE, UNKNOWN, NewerVersion, RunState, read_lines, state_files
from tests.systems import DATA_HOME


class Machines:
    """Runs on machines whose locks do not count for each other, and whose clocks the test moves."""

    def __init__(self, folder):
        self.folder, self.now = folder, 1000.0
        self._stack = ExitStack()

    def join(self, machine, pictures="same"):
        return self._stack.enter_context(leases.join(self.folder, pictures, machine, lambda: self.now))

    def crash(self, run):
        """Let a run end as a machine that loses its power does: its files stay, and its number."""
        beat = run.slot.path(".beat").read_bytes()
        held = {path: path.read_bytes() for path in self.folder.glob("lease-*")}
        run.close()
        run.slot.path(".beat").write_bytes(beat)
        for path, content in held.items():
            path.write_bytes(content)

    def close(self):
        self._stack.close()


@pytest.fixture
def machines(tmp_path, monkeypatch):
    @contextmanager
    def lock_of_one_machine(path):
        yield True

    monkeypatch.setattr(leases, "locked", lock_of_one_machine)
    monkeypatch.setattr(leases, "BEAT_SECONDS", 3600.0)  # the tests raise the numbers
    running = Machines(tmp_path)
    yield running
    running.close()


def test_only_one_run_has_a_picture(machines):
    one, two = machines.join("one"), machines.join("two")
    assert [run.slot.number for run in (one, two)] == [1, 2]
    assert one.claim("a") and not two.claim("a") and two.claim("b") and not one.claim("b")
    assert one.holds("a") and not two.holds("a")
    one.release("a")
    assert two.claim("a") and not one.claim("a")
    machines.close()
    assert not list(machines.folder.glob("lease-*")) and not list(machines.folder.glob("*.beat"))


def test_a_lease_runs_out_a_minute_after_its_run_was_last_alive(machines):
    one, two = machines.join("one"), machines.join("two")
    assert one.claim("a") and not two.claim("a")
    machines.now += LEASE_SECONDS - 1
    one.beat()
    assert not two.claim("a"), "it has shown that it lives"
    machines.now += LEASE_SECONDS - 1
    assert not two.claim("a")
    machines.now += 1
    assert two.claim("a") and two.holds("a")
    assert not one.holds("a"), "it slept, and must not send"
    assert not one.claim("a") and two.holds("a")
    two.release("a")
    assert not list(machines.folder.glob("lease-*")), "with the lease that it has taken over"


def test_of_two_runs_that_take_over_a_picture_one_gets_it(machines, monkeypatch):
    one, two, three = (machines.join(name) for name in ("one", "two", "three"))
    assert one.claim("a") and not two.claim("a") and not three.claim("a")
    machines.crash(one)
    machines.now += LEASE_SECONDS
    two.beat()
    assert two.claim("a")
    # It has listed the leases before the other one took the picture.
    numbers, listings = three._numbers, iter([[1]])
    monkeypatch.setattr(three, "_numbers", lambda picture: next(listings, None) or numbers(picture))
    assert not three.claim("a") and two.holds("a")


def test_a_lease_that_was_listed_before_it_ended_is_not_taken_over_beside_the_next(machines, monkeypatch):
    """The picture's lease of a dead run is listed; meanwhile another run ends the picture, and a third takes it."""
    one, two, three = (machines.join(name) for name in ("one", "two", "three"))
    assert one.claim("a") and not two.claim("a") and not three.claim("a")
    machines.crash(one)
    machines.now += LEASE_SECONDS
    numbers = three._numbers

    def list_and_be_late(picture):
        monkeypatch.setattr(three, "_numbers", numbers)
        listed = numbers(picture)
        two.beat()
        assert two.claim("a")
        two.release("a")
        assert two.claim("a")
        return listed

    monkeypatch.setattr(three, "_numbers", list_and_be_late)
    assert not three.claim("a") and two.holds("a")


@pytest.mark.parametrize("content", ["", "x", "run 99\n", "run x\n", "\0" * 40])
def test_a_lease_that_cannot_be_read_holds_for_a_minute(machines, content):
    one, two = machines.join("one"), machines.join("two")
    assert one.claim("a")
    (lease,) = machines.folder.glob("lease-*")
    lease.write_text(content)
    assert not two.claim("a")
    machines.now += LEASE_SECONDS
    assert two.claim("a")


def test_a_killed_run_of_this_machine_holds_nothing(tmp_path):
    code = ("import pathlib, sys, time; from plugin.folder import leases\n"
            "with leases.join(pathlib.Path(sys.argv[1]), 'same') as run:\n"
            "    print(run.claim('a'), flush=True)\n    time.sleep(300)")  # fmt: skip
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, cwd=Path(__file__).parents[3], stdout=subprocess.PIPE) as other:
        try:
            assert other.stdout.readline().strip() == b"True"
            with leases.join(tmp_path, "same") as run:
                assert run.slot.number == 2 and not run.claim("a") and len(run.others()) == 1
                other.kill()
                other.wait()
                assert run.claim("a") and not run.others()
        finally:
            other.kill()
    with leases.join(tmp_path, "same") as run:
        assert run.slot.number == 1, "its files are used again"


def test_runs_of_other_pictures_do_not_share_a_folder(machines):
    one = machines.join("one")
    with pytest.raises(FolderInUse):
        machines.join("two", "others")
    one.close()
    assert machines.join("two", "others").slot.number == 1


def test_a_run_of_other_pictures_whose_machine_has_crashed_is_no_hindrance(machines, monkeypatch):
    machines.crash(machines.join("one"))
    monkeypatch.setattr(leases, "LEASE_SECONDS", 0.0)
    assert machines.join("two", "others").slot.number == 2


def test_a_run_of_an_older_version_has_the_folder_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(leases, "_START_SECONDS", 0.0)
    with leases.locked(tmp_path / "run.lock"), pytest.raises(FolderInUse), leases.join(tmp_path, "same"):
        pass


def failing_locks(number):
    """Return a stand-in for `locked` on a file system that answers with an error of this number."""

    @contextmanager
    def locked(path):
        raise OSError(number, os.strerror(number), str(path))
        yield

    return locked


def test_without_locks_each_run_has_files_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setattr(leases, "locked", failing_locks(errno.ENOLCK))
    with leases.join(tmp_path, "same", "one") as one, leases.join(tmp_path, "same", "one") as two:
        assert [run.slot.number for run in (one, two)] == [1, 2]
        assert one.claim("a") and not two.claim("a")


def test_a_file_system_that_fails_is_reported(tmp_path, monkeypatch):
    monkeypatch.setattr(leases, "locked", failing_locks(errno.EIO))
    with pytest.raises(OSError, match="Input/output"), leases.join(tmp_path, "same"):
        pass


def test_each_run_reads_what_the_others_have_written(tmp_path):
    one = RunState(RunSlot(tmp_path, 1).state)
    one.add("a", output="a.png", job="/one/a")
    two = RunState(RunSlot(tmp_path, 2).state)
    assert two.last("a")["job"] == "/one/a" and two.pictures() == ["a"]
    two.add("a", output="a.png", job="/two/a")
    one.refresh()
    assert one.last("a")["job"] == "/two/a"
    before = two.place("a")
    one.add("a", output="a.png", job="/two/a", state=DONE)
    two.refresh()
    assert two.last("a")["state"] == DONE and two.place("a") != before
    files = [path.name for path in state_files(tmp_path)]
    one.close()
    two.close()
    # In whatever order the files are read.
    assert files == ["run-2.jsonl", "run.jsonl"] and RunState(RunSlot(tmp_path, 3).state).last("a")["state"] == DONE
    assert read_lines(tmp_path)["a"]["state"] == DONE


def test_a_result_that_arrives_after_another_run_has_given_it_up_counts(tmp_path):
    """A computer slept while its request was out: another reported the picture as unknown, then the answer arrived."""
    for own, other in ((1, 2), (2, 1)):
        folder = tmp_path / str(own)
        folder.mkdir()
        slept = RunState(RunSlot(folder, own).state)
        slept.add("a", output="a.png", job="/j")
        with_others = RunState(RunSlot(folder, other).state)
        with_others.add("a", output="a.png", job="/j", state=UNKNOWN)
        slept.add("a", output="a.png", job="/j", state=DONE, outputs=["a.png"])
        with_others.refresh()
        for state in (slept, with_others):
            assert state.last("a")["state"] == DONE
            state.close()
        assert read_lines(folder)["a"]["state"] == DONE


def test_a_line_about_sending_that_comes_after_another_runs_edit_does_not_count(tmp_path):
    """A computer slept between its last look at the lease and this line, and sends nothing then."""
    slept = RunState(RunSlot(tmp_path, 1).state)
    slept.add("a", output="a.png", job="/one", sent=False)
    other = RunState(RunSlot(tmp_path, 2).state)
    other.add("a", output="a.png", job="/two", sent=False)
    other.add("a", output="a.png", job="/two")
    other.add("a", output="a.png", job="/two", state=DONE)
    slept.add("a", output="a.png", job="/one")
    for state in (slept, other):
        state.refresh()
        assert state.last("a")["state"] == DONE
        state.close()
    assert read_lines(tmp_path)["a"]["job"] == "/two"


def test_a_line_is_written_beside_the_state_of_a_newer_version(tmp_path):
    one = RunState(RunSlot(tmp_path, 1).state)
    RunSlot(tmp_path, 2).state.write_text('{"version": 99}\n')
    one.add("a", output="a.png", job="/j", state=DONE)
    assert one.last("a")["state"] == DONE
    with pytest.raises(NewerVersion):
        one.refresh()


def test_a_newer_version_that_joins_is_noticed(tmp_path):
    one = RunState(RunSlot(tmp_path, 1).state)
    RunSlot(tmp_path, 2).state.write_text('{"version": 99}\n')
    with pytest.raises(NewerVersion):
        one.refresh()


def test_a_line_that_is_being_written_is_read_when_it_is_complete(tmp_path):
    one, two = RunState(RunSlot(tmp_path, 1).state), RunSlot(tmp_path, 2).state
    line = json.dumps({"picture": "a", "output": "a.png", "job": "/j", "turn": 1}).encode() + b"\n"
    for end in range(len(line)):
        two.write_bytes(line[:end])
        one.refresh()
        assert one.last("a") is None
    two.write_bytes(line)
    one.refresh()
    assert one.last("a")["job"] == "/j"


def test_lines_of_a_run_that_was_alone_are_as_they_always_were(tmp_path):
    state = RunState(RunSlot(tmp_path, 1).state)
    state.add("a", output="a.png")
    assert state.last("a") == {"picture": "a", "output": "a.png"}


@pytest.mark.parametrize(
    ("was_sent", "has_folder", "step"),
    [
        (False, False, NextStep.SEND),
        (True, False, NextStep.REPORT_UNKNOWN),
        (False, True, NextStep.WITHDRAW),
        (True, True, NextStep.WITHDRAW),
    ],
)
def test_what_another_machine_had_sent_is_unknown_and_the_rest_is_sent(
    tmp_path, monkeypatch, was_sent, has_folder, step
):
    """A job's folder is on the machine that has crashed, or on this one, where it says the same or more."""
    monkeypatch.setenv(DATA_HOME, str(tmp_path))
    job = Job.new()
    job.write("job.json", b"{}")
    job.release()
    folder = job.folder if has_folder else job.folder.with_name("20261128-120000-abcdef")
    assert next_step(folder, was_done=False, retry_unknown=False, was_sent=was_sent) is step


def test_the_digest_depends_on_what_the_results_names_depend_on(tmp_path):
    def digest(*names, ending="png"):
        pictures = [InputPicture(name, {}) for name in names]
        return RunSpec(tmp_path, tmp_path, pictures, 1, 0.0, False, {"output-format": ending}).names_digest()

    assert digest("a", "b") == digest("a", "b") != digest("b", "a")
    assert len({digest("a"), digest("a", ending="webp"), digest("a", "b"), digest("b")}) == 4


def test_results_of_every_run_are_recognized(tmp_path):
    own = tmp_path / OWN_FOLDER
    own.mkdir()
    state = RunState(RunSlot(own, 2).state)
    (tmp_path / "a.png").write_bytes(b"result")
    state.add("in.png", output="a.png", files=[describe_file(tmp_path / "a.png", "a.png")])
    state.close()
    (tmp_path / "b.png").write_bytes(b"picture")
    results = OwnResults([tmp_path])
    assert [results.contains(tmp_path / name, is_link=False) for name in ("a.png", "b.png")] == [True, False]
