"""Requests in each provider's dialect, sent to a server that behaves like the provider's own."""

from __future__ import annotations

import base64
import json
import threading
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from lib.api import dialect, models, providers
from lib.api.client import ImagesClient
from lib.api.errors import BadRequestError, InvalidRequestError, RateLimitError, ServerError
from lib.api.events import Notice
from lib.api.providers import Provider
from lib.api.request import EditRequest, FileId, Url
from lib.api.response import Completed, EditResponse, PartialImage
from tests.wire.dialect_servers import SERVERS
from tests.wire.pictures import picture
from tests.wire.server import Recorded, Reply, Server, images_reply, json_reply, serving

IMAGE = picture()
PATHS = {
    "lemonade": "/api/v1", "azure": "/openai/v1", "openrouter": "/api/v1", "nanogpt": "/api/v1",
    "deepinfra": "/v1/openai", "imagerouter": "/v1/openai",
}  # fmt: skip
EVERYTHING = EditRequest(
    [IMAGE, picture("WEBP"), picture("JPEG")],
    "a prompt",
    mask=IMAGE,
    model="some/model",
    background="opaque",
    complexity="low",
    moderation="low",
    n=2,
    output_compression=80,
    output_format="jpeg",
    partial_images=2,
    quality="high",
    size="1024x1024",
    user="me",
)


def client_for(name: str, server: Server, **options: Any) -> ImagesClient:
    return ImagesClient(server.origin + PATHS.get(name, "/v1"), "sk-1", name, **options)


def edit_with(name: str, request: EditRequest) -> tuple[EditResponse, Recorded, dict[str, str]]:
    """Return the response, the last request to the server, and the notices by field."""
    events: list[object] = []
    with serving(SERVERS[name]) as server, client_for(name, server, on_event=events.append) as client:
        response = client.edit(request)
        notices = {event.field: event.text for event in events if isinstance(event, Notice)}
        return response, server.last, notices


@pytest.mark.parametrize("name", providers.names())
def test_request_with_all_fields_is_accepted(name: str) -> None:
    response, got, notices = edit_with(name, EVERYTHING)
    provider = providers.get(name)
    assert all(image.data == IMAGE for image in response.images)
    assert len(response.images) == (1 if name == "azure" else 2)
    fields = set(got.parameters())
    replaced = {"size"} if name == "xai" else set()
    for field in (
        "background", "complexity", "moderation", "quality", "user", "size", "output_format", "input_fidelity"
    ):  # fmt: skip
        value = getattr(EVERYTHING, field)
        rejected = provider.note_for(provider.rejected, field, value) is not None
        assert (field in fields) is (value is not None and not rejected and field not in replaced), field
        assert (field in notices) is (value is not None and (rejected or field in provider.ignored)), field
    for field in set(notices) - {"n", "images"}:
        assert {field, f"{field}={getattr(EVERYTHING, field)}"} & {*provider.ignored, *provider.rejected}
    assert ("mask" in notices) is (provider.mask_reads == "nothing")
    if provider.encoding == "openai":
        assert [part.name for part in got.files if part.value == IMAGE][-1] == provider.mask_part
    else:
        assert "mask" not in got.json


@pytest.mark.parametrize("name", providers.names())
def test_request_with_one_image_and_a_prompt_is_accepted(name: str) -> None:
    response, got, _ = edit_with(name, EditRequest([IMAGE], "p", model="some/model"))
    assert len(response.images) == 1
    if providers.get(name).encoding == "openai":
        (part,) = got.files
        assert part.name == ("image[]" if name in ("litellm", "imagerouter") else "image")


@pytest.mark.parametrize("name", providers.names())
def test_stream_ends_with_an_image_for_every_provider(name: str) -> None:
    with serving(SERVERS[name]) as server:
        events = list(client_for(name, server).stream(replace(EVERYTHING, n=1)))
        streams = "stream" in server.last.parameters()
    assert isinstance(events[-1], Completed)
    assert streams is providers.get(name).streams
    previews = sum(isinstance(event, PartialImage) for event in events)
    assert previews == (2 if streams and name != "azure" else 0)


@pytest.mark.parametrize("name", providers.names())
def test_provider_entries_are_complete(name: str) -> None:
    provider = providers.get(name)
    fields = set(EditRequest.__dataclass_fields__)
    for noted in (*provider.ignored, *provider.rejected):
        assert noted.partition("=")[0] in fields
    assert (provider.base_url is None) is (name in ("azure", "local", "custom"))


def test_providers_match_their_schema() -> None:
    folder = Path(providers.__file__).parent
    schema = json.loads((folder / "providers.schema.json").read_text("utf-8"))
    data = json.loads((folder / "providers.json").read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(data)
    encodings = schema["$defs"]["provider"]["properties"]["encoding"]["enum"]
    assert encodings == ["openai", *dialect.ENCODINGS]
    assert set(schema["properties"]["common"]["required"]) == set(Provider.__dataclass_fields__) - {"name", "title"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("auth", "basic"), ("encoding", "other"), ("ignored", {"mask": "ends with a full stop."}), ("nonsense", 1),
        ("response_formats", ["url"]), ("base_url", "http://example.org/v1"), ("max_images", 0),
        ("mask_reads", "nothing"),
    ],
)  # fmt: skip
def test_schema_refuses_an_invalid_entry(field: str, value: Any) -> None:
    schema = json.loads(Path(providers.__file__).with_name("providers.schema.json").read_text("utf-8"))
    entry = {"title": "A provider", field: value}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"title": "A provider", **entry}, schema["$defs"]["provider"] | {"$defs": schema["$defs"]})


def test_unknown_provider_error_lists_the_names() -> None:
    with pytest.raises(ValueError, match="no provider 'nobody'.*openai, azure"):
        providers.get("nobody")


def test_ignored_mask_gives_a_notice() -> None:
    _, _, notices = edit_with("vllm-omni", EditRequest([IMAGE], "p", mask=IMAGE))
    assert notices["mask"] == ("vllm-omni ignores the mask: the whole frame is redrawn and only the selection is kept.")


def test_rejected_field_is_not_sent_and_gives_a_notice() -> None:
    _, got, notices = edit_with("vllm-omni", EditRequest([IMAGE], "p", quality="high", user="me"))
    assert "quality" not in got.fields
    assert notices["quality"].startswith("vllm-omni doesn't support quality high: ")
    assert got.fields["user"] == "me"
    assert notices["user"].startswith("vllm-omni ignores user: ")


@pytest.mark.parametrize("name", ["xinference", "sd-cpp", "lemonade", "sglang", "openrouter", "deepinfra"])
def test_size_auto_is_not_sent_to_servers_without_it(name: str) -> None:
    _, got, notices = edit_with(name, EditRequest([IMAGE], "p", model="m", size="auto"))
    assert "size" not in got.parameters()
    assert "size" in notices


@pytest.mark.parametrize("name", ["vllm-omni", "sd-cpp", "lemonade", "sglang", "deepinfra"])
def test_unsupported_response_format_is_not_sent(name: str) -> None:
    _, got, notices = edit_with(name, EditRequest([IMAGE], "p", model="m", response_format="url"))
    assert "response_format" not in got.fields
    assert notices["response_format"] == f"{name} doesn't support response_format url: it only returns b64_json."


@pytest.mark.parametrize("name", ["xinference", "xai", "imagerouter"])
def test_servers_that_return_a_url_by_default_get_response_format_b64_json(name: str) -> None:
    _, got, _ = edit_with(name, EditRequest([IMAGE], "p", model="m"))
    assert got.parameters()["response_format"] == "b64_json"


@pytest.mark.parametrize(
    ("size", "fields"),
    [
        ("1024x1024", {"aspect_ratio": "1:1", "resolution": "1k"}),
        ("1536x1024", {"aspect_ratio": "3:2", "resolution": "2k"}),
        ("1024x1536", {"aspect_ratio": "2:3", "resolution": "2k"}),
        ("768x1024", {"aspect_ratio": "3:4", "resolution": "1k"}),
        ("1040x1024", {"resolution": "1k"}),  # the first image's own aspect ratio
        ("auto", {}),
        (None, {}),
    ],
)
def test_xai_gets_an_aspect_ratio_and_a_resolution_for_a_size(size: str | None, fields: dict[str, str]) -> None:
    _, got, _ = edit_with("xai", EditRequest([IMAGE], "p", size=size))
    assert {name: got.json.get(name) for name in ("aspect_ratio", "resolution") if name in got.json} == fields
    assert "size" not in got.json


def test_xai_gets_one_image_as_image_and_three_as_images() -> None:
    encoded = "data:image/png;base64," + base64.b64encode(IMAGE).decode()
    _, got, _ = edit_with("xai", EditRequest([IMAGE], "p", mask=IMAGE))
    assert got.json["image"] == {"type": "image_url", "url": encoded}
    assert set(got.json) == {"prompt", "model", "image", "response_format"}
    address = Url("https://a.example/1.png")
    with serving(SERVERS["xai"]) as server, client_for("xai", server) as client:
        client.edit(EditRequest([IMAGE, picture("JPEG"), IMAGE, IMAGE], "p"))
        assert len(server.last.json["images"]) == 3
        with pytest.raises(BadRequestError):
            client.edit(EditRequest([address], "p"))  # this server only knows data URLs
        assert server.last.json["image"]["url"] == address.value


def test_openrouter_gets_its_own_route_and_references() -> None:
    _, got, notices = edit_with("openrouter", EditRequest([IMAGE, IMAGE], "p", model="openai/gpt-image-2", mask=IMAGE))
    assert got.path == "/api/v1/images"
    encoded = "data:image/png;base64," + base64.b64encode(IMAGE).decode()
    assert got.json == {
        "prompt": "p",
        "model": "openai/gpt-image-2",
        "input_references": [{"type": "image_url", "image_url": {"url": encoded}}] * 2,
    }
    assert "mask" in notices
    with serving(json_reply({"data": [{"id": "openai/gpt-image-2"}]})) as server:
        assert [info.id for info in client_for("openrouter", server).models()] == ["openai/gpt-image-2"]
        assert server.last.path == "/api/v1/images/models"


def test_openrouter_gets_markup_like_a_reference() -> None:
    _, got, _ = edit_with("openrouter", EditRequest([IMAGE], "p", model="openai/gpt-image-2.6-flare", markup=IMAGE))
    assert got.json["markup"] == got.json["input_references"][0]


@pytest.mark.parametrize("name", ["xai", "openrouter"])
def test_the_newest_models_fields_are_not_sent_to_those_without_them(name: str) -> None:
    request = EditRequest([IMAGE], "p", model="openai/gpt-image-2.6-flare", complexity="low")
    _, got, notices = edit_with(name, request)
    assert "complexity" not in got.json and "complexity" in notices


@pytest.mark.parametrize("name", providers.names())
def test_the_user_has_the_newer_name_only_where_that_is_documented(name: str) -> None:
    request = EditRequest([IMAGE], "p", model="openai/gpt-image-2.6-flare", user="me", size="1024x1024")
    _, got, _ = edit_with(name, request)
    sent = {field for field in ("user", "safety_identifier") if field in got.parameters()}
    documented = {"openai": {"safety_identifier"}, "openrouter": set()}
    assert sent == documented.get(name, {"user"})


def test_imagerouter_gets_mask_and_one_request_for_each_image() -> None:
    with serving(SERVERS["imagerouter"]) as server, client_for("imagerouter", server) as client:
        response = client.edit(EditRequest([IMAGE], "p", mask=IMAGE, model="m", n=3))
        assert [[part.name for part in request.files] for request in server.requests] == [["image[]", "mask[]"]] * 3
    assert len(response.images) == 3


def test_sizes_are_multiples_of_what_a_server_rounds_up_to() -> None:
    unknown, listed = models.get("any-model").sizes, models.get("gpt-image-1").sizes
    rule = providers.get("sd-cpp").sizes(unknown)
    assert rule.allows(512, 576) and not rule.allows(512, 528)
    assert unknown.allows(512, 528) and providers.get("custom").sizes(unknown) is unknown
    assert providers.get("sd-cpp").sizes(listed) is listed


def test_model_of_a_gateway_has_the_limits_of_its_makers() -> None:
    model = models.get("openai/gpt-image-2")
    assert model.is_known and model.sizes == models.get("gpt-image-2").sizes and model.name == "openai/gpt-image-2"
    assert not models.get("nobody/gpt-image-2").is_known and not models.get("my-openai/gpt-image-2").is_known
    assert not models.get("openai/gpt-image-2/").is_known and not models.get("openai/").is_known
    assert models.get("azure/gpt-image-2").prices == model.prices
    longer = models.get("openrouter/openai/gpt-image-1.5")
    assert (longer.name, longer.successor) == (
        "openrouter/openai/gpt-image-1.5", "openrouter/openai/gpt-image-2.6-sunburst",
    )  # fmt: skip
    assert models.get("openai/gpt-image-1.5").successor == "openai/gpt-image-2.6-sunburst"
    assert models.get("gpt-image-1.5").successor == "gpt-image-2.6-sunburst"


def test_lemonade_gets_the_first_image_only_with_a_notice() -> None:
    _, got, notices = edit_with("lemonade", EditRequest([IMAGE, picture("JPEG")], "p", model="m"))
    assert [part.value for part in got.files] == [IMAGE]
    assert notices["images"] == "lemonade uses the first image only."


@pytest.mark.parametrize("name", ["vllm-omni", "sglang"])
def test_image_urls_are_sent_as_form_parts(name: str) -> None:
    one, two = Url("https://a.example/1.png"), Url("https://a.example/2.png")
    _, got, _ = edit_with(name, EditRequest([one], "p"))
    assert [(part.name, part.text) for part in got.parts if "url" in part.name] == [("url", one.value)]
    _, got, _ = edit_with(name, EditRequest([one, IMAGE, two], "p"))
    assert [(part.name, part.text) for part in got.parts if "url" in part.name] == [
        ("url[]", one.value),
        ("url[]", two.value),
    ]
    assert [part.value for part in got.files] == [IMAGE]


FORMS = [name for name in providers.names() if providers.get(name).references != "json"]
FORMS = [name for name in FORMS if providers.get(name).encoding == "openai"]


@pytest.mark.parametrize("name", FORMS)
def test_data_url_becomes_a_file_in_a_form(name: str) -> None:
    url = Url("data:image/png;base64," + base64.b64encode(IMAGE).decode())
    _, got, _ = edit_with(name, EditRequest([url], "p", model="m/m"))
    (part,) = got.files
    assert (part.value, part.content_type) == (IMAGE, "image/png")


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        *[(name, FileId("file-1")) for name in (*FORMS, "xai", "openrouter")],
        *[(name, Url("https://a.example/1.png")) for name in FORMS if providers.get(name).references == "none"],
    ],
)
def test_unsupported_reference_is_a_problem(name: str, reference: FileId | Url) -> None:
    with pytest.raises(InvalidRequestError, match=f"image 1 .*{name} (only )?accepts files"):
        edit_with(name, EditRequest([reference], "p", model="m"))


@pytest.mark.parametrize(
    ("base", "path", "version"),
    [
        ("/openai/v1", "/openai/v1/images/edits", "preview"),
        ("/openai/v1/", "/openai/v1/images/edits", "preview"),
        ("", "/openai/v1/images/edits", "preview"),
        ("/openai", "/openai/v1/images/edits", "preview"),
        ("/openai/v1?api-version=2027-01-01", "/openai/v1/images/edits", "2027-01-01"),
        ("/openai/deployments/edit-1", "/openai/deployments/edit-1/images/edits", "2025-04-01-preview"),
        ("/openai/deployments/edit-1/images/edits?api-version=x", "/openai/deployments/edit-1/images/edits", "x"),
    ],
)
def test_both_forms_of_azure_urls(base: str, path: str, version: str) -> None:
    with serving(SERVERS["azure"]) as server, ImagesClient(server.origin + base, "sk-1", "azure") as client:
        client.edit(EditRequest([IMAGE], "p", model="edit-1"))
        assert server.last.path == path
        assert server.last.query["api-version"] == [version]
        assert ("model" in server.last.fields) is ("deployments" not in base)


def test_azure_models_url_is_outside_the_deployment() -> None:
    with serving(json_reply({"data": []})) as server:
        ImagesClient(server.origin + "/openai/deployments/edit-1", "sk-1", "azure").models()
    assert server.last.path == "/openai/models"


def test_azure_without_a_deployment_needs_a_model() -> None:
    with pytest.raises(InvalidRequestError, match="model: azure needs a model name"):
        edit_with("azure", EditRequest([IMAGE], "p"))


@pytest.mark.parametrize(
    ("name", "request_", "message"),
    [
        ("sd-cpp", EditRequest([IMAGE], "p", size="big"), "invalid size"),
        ("xinference", EditRequest([IMAGE], "p", model="m", extra={"x": 1}), None),
        ("openai", EditRequest([IMAGE], "p", extra={"seed": 1}), "Unknown parameter: 'seed'."),
        ("azure", EditRequest([IMAGE], "p", model="m"), None),
    ],
)
def test_error_messages_of_providers_are_read(name: str, request_: EditRequest, message: str | None) -> None:
    if message is None:
        assert edit_with(name, request_)[0].images
        return
    with pytest.raises(BadRequestError) as caught:
        edit_with(name, request_)
    assert caught.value.message == message


ONE_AT_A_TIME = replace(providers.get("custom"), supports_n=False)


def test_n_images_are_requested_in_parallel() -> None:
    together = threading.Barrier(4)

    def answer(request: Recorded) -> Reply:
        together.wait(10)  # fails unless all four requests are in flight at once
        return images_reply(IMAGE, usage={"total_tokens": 5})

    with serving(answer) as server, ImagesClient(server.url, provider=ONE_AT_A_TIME) as client:
        response = client.edit(EditRequest([IMAGE], "p", n=4))
        assert all("n" not in request.fields for request in server.requests)
    assert len(response.images) == 4
    assert response.usage == {"total_tokens": 20}
    assert response.request_ids == ["req_1"] * 4
    assert len(response.raw["responses"]) == 4


def test_seed_increases_with_each_parallel_request() -> None:
    with serving(images_reply(IMAGE)) as server, ImagesClient(server.url, provider=ONE_AT_A_TIME) as client:
        client.edit(EditRequest([IMAGE], "p", n=3, extra={"seed": 5}))
    assert sorted(request.fields["seed"] for request in server.requests) == ["5", "6", "7"]


@pytest.mark.usefixtures("no_waiting")
def test_images_are_returned_when_other_requests_fail() -> None:
    lock = threading.Lock()

    def answer(request: Recorded) -> Reply:
        with lock:
            first = request is server.requests[0]
        return images_reply(IMAGE) if first else json_reply({"error": "broke"}, 500)

    with serving(answer) as server, ImagesClient(server.url, provider=ONE_AT_A_TIME) as client:
        response = client.edit(EditRequest([IMAGE], "p", n=3))
    assert len(response.images) == 1
    assert [type(failure) for failure in response.failures] == [ServerError, ServerError]


@pytest.mark.usefixtures("no_waiting")
def test_error_that_may_have_been_billed_is_raised_when_all_requests_fail() -> None:
    def answer(request: Recorded) -> Reply:
        last = request is server.requests[0]
        return json_reply({"error": "broke"}, 500) if last else json_reply({"error": "busy"}, 429)

    with serving(answer) as server, pytest.raises(ServerError) as caught:
        ImagesClient(server.url, provider=ONE_AT_A_TIME, max_retries=0).edit(EditRequest([IMAGE], "p", n=3))
    assert caught.value.maybe_billed
    assert not RateLimitError("x").maybe_billed


def test_fewer_images_than_requested_give_a_notice() -> None:
    notices: list[object] = []
    with serving(images_reply(IMAGE)) as server:
        ImagesClient(server.url, provider="custom", on_event=notices.append).edit(EditRequest([IMAGE], "p", n=3))
    assert Notice("n", "The endpoint returned 1 of 3 images.") in notices


@pytest.mark.parametrize(
    ("model", "text"),
    [
        ("gpt-image-1.5", "ends on 2026-12-01; use gpt-image-2.6-sunburst"),
        ("gpt-image-1", "ended on 2026-10-23; use gpt-image-2"),
    ],
)
def test_model_with_a_shutdown_date_gives_a_notice(model: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "today", lambda: date(2026, 11, 20))
    _, got, notices = edit_with("openai", EditRequest([IMAGE], "p", model=model))
    assert text in notices["model"]
    assert got.fields["model"] == model
