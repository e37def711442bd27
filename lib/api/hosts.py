"""Classify hosts and IP addresses: loopback, private or public."""

from __future__ import annotations

import ipaddress
import socket

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# From the IANA special-purpose registries; the tables of `ipaddress` differ between Python versions.
_NOT_PUBLIC = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/4", "240.0.0.0/4", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
    )
)  # fmt: skip
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def normalize(host: str) -> str:
    """Return a host name as names are compared: in lower case, without the dot that may end a complete one."""
    return host.rstrip(".").lower()


def parse_address(host: str) -> Address | None:
    """Parse an IP address in any notation that resolvers accept; return None for a host name.

    An IPv4-mapped IPv6 address is returned as the IPv4 address.
    """
    text = host.strip("[]").partition("%")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return _short_address(text)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _short_address(text: str) -> Address | None:
    """Parse the shorthand forms of IPv4 addresses: "127.1", "0x7f.1", "2130706433"."""
    if not text or text != "".join(text.split()):
        return None
    try:
        return ipaddress.IPv4Address(socket.inet_aton(text))
    except (OSError, ValueError):
        return None


def is_loopback(host: str) -> bool:
    """Return whether a host is this computer: a loopback address, "localhost" or a subdomain of it.

    Includes 0.0.0.0 and [::], which servers print as their own address.
    """
    address = parse_address(host)
    if address is not None:
        return address.is_loopback or address.is_unspecified
    name = normalize(host)
    return name == "localhost" or name.endswith(".localhost")


def is_public_address(address: str) -> bool:
    """Return whether an IP address is public.

    For an IPv4-mapped or NAT64 address, the embedded IPv4 address counts. Other IPv6 addresses that embed one (6to4,
    Teredo, IPv4-compatible, a network's own NAT64 prefix) are not public.
    """
    parsed = parse_address(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed in _NAT64:
            parsed = ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)
        elif parsed not in _GLOBAL_UNICAST:
            return False
    return parsed is not None and not any(parsed in network for network in _NOT_PUBLIC)
