"""Reference pictures reach an endpoint upright, and otherwise byte for byte as they are."""

import pytest
from PIL import Image, ImageChops, ImageOps

from lib.api.request import FileId, Url
from lib.jobs.job import Job
from lib.worker import job_request
from tests.systems import DATA_HOME


@pytest.fixture
def job(tmp_path, monkeypatch):
    monkeypatch.setenv(DATA_HOME, str(tmp_path / "data"))
    return Job.new()


def sent(job, *references):
    request = {"prompt": "x"}
    asked = {"images": [], "references": list(map(str, references)), "mask": None, "request": request}
    return job_request.request_of(job, asked).images


def photograph(path, orientation):
    picture = Image.linear_gradient("L").resize((40, 24)).convert("RGB")
    picture.paste("red", (0, 0, 8, 8))
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture.save(path, exif=exif, icc_profile=b"its colours")
    return path


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp"])
@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_reference_is_turned_as_its_camera_noted(job, tmp_path, name, orientation):
    path = photograph(tmp_path / name, orientation)
    before = path.read_bytes()
    [copy] = sent(job, path)
    assert copy.parent == job.folder and path.read_bytes() == before
    with Image.open(path) as given, Image.open(copy) as made:
        assert made.format == given.format and made.info["icc_profile"] == b"its colours"
        assert made.getexif().get(0x0112, 1) == 1
        wanted = ImageOps.exif_transpose(given).convert("RGB")
        assert made.size == wanted.size
        off = max(high for _low, high in ImageChops.difference(wanted, made.convert("RGB")).getextrema())
        assert off < 60, "JPEG and WebP blur the red corner's edge"


def test_every_other_reference_is_sent_as_it_is(job, tmp_path):
    upright = photograph(tmp_path / "a.jpg", 1)
    (tmp_path / "b.jpg").write_bytes(photograph(tmp_path / "c.jpg", 6).read_bytes()[:400])
    (tmp_path / "d.txt").write_text("no picture")
    paths = [str(upright), str(tmp_path / "b.jpg"), str(tmp_path / "d.txt"), str(tmp_path / "missing.png")]
    assert list(sent(job, *paths, "file-1", "https://example.org/a.png")) == [
        *paths, FileId("file-1"), Url("https://example.org/a.png"),
    ]  # fmt: skip
    assert not list(job.folder.glob("reference-*"))
