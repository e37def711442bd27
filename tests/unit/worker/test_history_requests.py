"""The requests of the History window: layers of an earlier job and thumbnails, whatever its folder contains."""

import base64
import io
import json
import zlib

import pytest
from PIL import Image

from lib.imaging import layer_mask
from lib.jobs import stored_data
from lib.jobs.job import LAYER_MASK, SELECTION, Job
from lib.worker.requests import history as history_requests
from tests.systems import DATA_HOME
from tests.unit.worker.test_worker import make_job, run


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    monkeypatch.setenv(DATA_HOME, str(tmp_path))


@pytest.fixture
def job():
    """A job with a result."""
    job = make_job(fit=True)
    job.write("result-1.png", png((96, 64)))
    return job


def ask(job, request=history_requests.layers, **values):
    """Return the answer after it passed through the pipe."""
    return json.loads(json.dumps(request({"job": str(job.folder), **values})))


def png(size, color="red", mode="RGB"):
    file = io.BytesIO()
    Image.new(mode, size, color).save(file, "PNG")
    return file.getvalue()


def test_layers_are_made_again_identically():
    job = make_job(fit=True)
    assert run(job)[-1]["event"] == "done"
    first = job.path("layer-1.rgba").read_bytes()
    job.path("layer-1.rgba").unlink()
    again = ask(job)
    assert stored_data.read(job, again["layers"][0]) == first and again["frame"] == [0, 0, 96, 64]
    assert again["layer_mask"] is None and len(stored_data.read(job, again["original"])) == 96 * 64 * 4


def test_a_requested_layer_mask_is_made_again():
    job = make_job(layer_mask={"grow": 2, "feather": 1.0})
    values = bytes(96 * 30) + b"\xff" * (96 * 4) + bytes(96 * 30)
    job.write(SELECTION, values)
    job.write("result-1.png", png((96, 64)))
    assert ask(job)["layer_mask"] == LAYER_MASK
    assert job.path(LAYER_MASK).read_bytes() == layer_mask.shape(values, 96, 64, 2, 1.0)


def test_without_a_valid_job_json_the_picture_keeps_its_size(job):
    job.write("job.json", b"{")
    job.write("result-1.png", png((40, 30)))
    again = ask(job)
    assert again["frame"] == [0, 0, 40, 30] and again["original"] is None
    assert stored_data.read(job, again["layers"][0]) == b"\xff\x00\x00\xff" * 1200


DAMAGES = {
    "no pictures": {"result-1.png": None},
    "not a picture": {"result-1.png": b"text"},
    "half a picture": {"result-1.png": png((2000, 2000))[:200]},
    "selection too short": {"job.json": {"layer_mask": {"grow": 1, "feather": 0.0}}, SELECTION: b"x"},
    "no selection": {"job.json": {"layer_mask": {"grow": 1, "feather": 0.0}}},
    "a plan of a million pixels a side": {
        "job.json": {"plan": {"frame": [0, 0, 10**6, 10**6], "sent": [0, 0, 10**6, 10**6], "size": [96, 64]}}
    },
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_job_is_reported_with_a_hint(job, damage):
    for name, content in damage.items():
        if content is None:
            job.path(name).unlink()
        elif isinstance(content, dict):
            job.write_json(name, job.read_json(name) | content)
        else:
            job.write(name, content)
    error = ask(job)["error"]
    assert error["message"].endswith(".") and error["hint"].endswith(".") and "Traceback" not in error["message"]


HARMLESS = {
    "other names": {"images": ["../../secret.png"], "mask": "/etc/passwd"},
    "odd shape": {"layer_mask": {"grow": -5, "feather": "much"}},
    "odd types": {"fit": "yes", "request": 7, "layer_mask": [1]},
}


@pytest.mark.parametrize("change", HARMLESS.values(), ids=HARMLESS)
def test_invalid_fields_of_job_json_are_ignored(job, change):
    job.write_json("job.json", job.read_json("job.json") | change)
    again = ask(job)
    assert len(again["layers"]) == 1 and again["layer_mask"] is None


def test_an_original_of_another_size_is_not_used_for_alignment(job):
    job.write("image-1.png", png((50, 50)))
    assert len(ask(job)["layers"]) == 1


def test_thumbnails_are_small_cached_and_made_of_results_only(job):
    job.write("result-1.png", png((192, 96)))
    small = ask(job, history_requests.thumbnail)
    assert (small["width"], small["height"]) == (128, 64)
    assert base64.b64decode(small["rgb"])[:3] == b"\xff\x00\x00"
    job.write("result-1.png", b"no picture")
    assert ask(job, history_requests.thumbnail) == small, "cached"
    assert ask(job, history_requests.thumbnail, file="../job.json") == {}
    assert ask(job, history_requests.thumbnail, file="image-1.png", edge=50)["width"] == 50, "before the edit"
    assert ask(job, history_requests.thumbnail, file="result-1.png", edge=300) == {}
    job.write("thumbnail.rgb", b"xx")
    assert ask(job, history_requests.thumbnail) == {}


def test_the_thumbnail_of_a_job_without_a_result_is_the_original():
    job = make_job()
    assert ask(job, history_requests.thumbnail)["width"] == 96
    job.path("image-1.png").unlink()
    assert ask(job, history_requests.thumbnail) == {}
    assert ask(Job(job.folder / "gone"), history_requests.thumbnail) == {}


def test_thumbnails_are_grey_where_the_picture_is_transparent(job):
    job.write("result-1.png", png((8, 8), (255, 0, 0, 0), "RGBA"))
    assert base64.b64decode(ask(job, history_requests.thumbnail, edge=50)["rgb"])[:3] == bytes([128] * 3)


def test_content_credentials_of_a_result_are_reported(job):
    assert ask(job, history_requests.thumbnail, file="result-1.png")["content_credentials"] is False
    png = job.path("result-1.png").read_bytes()
    box = b"jumb" + b"\0\0\0\x1ejumdc2pa\0\x11\0\x10\x80\0\0\xaa\08\x9bq\x03c2pa\0"
    chunk = len(box).to_bytes(4, "big") + b"caBX" + box + zlib.crc32(b"caBX" + box).to_bytes(4, "big")
    job.write("result-1.png", png[:33] + chunk + png[33:])
    assert ask(job, history_requests.thumbnail, file="result-1.png")["content_credentials"] is True
    assert "content_credentials" not in ask(job, history_requests.thumbnail)
