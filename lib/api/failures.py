"""Make one readable error out of any refusal that an endpoint or something before it sends."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from html import unescape
from http import HTTPStatus
from typing import Any

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
_MODERATION_CODES = frozenset({"moderation_blocked", "content_policy_violation"})
_BY_STATUS: dict[int, type[ApiError]] = {
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    429: RateLimitError,
    503: OverloadedError,
}
_HINTS = {
    "invalid_input_fidelity_model": N_("Leave input fidelity empty for this model."),
    "unknown_parameter": N_("Leave the field that the message names empty for this endpoint."),
    "ip_not_authorized": N_("Allow this computer's address on the provider's site, or use another network."),
    "unsupported_country_region_territory": N_("Use a provider that serves your country."),
}
_HINTS_BY_STATUS = {
    405: N_("Check the endpoint's address; it usually ends in /v1."),
    413: N_("Send a smaller picture: choose a smaller frame or fewer reference images."),
}
_LONGEST_MESSAGE = 600


def error_from_answer(status: int, headers: Mapping[str, str], body: bytes) -> ApiError:
    """Return the error for a refused request, whatever the shape of its body."""
    details = _details(body)
    hint = _HINTS.get(details["code"] or "") or _HINTS_BY_STATUS.get(status)
    error = _class_of(status, details)(
        _message(status, details),
        _(hint) if hint else None,
        code=details["code"],
        param=details["param"],
        status=status,
        request_id=headers.get("x-request-id") or headers.get("apim-request-id"),
    )
    _note_moderation(error, details)
    return error


def error_from_event(data: Mapping[str, Any], request_id: str | None) -> ApiError:
    """Return the error for an `error` event inside a stream; what was asked may have been billed."""
    details = _from_json(data)
    kind = _class_of(500, details)
    error = kind(
        details["message"] or _("The endpoint broke off with an error that it does not explain."),
        code=details["code"],
        param=details["param"],
        request_id=request_id,
        maybe_billed=issubclass(kind, ServerError),
    )
    _note_moderation(error, details)
    return error


def _class_of(status: int, details: Mapping[str, Any]) -> type[ApiError]:
    code, kind = details["code"], details["type"]
    if code in _MODERATION_CODES:
        return ModerationError
    if code in QUOTA_CODES or kind in ("insufficient_quota", "billing"):
        return QuotaError
    if code == "model_not_found":
        return NotFoundError
    if status >= 500:
        return _BY_STATUS.get(status, ServerError)
    return _BY_STATUS.get(status, BadRequestError)


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
        error.stage = stage if isinstance(stage, str) else None
        if isinstance(categories, list):
            error.categories = tuple(str(category) for category in categories)


def _details(body: bytes) -> dict[str, Any]:
    text = body.decode("utf-8", "replace")
    try:
        return _from_json(json.loads(text))
    except (ValueError, RecursionError):
        return _found(_from_html(text) if "<" in text else text)


def _from_json(value: Any) -> dict[str, Any]:
    """Read {"error": {…}}, {"error": "text"}, {"detail": "text" or [{"msg", "loc"}]}, {"message": "text"}."""
    if not isinstance(value, Mapping):
        return _found(value if isinstance(value, str) else "")
    inner = value.get("error")
    if isinstance(inner, Mapping):
        return _found(
            inner.get("message"),
            code=inner.get("code"),
            kind=inner.get("type"),
            param=inner.get("param"),
            moderation=inner.get("moderation_details"),
        )
    for candidate in (inner, value.get("detail"), value.get("message")):
        if isinstance(candidate, str) and candidate:
            return _found(candidate, code=value.get("code"), kind=value.get("type"))
        if isinstance(candidate, list):
            return _found("; ".join(_validation_text(entry) for entry in candidate))
    return _found("")


def _validation_text(entry: Any) -> str:
    if not isinstance(entry, Mapping):
        return str(entry)
    where = entry.get("loc")
    field = ".".join(str(step) for step in where if step != "body") if isinstance(where, list) else ""
    return f"{field}: {entry.get('msg')}" if field else str(entry.get("msg"))


def _from_html(text: str) -> str:
    heading = re.search(r"<(title|h1)[^>]*>(.*?)</\1>", text, re.IGNORECASE | re.DOTALL)
    return unescape(re.sub(r"<[^>]*>", " ", heading.group(2) if heading else text))


def _found(
    message: Any, *, code: Any = None, kind: Any = None, param: Any = None, moderation: Any = None
) -> dict[str, Any]:
    text = " ".join(message.split()) if isinstance(message, str) else ""
    if len(text) > _LONGEST_MESSAGE:
        text = text[:_LONGEST_MESSAGE] + "…"
    return {
        "message": text,
        "code": str(code) if isinstance(code, (str, int)) else None,
        "type": kind if isinstance(kind, str) else None,
        "param": param if isinstance(param, str) else None,
        "moderation": moderation if isinstance(moderation, Mapping) else {},
    }
