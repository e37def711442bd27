"""The demo with a photograph as cameras write it: turned, with a note of how it is to be seen."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps

from lib.installer.demo import OUTPUTS
from tests.bench.photographs import photograph

pytestmark = pytest.mark.one_gimp("3.0")
ORIENTATION = 0x0112


@pytest.fixture
def turned(out):
    """A photograph that is stored on its side, and what it looks like upright."""
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    path = out / "turned.png"
    Image.fromarray(photograph("astronaut.png", 160, 96)).save(path, exif=exif)
    return path, ImageOps.exif_transpose(Image.open(path)).convert("RGB")


def saved(out, name):
    """A picture that the demo wrote; nobody who opens it turns it once more."""
    picture = Image.open(out / name)
    assert picture.getexif().get(ORIENTATION, 1) == 1
    return np.asarray(picture.convert("RGB"))


def test_a_turned_photograph_is_edited_upright_where_its_mask_says(gimp, out, turned):
    path, upright = turned
    mask = Image.new("L", upright.size)
    ImageDraw.Draw(mask).rectangle((30, 100, 45, 115), fill=255)
    mask.save(out / "where.png")
    gimp.call("demo.run", picture=str(path), out=str(out), mask=str(out / "where.png"))
    assert [name for name in OUTPUTS if not (out / name).exists()] == [], (gimp.work / "gimp.log").read_text()[-2000:]
    before, after, selected = saved(out, "before.png"), saved(out, "after.png"), np.asarray(mask) > 0
    assert np.array_equal(before, np.asarray(upright))
    assert np.array_equal(saved(out, "mask.png")[..., 0] > 0, selected)
    assert np.array_equal(before[~selected], after[~selected]) and not np.array_equal(before, after)
