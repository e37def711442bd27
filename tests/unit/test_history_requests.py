"""What the history asks the worker: layers of a kept job once more, small pictures, whatever is in the folder."""

import base64
import io
import json

import pytest
from PIL import Image

from lib.imaging import layer_mask
from lib.jobs.fallback_writer import data_of
from lib.jobs.job import LAYER_MASK, SELECTION, Job
from lib.worker.requests import history as history_requests
from tests.systems import DATA_HOME
from tests.unit.test_worker import make_job, run


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    monkeypatch.setenv(DATA_HOME, str(tmp_path))


@pytest.fixture
def job():
    """A job whose result is there."""
    job = make_job(fit=True)
    job.write("result-1.png", png((96, 64)))
    return job


def ask(job, request=history_requests.layers, **values):
    """The answer, as it would cross the pipe."""
    return json.loads(json.dumps(request({"job": str(job.folder), **values})))


def png(size, color="red", mode="RGB"):
    file = io.BytesIO()
    Image.new(mode, size, color).save(file, "PNG")
    return file.getvalue()


def test_layers_are_made_again_as_they_were():
    job = make_job(fit=True)
    assert run(job)[-1]["event"] == "done"
    first = job.path("layer-1.rgba").read_bytes()
    job.path("layer-1.rgba").unlink()
    again = ask(job)
    assert data_of(job, again["layers"][0]) == first and again["frame"] == [0, 0, 96, 64]
    assert again["layer_mask"] is None and len(data_of(job, again["original"])) == 96 * 64 * 4


def test_the_layer_mask_that_was_asked_for_comes_again():
    job = make_job(layer_mask={"grow": 2, "feather": 1.0})
    values = bytes(96 * 30) + b"\xff" * (96 * 4) + bytes(96 * 30)
    job.write(SELECTION, values)
    job.write("result-1.png", png((96, 64)))
    assert ask(job)["layer_mask"] == LAYER_MASK
    assert job.path(LAYER_MASK).read_bytes() == layer_mask.shaped(values, 96, 64, 2, 1.0)


def test_without_a_readable_job_json_the_picture_comes_as_it_is(job):
    job.write("job.json", b"{")
    job.write("result-1.png", png((40, 30)))
    again = ask(job)
    assert again["frame"] == [0, 0, 40, 30] and again["original"] is None
    assert data_of(job, again["layers"][0]) == b"\xff\x00\x00\xff" * 1200


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
def test_a_damaged_job_is_told_in_two_sentences(job, damage):
    for name, content in damage.items():
        if content is None:
            job.path(name).unlink()
        elif isinstance(content, dict):
            job.write_json(name, job.read_json(name) | content)
        else:
            job.write(name, content)
    told = ask(job)["error"]
    assert told["message"].endswith(".") and told["hint"].endswith(".") and "Traceback" not in told["message"]


HARMLESS = {
    "other names": {"images": ["../../secret.png"], "mask": "/etc/passwd"},
    "odd shape": {"layer_mask": {"grow": -5, "feather": "much"}},
    "odd types": {"fit": "yes", "request": 7, "layer_mask": [1]},
}


@pytest.mark.parametrize("change", HARMLESS.values(), ids=HARMLESS)
def test_what_is_wrong_in_job_json_counts_as_not_asked_for(job, change):
    job.write_json("job.json", job.read_json("job.json") | change)
    again = ask(job)
    assert len(again["layers"]) == 1 and again["layer_mask"] is None


def test_a_sent_picture_of_another_size_is_no_guide(job):
    job.write("image-1.png", png((50, 50)))
    assert len(ask(job)["layers"]) == 1


def test_thumbnails_are_small_kept_and_made_of_results_only(job):
    job.write("result-1.png", png((192, 96)))
    small = ask(job, history_requests.thumbnail)
    assert (small["width"], small["height"]) == (72, 36)
    assert base64.b64decode(small["rgb"])[:3] == b"\xff\x00\x00"
    job.write("result-1.png", b"now it is none")
    assert ask(job, history_requests.thumbnail) == small, "kept"
    assert ask(job, history_requests.thumbnail, file="../job.json") == {}
    assert ask(job, history_requests.thumbnail, file="result-1.png", edge=300) == {}
    job.write("thumbnail.rgb", b"xx")
    assert ask(job, history_requests.thumbnail) == {}


def test_a_job_without_a_result_shows_what_was_to_be_edited():
    job = make_job()
    assert ask(job, history_requests.thumbnail)["width"] == 72
    job.path("image-1.png").unlink()
    assert ask(job, history_requests.thumbnail) == {}
    assert ask(Job(job.folder / "gone"), history_requests.thumbnail) == {}


def test_transparency_is_shown_on_grey(job):
    job.write("result-1.png", png((8, 8), (255, 0, 0, 0), "RGBA"))
    assert base64.b64decode(ask(job, history_requests.thumbnail, edge=50)["rgb"])[:3] == bytes([128] * 3)
