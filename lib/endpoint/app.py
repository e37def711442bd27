"""The WSGI application: routes, authentication, and errors in OpenAI's format."""

import hmac
import json
import logging
import secrets
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response
from werkzeug.wsgi import FileWrapper

from lib.endpoint import files_api
from lib.endpoint.cancellation import Cancelled
from lib.endpoint.connection import is_disconnected
from lib.endpoint.edits import Edit
from lib.endpoint.errors import HttpError
from lib.endpoint.files import FileStore
from lib.endpoint.form import read_form
from lib.endpoint.jobs import Jobs
from lib.endpoint.memory import PIECE
from lib.endpoint.request import MODEL, check, is_served
from lib.endpoint.sources import loader
from lib.endpoint.stream import AnswerStream
from lib.endpoint.uploads import Uploads

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

log = logging.getLogger(__name__)
requests_log = logging.getLogger("lib.endpoint.requests")
"""A line for each answer, at the level INFO: without the key, the prompt, or anything else of the request's body."""

# The model that answered, regardless of the requested one.
_ENGINE_HEADER = "x-generative-edit-model"

# For those who watch the server: it needs no key and tells nothing but whether edits are accepted.
_HEALTH = "/health"
_MODELS_SINCE = 1_767_225_600  # 2026-01-01

_ROUTES = Map(
    [
        Rule("/v1/images/edits", endpoint="edit", methods=["POST"]),
        Rule("/v1/models", endpoint="models", methods=["GET"]),
        Rule("/v1/models/<model_id>", endpoint="model", methods=["GET"]),
        Rule("/v1/files", endpoint="upload", methods=["POST"]),
        Rule("/v1/files", endpoint="list_files", methods=["GET"]),
        Rule("/v1/files/<file_id>", endpoint="file", methods=["GET"]),
        Rule("/v1/files/<file_id>", endpoint="delete_file", methods=["DELETE"]),
        Rule("/v1/files/<file_id>/content", endpoint="content", methods=["GET"]),
    ],
    strict_slashes=False,
    merge_slashes=False,
)


class App:
    """The endpoint. With `allow_urls` it downloads images from public http(s) URLs."""

    def __init__(self, key: str, files: FileStore, jobs: Jobs, *, allow_urls: bool = False) -> None:
        if not key:
            raise ValueError("The endpoint needs a key.")
        self._key = key.encode()
        self._files = files
        self._jobs = jobs
        self._uploads = Uploads()
        self._load = loader(files, allow_urls)

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        started = time.monotonic()
        request = Request(environ)
        try:
            response = self._answer(request)
        except HttpError as error:
            response = _json(error.body(), error.status, error.headers)
        request_id, milliseconds = f"req_{secrets.token_hex(16)}", round((time.monotonic() - started) * 1000)
        response.headers["x-request-id"] = request_id
        response.headers["openai-processing-ms"] = str(milliseconds)
        path = request.path[:200].encode("unicode_escape").decode()  # no line feed of a caller's
        requests_log.info("%s %s %d %d ms %s", request.method, path, response.status_code, milliseconds, request_id)
        return response(environ, start_response)

    def _answer(self, request: Request) -> Response:
        if request.path == _HEALTH:
            return self._health()
        try:
            self._authenticate(request)
            name, values = _ROUTES.bind_to_environ(request.environ).match()
            return getattr(self, f"_{name}")(request, **values)  # type: ignore[no-any-return]
        except HttpError:
            raise
        except Cancelled as error:
            # Nobody reads this answer; nginx logs the same status.
            raise HttpError(499, "The client has disconnected.", code="client_left") from error
        except NotFound as error:
            raise HttpError(404, "Unknown request URL. The API is under /v1.", code="unknown_url") from error
        except MethodNotAllowed as error:
            allowed = {"Allow": ", ".join(error.valid_methods or ())}
            raise HttpError(
                405, "This method is not allowed here.", code="method_not_supported", headers=allowed
            ) from error
        except HTTPException as error:
            raise HttpError(400, "The request body is incomplete.", code="invalid_body") from error
        except Exception as error:
            # The process's edge: for any error, the client gets a sentence and the log the traceback.
            log.exception("A request failed")
            raise HttpError(
                500, "The server could not process this request.", code="server_error", kind="server_error"
            ) from error

    def _authenticate(self, request: Request) -> None:
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(key.strip().encode(), self._key):
            raise HttpError(
                401,
                "Incorrect API key provided. Send the key that the server printed when it started, or the one in its "
                "--key-file, as 'Authorization: Bearer KEY'.",
                code="invalid_api_key",
            )

    def _health(self) -> Response:
        if self._jobs.is_draining:
            return _json({"status": "stopping"}, 503)
        return _json({"status": "ok"})

    def _edit(self, request: Request) -> Response:
        connection = request.environ.get("werkzeug.socket")
        self._jobs.check_capacity()
        with self._uploads.counted() as count:
            checked = check(read_form(request, count))
        with self._jobs.slot() as slot:
            edit = Edit(checked, self._load)
            work = edit.stream if checked.stream else edit.answer
            answer = AnswerStream.start(
                work, self._jobs, slot, lambda: is_disconnected(connection), whole=not checked.stream
            )
        headers = {_ENGINE_HEADER: MODEL}
        if checked.stream:
            return Response(answer, headers={**headers, "Cache-Control": "no-store"}, mimetype="text/event-stream")
        return Response(answer, headers={**headers, "Content-Length": str(len(answer))}, mimetype="application/json")

    def _models(self, _request: Request) -> Response:
        return _json({"object": "list", "data": [_model_json(MODEL)]})

    def _model(self, _request: Request, model_id: str) -> Response:
        if not is_served(model_id):
            raise HttpError(
                404,
                f"The model '{model_id[:64]}' does not exist.",
                code="model_not_found",
                param="model",
            )
        return _json(_model_json(model_id))

    def _upload(self, request: Request) -> Response:
        with self._uploads.counted() as count:
            return _json(files_api.upload(self._files, request, count))

    def _list_files(self, request: Request) -> Response:
        return _json(files_api.listing(self._files, request.args))

    def _file(self, _request: Request, file_id: str) -> Response:
        return _json(self._files.get(file_id))

    def _delete_file(self, _request: Request, file_id: str) -> Response:
        self._files.delete(file_id)
        return _json({"id": file_id, "object": "file", "deleted": True})

    def _content(self, _request: Request, file_id: str) -> Response:
        file, size = self._files.open(file_id)
        headers = {
            "Content-Disposition": "attachment",
            "Content-Length": str(size),
            "X-Content-Type-Options": "nosniff",
        }
        return Response(FileWrapper(file, PIECE), headers=headers, mimetype="application/octet-stream")


def _model_json(model_id: str) -> dict[str, Any]:
    return {"id": model_id, "object": "model", "created": _MODELS_SINCE, "owned_by": "generative-edit"}


def _json(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(json.dumps(body), status, headers, mimetype="application/json")
