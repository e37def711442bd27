"""Explain why pip failed: the cause in one sentence, what to do in another."""

import re
import sys
import urllib.request
from collections.abc import Callable
from urllib.parse import urlsplit

from lib.installer import pip_settings
from lib.installer.problem import SetupProblem

_DISK_FULL = re.compile(r"No space left|Disk quota|not enough space on the disk", re.IGNORECASE)
_INCOMPATIBLE = re.compile(r"No matching distribution found for (\S+)|(\S+) is not a supported wheel")
# The line in pip's log, which pip_wheel's messages imitate.
UNREACHED = re.compile(r"Could not fetch URL (\S+?):? (.*)")
_HOST = re.compile(r"host='([^']+)', port=(\d+)|Failed to resolve '([^']+)'|https?://(?:[^/@\s]*@)?([^/\s'\")]+)")
_SYSTEM_ERROR = re.compile(r"\[(?:Errno|WinError) -?\d+\] ([^'\")\]:\n]+?)(?= - skipping|['\")\]:\n]|$)")
_STATUS = re.compile(
    r"\b([45]\d\d) (?:Client|Server) Error: ([^:\n]+?)(?: for url|\n|$)|(?:too many|HTTP error) (\d{3})"
)
INDEX_HINT = "Check the package index (PIP_INDEX_URL, or pip's configuration), then run this again."
_NETWORK = "Check the network, then run this again; the release file needs no network."


class Failure(Exception):
    """pip failed, or could not be downloaded: its output, and the subject that could not be downloaded."""

    def __init__(self, output: str, subject: str = "the packages") -> None:
        super().__init__(output)
        self.output = output
        self.subject = subject

    @property
    def is_incompatible(self) -> bool:
        """Whether the package index was reached, but has no package for this Python."""
        return bool(_INCOMPATIBLE.search(self.output)) and not UNREACHED.search(self.output)

    def problem(self) -> SetupProblem:
        """Return the cause and what to do about it."""
        if _DISK_FULL.search(self.output):
            return SetupProblem("The disk is full.", "Free at least 250 MB for the packages, then run this again.")
        cause, hint = next(filter(None, (explain(self.output) for explain in _CAUSES)))
        return SetupProblem(f"Couldn't download {self.subject}: {cause.strip().rstrip('.')}.", hint)


# The cause and the hint; None if the output has another cause.
_Cause = tuple[str, str] | None


def _no_ssl(output: str) -> _Cause:
    if "SSL module is not available" not in output:
        return None
    return "this Python has no ssl module", "Run this with another Python; the release file needs no network."


def _certificates(output: str) -> _Cause:
    path = re.search(r"invalid path: (.+)", output)
    if path:
        cause = f"the certificate file {path[1]} does not exist"
        return cause, "Correct that setting (PIP_CERT, or in pip's configuration), then run this again."
    if "CERTIFICATE_VERIFY_FAILED" not in output:
        return None
    reason = re.search(r"certificate verify failed: ([^(']+)", output)
    cause = f"the certificate of {_host(output)} is not trusted ({reason[1].strip() if reason else 'unknown reason'})"
    return cause, "Set PIP_CERT to your network's certificate file, then run this again."


def _proxy(output: str) -> _Cause:
    if "Missing dependencies for SOCKS" in output:
        cause = "pip does not support SOCKS proxies"
        return cause, "Set https_proxy to an HTTP proxy; the release file needs no network."
    if not re.search(r"proxy connection error|ProxyError|Cannot connect to proxy|Tunnel connection failed", output):
        return None
    status = re.search(r"Tunnel connection failed: ([^')]+)", output)
    state = f"answers {status[1]}" if status else f"does not respond ({_system_error(output)})"
    hint = "Correct the proxy (https_proxy, or in pip's configuration), then run this again."
    return f"the proxy {_proxy_host()} {state}", hint


def _unknown_host(output: str) -> _Cause:
    if not re.search(r"NameResolutionError|Name or service not known|name resolution|getaddrinfo|nodename nor", output):
        return None
    return f"the host {_host(output)} was not found", _NETWORK


def _status(output: str) -> _Cause:
    match = _STATUS.search(output)
    if not match:
        return None
    answer = f"{match[1]} {match[2]}" if match[1] else match[3]
    return f"{_host(output)} answers {answer}", INDEX_HINT


def _no_response(output: str) -> _Cause:
    if re.search(r"timed out|didn't respond|Timeout", output):
        return f"{_host(output)} does not respond in time", _NETWORK
    if re.search(r"Failed to establish|connection error|Connection|unreachable|Max retries", output):
        return f"{_host(output)} does not respond ({_system_error(output)})", _NETWORK
    return None


def _not_trusted(output: str) -> _Cause:
    match = re.search(r"located at (\S+) is not a trusted or secure host", output)
    if not match:
        return None
    return f"{match[1]} does not use https", f"Use its https address, or set PIP_TRUSTED_HOST={match[1]}."


def _unreached(output: str) -> _Cause:
    match = UNREACHED.search(output)
    return (f"{_host(output)}: {match[2].removesuffix(' - skipping')}", _NETWORK) if match else None


def _incompatible(output: str) -> _Cause:
    match = _INCOMPATIBLE.search(output)
    if not match:
        return None
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    cause = f"the package index has no {match[1] or match[2]} for this Python ({version})"
    return cause, "Use Python 3.11 to 3.14, or check the package index (PIP_INDEX_URL, or pip's configuration)."


def _last_line(output: str) -> _Cause:
    """Return the line that pip marks as an error, else its last one, in which a crash of pip gives the reason."""
    lines = [line for line in output.splitlines() if line.strip()] or ["pip failed"]
    errors = [line for line in lines if line.startswith("ERROR:") and line != "ERROR: Exception:"]
    return (errors or lines)[-1].removeprefix("ERROR:"), "Check the network and pip's settings, then run this again."


# Most specific first.
_CAUSES: tuple[Callable[[str], _Cause], ...] = (
    _no_ssl, _proxy, _certificates, _unknown_host, _status, _no_response, _not_trusted, _unreached, _incompatible,
    _last_line,
)  # fmt: skip


def _host(output: str) -> str:
    tried = UNREACHED.search(output)
    if tried:
        return urlsplit(tried[1]).netloc.rpartition("@")[2] or tried[1]
    match = _HOST.search(output)
    if not match:
        return "the package index"
    return f"{match[1]}:{match[2]}" if match[1] else match[3] or match[4]


def _system_error(output: str) -> str:
    match = _SYSTEM_ERROR.search(output)
    return match[1].strip() if match else "the connection broke"


def _proxy_host() -> str:
    named = pip_settings.read("install").get("proxy")
    proxies = [named] if named else [value for name, value in urllib.request.getproxies().items() if name != "no"]
    hosts = {urlsplit(proxy if "//" in proxy else f"//{proxy}").netloc.rpartition("@")[2] for proxy in proxies}
    return " or ".join(sorted(hosts)) or "of this system"
