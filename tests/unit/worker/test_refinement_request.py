"""The request that blends the tiles of a second pass into the result that they refine."""

import json
from pathlib import Path

import numpy as np
import pytest

from lib.jobs import stored_data
from lib.jobs.job import Job
from lib.worker.requests import answer
from tests.systems import DATA_HOME

FRAME = [100, 50, 200, 160]


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    monkeypatch.setenv(DATA_HOME, str(tmp_path))


def picture(height, width, level):
    return np.full((height, width, 4), level, np.uint8)


def blend(job, tiles):
    """The answer, after it passed through the pipe."""
    message = {"do": "blend-tiles", "job": str(job.folder), "layer": "layer-1.rgba", "frame": FRAME}
    return json.loads(json.dumps(answer({**message, "tiles": tiles})))


@pytest.fixture
def job():
    """A job with a result, grey."""
    job = Job.new()
    job.write("layer-1.rgba", picture(160, 200, 100).tobytes())
    return job


def tile(frame, level=None):
    job = Job.new()
    if level is not None:
        job.write("layer-1.rgba", picture(frame[3], frame[2], level).tobytes())
    return {"frame": frame, "job": str(job.folder), "layer": None if level is None else "layer-1.rgba"}


def test_tiles_are_blended_where_they_are(job):
    made = blend(job, [tile([90, 40, 140, 200], 200), tile([160, 40, 200, 200])])
    assert made["layer"] == "layer-1.rgba"
    assert made["notes"] == []
    pixels = np.frombuffer(stored_data.read(job, made["layer"]), np.uint8).reshape(160, 200, 4)
    assert (pixels[:, :60, :3] == 200).all()
    assert (pixels[:, 130:, :3] == 100).all(), "where the tile is missing, the result stays"
    assert (np.diff(pixels[0, :, 0].astype(int)) <= 0).all()
    assert (pixels[..., 3] == 100).all()


def test_colours_outside_srgb_stay_where_the_tiles_kept_them(job):
    floats = np.full((160, 200, 4), 0.4, np.float32)
    floats[..., 0] = 1.3
    bytes_of = np.clip(np.rint(floats * 255), 0, 255).astype(np.uint8)
    job.write("layer-1.rgba", bytes_of.tobytes())
    job.write("layer-1.float", floats.tobytes())
    whole = tile(FRAME, 0)
    Job(Path(whole["job"])).write("layer-1.rgba", bytes_of.tobytes())
    blend(job, [whole])
    colours = np.frombuffer(job.path("layer-1.float").read_bytes(), np.float32).reshape(160, 200, 4)
    assert np.allclose(colours[..., 0], 1.3, atol=1e-3)


def test_a_result_that_was_deleted_is_an_error(job):
    job.path("layer-1.rgba").unlink()
    made = blend(job, [tile(FRAME, 200)])
    assert "error" in made
    assert str(job.folder) in made["error"]["hint"]
