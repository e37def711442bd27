"""Folder runs in real GIMPs: pictures in, pictures out, each as it was asked for."""

import csv
import json

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def source(out):
    folder = out / "in"
    folder.mkdir()
    return folder


def picture(path, size=(64, 48), mode="RGB", hole=None):
    """A gradient in a file, transparent in a box where that is wanted."""
    image = Image.linear_gradient("L").resize(size).convert(mode)
    if hole:
        image = image.convert("RGBA")
        image.paste((0, 0, 0, 0), hole)
    image.save(path)
    return path


def run(gimp, source, **arguments):
    results = source.with_name("results")
    given = {"input_folder": str(source), "output_folder": str(results), "prompt": "x", "provider": "custom"}
    return gimp.call("folders.run", **{**given, **arguments}), results


def report_of(results):
    with (results / "report.csv").open(encoding="utf-8-sig", newline="") as file:
        table = list(csv.DictReader(file))
    lines = [json.loads(line) for line in (results / "report.jsonl").read_text().splitlines()]
    assert [row["picture"] for row in table] == [line["picture"] for line in lines]
    assert [row["status"] for row in table] == [line["status"] for line in lines]
    return {line["picture"]: line for line in lines}


def test_every_picture_is_edited_and_told_of(gimp, source, endpoint):
    endpoint.behave("invert")
    for name in ("a.png", "b.jpg", "c.webp"):
        picture(source / name)
    (source / "notes.txt").write_text("no picture")
    done, results = run(gimp, source)
    assert done["status"] == "success", done["error"]
    assert done["files"] == [str(results / name) for name in ("a.png", "b.png", "c.png")] and done["images"] == 0
    before, after = (np.asarray(Image.open(folder / "a.png").convert("RGB"), int) for folder in (source, results))
    assert np.abs(255 - before - after).max() <= 1
    told = report_of(results)
    assert {line["status"] for line in told.values()} == {"done"} and len(endpoint.received) == 3
    assert all(line["request_ids"] == ["req_test"] and line["provider"] == "custom" for line in told.values())
    assert done["report"]["done"] == done["report"]["pictures"] == 3
