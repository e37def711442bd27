"""The recipe of lib/api/README.md for Gemini, Vertex AI and Black Forest Labs, through the real LiteLLM.

Each route ends at a small server that takes what its maker documents, and refuses anything else as the maker does.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from lib.api import providers
from lib.api.client import ImagesClient
from lib.api.errors import ApiError, BadResponseError, ServerError
from lib.api.request import EditRequest
from tests.endpoint.test_litellm_machines import KEY, litellm
from tests.runner import CHECKOUT
from tests.wire.pictures import picture
from tests.wire.server import Recorded, Reply, Server, json_reply

pytestmark = [pytest.mark.whole_run, pytest.mark.posix, pytest.mark.timeout(900)]

README = (CHECKOUT / "lib" / "api" / "README.md").read_text(encoding="utf-8")
RECIPE = yaml.safe_load(re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)[0])
IMAGE, MASK, RESULT = picture(), picture(mode="LA"), picture("JPEG")
GEMINI = "/models/gemini-2.5-flash-image:generateContent"
IMAGEN = "/v1/projects/YOUR-PROJECT/locations/us-central1/publishers/google/models/imagen-3.0-capability-001:predict"


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def google_error(message: str) -> Reply:
    return json_reply({"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}}, 400)


def gemini(body: dict[str, Any]) -> Reply:
    parts = body["contents"][0]["parts"]
    images = [part["inlineData"] for part in parts if "inlineData" in part]
    if set(body) != {"contents", "generationConfig"} or not images or "text" not in parts[-1]:
        return google_error("Request contains an invalid argument.")
    if "forbidden" in parts[-1]["text"]:
        return json_reply({"candidates": [{"finishReason": "IMAGE_SAFETY", "index": 0}]})
    answer = {"inlineData": {"mimeType": "image/jpeg", "data": encoded(RESULT)}}
    usage = {"promptTokenCount": 300, "candidatesTokenCount": 1290, "totalTokenCount": 1590}
    return json_reply({"candidates": [{"content": {"parts": [answer]}}], "usageMetadata": usage})


def imagen(body: dict[str, Any]) -> Reply:
    (instance,) = body["instances"]
    kinds = [reference["referenceType"] for reference in instance["referenceImages"]]
    if set(kinds) - {"REFERENCE_TYPE_RAW", "REFERENCE_TYPE_MASK"} or "editMode" not in body["parameters"]:
        return google_error("Request contains an invalid argument.")
    answer = {"bytesBase64Encoded": encoded(RESULT), "mimeType": "image/jpeg"}
    return json_reply({"predictions": [answer] * body["parameters"]["sampleCount"]})


def kontext(body: dict[str, Any]) -> Reply:
    if not {"prompt", "input_image"} <= set(body):
        return json_reply({"detail": [{"loc": ["body", "input_image"], "msg": "Field required"}]}, 422)
    # A task that it accepts is asked for at bfl.ai, which no test reaches.
    return json_reply({"detail": "Insufficient credits"}, 402)


def answer(request: Recorded) -> Reply:
    routes = {GEMINI: gemini, IMAGEN: imagen, "/v1/flux-kontext-pro": kontext}
    return routes[request.path](request.json) if request.path in routes else google_error(request.path)


@pytest.fixture(scope="module")
def maker() -> Iterator[Server]:
    with Server(answer) as server:
        yield server


@pytest.fixture(scope="module")
def client(maker: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ImagesClient]:
    """A client of LiteLLM with the recipe, whose routes end at the test's server."""
    for entry in RECIPE["model_list"]:
        entry["litellm_params"]["api_base"] = maker.origin
    config: Path = tmp_path_factory.mktemp("litellm") / "litellm.yaml"
    config.write_text(yaml.safe_dump(RECIPE), encoding="utf-8")
    with pytest.MonkeyPatch.context() as environment:
        for name in ("GEMINI_API_KEY", "BFL_API_KEY"):
            environment.setenv(name, "maker-key")
        with litellm(config) as url, ImagesClient(url, KEY, providers.get("litellm"), max_retries=0) as client:
            yield client


def request(model: str, **values: Any) -> EditRequest:
    fields = {"quality": "high", "background": "opaque", "size": "1024x1024", "output_format": "png", "user": "me"}
    return EditRequest([IMAGE], "a boat", mask=MASK, model=model, **{**fields, **values})


def test_gemini_gets_the_picture_and_the_prompt_without_the_mask(client: ImagesClient, maker: Server) -> None:
    response = client.edit(request("gemini"))
    assert [image.data for image in response.images] == [RESULT]
    picture_part, text = maker.last.json["contents"][0]["parts"]
    assert picture_part["inlineData"] == {"mimeType": "image/png", "data": encoded(IMAGE)}
    assert text == {"text": "a boat"} and maker.last.headers["x-goog-api-key"] == "maker-key"
    assert encoded(MASK) not in json.dumps(maker.last.json)


def test_a_result_that_gemini_withholds_is_an_answer_without_a_picture(client: ImagesClient) -> None:
    with pytest.raises(BadResponseError, match="no image"):
        client.edit(EditRequest([IMAGE], "something forbidden", model="gemini"))


def test_imagen_gets_the_mask_in_which_white_is_to_be_changed(client: ImagesClient, maker: Server) -> None:
    response = client.edit(request("imagen", n=2))
    assert [image.data for image in response.images] == [RESULT] * 2
    (instance,) = maker.last.json["instances"]
    sent = {each["referenceType"]: each["referenceImage"] for each in instance["referenceImages"]}
    assert sent == {
        "REFERENCE_TYPE_RAW": {"bytesBase64Encoded": encoded(IMAGE)},
        "REFERENCE_TYPE_MASK": {"bytesBase64Encoded": encoded(MASK)},
    }


def test_flux_gets_the_picture_and_its_refusal_arrives_as_a_server_error(client: ImagesClient, maker: Server) -> None:
    """LiteLLM makes a 500 of it and drops the maker's words, so that whether it was billed is unknown."""
    with pytest.raises(ServerError, match="402 Payment Required") as caught:
        client.edit(request("flux-kontext"))
    assert maker.last.json["input_image"] == encoded(IMAGE) and maker.last.headers["x-key"] == "maker-key"
    assert caught.value.status == 500 and caught.value.maybe_billed


def test_each_route_is_tried_once(client: ImagesClient, maker: Server) -> None:
    """A request that failed may have been paid for."""
    before = len(maker.requests)
    with pytest.raises(ApiError):
        client.edit(request("flux-kontext"))
    assert len(maker.requests) == before + 1
