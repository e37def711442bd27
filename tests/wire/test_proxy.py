"""What goes through a proxy: nothing that is for this computer, and other hosts by curl's rules, SOCKS included."""

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
from lib.api.proxy import is_listed, proxy_for
from lib.api.request import EditRequest
from lib.installer import doctor
from tests.recording_proxy import RecordingProxy
from tests.wire.pictures import picture
from tests.wire.server import Recorded, Reply, completed_event, images_reply, json_reply, serving, stream_reply
from tests.wire.socks_server import socks_server

CHECKOUT = Path(__file__).absolute().parents[2]
IMAGE = picture()
REQUEST = EditRequest([IMAGE], "p")
STORED = {"id": "file-1", "filename": "a.png", "bytes": 1, "purpose": "vision"}
ELSEWHERE = "http://nowhere.invalid/v1"


@pytest.fixture
def recorder() -> Iterator[RecordingProxy]:
    with RecordingProxy() as running:
        yield running


def answer(request: Recorded) -> Reply:
    """Everything that a client may ask of an endpoint on this computer."""
    if request.path == "/picture.png":
        return Reply(200, IMAGE)
    if request.path == "/v1/models":
        return json_reply({"data": [{"id": "m"}]})
    if request.path.startswith("/v1/files"):
        return json_reply(STORED if request.method == "POST" else {"data": [STORED]})
    if request.fields.get("stream") == "true":
        return stream_reply(completed_event(IMAGE))
    return json_reply({"data": [{"url": "/picture.png"}]})


def use_everything(base_url: str) -> None:
    client = ImagesClient(base_url, "sk-canary-5e1f0c9d")
    assert client.edit(REQUEST).images[0].data == IMAGE
    assert len(list(client.stream(REQUEST))) == 1
    assert client.models()[0].id == "m"
    assert client.files.upload(IMAGE).id == client.files.list()[0].id
    client.files.delete("file-1")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST", "127.1", "0.0.0.0"])
@pytest.mark.parametrize("scheme", ["http", "socks"])
def test_nothing_for_this_computer_reaches_a_proxy_that_the_environment_names(
    host: str, scheme: str, recorder: RecordingProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in recorder.variables(scheme).items():
        monkeypatch.setenv(name, value)
    with serving(answer) as server:
        use_everything(server.url.replace("127.0.0.1", host))
    assert recorder.connections() == 0


@pytest.mark.parametrize("setting", ["http", "all", "socks"])
def test_nothing_for_this_computer_reaches_a_proxy_that_the_system_names(
    setting: str, recorder: RecordingProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proxy, "getproxies", lambda: {setting: f"http://{recorder.host}"})
    monkeypatch.setattr(proxy, "proxy_bypass", lambda host: False)
    with serving(answer) as server:
        use_everything(server.url)
    assert recorder.connections() == 0


def test_the_recording_proxy_would_have_noticed(recorder: RecordingProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", recorder.variables()["http_proxy"])
    with pytest.raises(ApiError):
        ImagesClient(ELSEWHERE, provider="custom", max_retries=0).models()
    assert recorder.connections() == 1
    assert recorder.received[0].startswith(b"GET http://nowhere.invalid/v1/models HTTP/1.1")


def test_the_doctors_own_question_reaches_no_proxy(recorder: RecordingProxy) -> None:
    command = [sys.executable, "-c", doctor._ASK_ENDPOINT]
    done = subprocess.run(command, cwd=CHECKOUT, env=os.environ | recorder.variables(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert recorder.connections() == 0


def test_a_name_of_this_computer_that_leads_elsewhere_gets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lib.api.transport.is_loopback", lambda host: host == "a.localhost")
    resolve = socket.getaddrinfo

    def to_another(host: Any, *arguments: Any, **options: Any) -> Any:
        return resolve("127.0.0.1" if host == "a.localhost" else host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", to_another)
    with serving(answer) as server:
        client = ImagesClient(server.url.replace("127.0.0.1", "a.localhost"), "sk-1", max_retries=0)
        with pytest.raises(ConnectionFailedError, match="leads to another computer"):
            client.edit(REQUEST)
    assert server.requests == []


# As curl 8 reads it (tests/data/test1614 and lib/noproxy.c): entry, host, whether it is exempt.
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
def test_no_proxy_is_read_as_curl_does(no_proxy: str, host: str, listed: bool) -> None:
    assert is_listed(no_proxy, host, 8000) is listed


@given(st.text(max_size=60), st.sampled_from(["nas.lan", "10.0.0.1", "fd12::1"]))
def test_no_list_breaks_the_reading(no_proxy: str, host: str) -> None:
    assert is_listed(no_proxy, host, 8000) in (True, False)


def test_servers_in_the_private_network_follow_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    assert proxy_for("http://192.168.1.5:8000/v1") == "http://proxy.example:3128"
    monkeypatch.setenv("NO_PROXY", "192.168.0.0/16")
    assert proxy_for("http://192.168.1.5:8000/v1") is None
    monkeypatch.setenv("no_proxy", "10.0.0.0/8")
    assert proxy_for("http://192.168.1.5:8000/v1") == "http://proxy.example:3128", "as everywhere, lower case counts"


@pytest.mark.parametrize(
    ("found", "url", "expected"),
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
def test_the_proxy_of_a_url(
    found: dict[str, str], url: str, expected: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proxy, "getproxies", lambda: found)
    assert proxy_for(url) == expected


@pytest.mark.parametrize(
    "address", ["ftp://p:secret@p.example", "http://", "http://p:secret@[bad", "http://p:0", "a:b:c"]
)
def test_a_proxys_address_that_cannot_be_used_is_told_without_its_password(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", address)
    with pytest.raises(InvalidProxyURL):
        proxy_for(ELSEWHERE)
    with pytest.raises(ConnectionFailedError, match="proxy's address can't be used") as caught:
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


def test_a_request_that_is_lost_behind_a_socks_proxy_is_not_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(lambda request: None) as server, socks_server(server.port) as (address, _):
        monkeypatch.setenv("all_proxy", f"socks5h://{address}")
        with pytest.raises(BrokenConnectionError) as caught:
            ImagesClient(ELSEWHERE, provider="custom").edit(REQUEST)
    assert caught.value.maybe_billed
    assert len(server.requests) == 1


def test_a_socks_proxy_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("all_proxy", "socks5h://127.0.0.1:9")
    with pytest.raises(ConnectionFailedError, match=r"The proxy on the way to nowhere.invalid failed") as caught:
        ImagesClient(ELSEWHERE, provider="custom", max_retries=0).edit(REQUEST)
    assert not caught.value.maybe_billed
