"""The errors of an edit.

ApiError
    InvalidRequestError         a problem found before anything was sent
    BadRequestError             refused by the endpoint (400, 409, 413, 422)
        ModerationError
    AuthenticationError         401
    PermissionDeniedError       403
    NotFoundError               404
    QuotaError                  402, or a 429 or 400 that waiting doesn't resolve
    RateLimitError              429
    OverloadedError             503
    ServerError                 any other 5xx; may have been billed
    ConnectionFailedError       the server was never reached
    BrokenConnectionError       the connection was lost; may have been billed
        TimedOutError
    BadResponseError            a response that can't be used; may have been billed
    CancelledError              stopped by the caller
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from lib.translation import N_, _

if TYPE_CHECKING:
    from lib.api.response import EditResponse


@dataclass(frozen=True)
class Problem:
    """A rule that a request breaks: the field, its value as text ("" for none), and what is allowed."""

    field: str
    value: str
    rule: str

    def __str__(self) -> str:
        return f"{self.field} {self.value}: {self.rule}" if self.value else f"{self.field}: {self.rule}"


class ApiError(Exception):
    """An edit failed: `message` says in one sentence what happened, `hint` what to do.

    `maybe_billed` is true if the endpoint may have done the work; such a request is never retried automatically.
    `code`, `param` and `status` come from the endpoint, and its support may ask for `request_id`.
    """

    maybe_billed = False
    hint = N_("Try again, or choose another provider in the settings.")

    def __init__(
        self,
        message: str,
        hint: str | None = None,
        *,
        code: str | None = None,
        param: str | None = None,
        status: int | None = None,
        request_id: str | None = None,
        maybe_billed: bool | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint if hint is not None else _(type(self).hint)
        self.code = code
        self.param = param
        self.status = status
        self.request_id = request_id
        if maybe_billed is not None:
            self.maybe_billed = maybe_billed


FIX_PROBLEM_HINT = N_("Fix the problem described in the message, then try again.")


class InvalidRequestError(ApiError):
    """The request is invalid and nothing was sent; `problems` lists every rule that it breaks."""

    hint = N_("Fix the problem described in the message; nothing was sent or billed.")

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


class BadRequestError(ApiError):
    """The endpoint refused the request; sending it again unchanged is pointless."""

    hint = N_("Change the prompt, the image or the options; the same request will be refused again.")


class ModerationError(BadRequestError):
    """The endpoint's safety system blocked the edit: `stage` is "input" or "output", `categories` are the reasons."""

    hint = N_("Change the prompt or the image; the same request will be refused again.")
    stage: str | None = None
    categories: tuple[str, ...] = ()


class AuthenticationError(ApiError):
    """The key is missing, or the endpoint does not accept it."""

    hint = N_("Check the key in the settings.")


class PermissionDeniedError(ApiError):
    """The key is valid but lacks permission, for example because the organisation isn't verified."""

    hint = N_("Request access on the provider's website, or choose another model.")


class NotFoundError(ApiError):
    """The model, file or URL doesn't exist at the endpoint."""

    hint = N_("Check the model name and the endpoint's address, which usually ends in /v1.")


class QuotaError(ApiError):
    """The account's credit or quota is used up; waiting doesn't help, so the request is never retried."""

    hint = N_("Check your account's balance and limits on the provider's website.")


class RateLimitError(ApiError):
    """The rate limit was exceeded, even after the retries; `retry_at` is when to try again, if the endpoint says."""

    hint = N_("Wait a minute, then try again.")
    retry_at: datetime | None = None


class OverloadedError(ApiError):
    """The endpoint was overloaded, even after the retries; nothing was billed."""

    hint = N_("Wait a few minutes, then try again.")
    retry_at: datetime | None = None


class ServerError(ApiError):
    """The endpoint failed while processing the request, which may have been billed."""

    maybe_billed = True
    hint = N_("Check your account's usage before you try again: this request may have been billed.")


class ConnectionFailedError(ApiError):
    """The connection to the server failed; the request is safe to retry."""

    hint = N_("Check the network, the proxy and the endpoint's address.")


class BrokenConnectionError(ApiError):
    """The connection was lost before the response was complete; the request may have been billed."""

    maybe_billed = True
    hint = N_("Check your account's usage before you try again: this request may have been billed.")


class TimedOutError(BrokenConnectionError):
    """The request timed out and may have been billed."""


class BadResponseError(ApiError):
    """The response can't be used, or is larger than the limits allow; the request may have been billed."""

    maybe_billed = True
    hint = N_("Check that the address is an image-edit endpoint; this request may have been billed.")


class CancelledError(ApiError):
    """The caller cancelled the request; it may have been billed if it had already been sent.

    `response` contains the images of parallel requests that were complete before.
    """

    hint = N_("Start the edit again when you are ready.")
    response: EditResponse | None = None
