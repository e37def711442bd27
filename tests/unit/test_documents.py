"""The READMEs: they are short, and every link, path and file of a job folder in them is so."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from lib.jobs.job import FRAME, PROFILE, SELECTION, UNCLIPPED
from lib.worker.edit_job import EditJob
from lib.worker.requests import history as history_requests
from tests.unit.worker.test_worker import make_job

CHECKOUT = Path(__file__).absolute().parents[2]
READMES = [path for part in ("", "lib/**/", "tests/**/") for path in sorted(CHECKOUT.glob(f"{part}README.md"))]
# The files that git keeps out of a checkout.
MADE = ("lib/locale/", "tests/output/")


def name(path):
    return path.relative_to(CHECKOUT).as_posix()


@pytest.mark.parametrize("path", READMES, ids=name)
def test_every_link_leads_to_a_file(path):
    links = re.findall(r"\]\(((?!https?:)[^)#]+)", path.read_text(encoding="utf-8"))
    assert [link for link in links if not (path.parent / link).exists()] == []


@pytest.mark.parametrize("path", READMES, ids=name)
def test_every_path_is_there(path):
    """Also those of the README's map, and in the commands."""
    paths = re.findall(r"\b(?:plugin|lib|tests)/[\w./-]*\w/?", path.read_text(encoding="utf-8"))
    assert [each for each in paths if not (CHECKOUT / each).exists() and each not in MADE] == []


def test_they_are_short():
    readme = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    assert len(readme.splitlines()) <= 120
    assert len((CHECKOUT / "lib/README.md").read_text(encoding="utf-8").splitlines()) <= 100
    repository = readme.partition("## Map of the repository\n\n")[2]
    assert len(repository.splitlines()) == 10, "the README ends with a map of ten lines"


def texture(path, changed):
    """Write a picture that can be aligned, with a rectangle that is plain."""
    noise = np.random.default_rng(1).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    picture = Image.fromarray(noise).filter(ImageFilter.GaussianBlur(2))
    if changed:
        picture.paste("red", changed)
    picture.save(path)


def test_every_file_of_a_job_folder_is_described(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (8, 4)).save(tmp_path / "turned.jpg", exif=exif)
    job = make_job(
        request={"prompt": "fill", "n": 1, "size": "96x64", "stream": True, "partial_images": 1},
        references=[str(tmp_path / "turned.jpg")],
        layer_mask={"grow": 1, "feather": 0.0},
        previews=True,
    )
    job.write(SELECTION, bytes(96 * 64))
    job.write(FRAME, bytes(96 * 64 * 3))
    job.write(UNCLIPPED, np.full((64, 96, 3), 2, np.float32).tobytes())
    job.write(PROFILE, b"")
    job.write("markup.png", b"")
    job.write("avoid.png", b"")
    names = {"worker.log"}  # what the process prints, and there is none here
    final = EditJob(job, lambda _event: names.update(path.name for path in job.folder.iterdir())).run()
    assert final["event"] == "done"
    message = {"job": str(job.folder)}
    assert "rgb" in history_requests.thumbnail(message) and "layers" in history_requests.layers(message)
    # An edit of a whole picture, in which only a part changes.
    whole = make_job(mask=None, fit=True)
    texture(whole.path("image-1.png"), None)
    texture(whole.path("result-1.png"), (30, 20, 60, 40))
    history_requests.layers({"job": str(whole.folder)})
    names.update(path.name for path in whole.folder.iterdir())
    job.mark_notified()
    job.mark_inserted()
    job.star(True)
    names.update(path.name for path in job.folder.iterdir())

    readme = (CHECKOUT / "lib/README.md").read_text(encoding="utf-8")
    table = readme.partition("| file | written by |")[2].partition("\n\n")[0]
    cells = re.findall(r"^\|([^|]+)\|", table, re.MULTILINE)
    patterns = [
        re.escape(file).replace("FORMAT", r"\w+").replace("N", r"\d+")
        for cell in cells
        for file in re.findall(r"`([^`]+)`", cell)
    ]
    assert [file for file in sorted(names) if not any(re.fullmatch(each, file) for each in patterns)] == []
    assert [each for each in patterns if not any(re.fullmatch(each, file) for file in names)] == []
