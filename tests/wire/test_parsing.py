"""Parsing of responses: images in any structure are accepted, and limits apply before anything is decoded."""

from __future__ import annotations

import base64
import gc
import json
import re
import threading
import tracemalloc
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.api import calls as calls_module
from lib.api import providers
from lib.api.address import (
    absolute_url,
    base_url_problem,
    endpoint_url,
    environment_problem,
    is_public_host,
    is_same_origin,
)
from lib.api.client import ImagesClient
from lib.api.errors import (
    ApiError,
    BadResponseError,
    CancelledError,
    InvalidRequestError,
    ModerationError,
    NotFoundError,
    ServerError,
)
from lib.api.parsing import Limits, decode_image, parse_json, parse_response
from lib.api.request import EditRequest
from lib.api.response import add_usage
from lib.api.stream import no_fetch, read_body
from lib.api.text import join_alternatives
from lib.api.transport import Exchange
from tests.campaigns import examples
from tests.wire.pictures import picture
from tests.wire.server import Recorded, Reply, json_reply, serving

IMAGE = picture()
ENCODED = base64.b64encode(IMAGE).decode()
REQUEST = EditRequest([IMAGE], "p")


def edit(answer: Any, limits: Limits | None = None) -> Any:
    reply = answer if isinstance(answer, Reply) else json_reply(answer)
    with serving(reply) as server, ImagesClient(server.url, "sk-1", limits=limits) as client:
        return client.edit(REQUEST)


def test_complete_response() -> None:
    usage = {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3,
             "input_tokens_details": {"image_tokens": 1, "text_tokens": 0},
             "output_tokens_details": {"image_tokens": 2, "text_tokens": 0}}  # fmt: skip
    facts = {"background": "transparent", "output_format": "png", "quality": "low", "size": "64x48", "usage": usage}
    entry = {"b64_json": ENCODED, "revised_prompt": "better"}
    response = edit(json_reply({"created": 7, "data": [entry, entry], **facts}, headers={"x-request-id": "req_5"}))
    assert [image.data for image in response.images] == [IMAGE, IMAGE]
    image = response.images[0]
    assert (image.format, image.width, image.height, image.revised_prompt) == ("png", 64, 48, "better")
    assert (response.created, response.background, response.output_format) == (7, "transparent", "png")
    assert (response.quality, response.size, response.usage) == ("low", "64x48", usage)
    assert response.request_ids == ["req_5"]
    assert ENCODED not in json.dumps(response.raw)
    assert response.raw["size"] == "64x48"


def test_connections_are_freed() -> None:
    """A worker runs as long as GIMP, and a folder run may send thousands of requests."""
    gc.collect()
    before = count_exchanges()
    for _number in range(8):
        edit({"data": [{"b64_json": ENCODED}]})
    gc.collect()
    # A thread that is about to end may still hold the last one.
    assert count_exchanges() <= before + 1


def count_exchanges() -> int:
    return sum(isinstance(each, Exchange) for each in gc.get_objects())


def test_response_with_nothing_but_an_image() -> None:
    response = edit({"data": [{"b64_json": ENCODED}]})
    assert response.images[0].data == IMAGE
    assert (response.created, response.usage, response.request_ids, response.size) == (None, None, [], None)


def test_number_of_5000_digits_is_ignored() -> None:
    body = json.dumps({"created": 1, "data": [{"b64_json": ENCODED}], "usage": {"total_tokens": 3}})
    response = edit(Reply(200, body.replace('"created": 1', f'"created": {"1" * 5000}').encode()))
    assert (response.created, response.usage, response.failures) == (None, {"total_tokens": 3}, [])
    assert response.images[0].data == IMAGE


def test_base64_may_have_line_breaks_or_be_a_data_url() -> None:
    wrapped = "\n".join(ENCODED[start : start + 76] for start in range(0, len(ENCODED), 76))
    assert edit({"data": [{"b64_json": wrapped}]}).images[0].data == IMAGE
    assert edit({"data": [{"b64_json": f"data:image/png;base64,{ENCODED}"}]}).images[0].data == IMAGE
    response = edit({"data": [{"url": f"data:image/png;base64,{ENCODED}"}]})
    assert response.images[0].data == IMAGE
    assert response.raw == {"data": [{}]}


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({}, "contains no image"),
        ({"data": []}, "contains no image"),
        ({"data": "x"}, "contains no image"),
        ({"data": ["x"]}, "contains no image"),
        ({"data": [{}]}, "neither data nor a URL"),
        ({"data": [{"b64_json": 5}]}, "neither data nor a URL"),
        ({"data": [{"b64_json": "A"}]}, "not valid base64"),
        ({"data": [{"b64_json": "é"}]}, "not valid base64"),
        ({"data": [{"b64_json": "AAAA"}]}, "can't be read: it is not an image"),
        ({"data": [{"url": 5}]}, "neither data nor a URL"),
        (Reply(200, b"[]"), "contains no image"),
        (Reply(200, b"7"), "contains no image"),
        (Reply(200, b"<html>hello"), "is not JSON"),
        (Reply(200, b"[" * 200_000), "is not JSON"),
    ],
)
def test_unusable_response_raises_bad_response_error(answer: Any, message: str) -> None:
    with pytest.raises(BadResponseError, match=message) as caught:
        edit(answer)
    assert caught.value.maybe_billed


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({"error": {"message": "It broke."}}, "It broke."),
        ({"error": "It broke."}, "It broke."),
        ({"error": "server_error", "message": "It broke."}, "It broke."),
        ({"error": {"code": 7, "msg": "It broke."}}, "It broke."),
        ({"error": {"error": {"detail": "It broke."}}}, "It broke."),
        ({"error": ["It broke."]}, "It broke."),
        ({"message": "It broke."}, "It broke."),
        ({"msg": "It broke.", "data": []}, "It broke."),
        ({"errorMessage": "It broke."}, "It broke."),
        ({"errors": [{"message": "It broke."}, {"detail": "Badly."}]}, "It broke.; Badly."),
        ({"detail": [{"loc": ["body", "image"], "msg": "It broke."}]}, "image: It broke."),
        ({"data": [{"error": {"message": "It broke."}}]}, "It broke."),
        ({"error": {"code": "x"}, "detail": "It broke."}, "It broke."),
    ],
)
def test_error_in_a_successful_response_is_raised(answer: Any, message: str) -> None:
    with pytest.raises(ServerError) as caught:
        edit(answer)
    assert caught.value.message == message and caught.value.maybe_billed


def test_error_in_a_successful_response_has_its_class_and_code() -> None:
    with pytest.raises(ModerationError):
        edit({"error": {"message": "No.", "code": "moderation_blocked"}})
    with pytest.raises(ServerError) as caught:
        edit({"error": "overloaded", "message": "It broke."})
    assert caught.value.code == "overloaded"


@pytest.mark.timeout(60)
def test_response_with_three_million_entries_is_refused_at_once() -> None:
    body = b'{"data":[' + b"{}," * 3_000_000 + b"{}]}"
    tracemalloc.start()
    with pytest.raises(BadResponseError, match="parts"):
        read_body(body, Limits(), no_fetch, None)
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 40 << 20, "2.3 GB and 30 s before"


def test_number_of_images_and_failures_is_limited() -> None:
    answer = {"data": [{"b64_json": ENCODED} for _number in range(101)]}
    response = parse_response(answer, Limits(), no_fetch, None)
    assert len(response.images) == 100 and "contains 101 images" in response.failures[0].message
    answer = {"data": [{"b64_json": "?"} for _number in range(99)] + [{"b64_json": ENCODED}]}
    response = parse_response(answer, Limits(), no_fetch, None)
    assert len(response.images) == 1 and len(response.failures) == 10


def test_invalid_image_does_not_affect_the_others() -> None:
    response = edit({"data": [{"b64_json": ENCODED}, {"b64_json": "AAAA"}, {"b64_json": ENCODED}]})
    assert len(response.images) == 2
    assert [type(failure) for failure in response.failures] == [BadResponseError]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_image_with_too_many_pixels_is_refused(kind: str) -> None:
    data = base64.b64encode(picture(kind, 200, 100)).decode()
    with pytest.raises(BadResponseError, match=r"200x100 pixels; the limit is 19,999 pixels"):
        edit({"data": [{"b64_json": data}]}, Limits(max_pixels=19_999))
    assert edit({"data": [{"b64_json": data}]}, Limits(max_pixels=20_000)).images[0].width == 200


def test_decompression_bomb_is_refused() -> None:
    header = bytearray(picture())
    header[16:24] = (60_000).to_bytes(4, "big") * 2
    with pytest.raises(BadResponseError, match="60000x60000"):
        decode_image(base64.b64encode(bytes(header)).decode(), Limits())


def test_image_with_too_many_bytes_is_refused() -> None:
    with pytest.raises(BadResponseError, match="larger than 10 bytes"):
        decode_image("A" * 200, Limits(max_image_bytes=10))


def test_body_with_too_large_a_content_length_is_refused() -> None:
    with pytest.raises(BadResponseError, match="larger than 1,000 bytes"):
        edit(Reply(200, headers={"Content-Length": "1001"}, chunks=[b"{}"]), Limits(max_body_bytes=1000))


def test_body_without_content_length_is_refused_at_the_limit() -> None:
    with pytest.raises(BadResponseError, match="larger than 1,000 bytes"):
        edit(Reply(200, headers={}, chunks=[b" " * 600, b" " * 600]), Limits(max_body_bytes=1000))


def test_error_response_with_a_huge_body_keeps_its_class() -> None:
    with pytest.raises(NotFoundError, match="404"):
        edit(Reply(404, b"x" * ((1 << 20) + 1)))


def by_url(address: str, image: Reply) -> Callable[[Recorded], Reply]:
    return lambda request: image if request.method == "GET" else json_reply({"data": [{"url": address}]})


def test_image_url_is_downloaded_without_the_key() -> None:
    with serving(lambda request: by_url(f"{server.origin}/out.png", Reply(200, IMAGE))(request)) as server:
        response = ImagesClient(server.url, "sk-1").edit(REQUEST)
    assert response.images[0].data == IMAGE
    post, get = server.requests
    assert post.headers["Authorization"] == "Bearer sk-1"
    assert get.path == "/out.png"
    assert get.headers["Authorization"] is None


def test_image_url_may_be_relative_to_the_endpoint() -> None:
    with serving(by_url("/files/out.png", Reply(200, IMAGE))) as server:
        assert ImagesClient(server.url, "sk-1").edit(REQUEST).images[0].data == IMAGE
    assert server.last.path == "/files/out.png"


def test_downloaded_image_is_subject_to_the_limits() -> None:
    with serving(by_url("/out.png", Reply(200, IMAGE + b"\0" * 5000))) as server:
        client = ImagesClient(server.url, "sk-1", limits=Limits(max_image_bytes=4000))
        with pytest.raises(BadResponseError, match="larger than 4,000 bytes") as caught:
            client.edit(REQUEST)
    assert caught.value.hint == f"It was billed and stays available for a short time at {server.origin}/out.png"


def test_redirects_of_an_image_url_are_limited() -> None:
    def answer(request: Recorded) -> Reply:
        if request.method == "POST":
            return json_reply({"data": [{"url": "/hop/1"}]})
        hop = int(request.path.rpartition("/")[2])
        return Reply(302, headers={"Location": f"/hop/{hop + 1}"}) if hop < hops else Reply(200, IMAGE)

    hops = 5
    with serving(answer) as server:
        assert ImagesClient(server.url, "sk-1").edit(REQUEST).images[0].data == IMAGE
    hops = 100
    with serving(answer) as server, pytest.raises(BadResponseError, match="redirected the request too many times"):
        ImagesClient(server.url, "sk-1").edit(REQUEST)
    assert len(server.requests) == 6


@pytest.mark.parametrize(
    "address", ["file:///etc/passwd", "ftp://a.example/x", "gopher://x", "http://[bad", "http://a:b/", "http://a:0/"]
)
def test_only_http_urls_are_downloaded(address: str) -> None:
    with pytest.raises(BadResponseError, match="neither http nor https"):
        edit({"data": [{"url": address}]})


@pytest.mark.parametrize(
    "address",
    ["http://127.0.0.1:1/x", "http://10.0.0.1/x", "http://169.254.169.254/latest/meta-data", "http://[::1]/x",
     "http://localhost:1/x", "http://[::ffff:192.168.0.1]/x", "http://100.64.0.1/", "http://0.0.0.0/"],
)  # fmt: skip
def test_public_endpoint_cannot_link_to_a_private_network(address: str) -> None:
    endpoint = calls_module.EndpointConfig("https://8.8.8.8/v1", {}, calls_module.Timeouts(), Limits(), 0, print)
    with calls_module.Call(endpoint) as call, pytest.raises(BadResponseError, match="private network"):
        call.get(address, 1000, with_key=False)


def test_host_that_resolves_to_a_private_address_later_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls_module, "is_public_host", lambda host: True)
    with serving(Reply(200, IMAGE)) as server:
        endpoint = calls_module.EndpointConfig("https://8.8.8.8/v1", {}, calls_module.Timeouts(), Limits(), 0, print)
        with calls_module.Call(endpoint) as call, pytest.raises(ApiError, match="private network"):
            call.get(server.origin, 1000, with_key=False)
    assert server.requests == []


@examples(300)
@given(st.text() | st.text().map(lambda text: "http://" + text))
def test_url_checks_accept_any_text(address: str) -> None:
    url = absolute_url("https://a.example/v1", address)
    if url is not None:
        assert url.startswith(("http://", "https://", "HTTP"))
        assert isinstance(is_same_origin(url, "https://a.example"), bool)
        assert isinstance(is_public_host(urlsplit("http://a..b/").hostname or ""), bool)


def test_failed_download_error_says_that_the_image_was_created() -> None:
    gone = by_url("/gone.png", json_reply({"error": "gone"}, 404))
    with serving(gone) as server, pytest.raises(BadResponseError, match="couldn't be downloaded") as caught:
        ImagesClient(server.url, "sk-1").edit(REQUEST)
    assert caught.value.message.endswith("gone")
    assert caught.value.maybe_billed
    assert f"{server.origin}/gone.png" in caught.value.hint


def test_cancel_during_the_download_may_have_been_billed() -> None:
    stop = threading.Event()

    def hold() -> None:
        client.cancel()
        stop.wait(10)

    with serving(by_url("/out.png", Reply(200, IMAGE, before=hold))) as server:
        client = ImagesClient(server.url, "sk-1")
        with pytest.raises(CancelledError) as caught:
            client.edit(REQUEST)
        stop.set()
    assert caught.value.maybe_billed


def test_models_have_shutdown_dates() -> None:
    data = [{"id": "a", "shutdown_date": "2026-12-01"}, {"id": "b", "shutdown_date": None}, {"id": "c"}, 5, {}]
    with serving(json_reply({"data": data})) as server:
        models = ImagesClient(server.url, "sk-1").models()
    dates = [(info.id, str(info.shutdown_date)) for info in models]
    assert dates == [("a", "2026-12-01"), ("b", "None"), ("c", "None")]
    assert (server.last.method, server.last.path) == ("GET", "/v1/models")
    assert server.last.headers["Authorization"] == "Bearer sk-1"


def test_model_names_are_sanitized() -> None:
    with serving(json_reply({"data": [{"id": "\x1b[31mgpt\u202e-image\x07"}]})) as server:
        assert ImagesClient(server.url, "sk-1").models()[0].id == "gpt-image"


@pytest.mark.parametrize(
    "answer",
    [
        {"data": [{"id": "a"}, {"id": "b", "name": "B"}]}, {"models": [{"name": "a"}, {"name": "b"}]},
        [{"id": "a"}, {"id": None}, {"id": ""}, "c", {"id": "b"}],
    ],
)  # fmt: skip
def test_lists_of_models_in_other_shapes_are_read(answer: Any) -> None:
    with serving(json_reply(answer)) as server:
        assert [info.id for info in ImagesClient(server.url, "sk-1").models()] == ["a", "b"]


@pytest.mark.parametrize("answer", [{"data": 5}, {"data": None}, {}, {"data": {"a": 1}}, "a", 5])
def test_invalid_list_of_models_was_not_billed(answer: Any) -> None:
    with serving(json_reply(answer)) as server, pytest.raises(BadResponseError) as caught:
        ImagesClient(server.url, "sk-1").models()
    assert not caught.value.maybe_billed


def test_usage_is_added_key_by_key() -> None:
    one = {"total_tokens": 1, "details": {"a": 1}, "note": "x"}
    two = {"total_tokens": 2, "details": {"a": 2, "b": 3}, "more": 4, "note": "y"}
    assert add_usage(one, two) == {"total_tokens": 3, "details": {"a": 3, "b": 3}, "note": "x", "more": 4}
    assert add_usage(None, two) is two
    assert add_usage(one, None) is one
    assert add_usage(None, None) is None
    assert add_usage({"a": 1, "b": {"c": 1}}, {"a": {"c": 2}, "b": 3}) == {"a": {"c": 2}, "b": 3}


START, NO_HOST, BAD_HOST = "must start with http:// or https://", "must contain a host name", "not a valid host name"
PORT, BRACKETS = "the port must be a number from 1 to 65535", "use brackets only around an IPv6 address"
BLANKS = "must not contain spaces"
KEY_ONLY = "a key is only sent over https or to this computer"


@pytest.mark.parametrize(
    ("base_url", "has_key", "text"),
    [
        (None, False, "base URL: this provider needs one"),
        ("", False, "base URL: this provider needs one"),
        (" ", False, "base URL: this provider needs one"),
        ("api.openai.com/v1", False, START),
        ("localhost:8000/v1", False, START),
        ("http:a.example", False, START),
        ("http:\\\\a.example", False, START),
        ("ftp://a/v1", False, START),
        ("http:///v1", False, NO_HOST),
        ("https://:8000/v1", False, NO_HOST),
        ("https://…/v1", False, BAD_HOST),
        ("https://<name>.example/v1", False, BAD_HOST),
        ("https://a..example/v1", False, BAD_HOST),
        ("https://.a.example/v1", False, BAD_HOST),
        ("https://a,b/v1", False, BAD_HOST),
        ("http://192.168.1.256/v1", False, BAD_HOST),
        ("https://a:b@c.example/v1", False, "must not contain a user name"),
        ("https://a@c.example/v1", False, "must not contain a user name"),
        ("https://@c.example/v1", False, "must not contain a user name"),
        ("https://a.example:99999/v1", False, PORT),
        ("https://a.example:65536/v1", False, PORT),
        ("https://a.example:0/v1", False, PORT),
        ("https://a.example:-1/v1", False, PORT),
        ("https://a.example:port/v1", False, PORT),
        ("https://a.example:/v1", False, PORT),
        ("https://a.example:٣/v1", False, PORT),
        ("http://[::1/v1", False, BRACKETS),
        ("http://::1:8000/v1", False, BRACKETS),
        ("http://[a.example]/v1", False, BRACKETS),
        ("http://[::1]8000/v1", False, BRACKETS),
        ("http://a.example/v1]", False, BRACKETS),
        ("[http://a.example/v1]", False, START),
        ("https://a .example/v1", False, BLANKS),
        ("https://a.example/v1 images", False, BLANKS),
        ("https://a.example/\tv1", False, BLANKS),
        ("https://a.example/v1?key=x", False, "remove the “?”"),
        ("https://a.example/v1#x", False, "remove the “#”"),
        ("http://a.example/v1", True, KEY_ONLY),
        ("http://192.168.1.5/v1", True, KEY_ONLY),
        ("http://192.168.1.5/v1", False, None),
        ("https://a.example/v1", True, None),
        (" HTTPS://a.example/v1/ ", True, None),
        ("https://a_b.example.:65535", True, None),
        ("https://bücher.example/v1", True, None),
        ("http://localhost:8000/v1", True, None),
        ("http://127.0.0.1/v1", True, None),
        ("http://127.1:08000/v1", True, None),
        ("http://[::1]:80/v1", True, None),
    ],
)
def test_base_urls(base_url: str | None, has_key: bool, text: str | None) -> None:
    problem = base_url_problem(base_url, providers.get("custom"), has_key)
    assert (problem is None) if text is None else (text in str(problem))
    if text and text != KEY_ONLY:
        with pytest.raises(InvalidRequestError, match=re.escape(text)):
            ImagesClient(base_url, "sk-1", "custom")


def test_azure_urls_may_have_a_query() -> None:
    azure = providers.get("azure")
    assert base_url_problem("https://a.example/openai/v1?api-version=preview", azure) is None
    assert "remove the “#”" in str(base_url_problem("https://a.example/openai/v1#x", azure))


@pytest.mark.parametrize(
    "base_url", ["https://me:canary@a.example/v1", "me:canary@a.example", "https://a.example:x/v1?key=canary"]
)
def test_secrets_in_a_base_url_are_not_shown(base_url: str) -> None:
    problem = base_url_problem(base_url, providers.get("custom"))
    assert "a.example" in str(problem) and "canary" not in str(problem)


@given(st.text(st.sampled_from("htps:/.[]@?#0159a-zü %\\\t"), max_size=24))
def test_base_url_without_a_problem_is_usable(text: str) -> None:
    custom = providers.get("custom")
    for base_url in (text, f"http://{text}", f"https://a.example{text}"):
        if base_url_problem(base_url, custom) is None:
            assert providers.host_of(base_url.strip())
            assert urlsplit(endpoint_url(base_url, custom, "/models")).path.endswith("/models")
        elif base_url.strip():
            providers.host_of(base_url)  # must not raise


def test_invalid_base_url_in_the_environment_names_the_variable() -> None:
    openai = providers.get("openai")
    problem = environment_problem(openai, {"OPENAI_BASE_URL": "http://127.0.0.1:port/v1"})
    assert str(problem) == f"OPENAI_BASE_URL http://127.0.0.1:port/v1: {PORT}"
    assert environment_problem(openai, {"OPENAI_BASE_URL": " http://127.0.0.1:8000/v1\n"}) is None
    assert environment_problem(openai, {"OPENAI_BASE_URL": ""}) is None
    assert environment_problem(providers.get("local"), {"OPENAI_BASE_URL": "x"}) is None
    assert openai.resolve_url(None, {"OPENAI_BASE_URL": " http://127.0.0.1:8000 "}) == "http://127.0.0.1:8000"


def test_same_origin_and_public_hosts() -> None:
    assert is_same_origin("https://a.example/x", "https://A.example:443/y")
    assert not is_same_origin("https://a.example", "http://a.example")
    assert not is_same_origin("https://a.example", "https://a.example:444")
    assert is_public_host("a-name-that-does-not-exist.invalid")


def test_parse_json_error_names_its_subject() -> None:
    with pytest.raises(BadResponseError, match="The thing is not JSON"):
        parse_json(b"\xff", "The thing")


def test_raw_response_has_no_image_data() -> None:
    answer = {"data": [{"b64_json": ENCODED, "extra": 1}]}
    response = parse_response(answer, Limits(), lambda url: b"", None)
    assert response.raw == {"data": [{"extra": 1}]}


def test_host_of_and_join_alternatives() -> None:
    assert providers.host_of("HTTP://A.Example:8000/v1") == "a.example:8000"
    assert providers.host_of("https://a.example/v1") == "a.example"
    assert join_alternatives([]) == ""
