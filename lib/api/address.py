"""Where requests go: addresses made from a base URL, and which hosts may get a key."""

from __future__ import annotations

import socket
from urllib.parse import SplitResult, urlencode, urljoin, urlsplit, urlunsplit

from lib.api.problems import Problem
from lib.api.providers import Provider
from lib.hosts import is_loopback, is_public_address
from lib.translation import _

_EDITS = "/images/edits"


def endpoint_url(base_url: str, provider: Provider, path: str) -> str:
    """Return the address of `path` ("/images/edits", "/models", "/files…") under a base URL.

    A query in the base URL is kept. Azure has two shapes: `…/openai/v1` with the model in the body, and
    `…/openai/deployments/NAME`, where only edits are under the deployment.
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


def base_url_problem(base_url: str | None, has_key: bool) -> Problem | None:
    """Return what is wrong with a base URL, or None; a key goes only over https or to this computer."""
    if not base_url:
        return Problem(_("base URL"), "", _("this provider needs one, such as http://127.0.0.1:8000/v1"))
    try:
        parts = urlsplit(base_url.strip())
        usable = bool(parts.hostname) and parts.port != 0
    except ValueError as error:
        return Problem(_("base URL"), base_url, _("it can't be read ({error})").format(error=error))
    if parts.scheme not in ("http", "https") or not parts.hostname or not usable:
        return Problem(_("base URL"), base_url, _("it must start with http:// or https:// and name a host"))
    if parts.username or parts.password:
        return Problem(_("base URL"), parts.hostname, _("it must not hold a user name or a password"))
    if has_key and parts.scheme == "http" and not is_loopback(parts.hostname):
        return Problem(_("base URL"), base_url, _("a key is sent only over https, or to this computer"))
    return None


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
