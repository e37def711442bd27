"""Download pip's wheel, for a Python without pip, from the user's package index, and verify its checksum."""

import base64
import hashlib
import os
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

from lib.installer import pip_settings

VERSION = "26.3"
NAME = f"pip-{VERSION}-py3-none-any.whl"
SHA256 = "f3b60b20ffaadd4415ed7957212a38ac63fa4c5fa375bd0f4a797777940fad13"
# The default index, if the user has not configured one.
_INDEX = "https://pypi.org/simple"
_SECONDS = 15
_LARGEST = 16 << 20


class NoWheel(Exception):
    """The wheel could not be downloaded from any of its sources; the message says why, in pip's words."""


def fetch(folder: Path) -> Path:
    """Download the wheel into a folder; raise NoWheel, or OSError if it cannot be written."""
    settings = pip_settings.read("download")
    failures = []
    for page in _pages(settings):
        try:
            content = _from_page(page, settings)
        except (OSError, ValueError) as error:
            failures.append(f"Could not fetch URL {_without_user(page)}: {_reason(error, page, settings)}")
            continue
        if content is not None:
            path = folder / NAME
            path.write_bytes(content)
            return path
    raise NoWheel("\n".join(failures) or f"No matching distribution found for pip=={VERSION}")


def is_genuine(wheel: Path) -> bool:
    """Return whether a file has the expected checksum."""
    return hashlib.sha256(wheel.read_bytes()).hexdigest() == SHA256


def _pages(settings: Mapping[str, str]) -> Iterator[str]:
    """Yield the pages that may link to the wheel: pip's find-links, then the indexes."""
    for place in settings.get("find-links", "").split():
        yield place if urlsplit(place).scheme in ("http", "https", "file") else Path(place).absolute().as_uri()
    if settings.get("no-index", "").lower() in ("1", "y", "yes", "t", "true", "on"):
        return
    index = settings.get("index-url") or settings.get("pypi-url") or _INDEX
    for address in (index, *settings.get("extra-index-url", "").split()):
        yield address.rstrip("/") + "/pip/"


def _from_page(page: str, settings: Mapping[str, str]) -> bytes | None:
    """Return the wheel that a page links to or a folder contains, or None."""
    folder = _folder(page)
    if folder is not None and (folder / NAME).is_file():
        return _checked((folder / NAME).read_bytes())
    if folder is not None:
        page = (folder / "index.html").as_uri()
        if not (folder / "index.html").is_file():
            return None
    try:
        text, address = _get(page, settings)
    except urllib.error.HTTPError as error:
        if error.code == 404:  # the index does not have the package
            return None
        raise
    links = _Links()
    links.feed(text.decode("utf-8", "replace"))
    for link in links.targets:
        target = urljoin(address, link)
        if unquote(urlsplit(target).path).rpartition("/")[2] == NAME:
            return _checked(_get(target, settings, page)[0])
    return None


def _folder(page: str) -> Path | None:
    parts = urlsplit(page)
    path = Path(urllib.request.url2pathname(parts.path))
    return path if parts.scheme == "file" and not path.is_file() else None


def _checked(content: bytes) -> bytes:
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise ValueError(f"its {NAME} is not the expected file")
    return content


def _get(address: str, settings: Mapping[str, str], page: str = "") -> tuple[bytes, str]:
    """Return the content at an address, and the final address after redirects."""
    headers = {"Accept": "text/html, */*;q=0.1", "User-Agent": "generative-edit"}
    request = urllib.request.Request(_without_user(address), headers=headers)
    user = _user(address) or (_user(page) if urlsplit(page).hostname == urlsplit(address).hostname else "")
    if user:
        # Not sent to another host after a redirect.
        request.add_unredirected_header("Authorization", "Basic " + base64.b64encode(user.encode()).decode())
    seconds = float(settings.get("timeout") or settings.get("default-timeout") or _SECONDS)
    with _opener(urlsplit(address).netloc.rpartition("@")[2], settings).open(request, timeout=seconds) as answer:
        return answer.read(_LARGEST), answer.url


def _opener(host: str, settings: Mapping[str, str]) -> urllib.request.OpenerDirector:
    handlers: list[urllib.request.BaseHandler] = []
    if settings.get("proxy"):
        handlers.append(urllib.request.ProxyHandler(dict.fromkeys(("http", "https"), settings["proxy"])))
    try:
        import ssl
    except ImportError:
        # In a Python built without it, opening an https address raises a clear error.
        return urllib.request.build_opener(*handlers)
    bundle = settings.get("cert") or os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    if bundle and not Path(bundle).exists():
        raise OSError(f"Could not find a suitable TLS CA certificate bundle, invalid path: {bundle}")
    folder = bool(bundle) and Path(bundle or "").is_dir()
    context = ssl.create_default_context(cafile=None if folder else bundle, capath=bundle if folder else None)
    if {host, host.partition(":")[0]} & set(settings.get("trusted-host", "").split()):
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if settings.get("client-cert"):
        context.load_cert_chain(settings["client-cert"])
    return urllib.request.build_opener(urllib.request.HTTPSHandler(context=context), *handlers)


def _reason(error: Exception, page: str, settings: Mapping[str, str]) -> str:
    """Return why a page could not be read, in pip's words."""
    if isinstance(error, urllib.error.HTTPError):
        return f"{error.code} Client Error: {error.reason}"
    text = str(error.reason) if isinstance(error, urllib.error.URLError) else str(error)
    if text == "unknown url type: https":
        return "the SSL module is not available"
    proxies = {"http": settings["proxy"], "https": settings["proxy"]} if "proxy" in settings else None
    proxy = (proxies or urllib.request.getproxies()).get(urlsplit(page).scheme)
    host = urlsplit(page).hostname or ""
    return f"proxy connection error: {text}" if proxy and not urllib.request.proxy_bypass(host) else text


def _user(address: str) -> str:
    parts = urlsplit(address)
    return f"{unquote(parts.username or '')}:{unquote(parts.password or '')}" if parts.username else ""


def _without_user(address: str) -> str:
    parts = urlsplit(address)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


class _Links(HTMLParser):
    """Collect the targets of a page's links."""

    def __init__(self) -> None:
        super().__init__()
        self.targets: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.targets += [value for name, value in attrs if tag == "a" and name == "href" and value]
