"""Fetching an image from the web, never from this machine or its local network."""

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
    """The bytes at `url` (http or https), at most one over `MAX_IMAGE_BYTES`.

    Each host, redirects included, is resolved once, all its addresses must be public, and the connection
    goes to the address that was checked, so that a name cannot change its mind. Raises ApiError 400.
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
        raise _failed("The address could not be fetched", param) from error
    raise _failed("The address redirects too often", param)


def public_addresses(host: str, port: int, param: str) -> list[str]:
    """The addresses of `host`. Raises ApiError 400 unless every one of them is public."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [str(entry[4][0]) for entry in found]
    if not addresses or not all(is_public_address(address) for address in addresses):
        raise invalid("The address is not on the public internet, and is not fetched.", param, "url_not_allowed")
    return addresses


def _connect(parts: SplitResult, param: str) -> http.client.HTTPConnection:
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise invalid("Only data, http and https addresses are accepted.", param, "invalid_image_url")
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
    """A connection to the first of `addresses` that answers."""
    for address in addresses[:-1]:
        with contextlib.suppress(OSError):
            return socket.create_connection((address, port), CONNECT_SECONDS)
    return socket.create_connection((addresses[-1], port), CONNECT_SECONDS)


def _target(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _body(response: http.client.HTTPResponse, deadline: float, param: str) -> bytes:
    if response.status != 200:
        raise _failed(f"The address answers with status {response.status}", param)
    data = bytearray()
    while len(data) <= MAX_IMAGE_BYTES and (chunk := response.read1(1 << 16)):
        data += chunk
        if time.monotonic() > deadline:
            raise _failed(f"The address took longer than {MAX_SECONDS} s", param)
    return bytes(data)


def _failed(reason: str, param: str) -> HttpError:
    return invalid(f"{reason}. Send the image itself instead.", param, "invalid_image_url")
