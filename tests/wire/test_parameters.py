"""Every parameter of the API in every encoding, checked at the server."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lib.api.client import ImagesClient
from lib.api.dialect import adapt
from lib.api.providers import get
from lib.api.request import PARAMETERS, EditRequest, FileId, Url
from tests.wire.pictures import picture
from tests.wire.server import Recorded, Reply, completed_event, images_reply, serving, stream_reply

IMAGE = picture()
FREE = "gpt-image-2"
OLD = "gpt-image-1.5"
DALL_E = "dall-e-2"

VALUES: list[tuple[str, Any, str, dict[str, Any]]] = [
    ("prompt", 'a hé \n two-line "prompt"', FREE, {}),
    ("prompt", "x" * 32_000, FREE, {}),
    ("model", "gpt-image-2-2026-04-21", FREE, {}),
    ("model", "a-model-of-tomorrow", FREE, {}),
    *[("background", value, OLD, {}) for value in ("transparent", "opaque", "auto")],
    *[("input_fidelity", value, OLD, {}) for value in ("high", "low")],
    *[("moderation", value, FREE, {}) for value in ("low", "auto")],
    *[("n", value, FREE, {}) for value in (1, 10)],
    *[("output_compression", value, FREE, {"output_format": "jpeg"}) for value in (0, 57, 100)],
    *[("output_format", value, FREE, {}) for value in ("png", "jpeg", "webp")],
    *[("partial_images", value, FREE, {}) for value in (0, 3)],
    *[("quality", value, FREE, {}) for value in ("low", "medium", "high", "auto")],
    *[("quality", value, "gpt-image-2.5-flare", {}) for value in ("xhigh", "max")],
    *[("size", value, OLD, {}) for value in ("auto", "1024x1024", "1536x1024", "1024x1536")],
    ("size", "1040x784", FREE, {}),
    ("user", "someone", OLD, {}),
    *[("complexity", value, "gpt-image-2.6-flare", {"quality": "low"}) for value in ("low", "medium", "high")],
    ("seed", 7, FREE, {}),
]
"""Field, value, model, and other fields it requires. `seed` stands for a field that the client doesn't know."""


def request_with(name: str, value: Any, model: str, beside: dict[str, Any]) -> EditRequest:
    request = EditRequest([IMAGE], "a prompt", model=model, **beside)
    if name not in EditRequest.__dataclass_fields__:
        return replace(request, extra={name: value})
    return replace(request, **{name: value})


def answer(request: Recorded) -> Reply:
    if request.parameters().get("stream") in (True, "true"):
        return stream_reply(completed_event(IMAGE))
    return images_reply(*[IMAGE] * int(request.parameters().get("n", 1)))


def arrived(encoding: str, request: EditRequest) -> list[Recorded]:
    """Send the request as a form, as JSON (by adding a reference) or as a stream; return the requests received."""
    with serving(answer) as server, ImagesClient(server.url, "sk-1") as client:
        if encoding == "json":
            client.edit(replace(request, images=[FileId("file-1")]))
        elif encoding == "multipart":
            client.edit(request)
        else:
            assert list(client.stream(request))
        return server.requests


def form_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@pytest.mark.parametrize("encoding", ["multipart", "json", "stream"])
@pytest.mark.parametrize(("name", "value", "model", "beside"), VALUES)
def test_parameter_is_sent(encoding: str, name: str, value: Any, model: str, beside: dict[str, Any]) -> None:
    requests = arrived(encoding, request_with(name, value, model, beside))
    for request in requests:
        parameters = request.parameters()
        if encoding == "stream" and name == "n" and value > 1:
            assert "n" not in parameters  # one stream per image, because events don't name their image
        else:
            assert parameters[name] == (value if encoding == "json" else form_text(value))
        for other, setting in beside.items():
            assert parameters[other] == (setting if encoding == "json" else form_text(setting))
        expected = {"prompt", "model", name, *beside} | ({"stream"} if encoding == "stream" else set())
        assert set(parameters) <= expected
    assert len(requests) == (value if encoding == "stream" and name == "n" else 1)


@pytest.mark.parametrize("encoding", ["multipart", "json"])
def test_edit_with_stream_sends_a_streaming_request(encoding: str) -> None:
    (request,) = arrived(encoding, request_with("stream", True, FREE, {}))
    assert request.parameters()["stream"] == (True if encoding == "json" else "true")


@pytest.mark.parametrize("value", ["url", "b64_json"])
def test_response_format_is_sent_for_dall_e(value: str) -> None:
    request = EditRequest([picture(width=32, height=32)], "p", model=DALL_E, response_format=value)
    (got,) = arrived("multipart", request)
    assert got.fields["response_format"] == value


def test_the_table_has_every_parameter() -> None:
    assert {name for name, *_ in VALUES} >= set(PARAMETERS) - {"stream", "response_format"}


def test_image_and_mask_parts_have_names_and_types() -> None:
    request = EditRequest([IMAGE], "p", mask=IMAGE)
    (got,) = arrived("multipart", request)
    assert [(part.name, part.filename, part.content_type) for part in got.files] == [
        ("image", "image-1.png", "image/png"),
        ("mask", "mask.png", "image/png"),
    ]
    assert [part.value for part in got.files] == [IMAGE, IMAGE]


def test_several_images_are_sent_as_image_brackets_in_order() -> None:
    images = [picture("WEBP", 16 + number, 16) for number in range(16)]
    (got,) = arrived("multipart", EditRequest(images, "p"))
    assert [part.name for part in got.files] == ["image[]"] * 16
    assert [part.value for part in got.files] == images


def test_mime_type_comes_from_the_bytes_and_the_file_name_is_quoted(tmp_path: Path) -> None:
    path = tmp_path / 'we"ird\n.png'
    path.write_bytes(picture("JPEG"))
    (got,) = arrived("multipart", EditRequest([path], "p"))
    (part,) = got.files
    assert (part.name, part.content_type, part.value) == ("image", "image/jpeg", picture("JPEG"))
    assert part.filename == 'we"ird%0A.png'  # Werkzeug reads %22 back as the quotation mark


def test_unknown_format_is_sent_to_an_unknown_model() -> None:
    (got,) = arrived("multipart", EditRequest([b"GIF89a"], "p", model="a-model-of-tomorrow"))
    (part,) = got.files
    assert (part.value, part.content_type) == (b"GIF89a", "application/octet-stream")


def test_json_body_has_references_and_files_as_data_urls(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(IMAGE)
    inputs = [str(path), FileId("file-1"), Url("https://a.example/b.png")]
    (got,) = arrived("multipart", EditRequest(inputs, "p", mask=IMAGE))
    images = got.json["images"]
    assert images[0]["image_url"].startswith("data:image/png;base64,iVBOR")
    assert images[1:] == [{"file_id": "file-1"}, {"image_url": "https://a.example/b.png"}]
    assert set(got.json["mask"]) == {"image_url"}


def test_data_url_of_maximum_length_is_sent() -> None:
    head = "data:image/png;base64,"
    padding = (20_971_520 - len(head)) // 4 * 4 - len(picture_text())
    url = head + picture_text() + "A" * padding
    (got,) = arrived("multipart", EditRequest([Url(url)], "p"))
    assert got.json["images"] == [{"image_url": url}]


def picture_text() -> str:
    data = IMAGE + b"\0" * (-len(IMAGE) % 3)
    return base64.b64encode(data).decode()


def test_nested_extra_fields_are_sent_as_brackets_in_a_form() -> None:
    extra = {"svg": {"model": "x", "on": True}, "tags": ["a", 2], "none": None}
    (got,) = arrived("multipart", EditRequest([IMAGE], "p", extra=extra))
    brackets = {name: value for name, value in got.fields.items() if "[" in name}
    assert brackets == {"svg[model]": "x", "svg[on]": "true", "tags[]": "2"}
    assert [part.text for part in got.parts if part.name == "tags[]"] == ["a", "2"]
    assert "none" not in got.fields


def test_default_model_is_sent() -> None:
    (got,) = arrived("multipart", EditRequest([IMAGE], "p"))
    assert (got.fields["model"], got.fields["quality"]) == ("gpt-image-2.5-flare", "medium")


def test_the_user_is_sent_as_safety_identifier_to_openais_newer_models() -> None:
    for encoding in ("multipart", "json"):
        (got,) = arrived(encoding, EditRequest([IMAGE], "p", model=FREE, user="someone"))
        assert got.parameters()["safety_identifier"] == "someone" and "user" not in got.parameters()


def test_markup_is_sent_as_a_file() -> None:
    (got,) = arrived("multipart", EditRequest([IMAGE], "p", markup=IMAGE, model="gpt-image-2.6-flare"))
    (part,) = [part for part in got.parts if part.name == "markup"]
    assert (part.filename, part.content_type, part.value) == ("markup.png", "image/png", IMAGE)
    assert "mask" not in {part.name for part in got.parts}


def test_default_quality_is_the_models_unless_the_provider_has_none() -> None:
    def quality_sent(provider: str, **values: Any) -> str | None:
        adapted = adapt(EditRequest([IMAGE], "p", **values), get(provider))
        return adapted.fields.get("quality")

    assert quality_sent("openai", quality="high") == "high"
    assert quality_sent("openai", model="gpt-image-2") is None
    assert quality_sent("custom", model="gpt-image-2.6-flare") == "medium"
    assert quality_sent("vllm-omni", model="gpt-image-2.6-flare") is None
