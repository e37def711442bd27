"""A JSON file shared by several processes is never partly written and never lost."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lib.storage import atomic_file, file_lock, stored_json
from lib.storage.stored_json import StoredJson
from tests.systems import is_private
from tests.unit.permissions import permissions_count

CHECKOUT = Path(__file__).absolute().parents[3]
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


def test_a_file_is_read_back_and_readable_by_its_user_only(path):
    file = StoredJson(path, 3)
    assert file.read() == stored_json.ReadResult({}, "")
    assert file.change(put("naïve", "\udcff 山")) == {"naïve": "\udcff 山", "version": 3}
    assert StoredJson(path, 3).read() == stored_json.ReadResult({"naïve": "\udcff 山", "version": 3}, "")
    assert is_private(path)
    assert names(path.parent) == [".some.json.lock", "some.json"]


def test_concurrent_changes_lose_nothing(path):
    commands = [[sys.executable, "-c", COUNT, str(path), name] for name in ("one", "two", "three")]
    started = [subprocess.Popen(command, cwd=CHECKOUT) for command in commands]
    file = StoredJson(path, 1)
    while any(process.poll() is None for process in started):
        assert file.read().problem == "", "a reader never sees half a file"
    assert [process.returncode for process in started] == [0, 0, 0]
    assert file.read().data == {"version": 1, "count": 150, "one": 49, "two": 49, "three": 49}


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"a": 1}x', b"1" * 5000])
def test_a_damaged_file_is_renamed_and_reported(path, content):
    path.write_bytes(content)
    result = StoredJson(path, 1).read()
    assert result.data["version"] == 1 and "some.json.broken-1" in result.problem
    assert (path.parent / "some.json.broken-1").read_bytes() == content
    file = StoredJson(path, 1)
    file.change(put("a", 1))
    assert "some.json.broken-1" in file.read().problem, "reported until it is acknowledged"
    file.acknowledge()
    assert file.read() == stored_json.ReadResult({"a": 1, "version": 1}, "")
    path.write_bytes(content)
    file.change(put("b", 2))
    assert file.read().data["b"] == 2 and "some.json.broken-2" in file.read().problem
    assert (path.parent / "some.json.broken-2").read_bytes() == content


def test_a_huge_file_is_treated_as_damaged(path, monkeypatch):
    monkeypatch.setattr(stored_json, "_LARGEST", 100)
    path.write_text(json.dumps({"a": "x" * 200}))
    assert "broken-1" in StoredJson(path, 1).read().problem


def test_unknown_fields_of_a_newer_version_are_preserved(path):
    path.write_text('{"version": 9, "known": 1, "unknown": {"deep": [1]}}')
    file = StoredJson(path, 2, {0: fail, 1: fail})
    assert file.read().data["known"] == 1
    file.change(put("known", 2))
    assert json.loads(path.read_text()) == {"version": 9, "known": 2, "unknown": {"deep": [1]}}


def fail(data):
    raise AssertionError(data)


@pytest.mark.parametrize("version", [{}, {"version": 0}, {"version": "x"}, {"version": True}, {"version": -4}])
def test_an_older_version_is_upgraded_step_by_step(path, version):
    upgrades = {0: lambda data: data | {"steps": ["first"]}, 1: lambda data: data | {"steps": [*data["steps"], "next"]}}
    path.write_text(json.dumps({"kept": 1, **version}))
    file = StoredJson(path, 2, upgrades)
    assert file.read().data["steps"] == ["first", "next"]
    assert "steps" not in json.loads(path.read_text()), "reading writes nothing"
    file.change(put("more", 2))
    assert json.loads(path.read_text()) == {"kept": 1, "steps": ["first", "next"], "more": 2, "version": 2}


def test_a_failed_write_leaves_the_file_unchanged(path, monkeypatch):
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
def test_a_file_in_a_read_only_folder_is_read(path):
    path.write_text('{"a": 1}')
    path.parent.chmod(0o500)
    with permissions_count():
        assert StoredJson(path, 1).read().data["a"] == 1
        path.write_text("{")
        assert "Couldn't rename it" in StoredJson(path, 1).read().problem
        with pytest.raises(PermissionError):
            StoredJson(path, 1).change(put("a", 2))
    path.parent.chmod(0o700)


def test_a_file_on_a_read_only_disk_is_read(path, monkeypatch):
    path.write_text('{"a": 1}')

    def read_only(*_):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(os, "open", read_only)
    assert StoredJson(path, 1).read() == stored_json.ReadResult({"a": 1}, "")
    with pytest.raises(OSError, match="Read-only"):
        StoredJson(path, 1).change(put("a", 2))


def test_a_damaged_file_on_a_full_disk_is_reported(path, monkeypatch):
    path.write_text("{")
    monkeypatch.setattr(stored_json, "locked_where_possible", lambda *_, **__: no_space())
    result = StoredJson(path, 1).read()
    assert result.data == {} and "No space left" in result.problem
    assert path.read_text() == "{"


def test_a_folder_instead_of_the_file_is_reported(path):
    path.mkdir()
    result = StoredJson(path, 1).read()
    assert result.data == {} and "Couldn't read" in result.problem and path.is_dir()


def test_a_file_system_without_locks_is_supported(path, monkeypatch):
    def unsupported(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(file_lock, "_lock", unsupported)
    assert StoredJson(path, 1).change(put("a", 1)) == {"a": 1, "version": 1}


@pytest.mark.posix
def test_a_link_stays_a_link(path, tmp_path):
    target = tmp_path / "elsewhere" / "target.json"
    target.parent.mkdir()
    path.symlink_to(target)
    StoredJson(path, 1).change(put("a", 1))
    assert path.is_symlink() and json.loads(target.read_text())["a"] == 1


def test_a_file_in_use_is_retried_on_windows(path, monkeypatch):
    refusals = [PermissionError(errno.EACCES, "in use")] * 3
    rename = Path.replace

    def replace(self, target):
        if refusals:
            raise refusals.pop()
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises(PermissionError):
        StoredJson(path, 1).change(put("a", 1))
    monkeypatch.setattr(atomic_file, "_RETRY_SECONDS", 2.0)
    assert StoredJson(path, 1).change(put("a", 1))["a"] == 1
