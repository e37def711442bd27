"""Reference pictures are sent upright, and otherwise byte for byte."""

import pytest
from PIL import Image, ImageChops, ImageOps

from lib.api.request import FileId, Url
from lib.jobs.job import Job
from lib.worker import edit_job
from tests.systems import DATA_HOME


@pytest.fixture
def job(tmp_path, monkeypatch):
    monkeypatch.setenv(DATA_HOME, str(tmp_path / "data"))
    return Job.new()


def sent(job, *references):
    request = {"prompt": "x"}
    job_spec = {"images": [], "references": list(map(str, references)), "mask": None, "request": request}
    return edit_job.build_request(job, job_spec).images


def photograph(path, orientation):
    picture = Image.linear_gradient("L").resize((40, 24)).convert("RGB")
    picture.paste("red", (0, 0, 8, 8))
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture.save(path, exif=exif, icc_profile=b"its colours")
    return path


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp"])
@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_reference_is_turned_by_its_exif_orientation(job, tmp_path, name, orientation):
    path = photograph(tmp_path / name, orientation)
    before = path.read_bytes()
    [copy] = sent(job, path)
    assert copy.parent == job.folder and path.read_bytes() == before
    with Image.open(path) as original, Image.open(copy) as turned:
        assert turned.format == original.format and turned.info["icc_profile"] == b"its colours"
        assert turned.getexif().get(0x0112, 1) == 1
        expected = ImageOps.exif_transpose(original).convert("RGB")
        assert turned.size == expected.size
        error = max(high for _low, high in ImageChops.difference(expected, turned.convert("RGB")).getextrema())
        assert error < 60, "JPEG and WebP blur the red corner's edge"


def test_every_other_reference_is_sent_unchanged(job, tmp_path):
    upright = photograph(tmp_path / "a.jpg", 1)
    (tmp_path / "b.jpg").write_bytes(photograph(tmp_path / "c.jpg", 6).read_bytes()[:400])
    (tmp_path / "d.txt").write_text("no picture")
    paths = [str(upright), str(tmp_path / "b.jpg"), str(tmp_path / "d.txt"), str(tmp_path / "missing.png")]
    assert list(sent(job, *paths, "file-1", "https://example.org/a.png")) == [
        *paths, FileId("file-1"), Url("https://example.org/a.png"),
    ]  # fmt: skip
    assert not list(job.folder.glob("reference-*"))
