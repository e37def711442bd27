"""The Files API: upload once, list, look up, delete, and use by id."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lib.api.client import ImagesClient
from lib.api.errors import ApiError, BadAnswerError, BrokenConnectionError, NotFoundError
from lib.api.files import StoredFile
from lib.api.request import EditRequest, FileId
from tests.wire.pictures import picture
from tests.wire.server import Recorded, Reply, images_reply, json_reply, serving

IMAGE = picture()
STORED: dict[str, Any] = {"id": "file-1", "object": "file", "bytes": 120, "created_at": 5, "expires_at": 9,
          "filename": "a.png", "purpose": "vision", "status": "processed"}  # fmt: skip


def test_upload_sends_what_the_sdk_sends(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(IMAGE)
    with serving(json_reply(STORED)) as server:
        stored = ImagesClient(server.url, "sk-1").files.upload(path, expires_after=3600)
    assert stored == StoredFile("file-1", "a.png", 120, "vision", 5, 9)
    assert stored.reference == FileId("file-1")
    assert (server.last.method, server.last.path) == ("POST", "/v1/files")
    assert server.last.fields == {
        "purpose": "vision",
        "expires_after[anchor]": "created_at",
        "expires_after[seconds]": "3600",
    }
    (part,) = server.last.files
    assert (part.name, part.filename, part.content_type, part.value) == ("file", "a.png", "image/png", IMAGE)


def test_upload_of_bytes_has_a_name_and_a_type() -> None:
    with serving(json_reply(STORED)) as server:
        ImagesClient(server.url, "sk-1").files.upload(picture("WEBP"))
    (part,) = server.last.files
    assert (part.filename, part.content_type) == ("image.webp", "image/webp")
    assert server.last.fields == {"purpose": "vision"}


def test_list_goes_through_all_pages() -> None:
    def answer(request: Recorded) -> Reply:
        if "after" not in request.query:
            return json_reply({"data": [STORED, {**STORED, "id": "file-2"}], "has_more": True})
        return json_reply({"data": [{"id": "file-3"}], "has_more": False})

    with serving(answer) as server:
        found = ImagesClient(server.url, "sk-1").files.list(purpose="vision")
    assert [stored.id for stored in found] == ["file-1", "file-2", "file-3"]
    assert found[2] == StoredFile("file-3", "", 0, "")
    assert [request.query for request in server.requests] == [
        {"purpose": ["vision"]},
        {"purpose": ["vision"], "after": ["file-2"]},
    ]


def test_get_and_delete_by_id() -> None:
    with serving(json_reply(STORED)) as server:
        files = ImagesClient(server.url, "sk-1").files
        assert files.get("file-1").filename == "a.png"
        files.delete(FileId("a/../b"))
    assert [(request.method, request.path) for request in server.requests] == [
        ("GET", "/v1/files/file-1"),
        ("DELETE", "/v1/files/a%2F..%2Fb"),
    ]


@pytest.mark.parametrize("answer", [{"data": [5]}, {"data": 5}, {"data": [{"id": 5}]}])
def test_a_strange_list_is_a_bad_answer(answer: Any) -> None:
    with serving(json_reply(answer)) as server, pytest.raises(BadAnswerError) as caught:
        ImagesClient(server.url, "sk-1").files.list()
    assert not caught.value.maybe_billed


def test_a_file_that_is_not_there() -> None:
    with serving(json_reply(STORED)) as server, pytest.raises(ApiError, match="/nowhere can't be read: No such file"):
        ImagesClient(server.url, "sk-1").files.upload("/nowhere")
    assert server.requests == []


def test_a_delete_that_is_sent_elsewhere_is_an_error_not_a_success() -> None:
    with serving(Reply(302, headers={"Location": "/login"})) as server, pytest.raises(NotFoundError, match="has moved"):
        ImagesClient(server.url, "sk-1").files.delete("file-1")
    assert len(server.requests) == 1


def test_an_upload_without_an_answer_was_not_billed() -> None:
    with serving(lambda request: None) as server, pytest.raises(BrokenConnectionError) as caught:
        ImagesClient(server.url, "sk-1").files.upload(IMAGE)
    assert not caught.value.maybe_billed
    assert "billed" not in caught.value.hint
    assert len(server.requests) == 1


def test_one_upload_serves_many_edits() -> None:
    def answer(request: Recorded) -> Reply:
        return json_reply(STORED) if request.path == "/v1/files" else images_reply(IMAGE)

    with serving(answer) as server, ImagesClient(server.url, "sk-1") as client:
        reference = client.files.upload(IMAGE).reference
        for _ in range(3):
            client.edit(EditRequest([reference], "p"))
    assert sum(request.path == "/v1/files" for request in server.requests) == 1
    assert all(len(request.body) < 200 for request in server.requests[1:])


def test_a_file_that_shrinks_while_it_is_sent_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(IMAGE + b"\0" * 5_000_000)
    shrunk: list[object] = []

    def shrink(event: object) -> None:
        if not shrunk:
            shrunk.append(event)
            with path.open("r+b") as file:
                file.truncate(100)

    with serving(images_reply(IMAGE)) as server:
        client = ImagesClient(server.url, "sk-1", on_event=shrink)
        with pytest.raises(ApiError, match="became shorter while it was sent") as caught:
            client.edit(EditRequest([path], "p"))
    assert not caught.value.maybe_billed


def test_a_file_that_vanishes_after_the_check_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"
    monkeypatch.setattr("lib.api.client.validate", lambda *arguments: [])
    with serving(images_reply(IMAGE)) as server, pytest.raises(ApiError, match="can't be read"):
        ImagesClient(server.url, "sk-1").edit(EditRequest([path], "p"))
    assert server.requests == []
