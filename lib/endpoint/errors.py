"""The endpoint's errors, in OpenAI's format."""

from typing import Any


class HttpError(Exception):
    """An error answer: status, one sentence for people, and a code for programs."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        kind: str = "invalid_request_error",
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.param = param
        self.kind = kind
        self.headers = headers or {}

    def body(self) -> dict[str, Any]:
        """Return the answer's JSON; the official specification requires all four keys."""
        return {"error": {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}}


def invalid(message: str, param: str | None, code: str = "invalid_value") -> HttpError:
    """Return a 400 about one field."""
    return HttpError(400, message, code=code, param=param)


def too_large(message: str, param: str | None = None, code: str = "request_too_large") -> HttpError:
    """Return a 413: the body, a part of it or the requested work exceeds a limit."""
    return HttpError(413, message, code=code, param=param)


def stopping() -> HttpError:
    """Return a 503: the server is being stopped and finishes only the edits that it has accepted."""
    return HttpError(
        503, "The server is stopping. Send the request again later.", code="server_stopping", kind="server_error"
    )


def busy(retry_after: int) -> HttpError:
    """Return a 429 with `Retry-After` in whole seconds: the queue is full."""
    return HttpError(
        429,
        f"The built-in engine is busy with other edits. Try again in {retry_after} s.",
        code="rate_limit_exceeded",
        kind="rate_limit_error",
        headers={"Retry-After": str(retry_after)},
    )
