"""The Files API: files are stored, listed and expire, and their names are never used as paths."""

import io
import json
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.endpoint.errors import HttpError
from lib.endpoint.files import FileStore, clean_name
from tests.endpoint.support import AUTH, Caller, error_of, part


def store_of(path: Path, **options: int) -> FileStore:
    return FileStore(path / "files", **options)


def test_a_file_is_stored_and_deleted(tmp_path: Path) -> None:
    store = store_of(tmp_path)
    entry = store.add(io.BytesIO(b"abc"), "a.png", "vision")
    assert entry["bytes"] == 3 and entry["object"] == "file" and entry["status"] == "processed"
    assert store.content(entry["id"]) == b"abc" and store.get(entry["id"]) == entry
    store.delete(entry["id"])
    with pytest.raises(HttpError) as caught:
        store.content(entry["id"])
    assert caught.value.status == 404
    assert list((tmp_path / "files").iterdir()) == []


def test_another_store_on_the_folder_has_the_same_files(tmp_path: Path) -> None:
    entry = store_of(tmp_path).add(io.BytesIO(b"abc"), "a.png", "vision")
    assert store_of(tmp_path).content(entry["id"]) == b"abc"


def test_an_expired_file_is_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = store_of(tmp_path)
    entry = store.add(io.BytesIO(b"abc"), "a.png", "vision", seconds=3600)
    later = time.time() + 3601
    monkeypatch.setattr("lib.endpoint.files.time.time", lambda: later)
    with pytest.raises(HttpError):
        store.get(entry["id"])
    assert store.all() == []
    assert list((tmp_path / "files").iterdir()) == []


@pytest.mark.parametrize("free", [0, 5, 9])
def test_the_limit_is_for_all_files_together(tmp_path: Path, free: int) -> None:
    store = store_of(tmp_path, max_total=10 + free)
    store.add(io.BytesIO(bytes(10)), "a", "vision")
    with pytest.raises(HttpError) as caught:
        store.add(io.BytesIO(bytes(free + 1)), "b", "vision")
    assert caught.value.status == 413
    store.add(io.BytesIO(bytes(free)), "c", "vision")
    assert sorted(entry["filename"] for entry in store.all()) == ["a", "c"]
    assert len(list((tmp_path / "files").iterdir())) == 4


@given(st.text(max_size=400))
def test_a_clean_name_is_never_a_path(name: str) -> None:
    clean = clean_name(name)
    assert 1 <= len(clean) <= 255 and clean.isprintable()
    assert "/" not in clean and "\\" not in clean


@pytest.mark.parametrize("bad", ["", ".", "..", "../x", "file-1", "file-" + "g" * 24, "file-" + "0" * 24 + "\n"])
def test_invalid_ids_are_not_found(tmp_path: Path, bad: str) -> None:
    with pytest.raises(HttpError) as caught:
        store_of(tmp_path).content(bad)
    assert caught.value.status == 404


def test_a_file_whose_data_was_deleted_is_not_found(tmp_path: Path) -> None:
    store = store_of(tmp_path)
    entry = store.add(io.BytesIO(b"abc"), "a.png", "vision")
    next((tmp_path / "files").glob("*.bin")).unlink()
    with pytest.raises(HttpError) as caught:
        store.content(entry["id"])
    assert caught.value.status == 404


def test_a_broken_entry_does_not_break_the_list(tmp_path: Path) -> None:
    store = store_of(tmp_path)
    entry = store.add(io.BytesIO(b"abc"), "a.png", "vision")
    for index, text in enumerate(
        ("", "{", "[]", "{}", '{"expires_at": "x"}', "\ud800".encode("utf-8", "surrogatepass"))
    ):
        data = text if isinstance(text, bytes) else text.encode()
        (tmp_path / "files" / f"file-{index:024x}.json").write_bytes(data)
    assert store.all() == [entry]
    with pytest.raises(HttpError):
        store.get(f"file-{2:024x}")


def test_concurrent_access(tmp_path: Path) -> None:
    store = store_of(tmp_path)
    failures: list[Exception] = []

    def work(number: int) -> None:
        try:
            for _ in range(10):
                entry = store.add(io.BytesIO(bytes([number]) * number), "n", "vision")
                assert store.content(entry["id"]) == bytes([number]) * number
                store.all()
                if number % 2:
                    store.delete(entry["id"])
        except Exception as error:  # noqa: BLE001 - a thread passes its failure to the test
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert len(store.all()) == 30


def upload(caller: Caller, **fields: object) -> object:
    return caller.form("/v1/files", **{"file": part(b"abc"), "purpose": "vision", **fields})


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"purpose": "fun"}, "purpose"),
        ({"file": "text"}, "file"),
        ({"other": "x"}, "other"),
        ({"expires_after[seconds]": "3600"}, "expires_after[anchor]"),
        ({"expires_after[anchor]": "created_at", "expires_after[seconds]": "60"}, "expires_after[seconds]"),
        ({"expires_after[anchor]": "created_at"}, "expires_after[seconds]"),
    ],
)
def test_the_error_of_a_bad_upload_names_the_field(caller: Caller, fields: dict[str, str], param: str) -> None:
    response = upload(caller, **fields)
    assert response.status_code == 400 and error_of(response)["param"] == param


def test_lists_are_paginated(caller: Caller) -> None:
    ids = [upload(caller, purpose=purpose).json["id"] for purpose in ("vision", "vision", "evals", "vision")]

    def list_files(query: str) -> dict[str, object]:
        return json.loads(caller.client.get(f"/v1/files?{query}", headers=AUTH).data)

    all_files = list_files("order=asc")
    assert {entry["id"] for entry in all_files["data"]} == set(ids) and not all_files["has_more"]
    order = [entry["id"] for entry in all_files["data"]]
    assert [entry["id"] for entry in list_files("order=desc")["data"]] == order[::-1]
    page = list_files("order=asc&limit=2")
    assert [entry["id"] for entry in page["data"]] == order[:2] and page["has_more"]
    assert (page["first_id"], page["last_id"]) == (order[0], order[1])
    rest = list_files(f"order=asc&after={order[1]}")
    assert [entry["id"] for entry in rest["data"]] == order[2:] and not rest["has_more"]
    assert len(list_files("purpose=evals")["data"]) == 1
    for bad in ("limit=0", "limit=x", "order=up", "after=file-0"):
        response = caller.client.get(f"/v1/files?{bad}", headers=AUTH)
        assert response.status_code == 400 and error_of(response)["param"] == bad.split("=")[0]


def test_browsers_do_not_display_content(caller: Caller) -> None:
    stored = upload(caller, file=part(b"<script>", "x.html", "text/html")).json
    response = caller.client.get(f"/v1/files/{stored['id']}/content", headers=AUTH)
    assert response.data == b"<script>" and response.mimetype == "application/octet-stream"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
