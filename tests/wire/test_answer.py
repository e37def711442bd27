"""Answers: only their pictures decide, in whatever shape they come; bounded before anything is decoded."""

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
    base_url_problem,
    endpoint_url,
    environment_problem,
    is_public_host,
    joined,
    same_origin,
)
from lib.api.answer import Limits, decode_image, parse_object, read_answer
from lib.api.client import ImagesClient
from lib.api.errors import (
    ApiError,
    BadAnswerError,
    CancelledError,
    InvalidRequestError,
    ModerationError,
    NotFoundError,
    ServerError,
)
from lib.api.request import EditRequest
from lib.api.response import add_usage
from lib.api.stream import no_fetch, read_body
from lib.api.text import alternatives
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


def test_a_whole_answer() -> None:
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
    """A worker lives as long as GIMP, and a folder may hold thousands of pictures."""
    gc.collect()
    before = alive()
    for _number in range(8):
        edit({"data": [{"b64_json": ENCODED}]})
    gc.collect()
    # A thread that is still ending may hold the last one.
    assert alive() <= before + 1


def alive() -> int:
    return sum(isinstance(each, Exchange) for each in gc.get_objects())


def test_an_answer_with_nothing_but_an_image() -> None:
    response = edit({"data": [{"b64_json": ENCODED}]})
    assert response.images[0].data == IMAGE
    assert (response.created, response.usage, response.request_ids, response.size) == (None, None, [], None)


def test_a_number_of_five_thousand_digits_counts_as_absent() -> None:
    body = json.dumps({"created": 1, "data": [{"b64_json": ENCODED}], "usage": {"total_tokens": 3}})
    response = edit(Reply(200, body.replace('"created": 1', f'"created": {"1" * 5000}').encode()))
    assert (response.created, response.usage, response.failures) == (None, {"total_tokens": 3}, [])
    assert response.images[0].data == IMAGE


def test_base64_may_have_lines_and_be_a_data_url() -> None:
    broken_up = "\n".join(ENCODED[start : start + 76] for start in range(0, len(ENCODED), 76))
    assert edit({"data": [{"b64_json": broken_up}]}).images[0].data == IMAGE
    assert edit({"data": [{"b64_json": f"data:image/png;base64,{ENCODED}"}]}).images[0].data == IMAGE
    response = edit({"data": [{"url": f"data:image/png;base64,{ENCODED}"}]})
    assert response.images[0].data == IMAGE
    assert response.raw == {"data": [{}]}


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({}, "holds no image"),
        ({"data": []}, "holds no image"),
        ({"data": "x"}, "holds no image"),
        ({"data": ["x"]}, "holds no image"),
        ({"data": [{}]}, "neither data nor an address"),
        ({"data": [{"b64_json": 5}]}, "neither data nor an address"),
        ({"data": [{"b64_json": "A"}]}, "not base64"),
        ({"data": [{"b64_json": "é"}]}, "not base64"),
        ({"data": [{"b64_json": "AAAA"}]}, "can't be read: it is no image"),
        ({"data": [{"url": 5}]}, "neither data nor an address"),
        (Reply(200, b"[]"), "holds no image"),
        (Reply(200, b"7"), "holds no image"),
        (Reply(200, b"<html>hello"), "is not JSON"),
        (Reply(200, b"[" * 200_000), "is not JSON"),
    ],
)
def test_what_cannot_be_used_is_a_bad_answer(answer: Any, message: str) -> None:
    with pytest.raises(BadAnswerError, match=message) as caught:
        edit(answer)
    assert caught.value.maybe_billed


@pytest.mark.parametrize(
    ("answer", "words"),
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
def test_an_error_inside_a_success_is_the_servers_own(answer: Any, words: str) -> None:
    with pytest.raises(ServerError) as caught:
        edit(answer)
    assert caught.value.message == words and caught.value.maybe_billed


def test_an_error_inside_a_success_has_its_kind() -> None:
    with pytest.raises(ModerationError):
        edit({"error": {"message": "No.", "code": "moderation_blocked"}})
    with pytest.raises(ServerError) as caught:
        edit({"error": "overloaded", "message": "It broke."})
    assert caught.value.code == "overloaded"


@pytest.mark.timeout(60)
def test_an_answer_of_three_million_entries_is_refused_at_once() -> None:
    body = b'{"data":[' + b"{}," * 3_000_000 + b"{}]}"
    tracemalloc.start()
    with pytest.raises(BadAnswerError, match="parts"):
        read_body(body, Limits(), no_fetch, None)
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 40 << 20, "2.3 GB and 30 s before"


def test_a_list_without_end_is_read_as_far_as_any_goes() -> None:
    answer = {"data": [{"b64_json": ENCODED} for _number in range(101)]}
    response = read_answer(answer, Limits(), no_fetch, None)
    assert len(response.images) == 100 and "lists 101 images" in response.failures[0].message
    answer = {"data": [{"b64_json": "?"} for _number in range(99)] + [{"b64_json": ENCODED}]}
    response = read_answer(answer, Limits(), no_fetch, None)
    assert len(response.images) == 1 and len(response.failures) == 10


def test_one_bad_image_does_not_lose_the_others() -> None:
    response = edit({"data": [{"b64_json": ENCODED}, {"b64_json": "AAAA"}, {"b64_json": ENCODED}]})
    assert len(response.images) == 2
    assert [type(failure) for failure in response.failures] == [BadAnswerError]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_an_image_that_claims_too_many_pixels_is_refused_unread(kind: str) -> None:
    data = base64.b64encode(picture(kind, 200, 100)).decode()
    with pytest.raises(BadAnswerError, match=r"claims 200x100 pixels; more than 19,999 are refused"):
        edit({"data": [{"b64_json": data}]}, Limits(max_pixels=19_999))
    assert edit({"data": [{"b64_json": data}]}, Limits(max_pixels=20_000)).images[0].width == 200


def test_a_bomb_of_a_header_is_refused() -> None:
    header = bytearray(picture())
    header[16:24] = (60_000).to_bytes(4, "big") * 2
    with pytest.raises(BadAnswerError, match="60000x60000"):
        decode_image(base64.b64encode(bytes(header)).decode(), Limits())


def test_an_image_with_too_many_bytes_is_refused() -> None:
    with pytest.raises(BadAnswerError, match="more than 10 bytes"):
        decode_image("A" * 200, Limits(max_image_bytes=10))


def test_a_body_that_announces_too_much_is_refused_before_it_is_read() -> None:
    with pytest.raises(BadAnswerError, match="more than 1,000 bytes"):
        edit(Reply(200, headers={"Content-Length": "1001"}, chunks=[b"{}"]), Limits(max_body_bytes=1000))


def test_a_body_that_announces_nothing_is_cut_off_at_the_limit() -> None:
    with pytest.raises(BadAnswerError, match="more than 1,000 bytes"):
        edit(Reply(200, headers={}, chunks=[b" " * 600, b" " * 600]), Limits(max_body_bytes=1000))


def test_a_refusal_with_an_endless_body_is_still_a_refusal() -> None:
    with pytest.raises(NotFoundError, match="404"):
        edit(Reply(404, b"x" * ((1 << 20) + 1)))


def by_url(address: str, image: Reply) -> Callable[[Recorded], Reply]:
    return lambda request: image if request.method == "GET" else json_reply({"data": [{"url": address}]})


def test_an_image_by_address_is_fetched_without_the_key() -> None:
    with serving(lambda request: by_url(f"{server.origin}/out.png", Reply(200, IMAGE))(request)) as server:
        response = ImagesClient(server.url, "sk-1").edit(REQUEST)
    assert response.images[0].data == IMAGE
    post, get = server.requests
    assert post.headers["Authorization"] == "Bearer sk-1"
    assert get.path == "/out.png"
    assert get.headers["Authorization"] is None


def test_an_address_may_be_relative_to_the_endpoint() -> None:
    with serving(by_url("/files/out.png", Reply(200, IMAGE))) as server:
        assert ImagesClient(server.url, "sk-1").edit(REQUEST).images[0].data == IMAGE
    assert server.last.path == "/files/out.png"


def test_a_fetched_image_keeps_to_the_limits() -> None:
    with serving(by_url("/out.png", Reply(200, IMAGE + b"\0" * 5000))) as server:
        client = ImagesClient(server.url, "sk-1", limits=Limits(max_image_bytes=4000))
        with pytest.raises(BadAnswerError, match="more than 4,000 bytes") as caught:
            client.edit(REQUEST)
    assert caught.value.hint == f"It was billed; the endpoint keeps it for a short time at {server.origin}/out.png"


def test_redirects_of_a_result_are_followed_a_few_times() -> None:
    def answer(request: Recorded) -> Reply:
        if request.method == "POST":
            return json_reply({"data": [{"url": "/hop/1"}]})
        hop = int(request.path.rpartition("/")[2])
        return Reply(302, headers={"Location": f"/hop/{hop + 1}"}) if hop < hops else Reply(200, IMAGE)

    hops = 5
    with serving(answer) as server:
        assert ImagesClient(server.url, "sk-1").edit(REQUEST).images[0].data == IMAGE
    hops = 100
    with serving(answer) as server, pytest.raises(BadAnswerError, match="redirects too often"):
        ImagesClient(server.url, "sk-1").edit(REQUEST)
    assert len(server.requests) == 6


@pytest.mark.parametrize(
    "address", ["file:///etc/passwd", "ftp://a.example/x", "gopher://x", "http://[bad", "http://a:b/", "http://a:0/"]
)
def test_what_is_no_http_address_is_not_fetched(address: str) -> None:
    with pytest.raises(BadAnswerError, match="no http or https address"):
        edit({"data": [{"url": address}]})


@pytest.mark.parametrize(
    "address",
    ["http://127.0.0.1:1/x", "http://10.0.0.1/x", "http://169.254.169.254/latest/meta-data", "http://[::1]/x",
     "http://localhost:1/x", "http://[::ffff:192.168.0.1]/x", "http://100.64.0.1/", "http://0.0.0.0/"],
)  # fmt: skip
def test_a_public_endpoint_cannot_point_into_a_private_network(address: str) -> None:
    endpoint = calls_module.EndpointConfig("https://8.8.8.8/v1", {}, calls_module.Timeouts(), Limits(), 0, print)
    with calls_module.Call(endpoint) as call, pytest.raises(BadAnswerError, match="private network"):
        call.get(address, 1000, with_key=False)


def test_a_name_that_turns_private_only_when_connecting_is_refused_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls_module, "is_public_host", lambda host: True)
    with serving(Reply(200, IMAGE)) as server:
        endpoint = calls_module.EndpointConfig("https://8.8.8.8/v1", {}, calls_module.Timeouts(), Limits(), 0, print)
        with calls_module.Call(endpoint) as call, pytest.raises(ApiError, match="private network"):
            call.get(server.origin, 1000, with_key=False)
    assert server.requests == []


@examples(300)
@given(st.text() | st.text().map(lambda text: "http://" + text))
def test_no_address_breaks_the_checks(address: str) -> None:
    whole = joined("https://a.example/v1", address)
    if whole is not None:
        assert whole.startswith(("http://", "https://", "HTTP"))
        assert isinstance(same_origin(whole, "https://a.example"), bool)
        assert isinstance(is_public_host(urlsplit("http://a..b/").hostname or ""), bool)


def test_a_result_that_cannot_be_fetched_says_that_it_was_made() -> None:
    gone = by_url("/gone.png", json_reply({"error": "gone"}, 404))
    with serving(gone) as server, pytest.raises(BadAnswerError, match="was made, but fetching it failed") as caught:
        ImagesClient(server.url, "sk-1").edit(REQUEST)
    assert caught.value.message.endswith("gone")
    assert caught.value.maybe_billed
    assert f"{server.origin}/gone.png" in caught.value.hint


def test_a_cancel_while_the_result_is_fetched_says_that_it_was_sent() -> None:
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


def test_models_with_their_ends() -> None:
    data = [{"id": "a", "shutdown_date": "2026-12-01"}, {"id": "b", "shutdown_date": None}, {"id": "c"}, 5, {}]
    with serving(json_reply({"data": data})) as server:
        found = ImagesClient(server.url, "sk-1").models()
    assert [(info.id, str(info.shutdown_date)) for info in found] == [("a", "2026-12-01"), ("b", "None"), ("c", "None")]
    assert (server.last.method, server.last.path) == ("GET", "/v1/models")
    assert server.last.headers["Authorization"] == "Bearer sk-1"


def test_the_names_of_models_are_cleaned() -> None:
    with serving(json_reply({"data": [{"id": "\x1b[31mgpt\u202e-image\x07"}]})) as server:
        assert ImagesClient(server.url, "sk-1").models()[0].id == "gpt-image"


def test_a_list_of_models_that_is_none() -> None:
    with serving(json_reply({"data": 5})) as server, pytest.raises(BadAnswerError) as caught:
        ImagesClient(server.url, "sk-1").models()
    assert not caught.value.maybe_billed


def test_usage_adds_up_key_by_key() -> None:
    one = {"total_tokens": 1, "details": {"a": 1}, "note": "x"}
    two = {"total_tokens": 2, "details": {"a": 2, "b": 3}, "more": 4, "note": "y"}
    assert add_usage(one, two) == {"total_tokens": 3, "details": {"a": 3, "b": 3}, "note": "x", "more": 4}
    assert add_usage(None, two) is two
    assert add_usage(one, None) is one
    assert add_usage(None, None) is None
    assert add_usage({"a": 1, "b": {"c": 1}}, {"a": {"c": 2}, "b": 3}) == {"a": {"c": 2}, "b": 3}


START, HOST = "must start with http:// or https://", "must name a host"
PORT, BRACKETS = "the port must be a number from 1 to 65535", "brackets stand around an IPv6 address"
BLANKS = "must not contain spaces"
KEY_ONLY = "a key is sent only over https, or to this computer"


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
        ("http:///v1", False, HOST),
        ("https://:8000/v1", False, HOST),
        ("https://…/v1", False, HOST),
        ("https://<name>.example/v1", False, HOST),
        ("https://a..example/v1", False, HOST),
        ("https://.a.example/v1", False, HOST),
        ("https://a,b/v1", False, HOST),
        ("http://192.168.1.256/v1", False, HOST),
        ("https://a:b@c.example/v1", False, "must not hold a user name"),
        ("https://a@c.example/v1", False, "must not hold a user name"),
        ("https://@c.example/v1", False, "must not hold a user name"),
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
        ("https://a.example/v1?key=x", False, "must end before the “?”"),
        ("https://a.example/v1#x", False, "must end before the “#”"),
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


def test_azures_addresses_may_have_a_query() -> None:
    azure = providers.get("azure")
    assert base_url_problem("https://a.example/openai/v1?api-version=preview", azure) is None
    assert "must end before the “#”" in str(base_url_problem("https://a.example/openai/v1#x", azure))


@pytest.mark.parametrize(
    "base_url", ["https://me:canary@a.example/v1", "me:canary@a.example", "https://a.example:x/v1?key=canary"]
)
def test_what_may_be_a_secret_in_an_address_is_not_shown(base_url: str) -> None:
    problem = base_url_problem(base_url, providers.get("custom"))
    assert "a.example" in str(problem) and "canary" not in str(problem)


@given(st.text(st.sampled_from("htps:/.[]@?#0159a-zü %\\\t"), max_size=24))
def test_an_address_that_is_not_refused_can_be_used(text: str) -> None:
    custom = providers.get("custom")
    for base_url in (text, f"http://{text}", f"https://a.example{text}"):
        if base_url_problem(base_url, custom) is None:
            assert providers.host_of(base_url.strip())
            assert urlsplit(endpoint_url(base_url, custom, "/models")).path.endswith("/models")
        elif base_url.strip():
            providers.host_of(base_url)  # raises nothing


def test_an_address_of_the_environment_that_cannot_be_one_is_named_by_its_variable() -> None:
    openai = providers.get("openai")
    problem = environment_problem(openai, {"OPENAI_BASE_URL": "http://127.0.0.1:port/v1"})
    assert str(problem) == f"OPENAI_BASE_URL http://127.0.0.1:port/v1: {PORT}"
    assert environment_problem(openai, {"OPENAI_BASE_URL": " http://127.0.0.1:8000/v1\n"}) is None
    assert environment_problem(openai, {"OPENAI_BASE_URL": ""}) is None
    assert environment_problem(providers.get("local"), {"OPENAI_BASE_URL": "x"}) is None
    assert openai.resolve_url(None, {"OPENAI_BASE_URL": " http://127.0.0.1:8000 "}) == "http://127.0.0.1:8000"


def test_origins_and_addresses() -> None:
    assert same_origin("https://a.example/x", "https://A.example:443/y")
    assert not same_origin("https://a.example", "http://a.example")
    assert not same_origin("https://a.example", "https://a.example:444")
    assert is_public_host("a-name-that-does-not-exist.invalid")


def test_parse_object_names_what_it_read() -> None:
    with pytest.raises(BadAnswerError, match="The thing is not JSON"):
        parse_object(b"\xff", "The thing")


def test_read_answer_takes_image_data_out_of_what_is_kept() -> None:
    answer = {"data": [{"b64_json": ENCODED, "extra": 1}]}
    response = read_answer(answer, Limits(), lambda url: b"", None)
    assert response.raw == {"data": [{"extra": 1}]}


def test_light_data_is_complete() -> None:
    assert providers.host_of("HTTP://A.Example:8000/v1") == "a.example:8000"
    assert providers.host_of("https://a.example/v1") == "a.example"
    assert alternatives([]) == ""
