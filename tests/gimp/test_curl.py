"""The API reference's two command lines, run by a real curl, with only the address and the files changed.

They run in the system of a GIMP that was fetched, where curl and jq can be had without being root.
"""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lib.endpoint import Endpoint
from lib.installer import private_gimp
from tests.endpoint.support import encoded, events_of, photo
from tests.gimp.conftest import VERSIONS
from tests.gimp.harness import GimpUnderTest

NAMES = ("body-lotion", "bath-bomb", "incense-kit", "soap")

ONCE = r"""
curl -s -D >(grep -i x-request-id >&2) \
  -o >(jq -r '.data[0].b64_json' | base64 --decode > gift-basket.png) \
  -X POST "$OPENAI_BASE_URL/images/edits" \
  -H "Authorization: Bearer $OPENAI_API_KEY" \
  -F "model=gpt-image-1.5" \
  -F "image[]=@body-lotion.png" \
  -F "image[]=@bath-bomb.png" \
  -F "image[]=@incense-kit.png" \
  -F "image[]=@soap.png" \
  -F 'prompt=Create a lovely gift basket with these four items in it'
"""

STREAM = r"""
curl -s -N -X POST "$OPENAI_BASE_URL/images/edits" \
  -H "Authorization: Bearer $OPENAI_API_KEY" \
  -F "model=gpt-image-1.5" \
  -F "image[]=@body-lotion.png" \
  -F "image[]=@bath-bomb.png" \
  -F "image[]=@incense-kit.png" \
  -F "image[]=@soap.png" \
  -F 'prompt=Create a lovely gift basket with these four items in it' \
  -F "stream=true"
"""

# The output goes through >( ), which outlives the script; it holds stderr, so cat ends when all have ended.
TO_ITS_END = '{ bash -c "$1" 2>&1 >&3 | cat >&2; } 3>&1'


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    with Endpoint.start() as running:
        yield running


@pytest.fixture(scope="module")
def system() -> GimpUnderTest:
    """One of the two GIMPs is fetched on every machine, as no machine has both."""
    fetched = next(gimp for gimp in map(GimpUnderTest.find, VERSIONS) if gimp.private)
    private_gimp.add(fetched.private, ["curl", "jq"])
    return fetched


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for index, name in enumerate(NAMES):
        thing = np.full((120, 90 + 20 * index, 4), 255, np.uint8)
        thing[20:100, 20:70] = photo(50, 80, seed=index)
        (tmp_path / f"{name}.png").write_bytes(encoded(thing))
    return tmp_path


def run(script: str, folder: Path, system: GimpUnderTest, endpoint: Endpoint) -> subprocess.CompletedProcess[str]:
    environment = {"OPENAI_BASE_URL": endpoint.base_url, "OPENAI_API_KEY": endpoint.key}
    words = ["bash", "-c", TO_ITS_END, "bash", f"cd '{folder}'\n{script}"]
    command = system.command(words, [folder], environment)
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_the_first_line_makes_a_gift_basket(folder: Path, system: GimpUnderTest, endpoint: Endpoint) -> None:
    done = run(ONCE, folder, system, endpoint)
    assert done.returncode == 0
    assert done.stderr.lower().startswith("x-request-id: req_")
    basket = np.array(Image.open(folder / "gift-basket.png").convert("RGB"))
    assert basket.shape == (1024, 1024, 3)
    assert np.array_equal(basket[0, 0], (255, 255, 255)) and basket.std() > 20


def test_the_second_line_streams(folder: Path, system: GimpUnderTest, endpoint: Endpoint) -> None:
    done = run(STREAM, folder, system, endpoint)
    assert done.returncode == 0
    events = events_of(done.stdout)
    assert [name for name, _ in events] == ["image_edit.partial_image", "image_edit.completed"]
    for name, data in events:
        assert data["type"] == name and data["b64_json"]
        assert {"created_at", "size", "quality", "background", "output_format"} <= set(data)
    assert events[0][1]["partial_image_index"] == 0
    assert events[0][1]["b64_json"] != events[1][1]["b64_json"]
    usage = events[1][1]["usage"]
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    assert set(usage["input_tokens_details"]) == {"text_tokens", "image_tokens"}
