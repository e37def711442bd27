"""Error responses: each kind in api-facts becomes one readable error of the right class."""

from __future__ import annotations

import inspect
import json
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.api import errors
from lib.api.client import ImagesClient
from lib.api.errors import (
    ApiError,
    AuthenticationError,
    BadRequestError,
    ConnectionFailedError,
    InvalidRequestError,
    ModerationError,
    NotFoundError,
    OverloadedError,
    PermissionDeniedError,
    Problem,
    QuotaError,
    RateLimitError,
    ServerError,
    TimedOutError,
)
from lib.api.failures import error_from_event, error_from_response, request_id_of
from lib.api.request import EditRequest
from lib.api.retry import can_retry
from lib.api.text import sanitize, sentences
from tests.campaigns import examples
from tests.wire.pictures import picture
from tests.wire.server import json_reply, serving


def envelope(message: str = "m", kind: str = "invalid_request_error", code: Any = None, **more: Any) -> bytes:
    return json.dumps({"error": {"message": message, "type": kind, "param": None, "code": code, **more}}).encode()


DIRECTIONS = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
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
    (402, envelope(), QuotaError),
    (402, b"", QuotaError),
    (401, envelope(code="invalid_api_key"), AuthenticationError),
    (401, envelope(code="ip_not_authorized"), AuthenticationError),
    (403, envelope("Your organization must be verified to use the model"), PermissionDeniedError),
    (404, envelope(code="model_not_found"), NotFoundError),
    (400, envelope(code="model_not_found"), NotFoundError),
    (405, b"", BadRequestError),
    (408, envelope("litellm.Timeout: Connection timed out."), TimedOutError),
    (499, b"", TimedOutError),
    (409, b"", BadRequestError),
    (413, b"<html><head><title>413 Request Entity Too Large</title></head></html>", BadRequestError),
    (422, b'{"detail": [{"loc": ["body", "image"], "msg": "Field required"}]}', BadRequestError),
    (429, envelope(kind="rate_limit_error", code="rate_limit_exceeded"), RateLimitError),
    (429, envelope(kind="rate_limit_error", code="slow_down"), RateLimitError),
    (429, b"", RateLimitError),
    (500, envelope(kind="server_error", code="server_error"), ServerError),
    (500, envelope(kind="image_generation_server_error", code="image_generation_failed"), ServerError),
    (501, b"", NotFoundError),
    (505, b"", BadRequestError),
    (511, b"<h1>Log in to this network</h1>", ConnectionFailedError),
    (502, b"<html><h1>Bad <i>Gateway</i></h1></html>", ServerError),
    (503, envelope(kind="service_unavailable_error", code="server_is_overloaded"), OverloadedError),
    (503, b"upstream connect error or disconnect/reset before headers. reset reason: connection failure",
     OverloadedError),
    (503, b"upstream connect error or disconnect/reset before headers. reset reason: connection termination",
     ServerError),
    (504, b"", ServerError),
    (599, b"", ServerError),
]  # fmt: skip


@pytest.mark.parametrize(("status", "body", "kind"), REFUSALS)
def test_error_class_of_a_response(status: int, body: bytes, kind: type[ApiError]) -> None:
    error = error_from_response(status, {"x-request-id": "req_9"}, body)
    assert type(error) is kind
    assert (error.status, error.request_id) == (status, "req_9")
    assert error.message and error.hint.endswith(".")
    assert error.maybe_billed is (kind in (ServerError, TimedOutError))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (envelope("What is wrong."), "What is wrong."),
        (b'{"error": "a text"}', "a text"),
        (b'{"error": {"message": null}}', "The endpoint returned status 400 (Bad Request)."),
        (b'{"detail": "a detail"}', "a detail"),
        (b'{"detail": [{"loc": ["body", "image", 0], "msg": "is required"}, "more"]}', "image.0: is required; more"),
        (b'{"detail": [{"msg": "Field required"}]}', "Field required"),
        (b'{"message": "at the top"}', "at the top"),
        (b'{"other": 1}', "The endpoint returned status 400 (Bad Request)."),
        (b'"bare"', "bare"),
        (b"[1]", "The endpoint returned status 400 (Bad Request)."),
        (b"plain\n text", "plain text"),
        (b"", "The endpoint returned status 400 (Bad Request)."),
        (b"<html><title> Too &amp; much\n</title><body>x</body></html>", "Too & much"),
        (b"<p>no <b>heading</b></p>", "no heading"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"x" * 5000, "x" * 600 + "…"),
        (b"[" * 100_000, "[" * 600 + "…"),
    ],
)  # fmt: skip
def test_message_of_every_body_format(body: bytes, message: str) -> None:
    assert error_from_response(400, {}, body).message == message


@pytest.mark.parametrize(
    ("message", "param", "hint"),
    [
        ("Invalid size '1x1'.", "size", "Fix the problem described in the message, then try again."),
        ("The Mask has no alpha channel", "mask", "Fix the problem described in the message, then try again."),
        ("Image 2 is too large", "image[1]", "Fix the problem described in the message, then try again."),
        ("Supported values are 1 and 2", "n", "Change “n”, then try again."),
        ("The mask is wrong", "images[0].mask", "Change “images[0].mask”, then try again."),
        ("Bad request", None, "Change the prompt, the image or the options; the same request will be refused again."),
    ],
)
def test_hint_names_the_field_unless_the_message_does(message: str, param: str | None, hint: str) -> None:
    body = {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": None}}
    assert error_from_response(400, {}, json.dumps(body).encode()).hint == hint
    assert error_from_event(body, None).hint == hint


def test_param_comes_from_a_list_of_errors() -> None:
    error = error_from_response(422, {}, b'{"detail": [{"loc": ["body", "image", 0], "msg": "is required"}]}')
    assert (error.message, error.param) == ("image.0: is required", "image.0")
    assert error.hint == "Fix the problem described in the message, then try again."


@pytest.mark.parametrize(
    ("status", "error", "kind", "hint"),
    [
        (403, {"message": "Your organization must be verified to use the model `gpt-image-2`."},
         PermissionDeniedError, "Verify the organisation on the provider's website"),
        (403, {"message": "Project `proj_1` does not have access to model `gpt-image-2`", "code": "model_not_found"},
         NotFoundError, "Allow the model for the key's project"),
        (401, {"message": "OpenAI-Project header should match project for API key: mismatched project"},
         AuthenticationError, "Allow the model for the key's project"),
        (403, {"message": "Country, region, or territory not supported", "code": "other"},
         PermissionDeniedError, "Use a provider that serves your country."),
        (403, {"message": "gpt-image-2 requires moderation. Your input was flagged for \"gore\".", "code": 403},
         ModerationError, "Change the prompt or the image"),
        (400, {"message": "Incorrect API key provided: xa***rt. You can obtain an API key from https://console.x.ai."},
         AuthenticationError, "Check the key in the settings."),
        (400, {"message": "API key not valid. Please pass a valid API key.", "code": 400},
         AuthenticationError, "Check the key in the settings."),
        (403, {"message": "Invalid API key."}, AuthenticationError, "Check the key in the settings."),
        (403, {"message": "Content violates usage guidelines. Team: t, Failed check: SAFETY_CHECK_TYPE_BIO"},
         ModerationError, "Change the prompt or the image"),
        (400, {"message": "Generated image rejected by content moderation."},
         ModerationError, "Change the prompt or the image"),
        (400, {"message": "Your task failed as a result of our safety system.", "code": "contentFilter"},
         ModerationError, "Change the prompt or the image"),
        (400, {"message": "Your request was rejected as a result of our safety system."},
         ModerationError, "Change the prompt or the image"),
        (400, {"message": "The prompt triggered Azure OpenAI's content management policy.", "code": "content_filter"},
         ModerationError, "Change the prompt or the image"),
        (451, {"message": "Your request was blocked by our safety system."},
         ModerationError, "Change the prompt or the image"),
        (401, {"message": "mismatched_project", "code": "mismatched_project"},
         AuthenticationError, "Allow the model for the key's project"),
        (403, {"message": "The key may not use images."}, PermissionDeniedError, "Request access on the provider's"),
    ],
)  # fmt: skip
def test_refusal_that_is_only_told_by_its_message_says_the_next_step(
    status: int, error: dict[str, Any], kind: type[ApiError], hint: str
) -> None:
    result = error_from_response(status, {}, json.dumps({"error": error}).encode())
    assert type(result) is kind and result.hint.startswith(hint)


def test_account_without_credit_has_its_own_hint() -> None:
    error = error_from_response(402, {}, b'{"detail": "Insufficient balance"}')
    assert sentences(error.message, error.hint) == (
        "Insufficient balance. Your account has no credit left. Add credit on the provider's website, then try again."
    )
    assert not error.maybe_billed


@pytest.mark.parametrize("body", [
    b"<html><head><title>400 The plain HTTP request was sent to HTTPS port</title></head></html>",
    b"Client sent an HTTP request to an HTTPS server.\n",
    b"<title>400 Bad Request</title><p>Reason: You're speaking plain HTTP to an SSL-enabled server port.<br />",
    b"Bad Request\r\nThis combination of host and port requires TLS.\r\n",
])  # fmt: skip
def test_plain_http_to_an_https_server_suggests_https(body: bytes) -> None:
    error = error_from_response(400, {}, body)
    assert isinstance(error, ConnectionFailedError) and not can_retry(error, {}, 1)
    assert "The server requires https" in error.message and "Use https://" in error.hint


@pytest.mark.parametrize(
    ("texts", "joined"),
    [
        (("no end", "Do this."), "no end. Do this."),
        (("It ends.", "Do this."), "It ends. Do this."),
        (("Really?", "Do this."), "Really? Do this."),
        (("Wait…", "Do this."), "Wait… Do this."),
        (("It is “a”", "Do this."), "It is “a”. Do this."),
        (("He said “no.”", "Do this."), "He said “no.” Do this."),
        (("An error (code 5)", "Do this."), "An error (code 5). Do this."),
        (("An error (see below.)", "Do this."), "An error (see below.) Do this."),
        (("Error: ", "Do this."), "Error. Do this."),
        (("图片太大。", "Do this."), "图片太大。 Do this."),
        (("图片太大", "Do this."), "图片太大。 Do this."),
        (("请求失败（代码 5）", "请重试。"), "请求失败（代码 5）。 请重试。"),
        (("处理中，", "请重试。"), "处理中。 请重试。"),
        (("الصورة كبيرة؟", "Do this."), "الصورة كبيرة؟ Do this."),
        (("تصویر بڑی ہے۔", "Do this."), "تصویر بڑی ہے۔ Do this."),
        (("छवि बड़ी है।", "Do this."), "छवि बड़ी है। Do this."),
        (("one", "two", "three"), "one. two. three"),
        (("", None, " ", "alone"), "alone"),
        ((), ""),
    ],
)
def test_sentences_end_with_a_full_stop(texts: tuple[str | None, ...], joined: str) -> None:
    assert sentences(*texts) == joined


def test_unknown_status_has_a_message() -> None:
    assert error_from_response(498, {}, b"").message == "The endpoint returned status 498 (no reason given)."


def test_code_param_and_request_id() -> None:
    body = json.dumps({"error": {"message": "m", "type": "t", "param": "image[0]", "code": "invalid_type"}}).encode()
    error = error_from_response(400, {"apim-request-id": "azure-1"}, body)
    assert (error.code, error.param, error.request_id) == ("invalid_type", "image[0]", "azure-1")


def test_moderation_stage_and_categories() -> None:
    details = {"moderation_stage": "input", "categories": ["sexual", "violence"]}
    body = envelope(kind=USER_ERROR, code="moderation_blocked", moderation_details=details)
    error = error_from_response(400, {}, body)
    assert isinstance(error, ModerationError)
    assert (error.stage, error.categories) == ("input", ("sexual", "violence"))


def test_malformed_moderation_details_are_ignored() -> None:
    body = envelope(code="moderation_blocked", moderation_details={"moderation_stage": 1, "categories": "x"})
    error = error_from_response(400, {}, body)
    assert isinstance(error, ModerationError)
    assert (error.stage, error.categories) == (None, ())


KEYS = st.sampled_from(["error", "detail", "message", "code", "loc", "msg"])
TREES = st.recursive(st.none() | st.text() | st.integers(), lambda tree: st.lists(tree) | st.dictionaries(KEYS, tree))


@examples(60)
@given(st.binary() | TREES.map(lambda tree: json.dumps(tree).encode()))
def test_any_body_gives_an_error(body: bytes) -> None:
    error = error_from_response(400, {}, body)
    assert error.message
    assert "\n" not in error.message


def test_every_error_class_has_a_docstring_and_a_hint() -> None:
    kinds = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, ApiError)]
    assert len(kinds) == 16
    for kind in kinds:
        assert kind.__doc__ and len(kind.__doc__) > 40
        assert kind.hint.endswith(".")
        assert kind.__name__ in (errors.__doc__ or "")


def test_invalid_request_lists_every_problem() -> None:
    error = InvalidRequestError([Problem("size", "1x1", "too small"), Problem("prompt", "", "say something")])
    assert error.message == "size 1x1: too small; prompt: say something"
    assert not error.maybe_billed


def test_failed_list_of_models_was_not_billed() -> None:
    with serving(json_reply({"error": "broke"}, 500)) as server, pytest.raises(ServerError) as caught:
        ImagesClient(server.url, "sk-1").models()
    assert not caught.value.maybe_billed
    assert "billed" not in caught.value.hint


def test_error_has_the_request_id() -> None:
    reply = json_reply({"error": {"message": "no"}}, 400, {"x-request-id": "req_7"})
    with serving(reply) as server, pytest.raises(BadRequestError) as caught:
        ImagesClient(server.url, "sk-1").edit(EditRequest([picture()], "p"))
    assert caught.value.request_id == "req_7"


NOTE = "\n\nLiteLLM: model group 'm' failed with the error above. No fallback was attempted."
POLICY_NOTE = (
    "\nmodel=m. content_policy_fallback=None. fallbacks=None.\n\nSet 'content_policy_fallback' - "
    f"https://docs.litellm.ai/docs/routing#fallbacks{NOTE}"
)
OLD_NOTE = ". Received Model Group=m\nAvailable Model Group Fallbacks=None LiteLLM Retried: 2 times"


def litellm(prefix: str, inner: bytes | str, kind: str, status: int, note: str = NOTE) -> bytes:
    """Return an upstream's error as LiteLLM 1.108 wraps it, captured by status and type of error."""
    text = inner.decode() if isinstance(inner, bytes) else inner
    error = {"message": f"{prefix}{text}{note}", "type": kind, "param": None, "code": str(status)}
    return json.dumps({"error": error}).encode()


BLOCKED = envelope("Your request was rejected by the safety system.", USER_ERROR, "moderation_blocked",
                   moderation_details={"moderation_stage": "input", "categories": ["sexual"]})  # fmt: skip
EMPTY = envelope("You exceeded your current quota.", "insufficient_quota", "insufficient_quota")
BAD = "litellm.BadRequestError: OpenAIException - "
WRAPPED: list[tuple[int, bytes, type[ApiError], str, str | None]] = [
    (400, litellm(BAD, BLOCKED, "invalid_request_error", 400),
     ModerationError, "Your request was rejected by the safety system.", "moderation_blocked"),
    (400, litellm("litellm.BadRequestError: litellm.ContentPolicyViolationError: ContentPolicyViolationError: "
                  "OpenAIException - ", envelope("Rejected.", code="content_policy_violation"),
                  "invalid_request_error", 400, POLICY_NOTE),
     ModerationError, "Rejected.", "content_policy_violation"),
    (400, litellm(BAD, envelope("Billing hard limit has been reached", "billing_limit_user_error",
                                "billing_hard_limit_reached"), "invalid_request_error", 400),
     QuotaError, "Billing hard limit has been reached", "billing_hard_limit_reached"),
    (429, litellm("litellm.RateLimitError: RateLimitError: OpenAIException - ", EMPTY, "throttling_error", 429),
     QuotaError, "You exceeded your current quota.", "insufficient_quota"),
    (429, litellm("litellm.RateLimitError: RateLimitError: OpenAIException - ",
                  envelope("Rate limit reached", "rate_limit_error", "rate_limit_exceeded"), "throttling_error", 429),
     RateLimitError, "Rate limit reached", "rate_limit_exceeded"),
    (401, litellm("litellm.AuthenticationError: AuthenticationError: OpenAIException - ",
                  envelope("Incorrect API key provided: sk-bad.", code="invalid_api_key"), "authentication_error", 401),
     AuthenticationError, "Incorrect API key provided: sk-bad.", "invalid_api_key"),
    (403, litellm(BAD, envelope("Your organization must be verified."), "permission_error", 403),
     PermissionDeniedError, "Your organization must be verified.", None),
    (404, litellm("litellm.NotFoundError: Hosted_vllmException - ", envelope("No such model.", code="model_not_found"),
                  "invalid_request_error", 404),
     NotFoundError, "No such model.", "model_not_found"),
    (503, litellm("litellm.ServiceUnavailableError: ServiceUnavailableError: OpenAIException - ",
                  envelope("Overloaded.", code="server_is_overloaded"), "internal_server_error", 503),
     OverloadedError, "Overloaded.", "server_is_overloaded"),
    (500, litellm("litellm.InternalServerError: InternalServerError: OpenAIException - ",
                  envelope("It failed.", "server_error", "server_error"), "internal_server_error", 500),
     ServerError, "It failed.", "server_error"),
    (502, litellm("litellm.BadGatewayError: BadGatewayError: OpenAIException - ",
                  "<html><title>502 Bad Gateway</title></html>", "internal_server_error", 502),
     ServerError, "502 Bad Gateway", "502"),
    (413, litellm(BAD, envelope("too large", code="request_too_large"), "invalid_request_error", 413),
     BadRequestError, "too large", "request_too_large"),
    (408, litellm("litellm.Timeout: Timeout Error: OpenAIException - litellm.Timeout: ",
                  "Connection timed out. Timeout passed=3.0, time taken=3.01 seconds", "invalid_request_error", 408),
     TimedOutError, "litellm.Timeout: Connection timed out. Timeout passed=3.0, time taken=3.01 seconds", "408"),
    (400, envelope("No connected db.", "no_db_connection", "400"),
     AuthenticationError, "The endpoint does not accept the key.", "400"),
    (429, envelope("Budget has been exceeded! Current cost: 2.0, Max budget: 1.0", "budget_exceeded", "429"),
     QuotaError, "Budget has been exceeded! Current cost: 2.0, Max budget: 1.0", "429"),
    (400, litellm(BAD, "a sentence", "invalid_request_error", 400, OLD_NOTE), BadRequestError, "a sentence.", "400"),
    (400, litellm(BAD, '{"error": {', "invalid_request_error", 400, ""), BadRequestError, '{"error": {', "400"),
    (400, litellm(BAD, "{}", "invalid_request_error", 400, ""), BadRequestError, "{}", "400"),
    (400, litellm(BAD, litellm(BAD, EMPTY, "invalid_request_error", 400), "invalid_request_error", 400),
     QuotaError, "You exceeded your current quota.", "insufficient_quota"),
]  # fmt: skip


@pytest.mark.parametrize(("status", "body", "kind", "message", "code"), WRAPPED)
def test_litellm_errors_become_those_of_the_upstream(
    status: int, body: bytes, kind: type[ApiError], message: str, code: str | None
) -> None:
    error = error_from_response(status, {"llm_provider-x-request-id": "req_up", "x-litellm-call-id": "call"}, body)
    assert (type(error), error.message, error.code, error.request_id) == (kind, message, code, "req_up")
    assert error.maybe_billed is (kind in (ServerError, TimedOutError))


def test_litellm_moderation_has_stage_and_categories() -> None:
    error = error_from_response(400, {}, litellm(BAD, BLOCKED, "invalid_request_error", 400))
    assert isinstance(error, ModerationError)
    assert (error.stage, error.categories) == ("input", ("sexual",))


@pytest.mark.parametrize(
    ("headers", "request_id"),
    [
        ({"llm_provider-x-request-id": "a", "x-request-id": "b"}, "a"),
        ({"x-request-id": "b", "apim-request-id": "c"}, "b"),
        ({"apim-request-id": "c"}, "c"),
        ({"x-litellm-call-id": "d"}, "d"),
        ({"x-request-id": ""}, None),
        ({"x-request-id": "\x1b[31mred\x1b[0m\x9b1m"}, "red"),
        ({"x-request-id": "x" * 5000}, "x" * 200),
        ({}, None),
    ],
)  # fmt: skip
def test_request_id_of(headers: dict[str, str], request_id: str | None) -> None:
    assert request_id_of(headers) == request_id


@pytest.mark.parametrize(
    ("error", "billed"),
    [
        ({"type": "image_generation_server_error", "code": "image_generation_failed"}, True),
        ({}, True),
        ({"type": "invalid_request_error", "code": "timeout"}, False),
        ({"code": "moderation_blocked", "moderation_details": {"moderation_stage": "input"}}, False),
        ({"code": "moderation_blocked", "moderation_details": {"moderation_stage": "output"}}, True),
        ({"code": "insufficient_quota"}, False),
    ],
)  # fmt: skip
def test_error_event_may_have_been_billed_unless_it_is_a_refusal(error: dict[str, Any], billed: bool) -> None:
    assert error_from_event({"error": {"message": "m", **error}}, None).maybe_billed is billed


def test_moderation_of_the_output_may_have_been_billed() -> None:
    body = envelope(kind=USER_ERROR, code="moderation_blocked", moderation_details={"moderation_stage": "output"})
    assert error_from_response(400, {}, body).maybe_billed


UGLY = "\x1b[2J\x1b]0;title\x07a\u202eb\u2066c\x00\x9bd\x1b(B \ud800e\ufeff\u200b"


def test_sanitize_removes_escapes_and_control_characters() -> None:
    error = error_from_response(400, {}, json.dumps({"error": {"message": UGLY, "code": UGLY, "param": UGLY}}).encode())
    assert (error.message, error.code, error.param) == ("abc e", "abc e", "abc e")
    body = envelope(code="moderation_blocked", moderation_details={"moderation_stage": UGLY, "categories": [UGLY]})
    moderation = error_from_response(400, {}, body)
    assert isinstance(moderation, ModerationError)
    assert (moderation.stage, moderation.categories) == ("abc e", ("abc e",))


@given(st.text() | st.text(st.sampled_from("\x1b[]0;mP\\\x07\x9b\u202e a")))
def test_sanitize_leaves_no_control_characters(text: str) -> None:
    clean = sanitize(text)
    assert not any(unicodedata.category(char) in ("Cc", "Cs") or unicodedata.bidirectional(char) in DIRECTIONS
                   for char in clean)  # fmt: skip
    assert clean == " ".join(clean.split()) == sanitize(clean)


def test_sanitize_keeps_text_in_any_script() -> None:
    for text in ("Größe – naïve “quotes”", "图片太大", "الصورة كبيرة", "می‌خواهم", "👩‍👩‍👧 family", "a\u0301"):
        assert sanitize(text) == text


@pytest.mark.parametrize(
    "text", ["<title>" * 150_000, "<" * 1_000_000, "\x1b]" * 500_000, "litellm." + "aError: " * 9999]
)
@pytest.mark.timeout(20)
def test_long_bodies_are_parsed_quickly(text: str) -> None:
    assert error_from_response(500, {}, text.encode()).message
