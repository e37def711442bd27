"""Validation: all problems of a request are reported before it is sent, with field, value and rule."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.api import models, providers
from lib.api.calls import Call
from lib.api.client import ImagesClient
from lib.api.errors import ApiError, InvalidRequestError
from lib.api.models import FreeSize, SizeList
from lib.api.request import EditRequest, FileId, Url
from lib.api.validation import validate
from tests.wire.pictures import picture
from tests.wire.server import images_reply, serving

IMAGE = picture()
REQUEST = EditRequest([IMAGE], "a prompt")
HUGE = IMAGE + b"\0" * 50_000_000


def texts(request: EditRequest, model: str = "gpt-image-2", provider: str = "openai") -> list[str]:
    return [str(problem) for problem in validate(request, models.get(model), providers.get(provider))]


CASES: list[tuple[dict[str, Any], str, str]] = [
    ({"prompt": " "}, "gpt-image-2", "prompt: describe what to change"),
    ({"prompt": "x" * 32_001}, "gpt-image-2", "prompt of 32,001 characters: gpt-image-2 accepts at most 32,000"),
    ({"background": "blue"}, "gpt-image-2", "background blue: gpt-image-2 accepts transparent, opaque or auto"),
    ({"input_fidelity": "high"}, "gpt-image-2", "input_fidelity high: gpt-image-2 doesn't support this field"),
    ({"input_fidelity": "high"}, "gpt-image-1-mini", "input_fidelity high: gpt-image-1-mini accepts low"),
    ({"moderation": "none"}, "gpt-image-2", "moderation none: gpt-image-2 accepts low or auto"),
    ({"output_format": "gif"}, "gpt-image-2", "output_format gif: gpt-image-2 accepts png, jpeg or webp"),
    ({"quality": "max"}, "gpt-image-2", "quality max: gpt-image-2 accepts low, medium, high or auto"),
    ({"response_format": "url"}, "gpt-image-2", "response_format url: gpt-image-2 doesn't support this field"),
    ({"n": 0}, "gpt-image-2", "n 0: it must be 1 to 10"),
    ({"n": 11}, "gpt-image-2", "n 11: it must be 1 to 10"),
    ({"n": True}, "gpt-image-2", "n True: it must be a whole number"),
    ({"output_compression": 101, "output_format": "webp"}, "gpt-image-2",
     "output_compression 101: it must be 0 to 100"),
    ({"output_compression": 5}, "gpt-image-2", "output_compression 5: it needs output_format jpeg or webp"),
    ({"partial_images": 4}, "gpt-image-2", "partial_images 4: it must be 0 to 3"),
    ({"partial_images": 1.5}, "gpt-image-2", "partial_images 1.5: it must be a whole number"),
    ({"background": "transparent", "output_format": "jpeg"}, "gpt-image-2",
     "output_format jpeg: a transparent background needs png or webp"),
    ({"size": "1000x1000"}, "gpt-image-1.5",
     "size 1000x1000: gpt-image-1.5 returns images of 1024x1024, 1536x1024 or 1024x1536"),
    ({"size": "1000x1000"}, "gpt-image-2",
     "size 1000x1000: gpt-image-2 returns images of sizes with sides in multiples of 16, no side over 3840, "
     "an aspect ratio up to 3:1, 655,360 to 8,294,400 pixels"),
    ({"size": "big"}, "gpt-image-2", "size big: it must be auto, or WIDTHxHEIGHT such as 1024x1024"),
    ({"complexity": "low"}, "gpt-image-2.5-flare", "complexity low: gpt-image-2.5-flare doesn't support this field"),
    ({"complexity": "max"}, "gpt-image-2.6-flare", "complexity max: gpt-image-2.6-flare accepts low, medium or high"),
    ({"markup": IMAGE}, "gpt-image-2", "markup: gpt-image-2 doesn't support this field"),
    ({"markup": IMAGE, "mask": IMAGE}, "gpt-image-2.6-flare", "markup: it can't be combined with a mask"),
    ({"markup": IMAGE, "images": [IMAGE, FileId("file-1")]}, "gpt-image-2.6-flare",
     "markup: it can't be combined with references by address or file ID"),
    ({"markup": picture(width=10, height=10)}, "gpt-image-2.6-flare",
     "markup 10x10: it must be the same size as the first image, 64x48"),
    *[({"markup": overlay}, "gpt-image-2.6-flare",
       "markup: it must be a PNG with an alpha channel, through which the image shows")
      for overlay in (picture(mode="RGB"), picture("WEBP"))],
    ({"extra": {"prompt": "x"}}, "gpt-image-2", "extra prompt: it has a parameter of its own; use that instead"),
    ({"images": []}, "gpt-image-2", "images: add at least one image"),
    ({"images": IMAGE}, "gpt-image-2", "images: it must be a list, even for one image"),
    ({"images": "a.png"}, "gpt-image-2", "images: it must be a list, even for one image"),
    ({"images": [IMAGE] * 17}, "gpt-image-2", "images 17: gpt-image-2 accepts at most 16"),
    ({"images": ["/nowhere/a.png"]}, "gpt-image-2",
     "image 1 /nowhere/a.png: it can't be read (No such file or directory)"),
    ({"images": [IMAGE, b"GIF89a"]}, "gpt-image-2", "image 2: it must be png, jpeg or webp, but it is a GIF file"),
    ({"images": [HUGE]}, "gpt-image-2",
     f"image 1 of {len(HUGE):,} bytes: gpt-image-2 accepts files smaller than 50 MB"),
    ({"mask": picture(width=10, height=10)}, "gpt-image-2",
     "mask 10x10: it must be the same size as the first image, 64x48"),
    ({"mask": picture(mode="RGB")}, "gpt-image-2",
     "mask: it has no alpha channel; transparent pixels mark where to edit"),
    ({"images": [Url("ftp://a/b")]}, "gpt-image-2",
     "image 1 ftp://a/b: an address must start with https://, http:// or data:"),
    ({"images": [Url("https://a/" + "b" * 20_971_520)]}, "gpt-image-2",
     "image 1 https://a/" + "b" * 50 + ": an address can have at most 20,971,520 characters"),
    ({"images": [Url("data:image/png;base64,iVBO")]}, "gpt-image-2",
     "image 1: it must be png, jpeg or webp, but it is not an image"),
    ({"images": [Url("data:image/png")]}, "gpt-image-2", "image 1: it must be png, jpeg or webp, but it is empty"),
    ({"images": [FileId("")]}, "gpt-image-2", "image 1: the file ID is empty"),
    ({"images": [FileId("file-1"), IMAGE + b"\0" * 16_000_000]}, "gpt-image-2",
     f"image 2 of {len(IMAGE) + 16_000_000:,} bytes: with references, at most 15,728,565 bytes can be sent; "
     "upload the file and use its file ID"),
    ({"images": [FileId("file-1"), "/nowhere"]}, "gpt-image-2",
     "image 2 /nowhere: it can't be read (No such file or directory)"),
    ({"images": [FileId("file-1")]}, "dall-e-2", "image 1 file-1: dall-e-2 only accepts files"),
    ({"prompt": "x" * 1001}, "dall-e-2", "prompt of 1,001 characters: dall-e-2 accepts at most 1,000"),
    ({}, "dall-e-2", "image 1 64x48: dall-e-2 only accepts square images"),
    ({"stream": True}, "dall-e-2", "stream true: dall-e-2 doesn't support streaming"),
    ({"moderation": "low"}, "dall-e-2", "moderation low: dall-e-2 doesn't support this field"),
    ({"images": [picture("JPEG", 32, 32)]}, "dall-e-2", "image 1: it is jpeg, but dall-e-2 accepts png"),
    ({"images": [picture("PNG", 32, 32) + b"\0" * 4_000_000]}, "dall-e-2",
     f"image 1 of {len(picture('PNG', 32, 32)) + 4_000_000:,} bytes: dall-e-2 accepts files smaller than 4 MB"),
    ({"images": [picture("PNG", 32, 32)], "mask": picture("PNG", 32, 32) + b"\0" * 4_000_000}, "dall-e-2",
     f"mask of {len(picture('PNG', 32, 32)) + 4_000_000:,} bytes: dall-e-2 accepts files smaller than 4 MB"),
    ({"images": [picture("PNG", 32, 32)] * 2}, "dall-e-2", "images 2: dall-e-2 accepts at most 1"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "model", "text"), CASES, ids=[str(number) for number in range(len(CASES))])
def test_problem_names_field_value_and_rule(change: dict[str, Any], model: str, text: str) -> None:
    assert text in texts(replace(REQUEST, **change), model)


def test_valid_request_has_no_problem() -> None:
    request = replace(REQUEST, mask=IMAGE, n=10, size="1040x784", quality="high", output_format="webp",
                      output_compression=0, background="transparent", partial_images=3, stream=True)  # fmt: skip
    assert texts(request) == []
    assert texts(replace(REQUEST, images=[picture("PNG", 32, 32)], response_format="url"), "dall-e-2") == []


def test_all_problems_are_reported_and_nothing_is_sent() -> None:
    request = replace(REQUEST, prompt="", n=99, size="1x1", mask=picture(mode="RGB", width=10))
    with serving(images_reply(IMAGE)) as server, pytest.raises(InvalidRequestError) as caught:
        ImagesClient(server.url, "sk-1").edit(request)
    assert [problem.field for problem in caught.value.problems] == ["prompt", "n", "size", "mask", "mask"]
    assert server.requests == []


def test_unknown_model_accepts_any_value() -> None:
    request = replace(
        REQUEST, images=[b"GIF89a"] * 20, prompt="x" * 99_999, n=50, size="7x9", quality="superb", background="blue",
        output_compression=5, input_fidelity="high", response_format="url", moderation="x", stream=True,
    )  # fmt: skip
    assert texts(request, "a-model-of-tomorrow") == []
    assert models.get("a-model-of-tomorrow").ending() is None


def test_mask_without_alpha_is_valid_for_luminance_servers() -> None:
    assert texts(replace(REQUEST, mask=picture(mode="RGB")), provider="sd-cpp") == []


def test_file_extension_does_not_make_an_image(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(picture("JPEG"))
    assert texts(replace(REQUEST, images=[path])) == []
    path.write_text("not an image")
    (problem,) = texts(replace(REQUEST, images=[path]))
    assert problem == f"image 1 {path}: it must be png, jpeg or webp, but it is not an image"


@given(st.integers(1, 5000), st.integers(1, 5000))
def test_free_size_follows_the_published_limits(width: int, height: int) -> None:
    rule = models.get("gpt-image-2").sizes
    allowed = (
        width % 16 == 0 and height % 16 == 0 and max(width, height) <= 3840
        and max(width, height) <= 3 * min(width, height) and 655_360 <= width * height <= 8_294_400
    )  # fmt: skip
    assert rule.allows(width, height) is allowed


def test_size_rules_as_text_and_at_their_limits() -> None:
    assert str(SizeList(((1, 2), (3, 4)))) == "1x2 or 3x4"
    free = FreeSize(1, 100, 100.0, 1, 5000)
    assert str(free) == "sizes with no side over 100, 1 to 5,000 pixels"
    assert free.allows(100, 50)
    assert not free.allows(0, 50)


def test_every_published_model_is_known() -> None:
    expected = {
        "gpt-image-1.5", "gpt-image-1", "gpt-image-1-mini", "chatgpt-image-latest", "dall-e-2", "gpt-image-2",
        "gpt-image-2-2026-04-21", "gpt-image-2.5-sunburst", "gpt-image-2.5-flare", "gpt-image-2.6-sunburst",
        "gpt-image-2.6-flare", "built-in",
    }  # fmt: skip
    assert expected <= set(models.names())
    for name in models.names():
        model = models.get(name)
        assert model.is_known
        assert (model.ends is None) is (model.successor is None)
        assert model.successor is None or models.get(model.successor).ends is None


@pytest.mark.parametrize(
    ("name", "today", "text"),
    [
        ("gpt-image-1.5", date(2026, 10, 31), None),
        ("gpt-image-1.5", date(2026, 11, 1), "gpt-image-1.5 ends on 2026-12-01; use gpt-image-2.6-sunburst instead."),
        ("gpt-image-1.5", date(2026, 11, 30), "gpt-image-1.5 ends on 2026-12-01; use gpt-image-2.6-sunburst instead."),
        ("gpt-image-1.5", date(2026, 12, 1), "gpt-image-1.5 ended on 2026-12-01; use gpt-image-2.6-sunburst instead."),
        ("gpt-image-2", date(2030, 1, 1), None),
    ],
)
def test_warning_of_a_shutdown(name: str, today: date, text: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "today", lambda: today)
    assert models.get(name).ending() == text


@pytest.mark.parametrize(
    ("address", "today", "refused"),
    [
        ("https://api.openai.com/v1", date(2026, 11, 30), False),
        ("https://api.openai.com/v1", date(2026, 12, 1), True),
        ("https://eu.api.openai.com:443/v1", date(2027, 1, 1), True),
        ("https://API.OpenAI.com./v1", date(2027, 1, 1), True),
        ("https://openai.example.com/v1", date(2027, 1, 1), False),
        ("https://api.openai.com.example.com/v1", date(2027, 1, 1), False),
    ],
)
def test_a_model_that_has_ended_is_refused_at_openai_itself(
    address: str, today: date, refused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is sent there; other addresses may keep a model."""
    monkeypatch.setattr(models, "today", lambda: today)
    sent: list[str] = []

    def send(_calls: object, method: str, url: str, *_ignored: object) -> None:
        sent.append(url)
        raise ApiError("sent")

    monkeypatch.setattr(Call, "send", send)
    request = replace(REQUEST, model="gpt-image-1-mini", size="1024x1024")
    notices: list[object] = []
    with ImagesClient(address, "sk-1", on_event=notices.append) as client, pytest.raises(ApiError) as caught:
        client.edit(request)
    assert sent == ([] if refused else [f"{address}/images/edits"])
    if refused:
        message = "model gpt-image-1-mini: it ended on 2026-12-01; use gpt-image-2.6-flare instead"
        assert (str(caught.value), caught.value.maybe_billed) == (message, False)
    else:
        assert any("gpt-image-1-mini end" in str(notice) for notice in notices), "a warning"


@pytest.mark.posix
@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12"])
def test_models_end_by_the_date_of_utc(zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of the two zones has another date than UTC at any time."""
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        before, today, after = (moment() for moment in (_utc_date, models.today, _utc_date))
    finally:
        monkeypatch.undo()
        time.tzset()
    assert today in (before, after)


def _utc_date() -> date:
    return date(*time.gmtime()[:3])


def test_the_default_model_is_the_newest_recommended_one_with_known_prices(monkeypatch: pytest.MonkeyPatch) -> None:
    assert providers.get("openai").default_model == "gpt-image-2.5-flare"
    newest = models.get("gpt-image-2.6-flare")
    assert newest.prices is not None and newest.prices.approximate, "recommended, but its tokens are not published"
    data = models._data()
    listed = {**data["models"], newest.name: {"family": "gpt-2.5"}}
    monkeypatch.setattr(models, "_data", lambda: data | {"models": listed})
    assert providers.get("openai").default_model == "gpt-image-2.6-flare"
    monkeypatch.setitem(listed, newest.name, {"family": "gpt-2.5", "ends": "2020-01-01"})
    assert providers.get("openai").default_model == "gpt-image-2.5-flare", "never one that has ended"


def test_default_model_has_free_sizes_and_no_shutdown_date() -> None:
    model = models.get(providers.get("openai").default_model or "")
    assert isinstance(model.sizes, FreeSize)
    assert model.ends is None
