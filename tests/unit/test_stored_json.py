"""A JSON file that several processes change at once is never half written, never lost, and never in the way."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lib.storage import file_lock, stored_json
from lib.storage.stored_json import StoredJson
from tests.systems import is_private
from tests.unit.permissions import permissions_count

CHECKOUT = Path(__file__).absolute().parents[2]
COUNT = """
import sys
from pathlib import Path
from lib.storage.stored_json import StoredJson
file = StoredJson(Path(sys.argv[1]), 1)
for number in range(50):
    file.change(lambda data: data | {"count": data.get("count", 0) + 1, sys.argv[2]: number})
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "some.json"


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def put(key, value):
    return lambda data: data | {key: value}


def test_what_is_written_is_read_and_only_its_user_may_read_it(path):
    file = StoredJson(path, 3)
    assert file.read() == stored_json.ReadResult({}, "")
    assert file.change(put("naïve", "\udcff 山")) == {"naïve": "\udcff 山", "version": 3}
    assert StoredJson(path, 3).read() == stored_json.ReadResult({"naïve": "\udcff 山", "version": 3}, "")
    assert is_private(path)
    assert names(path.parent) == [".some.json.lock", "some.json"]


def test_processes_that_change_it_at_once_lose_nothing(path):
    words = [[sys.executable, "-c", COUNT, str(path), name] for name in ("one", "two", "three")]
    started = [subprocess.Popen(command, cwd=CHECKOUT) for command in words]
    file = StoredJson(path, 1)
    while any(process.poll() is None for process in started):
        assert file.read().problem == "", "a reader never sees half a file"
    assert [process.returncode for process in started] == [0, 0, 0]
    assert file.read().data == {"version": 1, "count": 150, "one": 49, "two": 49, "three": 49}


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"a": 1}x', b"1" * 5000])
def test_a_broken_file_is_set_aside_told_of_and_not_lost(path, content):
    path.write_bytes(content)
    found = StoredJson(path, 1).read()
    assert found.data["version"] == 1 and "some.json.broken-1" in found.problem
    assert (path.parent / "some.json.broken-1").read_bytes() == content
    file = StoredJson(path, 1)
    file.change(put("a", 1))
    assert "some.json.broken-1" in file.read().problem, "told until it is acknowledged"
    file.acknowledge()
    assert file.read() == stored_json.ReadResult({"a": 1, "version": 1}, "")
    path.write_bytes(content)
    file.change(put("b", 2))
    assert file.read().data["b"] == 2 and "some.json.broken-2" in file.read().problem
    assert (path.parent / "some.json.broken-2").read_bytes() == content


def test_a_file_of_many_megabytes_is_not_read_whole(path, monkeypatch):
    monkeypatch.setattr(stored_json, "_LARGEST", 100)
    path.write_text(json.dumps({"a": "x" * 200}))
    assert "broken-1" in StoredJson(path, 1).read().problem


def test_of_a_newer_version_everything_unknown_is_kept(path):
    path.write_text('{"version": 9, "known": 1, "unknown": {"deep": [1]}}')
    file = StoredJson(path, 2, {0: fail, 1: fail})
    assert file.read().data["known"] == 1
    file.change(put("known", 2))
    assert json.loads(path.read_text()) == {"version": 9, "known": 2, "unknown": {"deep": [1]}}


def fail(data):
    raise AssertionError(data)


@pytest.mark.parametrize("version", [{}, {"version": 0}, {"version": "x"}, {"version": True}, {"version": -4}])
def test_an_older_version_is_taken_over_step_by_step(path, version):
    upgrades = {0: lambda data: data | {"steps": ["first"]}, 1: lambda data: data | {"steps": [*data["steps"], "next"]}}
    path.write_text(json.dumps({"kept": 1, **version}))
    file = StoredJson(path, 2, upgrades)
    assert file.read().data["steps"] == ["first", "next"]
    assert "steps" not in json.loads(path.read_text()), "reading writes nothing"
    file.change(put("more", 2))
    assert json.loads(path.read_text()) == {"kept": 1, "steps": ["first", "next"], "more": 2, "version": 2}


def test_a_disk_that_refuses_leaves_the_file_as_it_was(path, monkeypatch):
    file = StoredJson(path, 1)
    file.change(put("a", 1))
    before = path.read_bytes()
    for name in ("fsync", "fdopen"):
        with monkeypatch.context() as full:
            full.setattr(os, name, no_space)
            with pytest.raises(OSError, match="No space left"):
                file.change(put("a", 2))
    assert path.read_bytes() == before and names(path.parent) == [".some.json.lock", "some.json"]


def no_space(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.posix
def test_a_folder_that_cannot_be_written_is_read(path):
    path.write_text('{"a": 1}')
    path.parent.chmod(0o500)
    with permissions_count():
        assert StoredJson(path, 1).read().data["a"] == 1
        path.write_text("{")
        assert "could not be set aside" in StoredJson(path, 1).read().problem
        with pytest.raises(PermissionError):
            StoredJson(path, 1).change(put("a", 2))
    path.parent.chmod(0o700)


def test_a_read_only_disk_is_read(path, monkeypatch):
    path.write_text('{"a": 1}')

    def read_only(*_):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(os, "open", read_only)
    assert StoredJson(path, 1).read() == stored_json.ReadResult({"a": 1}, "")
    with pytest.raises(OSError, match="Read-only"):
        StoredJson(path, 1).change(put("a", 2))


def test_a_broken_file_where_nothing_can_be_written_is_one_sentence(path, monkeypatch):
    path.write_text("{")
    monkeypatch.setattr(stored_json, "locked_where_possible", lambda *_, **__: no_space())
    found = StoredJson(path, 1).read()
    assert found.data == {} and "No space left" in found.problem
    assert path.read_text() == "{"


def test_a_folder_in_its_place_is_one_sentence_and_stays(path):
    path.mkdir()
    found = StoredJson(path, 1).read()
    assert found.data == {} and "cannot be read" in found.problem and path.is_dir()


def test_a_file_system_without_locks_is_no_hindrance(path, monkeypatch):
    def unsupported(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(file_lock, "_take", unsupported)
    assert StoredJson(path, 1).change(put("a", 1)) == {"a": 1, "version": 1}


@pytest.mark.posix
def test_a_link_stays_a_link(path, tmp_path):
    target = tmp_path / "elsewhere" / "kept.json"
    target.parent.mkdir()
    path.symlink_to(target)
    StoredJson(path, 1).change(put("a", 1))
    assert path.is_symlink() and json.loads(target.read_text())["a"] == 1


def test_a_refusal_for_a_moment_is_waited_for_on_windows(path, monkeypatch):
    refusals = [PermissionError(errno.EACCES, "in use")] * 3
    rename = Path.replace

    def replace(self, target):
        if refusals:
            raise refusals.pop()
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises(PermissionError):
        StoredJson(path, 1).change(put("a", 1))
    monkeypatch.setattr(stored_json, "_PATIENCE_SECONDS", 2.0)
    assert StoredJson(path, 1).change(put("a", 1))["a"] == 1
