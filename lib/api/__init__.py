"""The wire: a client for the image-edit API (`POST /v1/images/edits`) and its dialects, apart from GIMP.

Names are loaded when they are first used, so that a process without requests can import the light modules.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lib.api.answer import Limits
    from lib.api.client import ImagesClient, ModelInfo
    from lib.api.cost import Cost
    from lib.api.errors import (
        ApiError,
        AuthenticationError,
        BadAnswerError,
        BadRequestError,
        BrokenConnectionError,
        CancelledError,
        ConnectionFailedError,
        InvalidRequestError,
        ModerationError,
        NotFoundError,
        OverloadedError,
        PermissionDeniedError,
        QuotaError,
        RateLimitError,
        ServerError,
        TimedOutError,
    )
    from lib.api.events import Downloading, Notice, Sent, Uploading, Waiting
    from lib.api.files import StoredFile
    from lib.api.keys import Key
    from lib.api.models import FreeSize, Model, SizeList
    from lib.api.problems import Problem
    from lib.api.providers import Provider
    from lib.api.request import EditRequest, FileId, Url
    from lib.api.response import Completed, EditedImage, EditResponse, Failed, PartialImage
    from lib.api.transport import Timeouts
    from lib.api.validation import validate

_HOMES = {
    "ApiError": "errors",
    "AuthenticationError": "errors",
    "BadAnswerError": "errors",
    "BadRequestError": "errors",
    "BrokenConnectionError": "errors",
    "CancelledError": "errors",
    "Completed": "response",
    "ConnectionFailedError": "errors",
    "Cost": "cost",
    "Downloading": "events",
    "EditRequest": "request",
    "EditResponse": "response",
    "EditedImage": "response",
    "Failed": "response",
    "FileId": "request",
    "FreeSize": "models",
    "ImagesClient": "client",
    "InvalidRequestError": "errors",
    "Key": "keys",
    "Limits": "answer",
    "Model": "models",
    "ModelInfo": "client",
    "ModerationError": "errors",
    "NotFoundError": "errors",
    "Notice": "events",
    "OverloadedError": "errors",
    "PartialImage": "response",
    "PermissionDeniedError": "errors",
    "Problem": "problems",
    "Provider": "providers",
    "QuotaError": "errors",
    "RateLimitError": "errors",
    "Sent": "events",
    "ServerError": "errors",
    "SizeList": "models",
    "StoredFile": "files",
    "TimedOutError": "errors",
    "Timeouts": "transport",
    "Uploading": "events",
    "Url": "request",
    "Waiting": "events",
    "validate": "validation",
}

__all__ = [
    "ApiError",
    "AuthenticationError",
    "BadAnswerError",
    "BadRequestError",
    "BrokenConnectionError",
    "CancelledError",
    "Completed",
    "ConnectionFailedError",
    "Cost",
    "Downloading",
    "EditRequest",
    "EditResponse",
    "EditedImage",
    "Failed",
    "FileId",
    "FreeSize",
    "ImagesClient",
    "InvalidRequestError",
    "Key",
    "Limits",
    "Model",
    "ModelInfo",
    "ModerationError",
    "NotFoundError",
    "Notice",
    "OverloadedError",
    "PartialImage",
    "PermissionDeniedError",
    "Problem",
    "Provider",
    "QuotaError",
    "RateLimitError",
    "Sent",
    "ServerError",
    "SizeList",
    "StoredFile",
    "TimedOutError",
    "Timeouts",
    "Uploading",
    "Url",
    "Waiting",
    "validate",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
