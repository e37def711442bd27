"""Choose the proxy for a request: none for this computer, otherwise from the environment or the system settings."""

from __future__ import annotations

import ipaddress
import os
import re
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from requests.exceptions import InvalidProxyURL

from lib.api.hosts import is_loopback, normalize, parse_address

_SCHEMES = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")


def proxy_for(url: str) -> str | None:
    """Return the proxy for a URL, or None; raise `InvalidProxyURL` if its address is not valid.

    The variables `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy` take precedence over the settings of Windows
    and macOS.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if is_loopback(host) or _is_exempt(host, parts.port):
        return None
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if proxy:
        return _normalize(proxy)
    # macOS lists a SOCKS proxy separately, as http://HOST:PORT.
    socks = proxies.get("socks")
    return _normalize("socks://" + socks.rpartition("://")[2]) if socks else None


def is_in_no_proxy(no_proxy: str, host: str, port: int | None = None) -> bool:
    """Return whether `NO_PROXY` matches a host, by curl's rules.

    Entries are separated by commas or spaces. A name also matches its subdomains, a network the addresses in it, and
    "*" alone every host. Names are not resolved.
    """
    if no_proxy.strip() == "*":
        return True
    address = parse_address(host)
    name = normalize(host)
    for entry in re.split(r"[\s,]+", no_proxy.lower()):
        if entry.count(":") == 1 and port is not None:
            entry = entry.removesuffix(f":{port}")
        if address is not None:
            try:
                if address in ipaddress.ip_network(entry.replace("[", "").replace("]", ""), strict=False):
                    return True
            except ValueError:
                continue  # a host name
        else:
            domain = entry.removeprefix("*").strip(".")
            if domain and (name == domain or name.endswith(f".{domain}")):
                return True
    return False


def _is_exempt(host: str, port: int | None) -> bool:
    no_proxy = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")
    if no_proxy:
        return is_in_no_proxy(no_proxy, host, port)
    try:
        return bool(proxy_bypass(host))
    except (OSError, TypeError):  # on Windows this resolves the name, which can fail
        return False


def _normalize(proxy: str) -> str:
    """Return a proxy's URL with a scheme; `socks://`, as desktops write it, becomes SOCKS 5 with remote DNS."""
    scheme, separator, rest = proxy.strip().partition("://")
    if not separator:
        scheme, rest = "http", proxy.strip()
    scheme = "socks5h" if scheme.lower() == "socks" else scheme.lower()
    try:
        parts = urlsplit(f"{scheme}://{rest}")
        is_valid = scheme in _SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_valid = False
    if not is_valid:
        raise InvalidProxyURL("the proxy's address can't be used")  # the address itself may contain a password
    return f"{scheme}://{rest}"
