"""The channel “avoid”: the built-in engine copies nothing from it, and other reports say that it is unused."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

# Nothing here depends on GIMP's version.
pytestmark = pytest.mark.one_gimp("3.2")

SELECTED, AVOIDED = (100, 60, 60, 60), (20, 50, 70, 80)
NOTE = "Only the built-in engine uses the channel “avoid”."


def job_of(done):
    assert done["status"] == "success", done["error"]
    assert done["after"]["channels"] == done["before"]["channels"]
    folder = Path(done["report"]["job"])
    return folder, json.loads((folder / "job.json").read_text(encoding="utf-8"))


def test_the_built_in_engine_copies_nothing_from_it(gimp, out):
    done = gimp.call("avoid.remove", out=str(out), selected=SELECTED, avoided=AVOIDED, provider="local")
    folder, job_spec = job_of(done)
    frame = done["report"]["frame"]
    with Image.open(folder / job_spec["avoid"]) as file:
        avoided = np.asarray(file)[..., 3] == 0
    left, top = AVOIDED[0] - frame[0], AVOIDED[1] - frame[1]
    expected = np.zeros_like(avoided)
    expected[max(0, top) : top + AVOIDED[3], max(0, left) : left + AVOIDED[2]] = True
    assert np.array_equal(avoided, expected)
    visible = np.fromfile(out / "after.raw", np.uint16).reshape(192, 256, 4)[..., :3].astype(int) // 257
    x, y, width, height = SELECTED
    hole = visible[y : y + height, x : x + width]
    assert not ((hole[..., 0] > 200) & (hole[..., 1:].max(-1) < 60)).any(), "red was copied"
    assert NOTE not in done["report"]["notes"]


def test_other_providers_do_not_get_it_and_the_report_says_so(gimp, out, endpoint):
    endpoint.behave("invert")
    done = gimp.call("avoid.remove", out=str(out), selected=SELECTED, avoided=AVOIDED, provider="custom")
    job_of(done)
    assert NOTE in done["report"]["notes"]
    assert "avoid" not in endpoint.received[-1].fields


def test_a_channel_of_another_name_means_nothing(gimp, out):
    values = {"out": str(out), "selected": SELECTED, "avoided": AVOIDED, "provider": "local"}
    _folder, job_spec = job_of(gimp.call("avoid.remove", name="other", **values))
    assert job_spec["avoid"] is None
