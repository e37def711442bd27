"""Every way in which an edit can fail.

ApiError
    InvalidRequestError         found by us, before anything was sent
    BadRequestError             refused by the endpoint (400, 409, 413, 422)
        ModerationError
    AuthenticationError         401
    PermissionDeniedError       403
    NotFoundError               404
    QuotaError                  402, or a 429 or 400 that no waiting mends
    RateLimitError              429
    OverloadedError             503
    ServerError                 any other 5xx; may have been billed
    ConnectionFailedError       never reached the server
    BrokenConnectionError       lost on the way; may have been billed
        TimedOutError
    BadAnswerError              an answer that isn't the API's; may have been billed
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
    """One broken rule of a request: a field, the value that it was given (as text, "" for none), what is allowed."""

    field: str
    value: str
    rule: str

    def __str__(self) -> str:
        return f"{self.field} {self.value}: {self.rule}" if self.value else f"{self.field}: {self.rule}"


class ApiError(Exception):
    """Something went wrong: `message` says what in one sentence, `hint` what to do in one sentence.

    `maybe_billed` is true when the endpoint may have done the work: such a request is never repeated by
    itself. `code`, `param` and `status` are the endpoint's, `request_id` is for its support.
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


CHANGE_WHAT_IS_NAMED = N_("Change what the message names, then try again.")


class InvalidRequestError(ApiError):
    """The request breaks a rule that we know, so nothing was sent; `problems` lists every broken rule."""

    hint = N_("Change what the message names; nothing was sent and nothing was billed.")

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


class BadRequestError(ApiError):
    """The endpoint refused the request as it stands: the same request will be refused again."""

    hint = N_("Change the prompt, the picture or the options; the same request will be refused again.")


class ModerationError(BadRequestError):
    """The endpoint's safety system refused: `stage` is "input" or "output", `categories` what it saw."""

    hint = N_("Change the prompt or the picture; the same request will be refused again.")
    stage: str | None = None
    categories: tuple[str, ...] = ()


class AuthenticationError(ApiError):
    """The endpoint doesn't accept the key, or there is none."""

    hint = N_("Check the key in the settings.")


class PermissionDeniedError(ApiError):
    """The key is right but may not do this, as with an organisation that isn't verified."""

    hint = N_("Ask for access on the provider's site, or choose another model.")


class NotFoundError(ApiError):
    """The endpoint has no such model, file or address."""

    hint = N_("Check the model's name and the endpoint's address; the address usually ends in /v1.")


class QuotaError(ApiError):
    """The account has no money or no allowance left: waiting doesn't help, so this is never retried."""

    hint = N_("Check the account's balance and limits on the provider's site.")


class RateLimitError(ApiError):
    """Too many requests in a short time, still after the retries; `retry_at` says when to come back."""

    hint = N_("Wait a minute, then try again.")
    retry_at: datetime | None = None


class OverloadedError(ApiError):
    """The endpoint is too busy, still after the retries; nothing was done or billed."""

    hint = N_("Wait a few minutes, then try again.")
    retry_at: datetime | None = None


class ServerError(ApiError):
    """The endpoint failed while it worked: whether it billed the request isn't known."""

    maybe_billed = True
    hint = N_("Look at the account's usage before you try again: this request may have been billed.")


class ConnectionFailedError(ApiError):
    """The server was never reached, so the request is safe to repeat."""

    hint = N_("Check the network, the proxy and the endpoint's address.")


class BrokenConnectionError(ApiError):
    """The connection ended before the answer was complete: the request may have been billed."""

    maybe_billed = True
    hint = N_("Look at the account's usage before you try again: this request may have been billed.")


class TimedOutError(BrokenConnectionError):
    """No answer came in the time allowed: the request may have been billed."""


class BadAnswerError(ApiError):
    """The endpoint answered something that this client can't use, or more than it accepts."""

    maybe_billed = True
    hint = N_("Check that the address is an image-edit endpoint; this request may have been billed.")


class CancelledError(ApiError):
    """The caller stopped the request; when it had been sent already, it may still be billed.

    `response` holds the images of those parallel requests that had been answered before.
    """

    hint = N_("Start the edit again when you want it.")
    response: EditResponse | None = None
