"""Turn the error responses of endpoints, gateways and proxies into `ApiError`s with a readable message."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Mapping
from html import unescape
from http import HTTPStatus
from typing import Any

from lib.api.errors import (
    FIX_PROBLEM_HINT,
    ApiError,
    AuthenticationError,
    BadRequestError,
    ConnectionFailedError,
    ModerationError,
    NotFoundError,
    OverloadedError,
    PermissionDeniedError,
    QuotaError,
    RateLimitError,
    ServerError,
    TimedOutError,
)
from lib.api.text import sanitize, truncate
from lib.translation import N_, _

QUOTA_CODES = frozenset(
    {
        "insufficient_quota",
        "billing_hard_limit_reached",
        "billing_not_active",
        "credit_balance_exhausted",
        "organization_spend_limit_exceeded",
        "project_spend_limit_exceeded",
        "organization_usage_limit_exceeded",
    }
)
_QUOTA_TYPES = frozenset({"insufficient_quota", "billing", "budget_exceeded"})
_MODERATION_CODES = frozenset({"moderation_blocked", "content_policy_violation", "content_filter", "contentFilter"})
"""The codes of refusals by moderation: OpenAI's, and those of Azure's own filter."""

_BY_STATUS: dict[int, type[ApiError]] = {
    401: AuthenticationError,
    402: QuotaError,
    403: PermissionDeniedError,
    404: NotFoundError,
    408: TimedOutError,
    429: RateLimitError,
    499: TimedOutError,
    501: NotFoundError,
    503: OverloadedError,
    505: BadRequestError,
    511: ConnectionFailedError,
}
_HINTS = {
    "invalid_input_fidelity_model": N_("Leave input fidelity empty for this model."),
    "unknown_parameter": N_("Leave the field named in the message empty for this endpoint."),
    "ip_not_authorized": N_("Allow this computer's address on the provider's website, or use another network."),
    "unsupported_country_region_territory": N_("Use a provider that serves your country."),
}
_HINTS_BY_MESSAGE = (
    (
        re.compile(r"organi[sz]ation must be verified", re.IGNORECASE),
        N_("Verify the organisation on the provider's website, wait a few minutes, then try again."),
    ),
    (
        re.compile(
            r"\bproject\b.*does not have access to (the )?model|mismatched[ _](project|organization)", re.IGNORECASE
        ),
        N_("Allow the model for the key's project on the provider's website, or use a key of another project."),
    ),
    (
        re.compile(r"country, region,? or territory|(available|supported) in your (country|region)", re.IGNORECASE),
        N_("Use a provider that serves your country."),
    ),
)
"""What to do about refusals that some providers only tell apart in their message."""

_MODERATION_MESSAGE = re.compile(
    r"input was flagged|rejected by content moderation|violates usage guidelines|content management policy"
    r"|(rejected|failed|blocked) (by|as a result of) (the|our) safety system",
    re.IGNORECASE,
)
"""How OpenRouter, xAI, Azure and gateways word a refusal by moderation that has no code of its own."""

_KEY_MESSAGE = re.compile(r"(incorrect|invalid) api key|api key not (valid|found)", re.IGNORECASE)
"""How xAI, Google and gateways word the refusal of a key that they send with status 400 or 403."""

_HINTS_BY_STATUS = {
    402: N_("Your account has no credit left. Add credit on the provider's website, then try again."),
    405: N_("Check the endpoint's address; it usually ends in /v1."),
    413: N_("Send a smaller image: choose a smaller frame or fewer reference images."),
}
_MAX_MESSAGE_LENGTH = 600
_MAX_NAME_LENGTH = 200
_MAX_HTML_LENGTH = 16_384
_REFUSALS = frozenset({"invalid_request_error", "image_generation_user_error"})
"""Error types that are sent before any work is done."""

_LOST_UPSTREAM = re.compile(r"before headers.*reset reason: (connection termination|local reset|remote reset)")
"""Envoy's message with a 503 for an upstream that had received the request; with other reasons it had not."""

_REQUEST_ID_HEADERS = ("llm_provider-x-request-id", "x-request-id", "apim-request-id", "x-litellm-call-id")
"""Headers with the request ID, the provider's own, which LiteLLM passes on, first."""


_HTTP_TO_HTTPS = re.compile(
    rb"plain HTTP request was sent to HTTPS port|HTTP request to an HTTPS server|plain HTTP to an SSL-enabled server"
    rb"|combination of host and port requires TLS",
    re.IGNORECASE,
)
"""The messages of nginx, Go, Apache and Tomcat for plain HTTP on an https port."""

_LITELLM_PREFIX = re.compile(r"(?:litellm\.\w+: |\w+Error: |Timeout Error: )+(?:\w+Exception - )?")
_LITELLM_SUFFIX = re.compile(
    r" ?(?:LiteLLM: model group |Received Model Group=|model=\S+ content_policy_fallback=|No fallback model group)"
)
"""The text that LiteLLM adds before and after an upstream's error."""


def may_be_billed(status: int) -> bool:
    """Return whether a request with this response status may be billed.

    A gateway that timed out (408, 499) leaves its upstream working, and a failing server may have finished the work.
    """
    kind = _BY_STATUS.get(status)
    return status < 300 or (issubclass(kind, TimedOutError) if kind else status >= 500)


def request_id_of(headers: Mapping[str, str]) -> str | None:
    """Return the request ID, which the provider's support asks for, or None."""
    ids = (sanitize(headers.get(name, ""))[:_MAX_NAME_LENGTH] for name in _REQUEST_ID_HEADERS)
    return next(filter(None, ids), None)


def error_from_response(
    status: int, headers: Mapping[str, str], body: bytes, redact_key: Callable[[str], str] = str
) -> ApiError:
    """Return the error for an error response in any format; `redact_key` removes the key from a text."""
    if status == 400 and _HTTP_TO_HTTPS.search(body[:_MAX_HTML_LENGTH]):
        message = _("The server requires https, but the address starts with http://.")
        return ConnectionFailedError(message, _("Use https:// in the address."), code="tls", status=status)
    details = _details(body)
    error_class = _error_class(status, details)
    error = error_class(
        truncate(redact_key(_message(status, details)), _MAX_MESSAGE_LENGTH),
        _hint(status, error_class, details),
        code=details["code"],
        param=details["param"],
        status=status,
        request_id=request_id_of(headers),
    )
    _add_moderation_details(error, details)
    return error


def error_from_event(data: Mapping[str, Any], request_id: str | None) -> ApiError:
    """Return the error for an `error` event in a stream; unless it is a refusal, the edit may have been billed."""
    details = _from_json(data)
    error_class = _error_class(400 if details["type"] in _REFUSALS else 500, details)
    error = error_class(
        truncate(details["message"], _MAX_MESSAGE_LENGTH)
        or _("The endpoint reported an error without an explanation."),
        _hint(400, error_class, details) if error_class is BadRequestError else None,
        code=details["code"],
        param=details["param"],
        request_id=request_id,
    )
    _add_moderation_details(error, details)
    return error


def _error_class(status: int, details: Mapping[str, Any]) -> type[ApiError]:
    code, kind = details["code"], details["type"]
    if kind == "no_db_connection" or (status in (400, 403) and _KEY_MESSAGE.search(details["message"])):
        return AuthenticationError
    if code in _MODERATION_CODES or (status in (400, 403, 451) and _MODERATION_MESSAGE.search(details["message"])):
        return ModerationError
    if code in QUOTA_CODES or kind in _QUOTA_TYPES:
        return QuotaError
    if code == "model_not_found":
        return NotFoundError
    if status == 503 and _LOST_UPSTREAM.search(details["message"]):
        return ServerError
    return _BY_STATUS.get(status, ServerError if status >= 500 else BadRequestError)


def _hint(status: int, error_class: type[ApiError], details: Mapping[str, Any]) -> str | None:
    """Return a specific hint for an error, or None to use the hint of its class."""
    by_message = (hint for pattern, hint in _HINTS_BY_MESSAGE if pattern.search(details["message"]))
    hint = _HINTS.get(details["code"] or "") or next(by_message, None) or _HINTS_BY_STATUS.get(status)
    if hint:
        return _(hint)
    if error_class is not BadRequestError or not details["param"]:
        return None
    name = re.match(r"\w*", details["param"])
    if name and name[0] and name[0].lower() in re.findall(r"\w+", details["message"].lower()):
        return _(FIX_PROBLEM_HINT)
    return _("Change “{field}”, then try again.").format(field=details["param"])


def _message(status: int, details: Mapping[str, Any]) -> str:
    text: str = details["message"]
    if text:
        return text
    try:
        reason = HTTPStatus(status).phrase
    except ValueError:
        reason = _("no reason given")
    return _("The endpoint returned status {status} ({reason}).").format(status=status, reason=reason)


def _add_moderation_details(error: ApiError, details: Mapping[str, Any]) -> None:
    if isinstance(error, ModerationError):
        moderation = details["moderation"]
        stage, categories = moderation.get("moderation_stage"), moderation.get("categories")
        error.stage = sanitize(stage) if isinstance(stage, str) else None
        if isinstance(categories, list):
            error.categories = tuple(sanitize(str(category)) for category in categories)
        error.maybe_billed = error.stage == "output"  # the image was generated before it was blocked


def _details(body: bytes) -> dict[str, Any]:
    text = body.decode("utf-8", "replace")
    try:
        return _from_json(json.loads(text))
    except (ValueError, RecursionError):
        return _error_details(_from_html(text) if "<" in text else text)


def has_error_message(data: Mapping[str, Any]) -> bool:
    """Return whether a JSON object contains an error message, as `error_from_event` reads it."""
    return bool(_from_json(data)["message"])


_MESSAGE_KEYS = (
    "message", "msg", "errorMessage", "error_message", "detail", "details", "errors", "error_description", "error",
)  # fmt: skip
"""Keys that servers use for the error message, the most specific first."""


def _from_json(value: Any) -> dict[str, Any]:
    """Read {"error": {…}}, {"error": "text"}, {"error": "code", "message": "text"}, {"detail": "text" or a list}, …"""
    if not isinstance(value, Mapping):
        return _error_details(_find_message(value))
    inner = value.get("error")
    if isinstance(inner, Mapping):
        return _error_details(
            _find_message(inner) or _find_message({name: value[name] for name in value if name != "error"}),
            code=inner.get("code"),
            kind=inner.get("type"),
            param=inner.get("param"),
            moderation=inner.get("moderation_details"),
        )
    # A single word in "error", next to a message, is the error's code.
    code = inner if isinstance(inner, str) and " " not in inner and not value.get("code") else value.get("code")
    message = _find_message(value)
    code = None if code == message else code
    return _error_details(message, code=code, kind=value.get("type"), param=_field_of(value))


def _find_message(value: Any, depth: int = 0) -> str:
    """Return the error message in a JSON value, or ""."""
    if isinstance(value, str):
        return value
    if depth > 4:
        return ""
    if isinstance(value, list):
        return "; ".join(filter(None, (_entry_message(entry, depth + 1) for entry in value[:10])))
    if isinstance(value, Mapping):
        return next(filter(None, (_find_message(value.get(name), depth + 1) for name in _MESSAGE_KEYS)), "")
    return ""


def _entry_message(entry: Any, depth: int) -> str:
    """Return the message of one of several errors, prefixed with its field if it names one."""
    message = _find_message(entry, depth)
    field = _location(entry)
    return f"{field}: {message}" if field and message else message


def _field_of(value: Mapping[str, Any]) -> str | None:
    """Return the field of the first error in a list."""
    entries = value.get("detail")
    return (_location(entries[0]) if isinstance(entries, list) and entries else "") or None


def _location(entry: Any) -> str:
    location = entry.get("loc") if isinstance(entry, Mapping) else None
    return ".".join(str(step) for step in location if step != "body") if isinstance(location, list) else ""


def _from_html(text: str) -> str:
    heading = re.search(r"<(title|h1)[^<>]*>(.{0,1000}?)</\1>", text[:_MAX_HTML_LENGTH], re.IGNORECASE | re.DOTALL)
    return unescape(re.sub(r"<[^<>]*>", " ", heading.group(2) if heading else text[:_MAX_HTML_LENGTH]))


def _error_details(
    message: Any, *, code: Any = None, kind: Any = None, param: Any = None, moderation: Any = None
) -> dict[str, Any]:
    text = sanitize(message) if isinstance(message, str) else ""
    if text.startswith("litellm."):
        inner = _unwrap_litellm(text)
        if isinstance(inner, dict):
            return inner
        text = inner
    elif kind == "no_db_connection":  # LiteLLM without a database, for a key other than its own
        text = _("The endpoint does not accept the key.")
    return {
        "message": text,
        "code": sanitize(str(code))[:_MAX_NAME_LENGTH] if isinstance(code, (str, int)) else None,
        "type": kind if isinstance(kind, str) else None,
        "param": sanitize(param)[:_MAX_NAME_LENGTH] if isinstance(param, str) else None,
        "moderation": moderation if isinstance(moderation, Mapping) else {},
    }


def _unwrap_litellm(text: str) -> dict[str, Any] | str:
    """Return the upstream's error that LiteLLM quotes, or LiteLLM's own message if it quotes none."""
    text = _LITELLM_PREFIX.sub("", text, count=1)
    if text.startswith("{"):
        with contextlib.suppress(ValueError, RecursionError):
            inner = _from_json(json.JSONDecoder().raw_decode(text)[0])
            if inner["message"]:
                return inner
    text = _LITELLM_SUFFIX.split(text, maxsplit=1)[0]
    return sanitize(_from_html(text)) if text.startswith("<") else text
