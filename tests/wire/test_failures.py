"""Every refusal that the facts list becomes one readable error of the right kind."""

from __future__ import annotations

import inspect
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.api import (
    ApiError,
    AuthenticationError,
    BadRequestError,
    EditRequest,
    ImagesClient,
    InvalidRequestError,
    ModerationError,
    NotFoundError,
    OverloadedError,
    PermissionDeniedError,
    Problem,
    QuotaError,
    RateLimitError,
    ServerError,
    errors,
)
from lib.api.failures import error_from_answer
from tests.campaigns import examples
from tests.wire.pictures import picture
from tests.wire.server import json_reply, serving


def envelope(message: str = "m", kind: str = "invalid_request_error", code: Any = None, **more: Any) -> bytes:
    return json.dumps({"error": {"message": message, "type": kind, "param": None, "code": code, **more}}).encode()


USER_ERROR = "image_generation_user_error"
QUOTA = ["insufficient_quota", "credit_balance_exhausted", "organization_spend_limit_exceeded",
         "project_spend_limit_exceeded", "organization_usage_limit_exceeded", "billing_hard_limit_reached"]  # fmt: skip
REFUSALS: list[tuple[int, bytes, type[ApiError]]] = [
    *[(400, envelope(code=code), BadRequestError) for code in (
        "missing_required_parameter", "invalid_value", "invalid_type", "unknown_parameter",
        "unsupported_file_mimetype", "invalid_image_file", "invalid_input_fidelity_model")],
    (400, envelope(kind=USER_ERROR, code="invalid_mask_image_format"), BadRequestError),
    (400, envelope(kind=USER_ERROR, code="moderation_blocked"), ModerationError),
    (400, envelope(code="content_policy_violation"), ModerationError),
    *[(400, envelope(code=code), QuotaError) for code in QUOTA],
    *[(429, envelope(kind="insufficient_quota", code=code), QuotaError) for code in QUOTA],
    (429, envelope(kind="insufficient_quota"), QuotaError),
    (401, envelope(code="invalid_api_key"), AuthenticationError),
    (401, envelope(code="ip_not_authorized"), AuthenticationError),
    (403, envelope("Your organization must be verified to use the model"), PermissionDeniedError),
    (404, envelope(code="model_not_found"), NotFoundError),
    (400, envelope(code="model_not_found"), NotFoundError),
    (405, b"", BadRequestError),
    (409, b"", BadRequestError),
    (413, b"<html><head><title>413 Request Entity Too Large</title></head></html>", BadRequestError),
    (422, b'{"detail": [{"loc": ["body", "image"], "msg": "Field required"}]}', BadRequestError),
    (429, envelope(kind="rate_limit_error", code="rate_limit_exceeded"), RateLimitError),
    (429, envelope(kind="rate_limit_error", code="slow_down"), RateLimitError),
    (429, b"", RateLimitError),
    (500, envelope(kind="server_error", code="server_error"), ServerError),
    (500, envelope(kind="image_generation_server_error", code="image_generation_failed"), ServerError),
    (502, b"<html><h1>Bad <i>Gateway</i></h1></html>", ServerError),
    (503, envelope(kind="service_unavailable_error", code="server_is_overloaded"), OverloadedError),
    (504, b"", ServerError),
    (599, b"", ServerError),
]  # fmt: skip


@pytest.mark.parametrize(("status", "body", "kind"), REFUSALS)
def test_the_kind_of_a_refusal(status: int, body: bytes, kind: type[ApiError]) -> None:
    error = error_from_answer(status, {"x-request-id": "req_9"}, body)
    assert type(error) is kind
    assert (error.status, error.request_id) == (status, "req_9")
    assert error.message and error.hint.endswith(".")
    assert error.maybe_billed is (kind is ServerError)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (envelope("What is wrong."), "What is wrong."),
        (b'{"error": "a text"}', "a text"),
        (b'{"error": {"message": null}}', "The endpoint answered 400 (Bad Request)."),
        (b'{"detail": "a detail"}', "a detail"),
        (b'{"detail": [{"loc": ["body", "image", 0], "msg": "is required"}, "more"]}', "image.0: is required; more"),
        (b'{"detail": [{"msg": "Field required"}]}', "Field required"),
        (b'{"message": "at the top"}', "at the top"),
        (b'{"other": 1}', "The endpoint answered 400 (Bad Request)."),
        (b'"bare"', "bare"),
        (b"[1]", "The endpoint answered 400 (Bad Request)."),
        (b"plain\n text", "plain text"),
        (b"", "The endpoint answered 400 (Bad Request)."),
        (b"<html><title> Too &amp; much\n</title><body>x</body></html>", "Too & much"),
        (b"<p>no <b>heading</b></p>", "no heading"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"x" * 5000, "x" * 600 + "…"),
        (b"[" * 100_000, "[" * 600 + "…"),
    ],
)  # fmt: skip
def test_the_sentence_of_every_shape_of_body(body: bytes, message: str) -> None:
    assert error_from_answer(400, {}, body).message == message


def test_an_unheard_of_status_still_gives_a_sentence() -> None:
    assert error_from_answer(499, {}, b"").message == "The endpoint answered 499 (no reason given)."


def test_code_and_param_are_kept() -> None:
    body = json.dumps({"error": {"message": "m", "type": "t", "param": "image[0]", "code": "invalid_type"}}).encode()
    error = error_from_answer(400, {"apim-request-id": "azure-1"}, body)
    assert (error.code, error.param, error.request_id) == ("invalid_type", "image[0]", "azure-1")


def test_moderation_says_stage_and_categories() -> None:
    details = {"moderation_stage": "input", "categories": ["sexual", "violence"]}
    body = envelope(kind=USER_ERROR, code="moderation_blocked", moderation_details=details)
    error = error_from_answer(400, {}, body)
    assert isinstance(error, ModerationError)
    assert (error.stage, error.categories) == ("input", ("sexual", "violence"))


def test_moderation_with_strange_details_keeps_none() -> None:
    body = envelope(code="moderation_blocked", moderation_details={"moderation_stage": 1, "categories": "x"})
    error = error_from_answer(400, {}, body)
    assert isinstance(error, ModerationError)
    assert (error.stage, error.categories) == (None, ())


KEYS = st.sampled_from(["error", "detail", "message", "code", "loc", "msg"])
TREES = st.recursive(st.none() | st.text() | st.integers(), lambda tree: st.lists(tree) | st.dictionaries(KEYS, tree))


@examples(60)
@given(st.binary() | TREES.map(lambda tree: json.dumps(tree).encode()))
def test_no_body_breaks_the_reading(body: bytes) -> None:
    error = error_from_answer(400, {}, body)
    assert error.message
    assert "\n" not in error.message


def test_every_error_class_says_what_it_means_and_what_to_do() -> None:
    kinds = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, ApiError)]
    assert len(kinds) == 16
    for kind in kinds:
        assert kind.__doc__ and len(kind.__doc__) > 40
        assert kind.hint.endswith(".")
        assert kind.__name__ in (errors.__doc__ or "")


def test_an_invalid_request_lists_every_problem() -> None:
    error = InvalidRequestError([Problem("size", "1x1", "too small"), Problem("prompt", "", "say something")])
    assert error.message == "size 1x1: too small; prompt: say something"
    assert not error.maybe_billed


def test_a_refused_look_up_was_not_billed() -> None:
    with serving(json_reply({"error": "broke"}, 500)) as server, pytest.raises(ServerError) as caught:
        ImagesClient(server.url, "sk-1").models()
    assert not caught.value.maybe_billed
    assert "billed" not in caught.value.hint


def test_a_refused_edit_carries_the_request_id() -> None:
    reply = json_reply({"error": {"message": "no"}}, 400, {"x-request-id": "req_7"})
    with serving(reply) as server, pytest.raises(BadRequestError) as caught:
        ImagesClient(server.url, "sk-1").edit(EditRequest([picture()], "p"))
    assert caught.value.request_id == "req_7"
