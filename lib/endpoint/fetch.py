"""Download an image from the web, never from this machine or its local network."""

import contextlib
import http.client
import socket
import ssl
import time
from urllib.parse import SplitResult, urljoin, urlsplit

from lib.api.hosts import is_public_address
from lib.endpoint.errors import HttpError, invalid
from lib.endpoint.pictures import MAX_IMAGE_BYTES

MAX_REDIRECTS = 3
CONNECT_SECONDS = 10
MAX_SECONDS = 60

_REDIRECTS = (301, 302, 303, 307, 308)


def fetch(url: str, param: str) -> bytes:
    """Return the bytes at `url` (http or https); of a larger file, the first `MAX_IMAGE_BYTES` + 1.

    Each host, including those of redirects, is resolved once, all its addresses must be public, and the connection
    goes to a checked address, so that the name cannot be resolved to another one in between. Raise HttpError 400.
    """
    deadline = time.monotonic() + MAX_SECONDS
    try:
        for _ in range(MAX_REDIRECTS + 1):
            parts = urlsplit(url)
            connection = _connect(parts, param)
            try:
                connection.request("GET", _target(parts), headers={"User-Agent": "generative-edit"})
                response = connection.getresponse()
                if response.status not in _REDIRECTS:
                    return _body(response, deadline, param)
                url = urljoin(url, response.getheader("Location", ""))
            finally:
                connection.close()
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _failed("The URL could not be downloaded", param) from error
    raise _failed("The URL redirects too many times", param)


def public_addresses(host: str, port: int, param: str) -> list[str]:
    """Return the addresses of `host`. Raise HttpError 400 unless all of them are public."""
    entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [str(entry[4][0]) for entry in entries]
    if not addresses or not all(is_public_address(address) for address in addresses):
        raise invalid("The URL is not on the public internet.", param, "url_not_allowed")
    return addresses


def _connect(parts: SplitResult, param: str) -> http.client.HTTPConnection:
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise invalid("Only data, http and https URLs are accepted.", param, "invalid_image_url")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    addresses = public_addresses(parts.hostname, port, param)
    connection = http.client.HTTPConnection(parts.hostname, port, timeout=CONNECT_SECONDS)
    connection.sock = _socket(addresses, port)
    if parts.scheme == "https":
        try:
            context = ssl.create_default_context()
            connection.sock = context.wrap_socket(connection.sock, server_hostname=parts.hostname)
        except BaseException:
            connection.close()
            raise
    return connection


def _socket(addresses: list[str], port: int) -> socket.socket:
    """Connect to the first of `addresses` that responds."""
    for address in addresses[:-1]:
        with contextlib.suppress(OSError):
            return socket.create_connection((address, port), CONNECT_SECONDS)
    return socket.create_connection((addresses[-1], port), CONNECT_SECONDS)


def _target(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _body(response: http.client.HTTPResponse, deadline: float, param: str) -> bytes:
    if response.status != 200:
        raise _failed(f"The URL responded with status {response.status}", param)
    data = bytearray()
    while len(data) <= MAX_IMAGE_BYTES and (chunk := response.read1(1 << 16)):
        data += chunk
        if time.monotonic() > deadline:
            raise _failed(f"The URL took longer than {MAX_SECONDS} s", param)
    return bytes(data)


def _failed(reason: str, param: str) -> HttpError:
    return invalid(f"{reason}. Send the image itself instead.", param, "invalid_image_url")
