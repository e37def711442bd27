"""Build request URLs from a base URL, and decide which hosts may receive the key."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import SplitResult, urlencode, urljoin, urlsplit, urlunsplit

from lib.api.errors import Problem
from lib.api.hosts import is_loopback, is_public_address, normalize, parse_address
from lib.api.providers import Provider
from lib.api.text import sanitize, truncate
from lib.translation import _

_MAX_URL_LENGTH = 200
_BASE_URL = re.compile(r"https?://(?P<authority>[^/?#]*)(?P<path>[^?#]*)(?P<rest>.*)", re.IGNORECASE)
_AUTHORITY = re.compile(r"(?P<host>\[[^\[\]]*\]|[^\[\]:]*)(?::(?P<port>[^:\]]*))?")
_LABEL = re.compile(r"[\w-]{1,63}")


def endpoint_url(base_url: str, provider: Provider, path: str) -> str:
    """Return the URL of `path`, one of the provider's, under a base URL.

    Keeps a query in the base URL, which Azure allows. Azure has two forms: `…/openai/v1` with the model in the body,
    and `…/openai/deployments/NAME`, where only edits are under the deployment.
    """
    parts = urlsplit(base_url.strip())
    root = parts.path.rstrip("/").removesuffix(provider.edits_path)
    query = parts.query
    if provider.api_versions:
        root, form = _azure_root(root, path == provider.edits_path)
        if "api-version=" not in query:
            query = "&".join(filter(None, [query, urlencode({"api-version": provider.api_versions[form]})]))
    return urlunsplit((parts.scheme, parts.netloc, root + path, query, ""))


def is_deployment_url(base_url: str, provider: Provider) -> bool:
    """Return whether the URL names the model's deployment, so that no model is sent."""
    return bool(provider.api_versions) and "/openai/deployments/" in urlsplit(base_url).path


def _azure_root(root: str, for_edits: bool) -> tuple[str, str]:
    before, deployments, _name = root.partition("/openai/deployments/")
    if deployments:
        return (root if for_edits else f"{before}/openai"), "deployments"
    return (root if root.endswith("/openai/v1") else f"{root.removesuffix('/openai')}/openai/v1"), "v1"


def base_url_problem(base_url: str | None, provider: Provider, has_key: bool = False) -> Problem | None:
    """Return the problem with a base URL, or None; a key requires https or this computer."""
    text = (base_url or "").strip()
    rule = _broken_rule(text, provider) if text else _("this provider needs one, such as http://127.0.0.1:8000/v1")
    if not rule and has_key and not _is_safe_for_key(text):
        rule = _("a key is only sent over https or to this computer")
    if not rule:
        return None
    # The parts before an "@" and after a "?" may hold secrets.
    redacted = re.sub(".*@", "…@", text, flags=re.DOTALL).partition("?")[0]
    return Problem(_("base URL"), truncate(sanitize(redacted), _MAX_URL_LENGTH), rule)


def environment_problem(provider: Provider, environment: Mapping[str, str]) -> Problem | None:
    """Return the problem with the base URL that the environment sets for a provider, or None."""
    variable = next((name for name in provider.url_variables if environment.get(name)), None)
    problem = base_url_problem(environment[variable], provider) if variable else None
    return replace(problem, field=variable) if problem and variable else None


def _broken_rule(base_url: str, provider: Provider) -> str:
    """Return the rule that a base URL breaks, or ""."""
    if not base_url.isprintable() or " " in base_url:
        return _("it must not contain spaces")
    parts = _BASE_URL.fullmatch(base_url)
    if not parts:
        return _("it must start with http:// or https://")
    if "@" in parts["authority"]:
        return _("it must not contain a user name or a password")
    authority = _AUTHORITY.fullmatch(parts["authority"])
    if not authority or "[" in parts["path"] or "]" in parts["path"] or not _has_valid_brackets(authority["host"]):
        return _("use brackets only around an IPv6 address, such as http://[::1]:8000/v1")
    if not authority["host"]:
        return _("it must contain a host name, such as http://127.0.0.1:8000/v1")
    if authority["port"] is not None and not _is_port(authority["port"]):
        return _("the port must be a number from 1 to 65535")
    if not _is_host(authority["host"]):
        return _("“{host}” is not a valid host name").format(host=authority["host"])
    # Azure's URLs carry the API version in the query.
    if parts["rest"] and not (parts["rest"].startswith("?") and provider.api_versions):
        return _("remove the “{mark}” and everything after it").format(mark=parts["rest"][0])
    return ""


def _has_valid_brackets(host: str) -> bool:
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
    """Return whether a text is an IPv6 address in brackets, an IPv4 address or a host name."""
    if host.startswith("["):
        return True
    labels = host.removesuffix(".").split(".")
    if labels[-1].isdigit():
        return parse_address(host) is not None
    return len(host) <= 253 and all(_LABEL.fullmatch(label) for label in labels)


def _is_safe_for_key(base_url: str) -> bool:
    parts = urlsplit(base_url)
    return parts.scheme == "https" or is_loopback(parts.hostname or "")


def absolute_url(base: str, reference: str) -> str | None:
    """Resolve a URL that a server sent against `base`; return None unless the result is a valid http or https URL."""
    try:
        url = urljoin(base, reference)
        parts = urlsplit(url)
        is_valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    return url if is_valid else None


def is_same_origin(one: str, other: str) -> bool:
    """Return whether two URLs have the same scheme, host and port; the key is only sent to the same origin."""
    return _origin(urlsplit(one)) == _origin(urlsplit(other))


def _origin(parts: SplitResult) -> tuple[str, str, int]:
    return parts.scheme, normalize(parts.hostname or ""), parts.port or {"https": 443}.get(parts.scheme, 80)


def is_public_host(host: str) -> bool:
    """Return whether all addresses of a host are public.

    A name that doesn't resolve counts as public: it can only be reached through a proxy, which resolves it itself.
    """
    try:
        entries = socket.getaddrinfo(host, None)
    except (OSError, UnicodeError):
        return True
    return all(is_public_address(str(entry[4][0])) for entry in entries)
