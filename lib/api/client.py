"""The client for one endpoint: edits, streamed edits and the list of models."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import Any

from lib.api import models
from lib.api.address import absolute_url, base_url_problem, endpoint_url, is_deployment_url
from lib.api.body import Body
from lib.api.calls import Call, Calls, EndpointConfig, cancelled_error
from lib.api.dialect import AdaptedRequest, adapt, encode, with_defaults
from lib.api.errors import (
    ApiError,
    AuthenticationError,
    BadResponseError,
    BrokenConnectionError,
    CancelledError,
    InvalidRequestError,
    Problem,
)
from lib.api.events import ClientEvent, Downloading, Notice
from lib.api.failures import request_id_of
from lib.api.keys import Key, headers_with_key
from lib.api.parallel import edit_in_parallel, stream_in_parallel
from lib.api.parsing import FetchUrl, Limits, parse_json
from lib.api.providers import Provider
from lib.api.providers import get as get_provider
from lib.api.raster import PictureError, decode
from lib.api.rate_limit import RateLimiter
from lib.api.recording import Recorder, RedactingSink, ResponseHead, Secrets
from lib.api.request import EditRequest
from lib.api.response import Completed, EditedImage, EditResponse, Failed, StreamEvent, join
from lib.api.retry import MAX_RETRIES
from lib.api.stream import read_body, read_stream
from lib.api.text import sanitize
from lib.api.transport import Exchange, Timeouts
from lib.api.validation import ended_problem, validate
from lib.translation import _


@dataclass(frozen=True)
class ModelInfo:
    """A model that an endpoint offers, with its shutdown date if the endpoint announces one."""

    id: str
    shutdown_date: date | None = None


class ImagesClient:
    """A thread-safe client for one endpoint.

    `provider` is a name from providers.json or a `Provider`. The base URL defaults to the provider's environment
    variable (`OPENAI_BASE_URL`), then to the provider's own. `on_event` is called with `Uploading`, `Sent`,
    `Downloading`, `Waiting` and `Notice` events, one at a time but from any thread. Clients that share a `limiter`
    share an endpoint's rate limit; `max_wait` is the number of seconds to wait for it, by default for a few retries.
    `record` receives the body of every successful response to an edit, and of images downloaded for it, before it is
    parsed. Raises `InvalidRequestError` for an invalid base URL and `AuthenticationError` for a key of another host.
    """

    def __init__(
        self,
        base_url: str | None = None,
        api_key: str | Key | None = None,
        provider: str | Provider = "openai",
        *,
        timeouts: Timeouts | None = None,
        limits: Limits | None = None,
        max_retries: int = MAX_RETRIES,
        limiter: RateLimiter | None = None,
        max_wait: float | None = None,
        record: Recorder | None = None,
        on_event: Callable[[ClientEvent], None] | None = None,
    ) -> None:
        self.provider = get_provider(provider) if isinstance(provider, str) else provider
        self.base_url = self.provider.resolve_url(base_url, os.environ) or ""
        self._check_address(has_key=False)
        secrets = headers_with_key(api_key, self.provider, self.base_url)
        self._check_address(has_key=bool(secrets))
        self._on_event = on_event
        self._event_lock = threading.Lock()
        self._limits = limits or Limits()
        self._has_key = bool(secrets)
        self._record = record
        self._secrets = Secrets(value.removeprefix("Bearer ") for value in secrets.values())
        self._endpoint = EndpointConfig(
            self.base_url,
            secrets,
            timeouts or Timeouts(),
            self._limits,
            max_retries,
            self._notify,
            limiter or RateLimiter(),
            max_wait,
        )
        self._calls = Calls(self._endpoint)

    def _check_address(self, *, has_key: bool) -> None:
        problem = base_url_problem(self.base_url, self.provider, has_key)
        if problem:
            raise InvalidRequestError([problem])

    def __enter__(self) -> ImagesClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def edit(self, request: EditRequest) -> EditResponse:
        """Send an edit and return its `n` images; with `stream` set, previews are discarded.

        For a provider that makes one image per request, `n` requests run in parallel. If some of them fail, the
        response contains the images of the others, with the errors in `failures`. Raises `ApiError`.
        """
        if request.stream and self.provider.streams:
            return _collect(self.stream(request))
        adapted = self._prepare(request)
        count = adapted.fields.get("n", 1)
        if not self.provider.supports_n and count > 1:
            singles = [_for_one_image(adapted, index) for index in range(count)]
            return edit_in_parallel([partial(self._edit_once, single) for single in singles])
        response = self._edit_once(adapted)
        if len(response.images) < count:
            self._notify(
                Notice(
                    "n",
                    _("The endpoint returned {made} of {count} images.").format(made=len(response.images), count=count),
                )
            )
        return response

    def stream(self, request: EditRequest) -> Iterator[StreamEvent]:
        """Send an edit and yield `PartialImage` and `Completed` events as they arrive.

        Events don't say which of `n` images they belong to, so `n` streams of one image each run in parallel. If some
        fail while others succeed, `Failed` events come last. A provider without streaming only yields `Completed`
        events. Raises `ApiError`.
        """
        request = replace(request, stream=True)
        if not self.provider.streams:
            yield from _completed(self.edit(request), 0)
            return
        adapted = self._prepare(request)
        count = adapted.fields.get("n", 1)
        singles = [_for_one_image(adapted, index) for index in range(count)] if count > 1 else [adapted]
        with ExitStack() as stack:
            calls = [stack.enter_context(self._calls.open(billed=True)) for _number in singles]
            streams = [self._stream_once(singles[index], call, index) for index, call in enumerate(calls)]

            def stop() -> None:
                for call in calls:
                    call.stop(cancelled_error)

            yield from stream_in_parallel(streams, stop) if count > 1 else streams[0]

    def models(self) -> list[ModelInfo]:
        """Return the models that the endpoint offers, which is also a free test of the connection and the key."""
        with self._calls.open(billed=False) as call:
            text = call.get(self._url(self.provider.models_path), self._limits.max_body_bytes)
            entries = parse_json(text, _("The list of models"))
            if isinstance(entries, dict):
                entries = entries.get("data", entries.get("models"))
            if not isinstance(entries, list):
                raise BadResponseError(_("The response contains no list of models."))
        return [_model_info(entry) for entry in entries if isinstance(entry, dict) and _model_name(entry)]

    def cancel(self) -> None:
        """Cancel all calls, now and in the future; may be called from any thread."""
        self._calls.stop(cancelled_error)

    def withdraw(self) -> None:
        """Send no more edits, but wait for the responses to those already being sent; may be called from any thread."""
        self._calls.withdraw(cancelled_error)

    def close(self) -> None:
        """Cancel the calls that are still running."""
        self.cancel()

    def _prepare(self, request: EditRequest) -> AdaptedRequest:
        request = with_defaults(request, self.provider)
        model = models.get(request.model or "")
        is_deployment = is_deployment_url(self.base_url, self.provider)
        problems = validate(request, model, self.provider)
        if ended := ended_problem(model, self.base_url):
            problems.append(ended)
        if self.provider.needs_model and not request.model and not is_deployment:
            problems.append(
                Problem("model", "", _("{provider} needs a model name").format(provider=self.provider.name))
            )
        if problems:
            raise InvalidRequestError(problems)
        if self.provider.needs_key and not self._has_key:
            hint = _("Add a key in the settings, or choose a provider that doesn't need one.")
            raise AuthenticationError(
                _("{provider} needs a key, but none is set.").format(provider=self.provider.title), hint
            )
        adapted = adapt(request, self.provider)
        if is_deployment:
            adapted.fields.pop("model", None)
        ending = model.ending()
        for notice in (*adapted.notices, *([Notice("model", ending)] if ending else [])):
            self._notify(notice)
        return adapted

    def _edit_once(self, adapted: AdaptedRequest) -> EditResponse:
        body = self._body(adapted)
        with self._calls.open(billed=True) as call, self._post(call, body) as exchange:
            return self._read_response(exchange, call)

    def _stream_once(self, adapted: AdaptedRequest, call: Call, image_index: int) -> Iterator[StreamEvent]:
        with self._post(call, self._body(adapted)) as exchange:
            if "text/event-stream" in exchange.headers.get("Content-Type", ""):
                yield from self._read_stream(exchange, call, image_index)
            else:  # the server ignored `stream`
                yield from _completed(self._read_response(exchange, call), image_index)

    def _post(self, call: Call, body: Body) -> Exchange:
        return call.send("POST", self._url(self.provider.edits_path), body)

    def _read_stream(self, exchange: Exchange, call: Call, image_index: int) -> Iterator[StreamEvent]:
        self._record_body(exchange)
        request_id, fetch, has_events = self._request_id(exchange), self._fetch_with(call), False
        try:
            for event in read_stream(exchange.chunks(), self._limits, request_id, image_index, self._notify, fetch):
                has_events = True
                yield self._redact_event(event) if isinstance(event, Completed) else event
        except ApiError as error:
            error.maybe_billed = error.maybe_billed or has_events
            raise self._endpoint.redact_error(error) from error.__cause__

    def _read_response(self, exchange: Exchange, call: Call) -> EditResponse:
        self._record_body(exchange)
        request_id, fetch = self._request_id(exchange), self._fetch_with(call)
        chunks: list[bytes] = []
        connection_error: ApiError | None = None
        try:
            report = lambda received, total: self._notify(Downloading(received, total))  # noqa: E731
            chunks.extend(exchange.bounded_chunks(self._limits.max_body_bytes, report))
        except BrokenConnectionError as error:
            connection_error = error
        try:
            response = read_body(b"".join(chunks), self._limits, fetch, request_id)
        except ApiError as error:
            raise self._endpoint.redact_error(connection_error or error) from error.__cause__
        if connection_error is not None:
            # Images that arrived completely before the connection broke were paid for.
            response.images = [image for image in response.images if _is_complete(image)]
            response.failures.append(connection_error)
            if not response.images:
                raise connection_error
        return self._redact_event(Completed(response)).response

    def _fetch_with(self, call: Call) -> FetchUrl:
        """Return the function that downloads images given by URL."""

        def fetch(url: str) -> bytes:
            record = lambda exchange: self._record_body(exchange, url)  # noqa: E731
            try:
                return call.get(url, self._limits.max_image_bytes, with_key=False, on_response=record)
            except CancelledError as error:
                raise cancelled_error(sent=True) from error
            except ApiError as error:
                message = _("The image was created but couldn't be downloaded. {reason}").format(reason=error.message)
                hint = _("It was billed and stays available for a short time at {address}").format(
                    address=sanitize(absolute_url(self.base_url, url) or url)
                )
                failure = BadResponseError(message, hint, status=error.status)
                raise self._endpoint.redact_error(failure) from error

        return fetch

    def _request_id(self, exchange: Exchange) -> str | None:
        request_id = request_id_of(exchange.headers)
        return self._endpoint.redact_key(request_id) if request_id else None

    def _record_body(self, exchange: Exchange, address: str | None = None) -> None:
        """Set up the recording of a response body, before it is read."""
        if self._record is not None:
            content_type = self._secrets.redact_json(exchange.headers.get("Content-Type", ""))
            head = ResponseHead(
                exchange.status, content_type, self._request_id(exchange), self._secrets.redact_json(address)
            )
            exchange.record(RedactingSink(self._record(head), self._secrets))

    def _redact_event(self, completed: Completed) -> Completed:
        response = self._secrets.redact_response(completed.response)
        response.failures = [self._endpoint.redact_error(failure) for failure in response.failures]
        return replace(completed, response=response)

    def _body(self, adapted: AdaptedRequest) -> Body:
        try:
            return encode(adapted, self.provider)
        except OSError as error:
            raise ApiError(
                _("Couldn't read {file}: {reason}.").format(file=error.filename, reason=error.strerror),
                _("Check the file."),
            ) from error

    def _url(self, path: str) -> str:
        return endpoint_url(self.base_url, self.provider, path)

    def _notify(self, event: ClientEvent) -> None:
        if self._on_event is not None:
            with self._event_lock:
                self._on_event(event)


def _is_complete(image: EditedImage) -> bool:
    """Return whether an image decodes completely."""
    try:
        decode(image.data)
    except PictureError:
        return False
    return True


def _for_one_image(adapted: AdaptedRequest, index: int) -> AdaptedRequest:
    """Return the request for image number `index`, with the seed increased by it so that the images differ."""
    fields = {name: value for name, value in adapted.fields.items() if name != "n"}
    if isinstance(fields.get("seed"), int):
        fields["seed"] += index
    return replace(adapted, fields=fields)


def _completed(response: EditResponse, first_index: int) -> Iterator[StreamEvent]:
    """Yield an event for each image; only the first has usage and request ID, so that joining them counts them once."""
    metadata = replace(response, failures=[])
    for index, image in enumerate(response.images):
        yield Completed(replace(metadata, images=[image]), first_index + index)
        metadata = replace(metadata, usage=None, request_ids=[])
    for failure in response.failures:
        yield Failed(failure, first_index + len(response.images))


def _collect(events: Iterator[StreamEvent]) -> EditResponse:
    completed: list[Completed] = []
    failures: list[ApiError] = []
    for event in events:
        if isinstance(event, Completed):
            completed.append(event)
        elif isinstance(event, Failed):
            failures.append(event.error)
    completed.sort(key=lambda event: event.image_index)
    return join([event.response for event in completed], failures)


def _model_name(entry: dict[str, Any]) -> str:
    """Return the name in an entry of a list of models, in which some servers call it "name"; "" without one."""
    return sanitize(str(entry.get("id") or entry.get("name") or ""))


def _model_info(entry: dict[str, Any]) -> ModelInfo:
    try:
        shutdown = date.fromisoformat(str(entry.get("shutdown_date")))
    except ValueError:
        shutdown = None
    return ModelInfo(_model_name(entry), shutdown)
