"""The client: edits, event streams, files and models of one endpoint."""

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
from lib.api.address import base_url_problem, endpoint_url, joined, names_deployment
from lib.api.answer import FetchUrl, Limits, parse_object
from lib.api.body import Body
from lib.api.calls import Call, Calls, EndpointConfig, cancelled
from lib.api.dialect import Adapted, adapt, encode, with_model
from lib.api.errors import (
    ApiError,
    AuthenticationError,
    BadAnswerError,
    BrokenConnectionError,
    CancelledError,
    InvalidRequestError,
    Problem,
)
from lib.api.events import ClientEvent, Downloading, Notice
from lib.api.failures import request_id_of
from lib.api.files import FilesClient
from lib.api.keys import Key, headers_with_key
from lib.api.parallel import edit_at_once, stream_at_once
from lib.api.providers import Provider
from lib.api.providers import get as get_provider
from lib.api.raster import PictureError, decode
from lib.api.rate_limit import RateLimiter
from lib.api.recording import AnswerHead, CoveringSink, Recorder, Secrets
from lib.api.request import EditRequest
from lib.api.response import Completed, EditedImage, EditResponse, Failed, StreamEvent, join
from lib.api.retry import MAX_RETRIES
from lib.api.stream import read_body, read_stream
from lib.api.text import readable
from lib.api.transport import Exchange, Timeouts
from lib.api.validation import validate
from lib.translation import _

_EDITS = "/images/edits"


@dataclass(frozen=True)
class ModelInfo:
    """A model that an endpoint offers; `shutdown_date` where the endpoint says it."""

    id: str
    shutdown_date: date | None = None


class ImagesClient:
    """Talks to one endpoint; several threads may use it at once.

    `provider` is a name of providers.json or a `Provider`. Without `base_url`, the provider's address variable
    counts (`OPENAI_BASE_URL`), then its own address. `on_event` gets `Uploading`, `Sent`, `Waiting` and
    `Notice`, one at a time but from any thread. Clients with the same `limiter` share what a rate limit leaves; with
    `patience`, so many seconds may be waited for it, else a few repeats are tried. `record` gets the body of every
    successful answer to an edit, and of pictures that it points to, before anything reads them. Raises
    `InvalidRequestError` when the address can't be used, `AuthenticationError` when the key may not go there.
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
        patience: float | None = None,
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
            patience,
        )
        self._calls = Calls(self._endpoint)
        self.files = FilesClient(self._calls, self._url, self._limits)

    def _check_address(self, *, has_key: bool) -> None:
        problem = base_url_problem(self.base_url, self.provider, has_key)
        if problem:
            raise InvalidRequestError([problem])

    def __enter__(self) -> ImagesClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def edit(self, request: EditRequest) -> EditResponse:
        """Send an edit and return its images, all of `n`; with `stream` set, previews are skipped.

        Where the provider makes one image a request, `n` requests run at the same time. When some of them
        fail, the response holds the images of the others, and the errors in `failures`. Raises `ApiError`.
        """
        if request.stream and self.provider.streams:
            return _drained(self.stream(request))
        adapted = self._prepare(request)
        count = adapted.fields.get("n", 1)
        if not self.provider.n_works and count > 1:
            singles = [_for_one_image(adapted, index) for index in range(count)]
            return edit_at_once([partial(self._edit_once, single) for single in singles])
        response = self._edit_once(adapted)
        if len(response.images) < count:
            self._notify(
                Notice(
                    "n",
                    _("The endpoint made {made} of {count} images.").format(made=len(response.images), count=count),
                )
            )
        return response

    def stream(self, request: EditRequest) -> Iterator[StreamEvent]:
        """Send an edit and give `PartialImage` and `Completed` events as they come.

        Events don't say which of `n` images they belong to, so `n` streams of one image run at the same time;
        when some fail while others succeed, `Failed` events come last. A provider that doesn't stream gives
        `Completed` events only. Raises `ApiError`.
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
                    call.stop(cancelled)

            yield from stream_at_once(streams, stop) if count > 1 else streams[0]

    def models(self) -> list[ModelInfo]:
        """Return the models that the endpoint offers: the cheapest way to test a connection and a key."""
        with self._calls.open(billed=False) as call:
            text = call.get(self._url("/models"), self._limits.max_body_bytes)
            entries = parse_object(text, _("The list of models")).get("data")
            if not isinstance(entries, list):
                raise BadAnswerError(_("The list of models is missing from the answer."))
        return [_model_info(entry) for entry in entries if isinstance(entry, dict) and "id" in entry]

    def cancel(self) -> None:
        """End every call now, from any thread; a cancelled client stays so, and its calls raise."""
        self._calls.stop(cancelled)

    def withdraw(self) -> None:
        """Send nothing more, from any thread: requests that are on their way are answered, the others raise."""
        self._calls.withdraw(cancelled)

    def close(self) -> None:
        """End what is still running."""
        self.cancel()

    def _prepare(self, request: EditRequest) -> Adapted:
        request = with_model(request, self.provider)
        model = models.get(request.model or "")
        in_address = names_deployment(self.base_url, self.provider)
        problems = validate(request, model, self.provider)
        if self.provider.needs_model and not request.model and not in_address:
            problems.append(
                Problem("model", "", _("{provider} needs a model's name").format(provider=self.provider.name))
            )
        if problems:
            raise InvalidRequestError(problems)
        if self.provider.needs_key and not self._has_key:
            hint = _("Add a key in the settings, or choose a provider that needs none.")
            raise AuthenticationError(
                _("{provider} needs a key, and there is none.").format(provider=self.provider.title), hint
            )
        adapted = adapt(request, self.provider)
        if in_address:
            adapted.fields.pop("model", None)
        ending = model.ending(date.today())
        for notice in (*adapted.notices, *([Notice("model", ending)] if ending else [])):
            self._notify(notice)
        return adapted

    def _edit_once(self, adapted: Adapted) -> EditResponse:
        body = self._body(adapted)
        with self._calls.open(billed=True) as call, call.send("POST", self._url(_EDITS), body) as exchange:
            return self._read_answer(exchange, call)

    def _stream_once(self, adapted: Adapted, call: Call, image_index: int) -> Iterator[StreamEvent]:
        with call.send("POST", self._url(_EDITS), self._body(adapted)) as exchange:
            if "text/event-stream" in exchange.headers.get("Content-Type", ""):
                yield from self._read_stream(exchange, call, image_index)
            else:  # a server that doesn't know `stream` answers as if it weren't there
                yield from _completed(self._read_answer(exchange, call), image_index)

    def _read_stream(self, exchange: Exchange, call: Call, image_index: int) -> Iterator[StreamEvent]:
        self._record_body(exchange)
        request_id, fetch, made = self._request_id(exchange), self._fetch_with(call), False
        try:
            for event in read_stream(exchange.chunks(), self._limits, request_id, image_index, self._notify, fetch):
                made = True
                yield self._without_key(event) if isinstance(event, Completed) else event
        except ApiError as error:
            error.maybe_billed = error.maybe_billed or made
            raise self._endpoint.without_key(error) from error.__cause__

    def _read_answer(self, exchange: Exchange, call: Call) -> EditResponse:
        self._record_body(exchange)
        request_id, fetch = self._request_id(exchange), self._fetch_with(call)
        pieces: list[bytes] = []
        broken: ApiError | None = None
        try:
            report = lambda received, total: self._notify(Downloading(received, total))  # noqa: E731
            pieces.extend(exchange.bounded_chunks(self._limits.max_body_bytes, report))
        except BrokenConnectionError as error:
            broken = error
        try:
            response = read_body(b"".join(pieces), self._limits, fetch, request_id)
        except ApiError as error:
            raise self._endpoint.without_key(broken or error) from error.__cause__
        if broken is not None:
            # What had arrived whole was paid for, whatever became of the connection.
            response.images = [image for image in response.images if _is_whole(image)]
            response.failures.append(broken)
            if not response.images:
                raise broken
        return self._without_key(Completed(response)).response

    def _fetch_with(self, call: Call) -> FetchUrl:
        """Return what fetches the pictures that an answer only points to."""

        def fetch(url: str) -> bytes:
            record = lambda exchange: self._record_body(exchange, url)  # noqa: E731
            try:
                return call.get(url, self._limits.max_image_bytes, with_key=False, on_answer=record)
            except CancelledError as error:
                raise cancelled(sent=True) from error
            except ApiError as error:
                message = _("The picture was made, but fetching it failed. {reason}").format(reason=error.message)
                hint = _("It was billed; the endpoint keeps it for a short time at {address}").format(
                    address=readable(joined(self.base_url, url) or url)
                )
                failure = BadAnswerError(message, hint, status=error.status)
                raise self._endpoint.without_key(failure) from error

        return fetch

    def _request_id(self, exchange: Exchange) -> str | None:
        request_id = request_id_of(exchange.headers)
        return self._endpoint.hide_key(request_id) if request_id else None

    def _record_body(self, exchange: Exchange, address: str | None = None) -> None:
        """Let the body of an answer be written down before it is read."""
        if self._record is not None:
            content_type = self._secrets.cover_in(exchange.headers.get("Content-Type", ""))
            head = AnswerHead(
                exchange.status, content_type, self._request_id(exchange), self._secrets.cover_in(address)
            )
            exchange.record(CoveringSink(self._record(head), self._secrets))

    def _without_key(self, completed: Completed) -> Completed:
        response = self._secrets.cover_response(completed.response)
        response.failures = [self._endpoint.without_key(failure) for failure in response.failures]
        return replace(completed, response=response)

    def _body(self, adapted: Adapted) -> Body:
        try:
            return encode(adapted, self.provider)
        except OSError as error:
            raise ApiError(
                _("{file} can't be read: {reason}.").format(file=error.filename, reason=error.strerror),
                _("Check the file."),
            ) from error

    def _url(self, path: str) -> str:
        return endpoint_url(self.base_url, self.provider, path)

    def _notify(self, event: ClientEvent) -> None:
        if self._on_event is not None:
            with self._event_lock:
                self._on_event(event)


def _is_whole(image: EditedImage) -> bool:
    """Return whether all of an image arrived: its header alone doesn't say."""
    try:
        decode(image.data)
    except PictureError:
        return False
    return True


def _for_one_image(adapted: Adapted, index: int) -> Adapted:
    """Return the request for image number `index` alone; a fixed seed is counted up, else all were the same."""
    fields = {name: value for name, value in adapted.fields.items() if name != "n"}
    if isinstance(fields.get("seed"), int):
        fields["seed"] += index
    return replace(adapted, fields=fields)


def _completed(response: EditResponse, first_index: int) -> Iterator[StreamEvent]:
    """Give each image its event; usage and request id go with the first, so that joining them stays right."""
    shared = replace(response, failures=[])
    for index, image in enumerate(response.images):
        yield Completed(replace(shared, images=[image]), first_index + index)
        shared = replace(shared, usage=None, request_ids=[])
    for failure in response.failures:
        yield Failed(failure, first_index + len(response.images))


def _drained(events: Iterator[StreamEvent]) -> EditResponse:
    completed: list[Completed] = []
    failures: list[ApiError] = []
    for event in events:
        if isinstance(event, Completed):
            completed.append(event)
        elif isinstance(event, Failed):
            failures.append(event.error)
    completed.sort(key=lambda event: event.image_index)
    return join([event.response for event in completed], failures)


def _model_info(entry: dict[str, Any]) -> ModelInfo:
    try:
        shutdown = date.fromisoformat(str(entry.get("shutdown_date")))
    except ValueError:
        shutdown = None
    return ModelInfo(readable(str(entry["id"])), shutdown)
