"""An upstream's errors through the real LiteLLM proxy: this client says what the upstream said, and nobody repeats."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lib.api import providers
from lib.api.client import ImagesClient
from lib.api.errors import (
    ApiError,
    AuthenticationError,
    BadRequestError,
    ModerationError,
    NotFoundError,
    OverloadedError,
    PermissionDeniedError,
    QuotaError,
    RateLimitError,
    ServerError,
)
from lib.api.request import EditRequest
from tests.endpoint.test_litellm_machines import KEY, litellm
from tests.wire.pictures import picture
from tests.wire.server import Reply, Server, images_reply, json_reply

pytestmark = [pytest.mark.whole_run, pytest.mark.posix, pytest.mark.timeout(900)]

IMAGE = picture()
REQUEST = EditRequest([IMAGE], "p", mask=IMAGE, model="picture-editor")
CONFIG = """
model_list:
  - model_name: picture-editor
    litellm_params: {model: openai/gpt-image-2, api_base: "URL", api_key: os.environ/ENDPOINT_KEY}
router_settings: {num_retries: 0, disable_cooldowns: true}
general_settings: {master_key: os.environ/LITELLM_MASTER_KEY}
"""


def refusal(status: int, message: str, kind: str, code: str | None = None, **more: Any) -> Reply:
    body = {"error": {"message": message, "type": kind, "param": None, "code": code, **more}}
    return json_reply(body, status, {"x-request-id": "req_upstream"})


USER, BAD = "image_generation_user_error", "invalid_request_error"
BLOCKED = {"moderation_details": {"moderation_stage": "input", "categories": ["sexual"]}}
CASES = [
    (refusal(400, "Your request was rejected by the safety system.", USER, "moderation_blocked", **BLOCKED),
     ModerationError, "Your request was rejected by the safety system."),
    (refusal(400, "Billing hard limit has been reached", BAD, "billing_hard_limit_reached"), QuotaError,
     "Billing hard limit has been reached"),
    (refusal(429, "You exceeded your current quota.", "insufficient_quota", "insufficient_quota"), QuotaError,
     "You exceeded your current quota."),
    (refusal(429, "Rate limit reached", "rate_limit_error", "rate_limit_exceeded"), RateLimitError,
     "Rate limit reached"),
    (refusal(401, "Incorrect API key provided: sk-bad.", BAD, "invalid_api_key"), AuthenticationError,
     "Incorrect API key provided: sk-bad."),
    (refusal(403, "Your organization must be verified to use the model `gpt-image-2`.", BAD), PermissionDeniedError,
     "Your organization must be verified to use the model `gpt-image-2`."),
    (refusal(404, "The model does not exist.", BAD, "model_not_found"), NotFoundError, "The model does not exist."),
    (refusal(400, "Invalid image file or mode for image 1.", BAD, "invalid_image_file"), BadRequestError,
     "Invalid image file or mode for image 1."),
    (refusal(503, "Overloaded.", "service_unavailable_error", "server_is_overloaded"), OverloadedError, "Overloaded."),
    (refusal(500, "It failed.", "server_error", "server_error"), ServerError, "It failed."),
]  # fmt: skip


@pytest.fixture(scope="module")
def upstream() -> Iterator[Server]:
    with Server(lambda _request: images_reply(IMAGE)) as server:
        yield server


@pytest.fixture(scope="module")
def client(upstream: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ImagesClient]:
    config: Path = tmp_path_factory.mktemp("litellm") / "litellm.yaml"
    config.write_text(CONFIG.replace("URL", upstream.url), encoding="utf-8")
    with litellm(config) as url, ImagesClient(url, KEY, providers.get("litellm"), max_retries=0) as client:
        yield client


def test_an_edit_goes_through(client: ImagesClient, upstream: Server) -> None:
    upstream.answer = lambda _request: images_reply(IMAGE)
    assert client.edit(REQUEST).images[0].data == IMAGE
    assert [part.name for part in upstream.last.files] == ["image[]", "mask"]


@pytest.mark.parametrize(("reply", "kind", "message"), CASES, ids=[case[2][:30] for case in CASES])
def test_an_error_is_the_upstreams(
    client: ImagesClient, upstream: Server, reply: Reply, kind: type[ApiError], message: str
) -> None:
    upstream.answer, before = lambda _request: reply, len(upstream.requests)
    with pytest.raises(ApiError) as caught:
        client.edit(REQUEST)
    assert (type(caught.value), caught.value.message) == (kind, message)
    assert caught.value.maybe_billed is (kind is ServerError)
    assert len(upstream.requests) == before + 1, "neither LiteLLM nor this client has repeated it"
