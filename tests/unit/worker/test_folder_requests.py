"""The worker's requests for the Edit Folder window: small pictures with their masks marked, and sizes."""

import base64

import pytest
from PIL import Image

from lib.worker.requests import answer

PINK = (224, 48, 144)


@pytest.fixture
def photo(tmp_path):
    """A photograph that lies on its side: 30×40 once it is upright."""
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 30), "white").save(tmp_path / "photo.jpg", exif=exif)
    return tmp_path / "photo.jpg"


def mask_file(folder, size, box=(10, 20, 20, 30)):
    mask = Image.new("L", size)
    mask.paste(255, box)
    mask.save(folder / "photo.mask.png")
    return str(folder / "photo.mask.png")


def preview(file, mask=None, alpha=True, edge=20):
    return answer({"do": "preview-picture", "file": str(file), "mask": mask, "alpha": alpha, "edge": edge})


def pixel(small, x, y):
    size = small["width"], small["height"]
    return Image.frombytes("RGB", size, base64.b64decode(small["rgb"])).getpixel((x, y))


def test_a_preview_is_upright_and_its_mask_is_marked(photo, tmp_path):
    small = preview(photo, mask_file(tmp_path, (30, 40)))
    assert (small["width"], small["height"], small["size"]) == (15, 20, (30, 40))
    assert small["mask"] == {"source": "file", "bounds": (10, 20, 20, 30)} and small["problem"] == ""
    marked, unmarked = pixel(small, 7, 12), pixel(small, 1, 1)
    assert min(unmarked) > 250 and marked[1] < 140, "pink over white where the mask is"


def test_the_transparent_part_is_the_mask_only_where_it_is_wanted(tmp_path):
    picture = Image.new("RGBA", (32, 16), "white")
    picture.paste((0, 0, 0, 0), (4, 4, 12, 8))
    picture.save(tmp_path / "hole.png")
    assert preview(tmp_path / "hole.png")["mask"] == {"source": "alpha", "bounds": (4, 4, 12, 8)}
    assert preview(tmp_path / "hole.png", alpha=False)["mask"] == {"source": "", "bounds": None}


def test_a_mask_of_another_size_and_an_empty_one_are_problems(photo, tmp_path):
    assert "must have the size of the picture, 30x40" in preview(photo, mask_file(tmp_path, (40, 30)))["problem"]
    assert preview(photo, mask_file(tmp_path, (30, 40), (0, 0, 0, 0)))["problem"] == "The mask is empty."
    assert "can't be opened" in preview(photo, str(tmp_path / "missing.png"))["problem"]


def test_pictures_are_measured_and_one_that_cannot_be_opened_is_left_out(photo, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    pictures = [{"file": str(path), "mask": None, "alpha": True} for path in (photo, tmp_path / "broken.png")]
    measured, broken = answer({"do": "measure-pictures", "pictures": pictures})["pictures"]
    assert measured["size"] == (30, 40) and broken is None
    assert preview(tmp_path / "broken.png") == {}
