"""The key is sent to its own host only, and appears in no log, error or repr."""

from __future__ import annotations

import contextlib
import json
import logging
import pickle
import socket
import socketserver
import ssl
import subprocess
import threading
import traceback
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from lib.api.client import ImagesClient
from lib.api.connections import tls_context
from lib.api.errors import ApiError, AuthenticationError, ConnectionFailedError, InvalidRequestError, NotFoundError
from lib.api.keys import Key
from lib.api.request import EditRequest
from lib.api.transport import Timeouts
from tests.wire.pictures import picture
from tests.wire.server import Recorded, Reply, completed_event, images_reply, json_reply, serving, stream_reply
from tests.wire.socks_server import relay, socks_server

CANARY = "sk-canary-5e1f0c9d"
NAME = "endpoint.test"
IMAGE = picture()
REQUEST = EditRequest([IMAGE], "p")


def echo(request: Recorded) -> Reply:
    return json_reply({"error": {"message": f"Incorrect API key provided: {CANARY}", "code": "invalid_api_key"}}, 401)


FAILURES: dict[str, Any] = {
    "refused key that the server repeats": echo,
    "html that repeats the key": Reply(500, f"<h1>{CANARY}</h1>".encode()),
    "no answer": lambda request: None,
    "not json": Reply(200, b"x"),
    "stream error that repeats the key": stream_reply(
        b"event: error\ndata: " + json.dumps({"error": {"message": CANARY}}).encode() + b"\n\n"
    ),
    "redirect": Reply(307, headers={"Location": "https://elsewhere.example/v1/images/edits"}),
    "short answer": Reply(headers={"Content-Length": "99"}, chunks=[b"{"]),
    "code, param and request id that repeat the key": json_reply(
        {"error": {"message": "m", "code": f"bad {CANARY}", "param": f"x.{CANARY}"}}, 400, {"x-request-id": CANARY}
    ),
    "redirect that repeats the key": Reply(302, headers={"Location": f"https://elsewhere.example/{CANARY}"}),
    "key at the end of what is shown": json_reply({"error": "x" * 590 + CANARY + "x" * 99}, 400),
    "key in pieces": json_reply({"error": f"{CANARY[:9]}\u200b\x1b[1m{CANARY[9:]}"}, 400),
    "picture at an address with the key": json_reply({"data": [{"url": f"ftp://x/{CANARY}"}]}),
    "busy": json_reply({"error": f"busy {CANARY}"}, 429, {"x-should-retry": "false"}),
}


def everything_about(error: BaseException) -> str:
    """Return all that a log, a crash report or a debugger would show of an error and its causes."""
    texts = []
    cause: BaseException | None = error
    while cause is not None:
        headers = getattr(getattr(cause, "request", None), "headers", "")
        texts += [repr(cause), str(cause), repr(vars(cause)), repr(headers)]
        cause = cause.__cause__ or cause.__context__
    return "\n".join([*texts, "".join(traceback.format_exception(error))])


@pytest.mark.parametrize("name", FAILURES)
@pytest.mark.parametrize("provider", ["openai", "azure"])
def test_key_is_in_no_log_error_or_repr(name: str, provider: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    events: list[object] = []
    with serving(FAILURES[name]) as server:
        client = ImagesClient(server.url, CANARY, provider, on_event=events.append)
        with pytest.raises(ApiError) as caught:
            list(client.stream(EditRequest([IMAGE], "p", model="m")))
    assert len(server.requests) == 1
    sent = server.last.headers["Authorization"] or server.last.headers["api-key"]
    assert CANARY in sent  # the server had the key to leak
    assert caplog.records
    logged = "\n".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records)
    for text in (logged, everything_about(caught.value), caught.value.hint, repr(events), repr(client)):
        assert CANARY not in text
    assert CANARY not in repr(vars(client))
    assert not any(CANARY[:12] in str(text) for text in vars(caught.value).values())
    assert caught.value.message


def test_hint_with_an_image_url_redacts_the_key() -> None:
    def answer(request: Recorded) -> Reply:
        return Reply(404) if request.method == "GET" else json_reply({"data": [{"url": f"/{CANARY}.png"}]})

    with serving(answer) as server, pytest.raises(ApiError) as caught:
        ImagesClient(server.url, CANARY).edit(REQUEST)
    assert caught.value.hint.endswith("/[the key].png")


@pytest.mark.parametrize("key", ["a", "none", "m", "sk-1", "EMPTY"])
def test_short_key_is_not_redacted(key: str) -> None:
    sentence = f"The model m has an empty name, and none was asked for {key}."
    with serving(json_reply({"error": sentence}, 400)) as server, pytest.raises(ApiError) as caught:
        ImagesClient(server.url, key).edit(REQUEST)
    assert caught.value.message == sentence


def test_key_is_redacted_in_the_request_id() -> None:
    body = images_reply(IMAGE)
    with serving(Reply(200, body.body, {"x-request-id": f"\x1b[1mreq {CANARY}"})) as server:
        response = ImagesClient(server.url, CANARY).edit(REQUEST)
    assert response.request_ids == ["req [the key]"]


def test_key_is_not_in_a_successful_response(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with serving(images_reply(IMAGE)) as server:
        client = ImagesClient(server.url, Key(CANARY, "a test", server.origin.removeprefix("http://")))
        response = client.edit(REQUEST)
    assert server.last.headers["Authorization"] == f"Bearer {CANARY}"
    assert CANARY not in repr(response) + repr(vars(client)) + caplog.text
    assert CANARY.encode() not in pickle.dumps(response)


def test_netrc_does_not_replace_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with serving(images_reply(IMAGE)) as server:
        ImagesClient(server.url, CANARY).edit(REQUEST)
        ImagesClient(server.url, provider="custom").edit(REQUEST)
    with_key, without = server.requests
    assert with_key.headers["Authorization"] == f"Bearer {CANARY}"
    assert without.headers["Authorization"] is None


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_of_an_edit_is_not_followed(status: int) -> None:
    with serving(images_reply(IMAGE)) as other:
        moved = Reply(status, headers={"Location": f"{other.url}/images/edits?token=1"})
        with serving(moved) as server, pytest.raises(NotFoundError, match="redirects to another address") as caught:
            ImagesClient(server.url, CANARY).edit(REQUEST)
    assert other.requests == []
    assert len(server.requests) == 1
    assert caught.value.hint.endswith(f"{other.url}/images/edits")
    assert not caught.value.maybe_billed


def test_redirect_to_another_host_drops_the_key() -> None:
    with serving(json_reply({"data": [{"id": "a"}]})) as other:
        moved = Reply(302, headers={"Location": f"{other.url}/models"})
        with serving(moved) as server:
            assert ImagesClient(server.url, CANARY).models()[0].id == "a"
    assert server.last.headers["Authorization"] == f"Bearer {CANARY}"
    assert CANARY not in str(other.last.headers)


def test_redirect_within_the_host_keeps_the_key() -> None:
    def answer(request: Recorded) -> Reply:
        if request.path == "/v1/models":
            return Reply(302, headers={"Location": "/v2/models"})
        return json_reply({"data": [{"id": "a"}]})

    with serving(answer) as server:
        ImagesClient(server.url, CANARY).models()
    assert server.last.headers["Authorization"] == f"Bearer {CANARY}"


def test_key_is_not_sent_over_plain_http_to_another_computer() -> None:
    with pytest.raises(InvalidRequestError, match="a key is only sent over https") as caught:
        ImagesClient("http://192.0.2.1/v1", CANARY)
    assert CANARY not in everything_about(caught.value)


def test_missing_key_is_an_error_before_sending() -> None:
    with serving(images_reply(IMAGE)) as server, pytest.raises(AuthenticationError, match="OpenAI needs a key"):
        ImagesClient(server.url).edit(REQUEST)
    assert server.requests == []


def test_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(images_reply(IMAGE)) as proxy:
        monkeypatch.setenv("http_proxy", proxy.origin)
        ImagesClient("http://nowhere.invalid/v1", provider="custom").edit(REQUEST)
    assert proxy.last.headers["Host"] == "nowhere.invalid"


@contextlib.contextmanager
def tunnelling_proxy() -> Iterator[tuple[str, list[str]]]:
    """Run a proxy for CONNECT; yield its URL and the heads of the requests it receives."""
    heads: list[str] = []

    class Relay(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += self.request.recv(1)
            heads.append(head.decode())
            port = int(head.split()[1].rpartition(b":")[2])
            with socket.create_connection(("127.0.0.1", port)) as onward:
                self.request.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                relay(self.request, onward)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Relay) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", heads
        server.shutdown()


def test_https_goes_through_a_proxy_that_never_sees_the_key(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tls_context.cache_clear()
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.with_name("cert.pem")))
    with tls_server(certificate) as url, tunnelling_proxy() as (proxy, heads):
        monkeypatch.setenv("https_proxy", proxy)
        events = list(ImagesClient(url.replace("localhost", NAME), CANARY).stream(REQUEST))
    tls_context.cache_clear()
    assert len(events) == 1
    assert len(heads) == 1 and heads[0].startswith(f"CONNECT {NAME}:")
    assert CANARY not in heads[0]


def test_https_goes_through_a_socks_proxy(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tls_context.cache_clear()
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.with_name("cert.pem")))
    with tls_server(certificate) as url, socks_server(int(url.split(":")[2].split("/")[0])) as (proxy, hosts):
        monkeypatch.setenv("all_proxy", f"socks://{proxy}")
        events = list(ImagesClient(url.replace("localhost", NAME), CANARY).stream(REQUEST))
    tls_context.cache_clear()
    assert len(events) == 1
    assert hosts == [f"5 {NAME}"]


def test_missing_proxy_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    client = ImagesClient("http://nowhere.invalid/v1", provider="custom", max_retries=0)
    with pytest.raises(ConnectionFailedError, match=r"Couldn't connect to nowhere.invalid through the proxy"):
        client.edit(REQUEST)


def test_unknown_host_is_reported() -> None:
    client = ImagesClient("http://nowhere.invalid/v1", provider="custom", max_retries=0)
    with pytest.raises(ConnectionFailedError, match=r"Couldn't connect to nowhere.invalid: "):
        client.edit(REQUEST)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Generate a self-signed certificate for localhost, in one file with its key."""
    folder = tmp_path_factory.mktemp("tls")
    both = folder / "both.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
               "-addext", f"subjectAltName=DNS:localhost,DNS:{NAME},IP:127.0.0.1",
               "-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    both.write_text((folder / "key.pem").read_text() + (folder / "cert.pem").read_text())
    return both


@contextlib.contextmanager
def tls_server(certificate: Path) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # noqa: N802
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            self.wfile.write(completed_event(IMAGE))

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield f"https://localhost:{server.server_port}/v1"
    server.shutdown()
    server.server_close()


def test_self_signed_certificate_is_refused(certificate: Path) -> None:
    tls_context.cache_clear()
    events: list[object] = []
    with tls_server(certificate) as url, pytest.raises(ConnectionFailedError, match="certificate of") as caught:
        ImagesClient(url, CANARY, on_event=events.append).edit(REQUEST)
    assert "self-signed" in caught.value.message
    assert "REQUESTS_CA_BUNDLE" in caught.value.hint
    assert events == []  # not retried: it would fail again


def test_https_to_a_plain_http_server_suggests_http() -> None:
    tls_context.cache_clear()
    events: list[object] = []
    with serving(images_reply(IMAGE)) as server, pytest.raises(ConnectionFailedError) as caught:
        url = server.url.replace("http://", "https://")
        ImagesClient(url, CANARY, on_event=events.append).edit(REQUEST)
    assert caught.value.message == f"The server at {server.url.split('/')[2]} does not use https."
    assert caught.value.hint == "Use http:// instead of https:// in the address."
    assert events == [] and not server.requests, "not retried: it would fail again"


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
def test_additional_certificates_are_trusted(variable: str, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tls_context.cache_clear()
    monkeypatch.setenv(variable, str(certificate.with_name("cert.pem")))
    with tls_server(certificate) as url, ImagesClient(url, CANARY, timeouts=Timeouts(connect=10)) as client:
        events = list(client.stream(REQUEST))
    tls_context.cache_clear()
    assert len(events) == 1
