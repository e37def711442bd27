"""Why pip failed: the true cause in one sentence, and what to do in another."""

import re
import sys
import urllib.request
from collections.abc import Callable
from urllib.parse import urlsplit

from lib.installer import pip_settings
from lib.installer.problem import SetupProblem

_NO_ROOM = re.compile(r"No space left|Disk quota|not enough space on the disk", re.IGNORECASE)
_NONE_FITS = re.compile(r"No matching distribution found for (\S+)|(\S+) is not a supported wheel")
# As pip writes it into its log, and we into ours.
UNREACHED = re.compile(r"Could not fetch URL (\S+?):? (.*)")
_HOST = re.compile(r"host='([^']+)', port=(\d+)|Failed to resolve '([^']+)'|https?://(?:[^/@\s]*@)?([^/\s'\")]+)")
_SYSTEMS_WORDS = re.compile(r"\[(?:Errno|WinError) -?\d+\] ([^'\")\]:\n]+?)(?= - skipping|['\")\]:\n]|$)")
_STATUS = re.compile(
    r"\b([45]\d\d) (?:Client|Server) Error: ([^:\n]+?)(?: for url|\n|$)|(?:too many|HTTP error) (\d{3})"
)
_INDEX = "Check the package index (PIP_INDEX_URL, or pip's own setting), then run this again."
_NETWORK = "Check the network, then run this again; the release file needs no network."


class Failure(Exception):
    """pip did not do what it should, or could not be had: its own words, and what could not be fetched."""

    def __init__(self, words: str, subject: str = "The packages") -> None:
        super().__init__(words)
        self.words = words
        self.subject = subject

    @property
    def none_fits(self) -> bool:
        """Whether pip was answered, and what it is to fetch is not there for this Python."""
        return bool(_NONE_FITS.search(self.words)) and not UNREACHED.search(self.words)

    def problem(self) -> SetupProblem:
        """The true cause in one sentence, and what to do in another."""
        if _NO_ROOM.search(self.words):
            return SetupProblem("There is no room for the packages.", "Make room (250 MB), then run this again.")
        cause, hint = next(filter(None, (explain(self.words) for explain in _CAUSES)))
        return SetupProblem(f"{self.subject} could not be fetched: {cause.strip().rstrip('.')}.", hint)


# What is wrong, and what to do; None where it is something else.
_Cause = tuple[str, str] | None


def _no_ssl(words: str) -> _Cause:
    if "SSL module is not available" not in words:
        return None
    return "this Python has no ssl module", "Run this with another Python; the release file needs no network."


def _certificates(words: str) -> _Cause:
    path = re.search(r"invalid path: (.+)", words)
    if path:
        cause = f"there is no file of certificates {path[1]}"
        return cause, "Correct the setting that names it (PIP_CERT, or pip's own), then run this again."
    if "CERTIFICATE_VERIFY_FAILED" not in words:
        return None
    reason = re.search(r"certificate verify failed: ([^(']+)", words)
    cause = f"the certificate of {_host(words)} is not trusted ({reason[1].strip() if reason else 'it does not fit'})"
    return cause, "Name the file of your network's authority in PIP_CERT, then run this again."


def _proxy(words: str) -> _Cause:
    if "Missing dependencies for SOCKS" in words:
        cause = "the proxy is a SOCKS proxy, which pip does not know"
        return cause, "Name an HTTP proxy in https_proxy; the release file needs no network."
    if not re.search(r"proxy connection error|ProxyError|Cannot connect to proxy|Tunnel connection failed", words):
        return None
    status = re.search(r"Tunnel connection failed: ([^')]+)", words)
    what = f"answers {status[1]}" if status else f"does not answer ({_system_words(words)})"
    hint = "Correct the proxy (https_proxy, or pip's own setting), then run this again."
    return f"the proxy {_proxy_host()} {what}", hint


def _unknown_host(words: str) -> _Cause:
    if not re.search(r"NameResolutionError|Name or service not known|name resolution|getaddrinfo|nodename nor", words):
        return None
    return f"the host {_host(words)} was not found", _NETWORK


def _status(words: str) -> _Cause:
    match = _STATUS.search(words)
    if not match:
        return None
    answer = f"{match[1]} {match[2]}" if match[1] else match[3]
    return f"{_host(words)} answers {answer}", _INDEX


def _silence(words: str) -> _Cause:
    if re.search(r"timed out|didn't respond|Timeout", words):
        return f"{_host(words)} does not answer in time", _NETWORK
    if re.search(r"Failed to establish|connection error|Connection|unreachable|Max retries", words):
        return f"{_host(words)} does not answer ({_system_words(words)})", _NETWORK
    return None


def _not_trusted(words: str) -> _Cause:
    match = re.search(r"located at (\S+) is not a trusted or secure host", words)
    if not match:
        return None
    return f"{match[1]} is reached without https", f"Give its https address, or set PIP_TRUSTED_HOST={match[1]}."


def _unreached(words: str) -> _Cause:
    match = UNREACHED.search(words)
    return (f"{_host(words)}: {match[2].removesuffix(' - skipping')}", _NETWORK) if match else None


def _none_fits(words: str) -> _Cause:
    match = _NONE_FITS.search(words)
    if not match:
        return None
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    cause = f"the package index has no {match[1] or match[2]} that fits (Python {version} runs this)"
    return cause, "Run this with Python 3.11 to 3.14, or check the package index (PIP_INDEX_URL, or pip's own setting)."


def _last_words(words: str) -> _Cause:
    """What pip names as the error; where pip itself breaks, its last line has the reason."""
    lines = [line for line in words.splitlines() if line.strip()] or ["pip failed"]
    errors = [line for line in lines if line.startswith("ERROR:") and line != "ERROR: Exception:"]
    return (errors or lines)[-1].removeprefix("ERROR:"), "Check the network and pip's settings, then run this again."


# From the most certain to the least.
_CAUSES: tuple[Callable[[str], _Cause], ...] = (
    _no_ssl, _proxy, _certificates, _unknown_host, _status, _silence, _not_trusted, _unreached, _none_fits, _last_words,
)  # fmt: skip


def _host(words: str) -> str:
    tried = UNREACHED.search(words)
    if tried:
        return urlsplit(tried[1]).netloc.rpartition("@")[2] or tried[1]
    match = _HOST.search(words)
    if not match:
        return "the package index"
    return f"{match[1]}:{match[2]}" if match[1] else match[3] or match[4]


def _system_words(words: str) -> str:
    match = _SYSTEMS_WORDS.search(words)
    return match[1].strip() if match else "the connection broke"


def _proxy_host() -> str:
    named = pip_settings.read("install").get("proxy")
    proxies = [named] if named else [value for name, value in urllib.request.getproxies().items() if name != "no"]
    hosts = {urlsplit(proxy if "//" in proxy else f"//{proxy}").netloc.rpartition("@")[2] for proxy in proxies}
    return " or ".join(sorted(hosts)) or "of this system"
