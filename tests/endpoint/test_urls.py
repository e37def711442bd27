"""Downloads from URLs: only public addresses, including those of redirects."""

import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest

from lib.endpoint import fetch as fetching
from lib.endpoint.app import App
from lib.endpoint.errors import HttpError
from lib.endpoint.fetch import fetch
from lib.endpoint.files import FileStore
from lib.endpoint.jobs import Jobs
from tests.endpoint.support import KEY, Caller, decoded, encoded, error_of, photo

PNG = encoded(photo())


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/a.png", "http://localhost/a.png", "http://[::1]/a.png", "http://0/a.png", "http://2130706433/",
        "http://0x7f.1/", "http://127.1/", "http://[::ffff:127.0.0.1]/", "http://169.254.169.254/latest/meta-data",
        "ftp://example.com/a.png", "file:///etc/passwd", "gopher://x", "http://", "http:///x", "//example.com", "x",
        "http://user@127.0.0.1:99999/", "http://[::1/", "http://exa mple/", "http://127.0.0.1/\r\nHost: x",
    ],
)  # fmt: skip
def test_urls_that_are_refused(url: str) -> None:
    with pytest.raises(HttpError) as caught:
        fetch(url, "images[0]")
    assert caught.value.status == 400 and caught.value.param == "images[0]"


class _Site(BaseHTTPRequestHandler):
    """A site with a picture, a large file, an error and redirects."""

    def do_GET(self) -> None:
        paths: dict[str, tuple[int, str, bytes]] = {
            "/a.png": (200, "", PNG),
            "/big": (200, "", bytes(1_000_000)),
            "/missing": (404, "", b""),
            "/again": (302, "/a.png", b""),
            "/loop": (302, "/loop", b""),
            "/inside": (302, "http://192.168.0.1/a.png", b""),
            "/local": (307, "http://localhost/a.png", b""),
            "/file": (302, "file:///etc/passwd", b""),
            "/nowhere": (302, "", b""),
        }
        status, location, body = paths[self.path]
        self.send_response(status)
        if location:
            self.send_header("Location", location)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        pass


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A site on this machine, `public.test`, that seems to have a public address."""
    server = HTTPServer(("127.0.0.1", 0), _Site)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    real_resolve, real_connect = socket.getaddrinfo, socket.create_connection

    def resolve(host: str, port: int, *arguments: int, **options: int) -> object:
        if host == "public.test":
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", port))]
        if host == "twice.test":
            addresses = ("2606:2800:220:1::1", "93.184.216.34")
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]
        if host == "both.test":
            addresses = ("93.184.216.34", "10.0.0.1")
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]
        return real_resolve(host, port, *arguments, **options)

    def connect(address: tuple[str, int], timeout: float) -> socket.socket:
        if address[0] == "2606:2800:220:1::1":
            raise OSError("unreachable")
        assert address[0] == "93.184.216.34", "connections go only to the checked address"
        return real_connect(("127.0.0.1", server.server_port), timeout)

    monkeypatch.setattr(fetching.socket, "getaddrinfo", resolve)
    monkeypatch.setattr(fetching.socket, "create_connection", connect)
    yield "http://public.test"
    server.shutdown()
    server.server_close()


def failure(call: Callable[[], object]) -> HttpError:
    with pytest.raises(HttpError) as caught:
        call()
    return caught.value


def test_a_public_picture_is_downloaded_and_redirects_are_followed(site: str) -> None:
    assert fetch(f"{site}/a.png", "images[0]") == PNG
    assert fetch(f"{site}/again", "images[0]") == PNG
    assert fetch("http://twice.test/a.png", "images[0]") == PNG


@pytest.mark.parametrize("path", ["inside", "local", "file", "loop", "missing", "nowhere"])
def test_redirects_to_other_addresses_are_refused(site: str, path: str) -> None:
    error = failure(lambda: fetch(f"{site}/{path}", "images[0]"))
    assert error.code in ("url_not_allowed", "invalid_image_url")


def test_a_name_with_one_private_address_is_refused(site: str) -> None:
    error = failure(lambda: fetch("http://both.test/a.png", "images[0]"))
    assert error.code == "url_not_allowed"


def test_a_request_can_use_the_url_of_a_picture(site: str, tmp_path: Path) -> None:
    caller = Caller(App(KEY, FileStore(tmp_path), Jobs(1, 1), allow_urls=True))
    answer = caller.json({"images": [{"image_url": f"{site}/a.png"}], "prompt": "invert"})
    assert np.array_equal(decoded(answer.json["data"][0]["b64_json"])[..., :3], 255 - photo()[..., :3])
    refused = caller.json({"images": [{"image_url": f"{site}/inside"}], "prompt": "invert"})
    assert refused.status_code == 400 and error_of(refused)["param"] == "images[0]"


def test_a_certificate_is_checked(site: str) -> None:
    error = failure(lambda: fetch("https://public.test/a.png", "images[0]"))
    assert error.code == "invalid_image_url" and "could not be downloaded" in error.message


def test_a_large_file_is_cut_off(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "MAX_IMAGE_BYTES", 100)
    assert 100 < len(fetch(f"{site}/big", "images[0]")) < 1_000_000


def test_a_slow_site_is_abandoned(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "MAX_SECONDS", -1)
    assert "longer than" in failure(lambda: fetch(f"{site}/a.png", "images[0]")).message
