"""Fuzz tests: no request causes a 5xx, a hang, or unbounded memory."""

import io
import json
import struct
import sys
import threading
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from PIL import Image

from lib.endpoint.app import App
from lib.endpoint.files import FileStore
from lib.endpoint.jobs import Jobs
from tests.campaigns import examples
from tests.endpoint.support import AUTH, EDITS, KEY, Caller, data_url, encoded, error_of, events_of, mask, part, photo

# The requests run in one process one after the other; memory is the peak of all of them, measured from the first.
resource = pytest.importorskip("resource", reason="peak memory is only available on POSIX")

MEMORY_BOUND = 100 * 1024 * 1024
HANG_SECONDS = 300

SIDE = 10
AREA = np.pad(np.ones((2, 2), bool), 4)
PNG = encoded(photo(SIDE, SIDE))
MASK = encoded(mask(AREA))

many = examples(
    1000,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)

texts = st.one_of(
    st.sampled_from(
        ["fill", "remove the dog", "make it warmer", "sepia", "collage", "transparent background", "make it red",
         "blur", "denoise", "pixelate", "much sharper", "invert", "true", "false", "1", "3", "10", "-1", "1e9", "NaN",
         "auto", "high", "transparent", "jpeg", "webp", "20x12", "1x1", "built-in", "dall-e-2", "", " ", "\x00"]
    ),
    st.text(max_size=30),
)  # fmt: skip
names = st.one_of(
    st.sampled_from(
        ["prompt", "model", "n", "size", "quality", "background", "output_format", "output_compression", "stream",
         "partial_images", "seed", "user", "moderation", "input_fidelity", "response_format", "safety_identifier"]
    ),
    st.text(max_size=10),
)  # fmt: skip
usual = st.fixed_dictionaries(
    {},
    optional={
        "prompt": st.sampled_from(["fill", "warmer", "sepia", "invert", "make it blue", "collage", "extend"]),
        "n": st.sampled_from(["1", "2"]),
        "size": st.sampled_from(["auto", "7x9", "16x16"]),
        "background": st.sampled_from(["auto", "opaque", "transparent"]),
        "output_format": st.sampled_from(["png", "webp", "jpeg"]),
        "stream": st.sampled_from(["true", "false"]),
    },
)
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), texts, st.just(data_url(PNG))),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=3)),
    max_leaves=6,
)
references = st.one_of(
    json_values,
    st.fixed_dictionaries({"image_url": st.one_of(st.just(data_url(PNG)), st.just(data_url(MASK)), texts)}),
    st.fixed_dictionaries({"file_id": texts}),
)


@pytest.fixture(scope="module")
def caller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    caller = Caller(App(KEY, FileStore(tmp_path_factory.mktemp("files")), Jobs(1, 0)))
    caller.edit()
    before = peak()
    yield caller
    assert peak() - before < MEMORY_BOUND
    assert threading.active_count() < 10


@pytest.fixture(autouse=True)
def no_hang() -> Iterator[None]:
    """End the run with every thread's stack if it hangs."""
    import faulthandler

    faulthandler.dump_traceback_later(HANG_SECONDS, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


def peak() -> int:
    """Return the peak memory of this process in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def check(response: Any) -> None:
    assert response.status_code < 500, response.text
    if response.status_code >= 400:
        assert error_of(response)["message"]
    elif response.mimetype == "text/event-stream":
        name, data = events_of(response.text)[-1]
        # After a fill, the background may turn out not to be plain enough to cut out.
        assert name == "image_edit.completed" or data["error"]["code"] in ("nothing_stands_out", "no_subject_network")
    else:
        assert json.loads(response.data)["data"]


@many
@given(st.data())
def test_random_and_mutated_multipart(caller: Caller, data: st.DataObject) -> None:
    fields: dict[str, Any] = {**data.draw(usual), **data.draw(st.dictionaries(names, texts, max_size=2))}
    files = data.draw(st.sampled_from(["image", "image and mask", "images", "odd", "none"]))
    if files.startswith("image"):
        fields["image"] = part(PNG)
    if files == "image and mask":
        fields["mask"] = part(MASK)
    if files == "images":
        fields["image[]"] = [part(PNG), part(MASK)]
    if files == "odd":
        name, mime = data.draw(names), data.draw(st.sampled_from(["image/png", "text/html", ""]))
        fields[name] = (io.BytesIO(data.draw(st.binary(max_size=40))), "x.png", mime)
    check(caller.form(**fields))


@many
@given(st.data())
def test_random_and_mutated_json_and_raw_bodies(caller: Caller, data: st.DataObject) -> None:
    body: dict[str, Any] = {
        "images": [{"image_url": data_url(PNG)}],
        **data.draw(usual),
        **data.draw(st.dictionaries(names, json_values, max_size=2)),
    }
    for name in data.draw(st.sets(st.sampled_from(["images", "mask"]))):
        body[name] = data.draw(st.one_of(references, st.lists(references, max_size=3)))
    raw = bytearray(json.dumps(body).encode())
    for _ in range(data.draw(st.sampled_from([0, 0, 0, 1, 4]))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    kind = data.draw(st.sampled_from(["application/json"] * 6 + ["multipart/form-data; boundary=image", "x", ""]))
    check(caller.client.post(EDITS, data=bytes(raw), headers=AUTH, content_type=kind))


def originals() -> list[bytes]:
    """Return one small file of each supported kind, and of some others."""
    pixels = photo(24, 18)
    rgb, rgba = Image.fromarray(pixels).convert("RGB"), Image.fromarray(pixels)
    exif = Image.Exif()
    exif[0x0112] = 6
    return [
        encoded(rgba),
        encoded(rgb.quantize(16)),
        encoded(rgb.convert("L")),
        encoded(rgb, "JPEG", exif=exif.tobytes()),
        encoded(rgb, "JPEG", progressive=True),
        encoded(rgba, "WEBP", lossless=True),
        encoded(rgb, "WEBP", quality=50, exif=exif.tobytes()),
        encoded(rgb, "PNG", save_all=True, append_images=[rgb.rotate(90)]),
        encoded(rgb.convert("CMYK"), "JPEG"),
        encoded(Image.fromarray(np.zeros((9, 9), np.uint16))),
        encoded(rgb, "GIF"),
        encoded(rgb, "TIFF"),
    ]


def with_checksums(data: bytes) -> bytes:
    """Return a PNG with corrected chunk checksums, so that the decoder reads its broken chunks."""
    fixed, at = bytearray(data), 8
    while at + 12 <= len(fixed):
        length = struct.unpack(">I", fixed[at : at + 4])[0]
        if at + 12 + length > len(fixed):
            break
        end = at + 8 + length
        fixed[end : end + 4] = struct.pack(">I", zlib.crc32(fixed[at + 4 : end]))
        at = end + 4
    return bytes(fixed)


ORIGINALS = originals()


@settings(many, max_examples=many.max_examples // 2)
@given(st.data())
def test_mutated_image_files(caller: Caller, data: st.DataObject) -> None:
    raw = bytearray(data.draw(st.sampled_from(ORIGINALS)))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, min(len(raw) - 1, 400) if data.draw(st.booleans()) else len(raw) - 1))
        raw[at] = data.draw(st.one_of(st.integers(0, 255), st.sampled_from([0, 255, 127, 128])))
    if data.draw(st.integers(0, 3)) == 0:
        del raw[data.draw(st.integers(0, len(raw))) :]
    if raw[:4] == b"\x89PNG" and data.draw(st.integers(0, 3)):
        raw = bytearray(with_checksums(bytes(raw)))
    mime = data.draw(st.sampled_from(["image/png", "image/jpeg", "image/webp"]))
    role = data.draw(st.sampled_from(["image", "mask", "images"]))
    if role == "images":
        response = caller.form(prompt="collage", size="32x32", images=[part(bytes(raw), mime=mime), part(PNG)])
    elif role == "mask":
        response = caller.form(prompt="invert", image=part(ORIGINALS[0]), mask=part(bytes(raw), mime=mime))
    else:
        response = caller.form(prompt="invert", image=part(bytes(raw), mime=mime))
    check(response)
