"""A job's masks in the worker: a shadow is added to the selection, and `avoid` is only sent to the engine."""

import io

import numpy as np
import pytest
from PIL import Image

from lib.frame.frame import Plan
from lib.frame.geometry import Rect, Size
from lib.jobs.job import SELECTION
from lib.worker.edit_job import EditJob, build_request
from tests.endpoint.test_shadow import POST, SHADOW, SIZE, scene
from tests.systems import DATA_HOME
from tests.unit.worker.test_worker import make_job


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a job on a picture, with a post selected; return its report, its selection and its result."""
    monkeypatch.setenv(DATA_HOME, str(tmp_path))

    def run(prompt, image, **changes):
        area = Rect(0, 0, SIZE[1], SIZE[0])
        plan = Plan(area, area, Size(*SIZE[::-1])).to_json()
        request = {"prompt": prompt, "n": 1, "size": f"{SIZE[1]}x{SIZE[0]}"}
        job = make_job(request=request, plan=plan, mask_grow=0, **changes)
        alpha = np.where(POST, 0, 255).astype(np.uint8)
        job.write("image-1.png", png(image))
        job.write("mask.png", png(np.dstack([255 - alpha] * 3 + [alpha])))
        job.write(SELECTION, (255 - alpha).tobytes())
        final = EditJob(job, lambda _event: None).run()
        assert final["event"] == "done", final
        selection = np.frombuffer(job.path(SELECTION).read_bytes(), np.uint8).reshape(SIZE)
        with Image.open(job.path("result-1.png")) as result:
            return final["report"], selection, np.asarray(result.convert("RGB"))

    return run


def png(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def test_a_shadow_that_the_prompt_names_is_removed_and_masked_too(run):
    image = scene(0.45)
    report, selection, result = run("remove the post and its shadow", image)
    assert (selection[SHADOW | POST] == 255).mean() > 0.95
    assert np.array_equal(result[selection == 0], image[selection == 0])
    assert result[SHADOW].mean() > image[SHADOW & ~POST].mean() + 30
    assert "The layer mask extends beyond the selection, over the shadow." in report["notes"]


def test_without_a_shadow_the_selection_stays_and_a_note_says_so(run):
    report, selection, _result = run("remove the post and its shadow", scene(0))
    assert np.array_equal(selection == 255, POST)
    assert "No shadow was found at the foot of the selection. Select it too, then try again." in report["notes"]


def test_a_shadow_that_the_prompt_does_not_name_stays(run):
    report, selection, _result = run("remove the post", scene(0.45))
    assert np.array_equal(selection == 255, POST) and report["notes"] == []


def test_what_to_avoid_is_sent_to_the_built_in_engine_only(tmp_path, monkeypatch):
    monkeypatch.setenv(DATA_HOME, str(tmp_path))
    for provider, is_sent in (("local", True), ("openai", False), ("custom", False)):
        job = make_job(provider=provider, avoid="avoid.png")
        request = build_request(job, job.read_json("job.json"))
        assert request.avoid == (job.path("avoid.png") if is_sent else None)
