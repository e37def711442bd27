"""Which hosts are this computer, and which addresses are public, also when one address wraps another."""

import contextlib
import ipaddress
import socket

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lib.api.address import is_public_host, is_same_origin
from lib.api.hosts import is_loopback, is_public_address, parse_address
from lib.api.models import is_official
from lib.api.providers import host_of
from lib.api.transport import Exchange, Timeouts
from lib.endpoint import fetch as endpoint_fetch
from lib.endpoint.errors import HttpError

V4 = st.ip_addresses(v=4)
V6 = st.ip_addresses(v=6)
# How an IPv4 address travels in an IPv6 one: the bits before it, and how far it is moved up.
WRAPPERS = {
    "mapped": ("::ffff:0:0", 0),
    "NAT64": ("64:ff9b::", 0),
    "NAT64 of a network": ("64:ff9b:1::", 0),
    "6to4": ("2002::", 80),
    "IPv4-compatible": ("::", 0),
    "IPv4-translated": ("::ffff:0:0:0", 0),
    "Teredo": ("2001::", 0),
}
TRANSPARENT = ("mapped", "NAT64")


def wrapped(kind, inner):
    prefix, shift = WRAPPERS[kind]
    return str(ipaddress.IPv6Address(int(ipaddress.IPv6Address(prefix)) | int(inner) << shift))


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
        "224.0.0.1", "255.255.255.255", "240.0.0.1", "192.0.0.8", "192.0.2.1", "192.88.99.1", "198.18.0.1", "::", "::1",
        "fe80::1", "fe80::1%eth0", "fec0::1", "fc00::1", "fd12::1", "ff02::1", "2001:db8::1", "3fff::1", "100::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b:1::808:808",
        "64:ff9b:1:ffff::1", "2002:7f00:1::", "2002:0a00:0001::", "2002:808:808::1", "::8.8.8.8", "::7f00:1",
        "2001:0:808:808::1", "5f00::1", "127.1", "0x7f.1", "2130706433", "example.org", "",
    ],
)  # fmt: skip
def test_what_is_not_public(address):
    assert not is_public_address(address)


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "8.8.8.8", "2606:2800:220:1::1", "::ffff:8.8.8.8", "64:ff9b::808:808", "2a00:1450::1"]
)
def test_what_is_public(address):
    assert is_public_address(address)


@given(V4)
@example(ipaddress.IPv4Address("192.0.0.9"))
@example(ipaddress.IPv4Address("192.88.99.1"))
def test_ipv4_agrees_with_the_standard_library_but_for_two_networks(address):
    special = any(address in ipaddress.ip_network(network) for network in ("192.0.0.0/24", "192.88.99.0/24"))
    assert is_public_address(str(address)) is (address.is_global and not address.is_multicast and not special)


@given(V6 | st.ip_addresses(network="2000::/3") | st.ip_addresses(network="2001::/16"))
def test_an_ipv6_address_is_public_only_where_the_standard_library_agrees(address):
    if is_public_address(str(address)):
        inner = address.ipv4_mapped or address
        if address in ipaddress.ip_network("64:ff9b::/96"):
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        assert inner.is_global and not inner.is_multicast and not inner.is_reserved and not inner.is_private


@given(V4, st.sampled_from(sorted(WRAPPERS)))
def test_a_wrapped_address_is_never_more_public_than_the_one_inside(inner, kind):
    assert is_public_address(wrapped(kind, inner)) is (kind in TRANSPARENT and is_public_address(str(inner)))


class Connected(socket.socket):
    """A connection that leads to an address."""

    address = ""

    def getpeername(self):
        return (self.address, 80)


def refused_by_client(address):
    """Whether the client refuses to fetch from an address, by its name or by where the connection led."""
    with Connected() as connection, Exchange(Timeouts(), public_only=True) as exchange:
        connection.address = address
        by_connection = exchange._refusal_reason(connection) is not None
    assert by_connection is not is_public_host(address)
    return by_connection


def refused_by_endpoint(address):
    with contextlib.suppress(HttpError):
        return not endpoint_fetch.public_addresses("a.example", 80, "image")
    return True


@pytest.mark.parametrize("kind", [None, *WRAPPERS])
@pytest.mark.parametrize("inner", ["8.8.8.8", "10.0.0.1", "127.0.0.1", "169.254.169.254", "100.64.0.1", "192.88.99.1"])
def test_the_client_and_the_endpoint_agree(inner, kind, monkeypatch):
    address = wrapped(kind, ipaddress.IPv4Address(inner)) if kind else inner
    family = socket.AF_INET if kind is None else socket.AF_INET6
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(family, socket.SOCK_STREAM, 6, "", (address, 80))])
    public = inner == "8.8.8.8" and kind in (None, *TRANSPARENT)
    assert refused_by_client(address) is refused_by_endpoint(address) is not public


@given(st.ip_addresses(network="127.0.0.0/8"))
def test_every_loopback_address_is_this_computer_in_each_notation(address):
    number = int(address)
    for host in (str(address), f"::ffff:{address}", f"[::ffff:{address}]", str(number), hex(number)):
        assert is_loopback(host) and not is_public_address(host)


@pytest.mark.parametrize(
    "host", ["localhost", "LocalHost", "localhost.", "a.b.localhost", "::1", "[::1]", "0.0.0.0", "::", "127.1"]
)
def test_this_computer(host):
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["", "localhost.example", "notlocalhost", "10.0.0.1", "8.8.8.8", "::ffff:10.0.0.1", "fe80::1", "128.0.0.1"]
)
def test_other_computers(host):
    assert not is_loopback(host)


@given(st.text(max_size=40))
def test_no_text_breaks_the_predicates(host):
    assert not (is_public_address(host) and is_loopback(host))
    assert parse_address(host) is None or is_public_address(host) in (True, False)


@pytest.mark.parametrize("host", ["api.openai.com", "API.openai.COM", "api.openai.com.", "Api.OpenAI.com.:443"])
def test_a_host_is_the_same_in_any_case_and_with_the_dot_of_a_complete_name(host):
    assert is_official(host) and is_official(host_of(f"https://{host}/v1"))
    assert host_of(f"https://{host}/v1").removesuffix(":443") == "api.openai.com"
    assert is_same_origin(f"https://{host}/v1", "https://api.openai.com/v1/files")
    assert not is_same_origin(f"https://{host}/v1", "https://api.openai.com.example.org/v1")
