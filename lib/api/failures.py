"""Make one readable error out of any refusal that an endpoint or something before it sends."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Mapping
from html import unescape
from http import HTTPStatus
from typing import Any

from lib.api.errors import (
    CHANGE_WHAT_IS_NAMED,
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
from lib.api.text import readable, shortened
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
_MODERATION_CODES = frozenset({"moderation_blocked", "content_policy_violation"})
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
    "unknown_parameter": N_("Leave the field that the message names empty for this endpoint."),
    "ip_not_authorized": N_("Allow this computer's address on the provider's site, or use another network."),
    "unsupported_country_region_territory": N_("Use a provider that serves your country."),
}
_HINTS_BY_STATUS = {
    402: N_("The account has no credit left. Add some on the provider's site, then try again."),
    405: N_("Check the endpoint's address; it usually ends in /v1."),
    413: N_("Send a smaller picture: choose a smaller frame or fewer reference images."),
}
_LONGEST_MESSAGE = 600
_LONGEST_NAME = 200
_MOST_HTML = 16_384
_REFUSALS = frozenset({"invalid_request_error", "image_generation_user_error"})
"""Types of error that come before any work."""

_LOST_UPSTREAM = re.compile(r"before headers.*reset reason: (connection termination|local reset|remote reset)")
"""What Envoy says with a 503 when a server that had the request went away; its other reasons come before that."""

_REQUEST_IDS = ("llm_provider-x-request-id", "x-request-id", "apim-request-id", "x-litellm-call-id")
"""Headers with a request's id: the one that LiteLLM passes on from where the work was done comes first."""


_HTTP_TO_HTTPS = re.compile(
    rb"plain HTTP request was sent to HTTPS port|HTTP request to an HTTPS server|plain HTTP to an SSL-enabled server"
    rb"|combination of host and port requires TLS",
    re.IGNORECASE,
)
"""What nginx, Go, Apache and Tomcat say where https is expected."""

_WRAPPING = re.compile(r"(?:litellm\.\w+: |\w+Error: |Timeout Error: )+(?:\w+Exception - )?")
_WRAPPERS_NOTES = re.compile(
    r" ?(?:LiteLLM: model group |Received Model Group=|model=\S+ content_policy_fallback=|No fallback model group)"
)
"""What LiteLLM writes before and after the error that it got from its upstream."""


def may_have_worked(status: int) -> bool:
    """Say whether an endpoint that answers with this status may have done the work, and so may bill it.

    A gateway that stopped waiting (408, 499) leaves its upstream working; a server that fails may do so at the end.
    """
    kind = _BY_STATUS.get(status)
    return status < 300 or (issubclass(kind, TimedOutError) if kind else status >= 500)


def request_id_of(headers: Mapping[str, str]) -> str | None:
    """Return the id that the provider's support asks for, or None."""
    ids = (readable(headers.get(name, ""))[:_LONGEST_NAME] for name in _REQUEST_IDS)
    return next(filter(None, ids), None)


def error_from_answer(
    status: int, headers: Mapping[str, str], body: bytes, hide: Callable[[str], str] = str
) -> ApiError:
    """Return the error for a refused request, whatever the shape of its body; `hide` takes the key out of a text."""
    if status == 400 and _HTTP_TO_HTTPS.search(body[:_MOST_HTML]):
        message = _("The server uses https, and the address begins with http://.")
        return ConnectionFailedError(message, _("Write https:// in the address."), code="tls", status=status)
    details = _details(body)
    kind = _class_of(status, details)
    error = kind(
        shortened(hide(_message(status, details)), _LONGEST_MESSAGE),
        _hint(status, kind, details),
        code=details["code"],
        param=details["param"],
        status=status,
        request_id=request_id_of(headers),
    )
    _note_moderation(error, details)
    return error


def error_from_event(data: Mapping[str, Any], request_id: str | None) -> ApiError:
    """Return the error for an `error` event inside a stream: unless it is a refusal, it may have been billed."""
    details = _from_json(data)
    kind = _class_of(400 if details["type"] in _REFUSALS else 500, details)
    error = kind(
        shortened(details["message"], _LONGEST_MESSAGE)
        or _("The endpoint broke off with an error that it does not explain."),
        _hint(400, kind, details) if kind is BadRequestError else None,
        code=details["code"],
        param=details["param"],
        request_id=request_id,
    )
    _note_moderation(error, details)
    return error


def _class_of(status: int, details: Mapping[str, Any]) -> type[ApiError]:
    code, kind = details["code"], details["type"]
    if kind == "no_db_connection":
        return AuthenticationError
    if code in _MODERATION_CODES:
        return ModerationError
    if code in QUOTA_CODES or kind in _QUOTA_TYPES:
        return QuotaError
    if code == "model_not_found":
        return NotFoundError
    if status == 503 and _LOST_UPSTREAM.search(details["message"]):
        return ServerError
    return _BY_STATUS.get(status, ServerError if status >= 500 else BadRequestError)


def _hint(status: int, kind: type[ApiError], details: Mapping[str, Any]) -> str | None:
    """Return what to do about a refusal; None where its kind says it well enough."""
    hint = _HINTS.get(details["code"] or "") or _HINTS_BY_STATUS.get(status)
    if hint:
        return _(hint)
    if kind is not BadRequestError or not details["param"]:
        return None
    name = re.match(r"\w*", details["param"])
    if name and name[0] and name[0].lower() in re.findall(r"\w+", details["message"].lower()):
        return _(CHANGE_WHAT_IS_NAMED)
    return _("Change “{field}”, then try again.").format(field=details["param"])


def _message(status: int, details: Mapping[str, Any]) -> str:
    text: str = details["message"]
    if text:
        return text
    try:
        reason = HTTPStatus(status).phrase
    except ValueError:
        reason = _("no reason given")
    return _("The endpoint answered {status} ({reason}).").format(status=status, reason=reason)


def _note_moderation(error: ApiError, details: Mapping[str, Any]) -> None:
    if isinstance(error, ModerationError):
        found = details["moderation"]
        stage, categories = found.get("moderation_stage"), found.get("categories")
        error.stage = readable(stage) if isinstance(stage, str) else None
        if isinstance(categories, list):
            error.categories = tuple(readable(str(category)) for category in categories)
        error.maybe_billed = error.stage == "output"  # it was made, then held back


def _details(body: bytes) -> dict[str, Any]:
    text = body.decode("utf-8", "replace")
    try:
        return _from_json(json.loads(text))
    except (ValueError, RecursionError):
        return _found(_from_html(text) if "<" in text else text)


def has_words(data: Mapping[str, Any]) -> bool:
    """Return whether an answer says in words what went wrong, as `error_from_event` reads them."""
    return bool(_from_json(data)["message"])


_WORDS = (
    "message", "msg", "errorMessage", "error_message", "detail", "details", "errors", "error_description", "error",
)  # fmt: skip
"""Where servers put their words, the most telling first."""


def _from_json(value: Any) -> dict[str, Any]:
    """Read {"error": {…}}, {"error": "text"}, {"error": "code", "message": "text"}, {"detail": "text" or a list}, …"""
    if not isinstance(value, Mapping):
        return _found(_words(value))
    inner = value.get("error")
    if isinstance(inner, Mapping):
        return _found(
            _words(inner) or _words({name: value[name] for name in value if name != "error"}),
            code=inner.get("code"),
            kind=inner.get("type"),
            param=inner.get("param"),
            moderation=inner.get("moderation_details"),
        )
    # A word beside its sentence is the sentence's code.
    code = inner if isinstance(inner, str) and " " not in inner and not value.get("code") else value.get("code")
    words = _words(value)
    return _found(words, code=code if code != words else None, kind=value.get("type"), param=_field_of(value))


def _words(value: Any, depth: int = 0) -> str:
    """Return what a server's answer says in words; "" where it says nothing."""
    if isinstance(value, str):
        return value
    if depth > 4:
        return ""
    if isinstance(value, list):
        return "; ".join(filter(None, (_entry_words(entry, depth + 1) for entry in value[:10])))
    if isinstance(value, Mapping):
        return next(filter(None, (_words(value.get(name), depth + 1) for name in _WORDS)), "")
    return ""


def _entry_words(entry: Any, depth: int) -> str:
    """Return the words of one of several errors, after the name of the field where it is said."""
    words = _words(entry, depth)
    field = _location(entry)
    return f"{field}: {words}" if field and words else words


def _field_of(value: Mapping[str, Any]) -> str | None:
    """Return the field of the first error in a list."""
    entries = value.get("detail")
    return (_location(entries[0]) if isinstance(entries, list) and entries else "") or None


def _location(entry: Any) -> str:
    where = entry.get("loc") if isinstance(entry, Mapping) else None
    return ".".join(str(step) for step in where if step != "body") if isinstance(where, list) else ""


def _from_html(text: str) -> str:
    heading = re.search(r"<(title|h1)[^<>]*>(.{0,1000}?)</\1>", text[:_MOST_HTML], re.IGNORECASE | re.DOTALL)
    return unescape(re.sub(r"<[^<>]*>", " ", heading.group(2) if heading else text[:_MOST_HTML]))


def _found(
    message: Any, *, code: Any = None, kind: Any = None, param: Any = None, moderation: Any = None
) -> dict[str, Any]:
    text = readable(message) if isinstance(message, str) else ""
    if text.startswith("litellm."):
        inner = _unwrapped(text)
        if isinstance(inner, dict):
            return inner
        text = inner
    elif kind == "no_db_connection":  # LiteLLM without a database, when it has no such key
        text = _("The endpoint does not accept the key.")
    return {
        "message": text,
        "code": readable(str(code))[:_LONGEST_NAME] if isinstance(code, (str, int)) else None,
        "type": kind if isinstance(kind, str) else None,
        "param": readable(param)[:_LONGEST_NAME] if isinstance(param, str) else None,
        "moderation": moderation if isinstance(moderation, Mapping) else {},
    }


def _unwrapped(text: str) -> dict[str, Any] | str:
    """Return the upstream's own error that LiteLLM quotes, or its sentence where it quotes none."""
    text = _WRAPPING.sub("", text, count=1)
    if text.startswith("{"):
        with contextlib.suppress(ValueError, RecursionError):
            inner = _from_json(json.JSONDecoder().raw_decode(text)[0])
            if inner["message"]:
                return inner
    text = _WRAPPERS_NOTES.split(text, maxsplit=1)[0]
    return readable(_from_html(text)) if text.startswith("<") else text
