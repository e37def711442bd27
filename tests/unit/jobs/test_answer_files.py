"""Answers are saved before they are parsed, without the key, and parsed later if that failed."""

import base64
import json
import os
import struct
import tempfile
import zlib
from dataclasses import replace
from pathlib import Path

import pytest

from lib.api.errors import BadResponseError
from lib.api.recording import RedactingSink, ResponseHead, Secrets
from lib.jobs import answer_files, history, stored_data
from lib.jobs.answer_files import AnswerFiles, parse_answers
from lib.jobs.history_record import JobState
from lib.jobs.job import INSERTED
from lib.jobs.stored_data import FallbackWriter
from lib.worker.edit_job import EditJob
from lib.worker.requests import history as history_requests
from plugin.folder.resume import NextStep, is_unknown, next_step
from tests.systems import DATA_HOME
from tests.unit.worker.test_worker import make_job
from tests.wire import mutated_answers
from tests.wire.mutated_answers import BASE64, PICTURE, STREAM, Case
from tests.wire.server import Reply, serving

KEY = "sk-canary/3d1f+77"
HEAD = ResponseHead(200, "application/json", "req_1")


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    monkeypatch.setenv(DATA_HOME, str(tmp_path / "data"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    (tmp_path / "data").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))


class Bytes:
    def __init__(self):
        self.data = b""

    def write(self, data):
        self.data += data

    def close(self):
        pass


TEXT = f'{{"a": "Bearer {KEY}", "b": "{KEY}{KEY}", "c": "{KEY[:-1]}", "d": "sk-sk-canary/3d1f+77"}}'.encode()
COVERED = TEXT.replace(KEY.encode(), b"*" * len(KEY))


def test_the_key_is_overwritten_even_across_chunks():
    secrets = Secrets([KEY])
    for first in range(len(TEXT) + 1):
        for second in (first, first + 1, first + 3, len(TEXT)):
            sink = Bytes()
            covering = RedactingSink(sink, secrets)
            for chunk in (TEXT[:first], TEXT[first:second], TEXT[second:]):
                covering.write(chunk)
                assert KEY.encode() not in sink.data
            covering.close()
            assert sink.data == COVERED


def test_only_the_possible_start_of_a_key_is_held_back():
    sink = Bytes()
    covering = RedactingSink(sink, Secrets([KEY]))
    for position in range(len(TEXT)):
        covering.write(TEXT[position : position + 1])
        held = COVERED[len(sink.data) : position + 1]
        assert len(held) < len(KEY) and (not held or TEXT[len(sink.data) : position + 1] == KEY.encode()[: len(held)])
    covering.close()
    assert sink.data == COVERED


@pytest.mark.parametrize("written", [KEY.replace("/", "\\/"), "sk-canary%2F3d1f%2B77"])
def test_an_escaped_key_is_overwritten_too(written):
    assert Secrets([KEY]).redact(f'"{written}"'.encode()) == b'"' + b"*" * len(written) + b'"'


def test_a_short_key_is_not_overwritten():
    assert Secrets(["1234567"]).redact(b"1234567") == b"1234567"
    assert Secrets(["12345678"]).redact(b"12345678") == b"********"


def test_data_is_on_disk_at_once_and_deleted_when_discarded():
    job = make_job()
    files = AnswerFiles(job, FallbackWriter(job))
    assert files.folder is None
    sink = files.begin(HEAD)
    sink.write(b"half")
    assert job.path("answer-1.body").read_bytes() == b"half" and files.folder == job.folder
    assert job.read_json("answer-1.json")["request_id"] == "req_1"
    files.begin(HEAD).write(b"another")
    assert job.path("answer-2.body").read_bytes() == b"another" and job.has_answer
    files.discard()
    assert not list(job.folder.glob("answer*")) and files.folder is None and not job.has_answer


@pytest.mark.linux
@pytest.mark.parametrize("refuses", ["at once", "midway"])
@pytest.mark.parametrize("everywhere", [False, True])
def test_answers_move_to_a_temporary_folder_on_a_full_disk(refuses, everywhere, monkeypatch, tmp_path):
    """The received data moves to the temporary folder; if that is full too, nothing is saved."""
    job = make_job()
    files, real = AnswerFiles(job, FallbackWriter(job)), os.write
    full = [refuses == "at once"]

    def write(file, data):
        path = Path(f"/proc/self/fd/{file}").readlink()
        if full[0] and (everywhere or path.is_relative_to(job.folder)):
            if len(data) > 2:
                return real(file, data[:2])
            raise OSError(28, "No space left on device")
        return real(file, data)

    monkeypatch.setattr(answer_files.os, "write", write)
    sink = files.begin(HEAD)
    sink.write(b"first ")
    full[0] = True
    sink.write(b"second ")
    sink.write(b"third")
    sink.close()
    if everywhere:
        assert files.folder is None and not list((tmp_path / "tmp").glob("*/*"))
    else:
        assert files.folder != job.folder and (files.folder / "answer-1.body").read_bytes() == b"first second third"
    assert not job.path("answer-1.body").exists()
    files.discard()
    assert not list((tmp_path / "tmp").iterdir())


def edit(case, monkeypatch, key=KEY, job=None):
    """Run a job with the answer of a case; return its last event, the job, and the events before."""
    headers = {"Content-Type": case.content_type} | ({"Content-Encoding": case.encoding} if case.encoding else {})
    if case.announced is not None:
        headers["Content-Length"] = str(case.announced)
    reply = Reply(200, headers=headers, chunks=[case.body])

    def answer(request):
        return Reply(200, PICTURE, {"Content-Type": "image/png"}) if request.method == "GET" else reply

    request = {"prompt": "x", "n": 1, "size": "96x64", "stream": case.content_type == STREAM or None}
    job = job or make_job(provider="custom", request=request, previews=True)
    with serving(answer) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("OPENAI_API_KEY", key)
        events = []
        return EditJob(job, events.append).run(), job, events


def bodies(job):
    return [path.read_bytes() for path in sorted(job.folder.glob("answer-*.body"))]


@pytest.mark.parametrize("case", mutated_answers.cases()[::9], ids=lambda case: case.name)
def test_the_picture_is_inserted_or_the_message_says_where_it_is(case, monkeypatch):
    final, job, _events = edit(case, monkeypatch)
    record = history.record(job.folder)
    if final["event"] == "done":
        assert len(stored_data.read(job, final["layers"][0])) == 96 * 64 * 4
        assert case.picture in [job.path(name).read_bytes() for name in record.results]
        assert record.state is JobState.WAITING
        # The answer is kept only if a part of it could not be read.
        notes = [note for note in final["report"]["notes"] if str(job.folder) in note]
        assert bool(bodies(job)) == bool(notes)
    else:
        assert not case.complete, final
        assert str(job.folder) in final["hint"] and "try again" not in f"{final['message']} {final['hint']}".lower()
        assert final["maybe_billed"] and bodies(job)[0] == case.body
        assert record.state is JobState.UNREAD and str(job.folder) in record.note


TOMORROWS = base64.b64encode(b"a format of tomorrow" * 9).decode()
GARBAGE = Case("garbage", json.dumps({"data": [{"b64_json": TOMORROWS}]}).encode())


def test_an_unreadable_answer_is_parsed_again_by_a_later_version(monkeypatch):
    final, job, _events = edit(GARBAGE, monkeypatch)
    assert final["event"] == "error" and "History can try to read it again" in final["hint"]
    response = history_requests.layers({"job": str(job.folder)})
    assert "still can't be read" in response["error"]["message"] and str(job.folder) in response["error"]["hint"]
    assert history.record(job.folder).has_answer, "it stays"
    # A readable answer stands for one that a later version can parse.
    job.write("answer-1.body", json.dumps({"data": [{"b64_json": BASE64}], "usage": {"total_tokens": 4}}).encode())
    response = history_requests.layers({"job": str(job.folder)})
    assert len(stored_data.read(job, response["layers"][0])) == 96 * 64 * 4
    assert job.path("result-1.png").read_bytes() == PICTURE and not bodies(job)
    record = history.record(job.folder)
    assert record.state is JobState.WAITING and record.results == ("result-1.png",) and not record.note
    assert job.read_json("response.json")["usage"] == {"total_tokens": 4}


def test_the_history_parses_the_answer_of_a_killed_worker(monkeypatch):
    job = make_job(provider="custom")
    job.write_json("sent.json", {})
    sink = AnswerFiles(job, FallbackWriter(job)).begin(HEAD)
    sink.write(json.dumps({"data": [{"url": "/a.png"}]}).encode())
    download = AnswerFiles(job, FallbackWriter(job))
    download.begin(HEAD)
    download.begin(replace(HEAD, address="/a.png")).write(PICTURE)
    job.write("answer-1.body", json.dumps({"data": [{"url": "/a.png"}]}).encode())
    record = history.record(job.folder)
    job.release()
    assert record.state is JobState.UNREAD and "interrupted" in record.note
    assert history.unreported() == {job.folder: JobState.UNREAD}
    assert parse_answers(job).images[0].data == PICTURE
    job.path("answer-2.body").unlink()
    with pytest.raises(BadResponseError, match="is at /a.png"):
        parse_answers(job)


def test_a_folder_run_uses_a_saved_answer_instead_of_paying_again(monkeypatch):
    _final, job, _events = edit(GARBAGE, monkeypatch)
    assert is_unknown(job.folder)
    assert next_step(job.folder, was_done=False, retry_unknown=False) is NextStep.COLLECT
    assert next_step(job.folder, was_done=False, retry_unknown=True) is NextStep.SEND


@pytest.mark.parametrize("head", [b"", b"[]", b"{", b'{"status": "x", "request_id": 7, "address": []}'])
def test_invalid_fields_of_a_head_are_ignored(monkeypatch, head):
    _final, job, _events = edit(GARBAGE, monkeypatch)
    job.write("answer-1.json", head)
    job.write("answer-1.body", PICTURE)
    assert parse_answers(job).images[0].data == PICTURE


def test_a_job_with_an_inserted_answer_has_that_state(monkeypatch):
    _final, job, _events = edit(GARBAGE, monkeypatch)
    job.path(INSERTED).touch()
    assert history.record(job.folder).state is JobState.INSERTED


def test_a_refusal_with_a_success_status_leaves_no_answer(monkeypatch):
    refusal = {"error": {"message": "No.", "code": "moderation_blocked"}}
    final, job, _events = edit(Case("refusal", json.dumps(refusal).encode()), monkeypatch)
    assert final["message"] == "No." and not final["maybe_billed"] and not bodies(job)
    assert history.record(job.folder).state is JobState.FAILED


def test_an_undecodable_picture_is_kept_without_a_hint_to_try_again(monkeypatch):
    cut = base64.b64encode(PICTURE[: len(PICTURE) // 2]).decode()
    final, job, _events = edit(Case("cut", json.dumps({"data": [{"b64_json": cut}]}).encode()), monkeypatch)
    assert final["event"] == "error" and final["maybe_billed"] and str(job.folder) in final["hint"]
    assert "again" not in final["message"] and "then try again" not in final["hint"]
    assert job.path("result-1.png").exists()


def test_one_undecodable_picture_does_not_lose_the_others(monkeypatch):
    cut = base64.b64encode(PICTURE[: len(PICTURE) // 2]).decode()
    entries = {"data": [{"b64_json": cut}, {"b64_json": BASE64}]}
    final, job, _events = edit(Case("one", json.dumps(entries).encode()), monkeypatch)
    assert final["event"] == "done" and len(final["layers"]) == 1
    assert any("Couldn't open a picture" in note for note in final["report"]["notes"])


def with_checksum(content):
    """Return a chunk of a PNG with its length and checksum, from its name and data."""
    return struct.pack(">I", len(content) - 4) + content + struct.pack(">I", zlib.crc32(content))


PIXELS = PICTURE.index(b"IDAT")
BROKEN = {
    "the header's checksum": PICTURE[:29] + b"1234" + PICTURE[33:],
    "a chunk's name": PICTURE[: PIXELS - 4]
    + with_checksum(PICTURE[PIXELS : PIXELS + 14])
    + with_checksum(b"\1\2\3\4x"),
    "a text of 40 MiB": PICTURE[: PIXELS - 4]
    + with_checksum(b"zTXtComment\0\0" + zlib.compress(bytes(40 << 20)))
    + PICTURE[PIXELS - 4 : -20],
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=list(BROKEN))
def test_a_preview_with_a_broken_chunk_does_not_stop_the_edit(monkeypatch, broken):
    """Each raises another error in the decoder: OSError, SyntaxError, ValueError."""
    preview = {"type": "image_edit.partial_image", "b64_json": base64.b64encode(broken).decode()}
    stream = f"data: {json.dumps(preview)}\n\ndata: {json.dumps({'type': 'completed', 'b64_json': BASE64})}\n\n"
    final, job, _events = edit(Case("preview", stream.encode(), STREAM), monkeypatch)
    assert final["event"] == "done" and job.path("result-1.png").read_bytes() == PICTURE


@pytest.mark.parametrize("shape", ['{"data": [{"b64_json": "?", "x": "%s"}]}', '{"error": {"message": "%s"}}', "%s"])
def test_a_key_repeated_in_an_answer_is_in_no_file_of_the_job(monkeypatch, shape):
    body = shape.replace("%s", KEY)
    final, job, _events = edit(Case("key", body.encode()), monkeypatch)
    assert KEY not in json.dumps(final)
    assert all(KEY.encode() not in path.read_bytes() for path in job.folder.iterdir())


def test_a_key_beside_a_valid_picture_is_in_no_file_either(monkeypatch):
    answer = {"data": [{"b64_json": BASE64, "revised_prompt": KEY}], "size": KEY, KEY: KEY, "error": {"message": KEY}}
    final, job, _events = edit(Case("key", json.dumps(answer).encode()), monkeypatch)
    assert final["event"] == "done" and KEY not in json.dumps(final)
    assert all(KEY.encode() not in path.read_bytes() for path in job.folder.iterdir())
