"""Which requests use a proxy: none to this computer, and those to other hosts by curl's rules; SOCKS proxies."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests.exceptions import InvalidProxyURL

from lib.api import proxy
from lib.api.client import ImagesClient
from lib.api.errors import ApiError, BrokenConnectionError, ConnectionFailedError
from lib.api.proxy import is_in_no_proxy, proxy_for
from lib.api.request import EditRequest
from lib.installer import doctor
from tests.recording_proxy import RecordingProxy
from tests.wire.pictures import picture
from tests.wire.server import Recorded, Reply, completed_event, images_reply, json_reply, serving, stream_reply
from tests.wire.socks_server import socks_server

CHECKOUT = Path(__file__).absolute().parents[2]
IMAGE = picture()
REQUEST = EditRequest([IMAGE], "p")
ELSEWHERE = "http://nowhere.invalid/v1"


@pytest.fixture
def recorder() -> Iterator[RecordingProxy]:
    with RecordingProxy() as running:
        yield running


def answer(request: Recorded) -> Reply:
    """Reply to all requests that a client makes to an endpoint on this computer."""
    if request.path == "/picture.png":
        return Reply(200, IMAGE)
    if request.path == "/v1/models":
        return json_reply({"data": [{"id": "m"}]})
    if request.fields.get("stream") == "true":
        return stream_reply(completed_event(IMAGE))
    return json_reply({"data": [{"url": "/picture.png"}]})


def use_everything(base_url: str) -> None:
    client = ImagesClient(base_url, "sk-canary-5e1f0c9d")
    assert client.edit(REQUEST).images[0].data == IMAGE
    assert len(list(client.stream(REQUEST))) == 1
    assert client.models()[0].id == "m"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST", "127.1", "0.0.0.0"])
@pytest.mark.parametrize("scheme", ["http", "socks"])
def test_local_requests_bypass_the_proxy_of_the_environment(
    host: str, scheme: str, recorder: RecordingProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in recorder.variables(scheme).items():
        monkeypatch.setenv(name, value)
    with serving(answer) as server:
        use_everything(server.url.replace("127.0.0.1", host))
    assert recorder.connections() == 0


@pytest.mark.parametrize("setting", ["http", "all", "socks"])
def test_local_requests_bypass_the_proxy_of_the_system(
    setting: str, recorder: RecordingProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proxy, "getproxies", lambda: {setting: f"http://{recorder.host}"})
    monkeypatch.setattr(proxy, "proxy_bypass", lambda host: False)
    with serving(answer) as server:
        use_everything(server.url)
    assert recorder.connections() == 0


def test_recording_proxy_records_other_requests(recorder: RecordingProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", recorder.variables()["http_proxy"])
    with pytest.raises(ApiError):
        ImagesClient(ELSEWHERE, provider="custom", max_retries=0).models()
    assert recorder.connections() == 1
    assert recorder.received[0].startswith(b"GET http://nowhere.invalid/v1/models HTTP/1.1")


def test_request_of_doctor_bypasses_the_proxy(recorder: RecordingProxy) -> None:
    command = [sys.executable, "-c", doctor._ASK_ENDPOINT]
    done = subprocess.run(command, cwd=CHECKOUT, env=os.environ | recorder.variables(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert recorder.connections() == 0


def test_local_name_that_resolves_elsewhere_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lib.api.transport.is_loopback", lambda host: host == "a.localhost")
    resolve = socket.getaddrinfo

    def to_another(host: Any, *arguments: Any, **options: Any) -> Any:
        return resolve("127.0.0.1" if host == "a.localhost" else host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", to_another)
    with serving(answer) as server:
        client = ImagesClient(server.url.replace("127.0.0.1", "a.localhost"), "sk-1", max_retries=0)
        with pytest.raises(ConnectionFailedError, match="resolves to another computer"):
            client.edit(REQUEST)
    assert server.requests == []


# The rules of curl 8 (tests/data/test1614 and lib/noproxy.c): entries, host, whether the host is exempt.
@pytest.mark.parametrize(
    ("no_proxy", "host", "listed"),
    [
        ("*", "anything.example", True),
        (" * ", "10.0.0.1", True),
        ("nas.lan", "nas.lan", True),
        ("nas.lan", "NAS.lan", True),
        ("NAS.LAN", "nas.lan", True),
        (".lan", "nas.lan", True),
        (".lan", "lan", True),
        ("lan", "nas.lan", True),
        ("lan", "naslan", False),
        ("*.lan", "nas.lan", True),
        ("nas.lan.", "nas.lan", True),
        ("nas.lan", "nas.lan.", True),
        ("a.example,nas.lan", "nas.lan", True),
        ("a.example nas.lan", "nas.lan", True),
        ("a.example ,\tnas.lan,", "nas.lan", True),
        ("nas.lan", "nas.lan.example", False),
        ("nas.lan:8000", "nas.lan", True),
        ("nas.lan:9000", "nas.lan", False),
        ("192.168.1.5", "192.168.1.5", True),
        ("192.168.1.5", "192.168.1.50", False),
        ("168.1.5", "192.168.1.5", False),
        ("192.168.0.0/16", "192.168.1.5", True),
        ("192.168.1.5/24", "192.168.1.77", True),
        ("192.168.0.0/16", "192.169.1.5", False),
        ("10.0.0.0/99", "10.0.0.1", False),
        ("10.0.0.0/8", "ten.example", False),
        ("fd00::/8", "fd12::1", True),
        ("[fd12::1]", "fd12::1", True),
        ("fd12::8000", "fd12::8000", True),
        ("FD12::1", "fd12::1", True),
        ("fd00::/8", "10.0.0.1", False),
        ("10.0.0.0/8", "::ffff:10.0.0.1", True),
        ("", "nas.lan", False),
        (",", "nas.lan", False),
        (".", "nas.lan", False),
    ],
)
def test_no_proxy_follows_the_rules_of_curl(no_proxy: str, host: str, listed: bool) -> None:
    assert is_in_no_proxy(no_proxy, host, 8000) is listed


@given(st.text(max_size=60), st.sampled_from(["nas.lan", "10.0.0.1", "fd12::1"]))
def test_any_no_proxy_text_is_accepted(no_proxy: str, host: str) -> None:
    assert is_in_no_proxy(no_proxy, host, 8000) in (True, False)


def test_no_proxy_applies_to_private_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    assert proxy_for("http://192.168.1.5:8000/v1") == "http://proxy.example:3128"
    monkeypatch.setenv("NO_PROXY", "192.168.0.0/16")
    assert proxy_for("http://192.168.1.5:8000/v1") is None
    monkeypatch.setenv("no_proxy", "10.0.0.0/8")
    assert proxy_for("http://192.168.1.5:8000/v1") == "http://proxy.example:3128", "as everywhere, lower case counts"


@pytest.mark.parametrize(
    ("proxies", "url", "expected"),
    [
        ({"http": "p.example:1"}, "http://a.example", "http://p.example:1"),
        ({"http": "HTTP://p.example:1"}, "https://a.example", None),
        ({"https": "http://p.example:1", "all": "socks5://q.example"}, "https://a.example", "http://p.example:1"),
        ({"all": "socks://p.example:1/"}, "https://a.example", "socks5h://p.example:1/"),
        ({"all": "SOCKS5://p.example:1"}, "https://a.example", "socks5://p.example:1"),
        ({"http": "socks4://p.example:1"}, "http://a.example", "socks4://p.example:1"),
        ({"socks": "http://p.example:1"}, "https://a.example", "socks5h://p.example:1"),
        ({"socks": "http://p.example:1", "https": "http://q.example:2"}, "https://a.example", "http://q.example:2"),
        ({}, "https://a.example", None),
    ],
)  # fmt: skip
def test_proxy_for(proxies: dict[str, str], url: str, expected: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxy, "getproxies", lambda: proxies)
    assert proxy_for(url) == expected


@pytest.mark.parametrize(
    "address", ["ftp://p:secret@p.example", "http://", "http://p:secret@[bad", "http://p:0", "a:b:c"]
)
def test_invalid_proxy_error_does_not_show_the_password(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", address)
    with pytest.raises(InvalidProxyURL):
        proxy_for(ELSEWHERE)
    with pytest.raises(ConnectionFailedError, match="proxy's address is not valid") as caught:
        ImagesClient(ELSEWHERE, provider="custom").models()
    assert "secret" not in f"{caught.value.message}{caught.value.hint}{caught.value.__cause__}"


@pytest.mark.parametrize(("scheme", "version"), [("socks", 5), ("socks5", 5), ("socks5h", 5), ("socks4a", 4)])
def test_socks_proxies_work(scheme: str, version: int, monkeypatch: pytest.MonkeyPatch) -> None:
    host = "198.51.100.7" if scheme == "socks5" else "nowhere.invalid"
    with serving(images_reply(IMAGE)) as server, socks_server(server.port) as (address, hosts):
        monkeypatch.setenv("ALL_PROXY", f"{scheme}://{address}/")
        response = ImagesClient(f"http://{host}/v1", provider="custom").edit(REQUEST)
    assert response.images[0].data == IMAGE
    assert hosts == [f"{version} {host}"]
    assert server.last.headers["Host"] == host


def test_request_lost_behind_a_socks_proxy_is_not_retried(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(lambda request: None) as server, socks_server(server.port) as (address, _):
        monkeypatch.setenv("all_proxy", f"socks5h://{address}")
        with pytest.raises(BrokenConnectionError) as caught:
            ImagesClient(ELSEWHERE, provider="custom").edit(REQUEST)
    assert caught.value.maybe_billed
    assert len(server.requests) == 1


def test_missing_socks_proxy_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("all_proxy", "socks5h://127.0.0.1:9")
    with pytest.raises(ConnectionFailedError, match=r"Couldn't connect to nowhere.invalid through the proxy") as caught:
        ImagesClient(ELSEWHERE, provider="custom", max_retries=0).edit(REQUEST)
    assert not caught.value.maybe_billed
