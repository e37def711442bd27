"""Where requests go: addresses made from a base URL, and which hosts may get a key."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import SplitResult, urlencode, urljoin, urlsplit, urlunsplit

from lib.api.errors import Problem
from lib.api.hosts import is_loopback, is_public_address, parse_address
from lib.api.providers import Provider
from lib.api.text import readable, shortened
from lib.translation import _

_EDITS = "/images/edits"
_LONGEST_SHOWN = 200
_BASE_URL = re.compile(r"https?://(?P<authority>[^/?#]*)(?P<path>[^?#]*)(?P<rest>.*)", re.IGNORECASE)
_AUTHORITY = re.compile(r"(?P<host>\[[^\[\]]*\]|[^\[\]:]*)(?::(?P<port>[^:\]]*))?")
_LABEL = re.compile(r"[\w-]{1,63}")


def endpoint_url(base_url: str, provider: Provider, path: str) -> str:
    """Return the address of `path` ("/images/edits", "/models", "/files…") under a base URL.

    A query in the base URL is kept: Azure's may have one. Azure has two shapes: `…/openai/v1` with the model in the
    body, and `…/openai/deployments/NAME`, where only edits are under the deployment.
    """
    parts = urlsplit(base_url.strip())
    root = parts.path.rstrip("/").removesuffix(_EDITS)
    query = parts.query
    if provider.api_versions:
        root, shape = _azure_root(root, path)
        if "api-version=" not in query:
            query = "&".join(filter(None, [query, urlencode({"api-version": provider.api_versions[shape]})]))
    return urlunsplit((parts.scheme, parts.netloc, root + path, query, ""))


def names_deployment(base_url: str, provider: Provider) -> bool:
    """Say whether the address itself names the model, which is then not sent."""
    return bool(provider.api_versions) and "/openai/deployments/" in urlsplit(base_url).path


def _azure_root(root: str, path: str) -> tuple[str, str]:
    before, deployments, _name = root.partition("/openai/deployments/")
    if deployments:
        return (root if path == _EDITS else f"{before}/openai"), "deployments"
    return (root if root.endswith("/openai/v1") else f"{root.removesuffix('/openai')}/openai/v1"), "v1"


def base_url_problem(base_url: str | None, provider: Provider, has_key: bool = False) -> Problem | None:
    """Return what is wrong with a base URL, or None; a key goes only over https or to this computer."""
    text = (base_url or "").strip()
    rule = _broken_rule(text, provider) if text else _("this provider needs one, such as http://127.0.0.1:8000/v1")
    if not rule and has_key and not _is_safe_for_key(text):
        rule = _("a key is sent only over https, or to this computer")
    if not rule:
        return None
    # What stands before an "@" or after a "?" may be a secret.
    shown = re.sub(".*@", "…@", text, flags=re.DOTALL).partition("?")[0]
    return Problem(_("base URL"), shortened(readable(shown), _LONGEST_SHOWN), rule)


def environment_problem(provider: Provider, environment: Mapping[str, str]) -> Problem | None:
    """Return what is wrong with the base URL that the environment gives a provider; None without one."""
    variable = next((name for name in provider.url_variables if environment.get(name)), None)
    problem = base_url_problem(environment[variable], provider) if variable else None
    return replace(problem, field=variable) if problem and variable else None


def _broken_rule(base_url: str, provider: Provider) -> str:
    """Return the rule that a base URL breaks; "" for none."""
    if not base_url.isprintable() or " " in base_url:
        return _("it must not contain spaces")
    parts = _BASE_URL.fullmatch(base_url)
    if not parts:
        return _("it must start with http:// or https://")
    if "@" in parts["authority"]:
        return _("it must not hold a user name or a password")
    authority = _AUTHORITY.fullmatch(parts["authority"])
    if not authority or "[" in parts["path"] or "]" in parts["path"] or not _is_bracketed_well(authority["host"]):
        return _("brackets stand around an IPv6 address and nowhere else, such as http://[::1]:8000/v1")
    if not authority["host"]:
        return _("it must name a host, such as http://127.0.0.1:8000/v1")
    if authority["port"] is not None and not _is_port(authority["port"]):
        return _("the port must be a number from 1 to 65535")
    if not _is_host(authority["host"]):
        return _("it must name a host, and “{host}” cannot be one").format(host=authority["host"])
    # Azure's addresses carry the version of its API.
    if parts["rest"] and not (parts["rest"].startswith("?") and provider.api_versions):
        return _("it must end before the “{mark}”").format(mark=parts["rest"][0])
    return ""


def _is_bracketed_well(host: str) -> bool:
    if not host.startswith("["):
        return True
    try:
        ipaddress.IPv6Address(host.strip("[]"))
    except ValueError:
        return False
    return True


def _is_port(text: str) -> bool:
    return bool(re.fullmatch("[0-9]{1,5}", text)) and 0 < int(text) < 65_536


def _is_host(host: str) -> bool:
    """Say whether this is an IPv6 address in brackets, an IPv4 address or a name."""
    if host.startswith("["):
        return True
    labels = host.removesuffix(".").split(".")
    if labels[-1].isdigit():
        return parse_address(host) is not None
    return len(host) <= 253 and all(_LABEL.fullmatch(label) for label in labels)


def _is_safe_for_key(base_url: str) -> bool:
    parts = urlsplit(base_url)
    return parts.scheme == "https" or is_loopback(parts.hostname or "")


def joined(base: str, address: str) -> str | None:
    """Return an address that a server gave, made whole; None when it can't be fetched by http or https."""
    try:
        whole = urljoin(base, address)
        parts = urlsplit(whole)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    return whole if usable else None


def same_origin(one: str, other: str) -> bool:
    """Say whether two URLs have the same scheme, host and port: only then may a key go along."""
    return _origin(urlsplit(one)) == _origin(urlsplit(other))


def _origin(parts: SplitResult) -> tuple[str, str | None, int]:
    return parts.scheme, parts.hostname, parts.port or {"https": 443}.get(parts.scheme, 80)


def is_public_host(host: str) -> bool:
    """Say whether all of a host's addresses are public; a name that can't be resolved counts as public.

    It can only be reached through a proxy then, which resolves it itself.
    """
    try:
        found = socket.getaddrinfo(host, None)
    except (OSError, UnicodeError):
        return True
    return all(is_public_address(str(entry[4][0])) for entry in found)
