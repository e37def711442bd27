"""The proxy that a request goes through: none to this computer, else the environment's or the system's."""

from __future__ import annotations

import ipaddress
import os
import re
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from requests.exceptions import InvalidProxyURL

from lib.api.hosts import is_loopback, parse_address

_SCHEMES = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")


def proxy_for(url: str) -> str | None:
    """Return the proxy for a URL, or None; raise `InvalidProxyURL` when its address can't be used.

    The variables count (`http_proxy`, `https_proxy`, `all_proxy`, `no_proxy`), then the settings of Windows and macOS.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if is_loopback(host) or _is_exempt(host, parts.port):
        return None
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if proxy:
        return _usable(proxy)
    # macOS names a SOCKS proxy by itself, as http://HOST:PORT.
    socks = proxies.get("socks")
    return _usable("socks://" + socks.rpartition("://")[2]) if socks else None


def is_listed(no_proxy: str, host: str, port: int | None = None) -> bool:
    """Say whether `NO_PROXY` names a host, as curl reads it.

    Entries are separated by commas or blanks. A name stands for all names below it too, an address or a network for
    itself, and "*" alone for every host. Names are not resolved.
    """
    if no_proxy.strip() == "*":
        return True
    address = parse_address(host)
    name = host.rstrip(".").lower()
    for entry in re.split(r"[\s,]+", no_proxy.lower()):
        if entry.count(":") == 1 and port is not None:
            entry = entry.removesuffix(f":{port}")
        if address is not None:
            try:
                if address in ipaddress.ip_network(entry.replace("[", "").replace("]", ""), strict=False):
                    return True
            except ValueError:
                continue  # a name
        else:
            listed = entry.removeprefix("*").strip(".")
            if listed and (name == listed or name.endswith(f".{listed}")):
                return True
    return False


def _is_exempt(host: str, port: int | None) -> bool:
    no_proxy = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")
    if no_proxy:
        return is_listed(no_proxy, host, port)
    try:
        return bool(proxy_bypass(host))
    except (OSError, TypeError):  # Windows resolves the name here
        return False


def _usable(proxy: str) -> str:
    """Return a proxy's address with its scheme; `socks://`, as desktops write it, is SOCKS 5 that resolves names."""
    scheme, separator, rest = proxy.strip().partition("://")
    if not separator:
        scheme, rest = "http", proxy.strip()
    scheme = "socks5h" if scheme.lower() == "socks" else scheme.lower()
    try:
        parts = urlsplit(f"{scheme}://{rest}")
        usable = scheme in _SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise InvalidProxyURL("the proxy's address can't be used")  # without the address, which may hold a password
    return f"{scheme}://{rest}"
