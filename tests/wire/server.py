"""A small HTTP server for tests, which records requests and sends the replies that a test provides."""

from __future__ import annotations

import base64
import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from werkzeug.sansio.multipart import Data, Epilogue, Field, File, MultipartDecoder, NeedData


@dataclass(frozen=True)
class Part:
    """One part of a form, as it was sent."""

    name: str
    value: bytes
    filename: str | None = None
    content_type: str | None = None

    @property
    def text(self) -> str:
        return self.value.decode()


@dataclass(frozen=True)
class Recorded:
    """One request as it arrived."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: Message
    body: bytes = field(repr=False)

    @property
    def parts(self) -> list[Part]:
        return form_parts(self.headers["Content-Type"], self.body)

    @property
    def fields(self) -> dict[str, str]:
        return {part.name: part.text for part in self.parts if part.filename is None}

    @property
    def files(self) -> list[Part]:
        return [part for part in self.parts if part.filename is not None]

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def parameters(self) -> dict[str, Any]:
        """Return the plain values, from a form or from JSON."""
        if self.headers["Content-Type"] == "application/json":
            return {name: value for name, value in self.json.items() if name not in ("images", "mask")}
        return dict(self.fields)


@dataclass(frozen=True)
class Reply:
    """A reply; `chunks` are written and flushed one by one, then the connection is closed. `before` is called first."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    chunks: Iterator[bytes] | list[bytes] | None = None
    before: Callable[[], None] = lambda: None


def form_parts(content_type: str, body: bytes) -> list[Part]:
    """Parse a form with Werkzeug's parser, which shares nothing with the client."""
    message = Message()
    message["Content-Type"] = content_type
    decoder = MultipartDecoder(str(message.get_param("boundary")).encode())
    decoder.receive_data(body)
    decoder.receive_data(None)
    parts: list[Part] = []
    head: Field | File | None = None
    data: list[bytes] = []
    while not isinstance(event := decoder.next_event(), (Epilogue, NeedData)):
        if isinstance(event, (Field, File)):
            head, data = event, []
        elif isinstance(event, Data):
            data.append(event.data)
            if not event.more_data and head is not None:
                filename = head.filename if isinstance(head, File) else None
                parts.append(Part(head.name, b"".join(data), filename, head.headers.get("Content-Type")))
    return parts


def json_reply(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Reply:
    return Reply(status, json.dumps(value).encode(), {"Content-Type": "application/json", **(headers or {})})


def images_reply(*images: bytes, **facts: Any) -> Reply:
    """Return an `ImagesResponse` with these images."""
    data = [{"b64_json": base64.b64encode(image).decode()} for image in images]
    return json_reply({"created": 1_700_000_000, "data": data, **facts}, headers={"x-request-id": "req_1"})


def event(name: str, **data: Any) -> bytes:
    return f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n".encode()


def partial_event(image: bytes, index: int) -> bytes:
    encoded = base64.b64encode(image).decode()
    return event("image_edit.partial_image", b64_json=encoded, partial_image_index=index)


def completed_event(image: bytes, **facts: Any) -> bytes:
    return event("image_edit.completed", b64_json=base64.b64encode(image).decode(), **facts)


def stream_reply(*chunks: bytes) -> Reply:
    return Reply(200, headers={"Content-Type": "text/event-stream"}, chunks=list(chunks))


Answer = Callable[[Recorded], Reply | None]
"""Returns the reply to a request; None closes the connection without one."""


class _QuietServer(ThreadingHTTPServer):
    """A server that ignores clients that disconnect, as many tests let them, but reports all other errors."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class Server:
    """A running server; `requests` are the requests received so far."""

    def __init__(self, answer: Answer) -> None:
        self.requests: list[Recorded] = []
        self.answer = answer
        self._http = _QuietServer(("127.0.0.1", 0), self._handler())

    @property
    def port(self) -> int:
        return self._http.server_port

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.origin}/v1"

    @property
    def last(self) -> Recorded:
        return self.requests[-1]

    def _handler(server: Server) -> type[BaseHTTPRequestHandler]:  # noqa: N805
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_request(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                parts = urlsplit(self.path)
                recorded = Recorded(self.command, parts.path, parse_qs(parts.query), self.headers, body)
                server.requests.append(recorded)
                reply = server.answer(recorded)
                self.close_connection = True
                if reply is not None:
                    reply.before()
                    self.write(reply)

            do_GET = do_POST = handle_request  # noqa: N815

            def write(self, reply: Reply) -> None:
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                if reply.chunks is None and "Content-Length" not in reply.headers:
                    self.send_header("Content-Length", str(len(reply.body)))
                self.send_header("Connection", "close")
                self.end_headers()
                for chunk in [reply.body] if reply.chunks is None else reply.chunks:
                    self.wfile.write(chunk)
                    self.wfile.flush()

            def log_message(self, *args: object) -> None:
                pass

        return Handler

    def __enter__(self) -> Server:
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()


@contextmanager
def serving(answer: Answer | Reply | list[Reply]) -> Iterator[Server]:
    """Run a server that always sends one reply, the replies of a list in turn, or the replies of a function."""
    if isinstance(answer, Reply):
        fixed = answer
        function: Answer = lambda request: fixed  # noqa: E731
    elif isinstance(answer, list):
        queue = iter(answer)
        function = lambda request: next(queue)  # noqa: E731
    else:
        function = answer
    with Server(function) as server:
        yield server
