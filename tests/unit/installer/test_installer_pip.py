"""pip: which of its settings are used, where it is downloaded from, and the causes of its failures."""

import base64
import hashlib
import http.server
import os
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest

from lib.installer import packages, pip, pip_failure, pip_settings, pip_wheel, pythons
from lib.installer.pip_failure import Failure
from lib.installer.problem import SetupProblem
from lib.installer.programs import Machine
from lib.installer.pythons import Python
from tests.unit.installer.made_machine import put_program

# pip keeps its settings elsewhere on Windows, and a refused connection has another name there.
pytestmark = pytest.mark.posix

HARMFUL = {
    "dry-run": "1", "root": "{tmp}/root", "prefix": "{tmp}/prefix", "target": "{tmp}/target", "user": "1",
    "require-hashes": "1", "require-virtualenv": "1", "python": "/nowhere/python", "platform": "win_amd64",
    "python-version": "3.5", "no-binary": ":all:", "constraint": "/nowhere/constraints.txt", "quiet": "3",
    "requirement": "/nowhere/requirements.txt", "report": "{tmp}/report", "only-binary": "none", "isolated": "1",
}  # fmt: skip


def put_wheel(folder, name, version="1.0", content="", tag="py3-none-any"):
    info = f"{name}-{version}.dist-info"
    path = folder / f"{name}-{version}-{tag}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}/__init__.py", content)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


@pytest.fixture
def clean(tmp_path, monkeypatch):
    """A user without pip settings, and two pins of our own in a folder of wheels."""
    for name in [name for name in os.environ if name.startswith("PIP_") or name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path / "xdg"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setattr(pip_settings, "_shared_folders", lambda machine: [tmp_path / "shared"])
    (tmp_path / "pins.json").write_text('[{"name": "made", "version": "1.0"}, {"name": "other", "version": "1.0"}]')
    monkeypatch.setattr(packages, "PINS", tmp_path / "pins.json")
    (tmp_path / "index").mkdir()
    for name in ("made", "other"):
        put_wheel(tmp_path / "index", name)
    (tmp_path / "new").mkdir()
    return tmp_path


def put_settings(tmp_path, section, values):
    path = tmp_path / "home/.config/pip/pip.conf"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{name} = {value.format(tmp=tmp_path)}" for name, value in values.items()]
    with path.open("a") as file:
        file.write("\n".join([f"[{section}]", *lines, ""]))


def fetch(tmp_path):
    packages.fetch(tmp_path / "new/vendor", pythons.running())
    packages.check(tmp_path / "new", pythons.running())


@pytest.mark.parametrize("where", ["variables", "global", "install"])
def test_settings_for_other_targets_are_ignored_and_the_index_is_used(clean, monkeypatch, where):
    """With these settings, the real pip would install nothing or elsewhere, or fail."""
    useful = {"find-links": str(clean / "index"), "no-index": "1"}
    if where == "variables":
        for name, value in {**HARMFUL, **useful}.items():
            monkeypatch.setenv(f"PIP_{name.upper().replace('-', '_')}", value.format(tmp=clean))
    else:
        put_settings(clean, where, {**HARMFUL, **useful})
    fetch(clean)
    assert sorted(path.name for path in (clean / "new").iterdir()) == ["vendor"]
    assert (clean / "new/vendor/made/__init__.py").is_file()
    assert sorted(path.name for path in clean.iterdir() if path.name in ("root", "prefix", "target", "report")) == []


def test_files_and_variables_override_each_other_in_pips_order(tmp_path, monkeypatch):
    home = tmp_path / "home"
    for path, value in (
        ("xdg/pip/pip.conf", "[global]\nindex-url = xdg\ncert = xdg\nproxy = xdg\nretries = 9"),
        ("home/.pip/pip.conf", "[global]\nindex_url = legacy\ncert = legacy"),
        (
            "home/.config/pip/pip.conf",
            "[global]\ncert = user\ntrusted-host =\n  one\n  two\n[install]\nproxy = install",
        ),
        ("named.conf", "[global]\ncert = named"),
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(value)
    monkeypatch.setattr(pip_settings.sys, "prefix", str(tmp_path / "prefix"))
    variables = {"XDG_CONFIG_DIRS": str(tmp_path / "xdg"), "PIP_RETRIES": "1"}
    assert pip_settings.read("install", Machine("linux", variables, home)) == {
        "index-url": "legacy", "cert": "user", "proxy": "install", "retries": "1", "trusted-host": "\none\ntwo",
    }  # fmt: skip
    assert pip_settings.read("download", Machine("linux", variables, home))["proxy"] == "xdg"
    named = Machine("linux", {**variables, "PIP_CONFIG_FILE": str(tmp_path / "named.conf")}, home)
    assert pip_settings.read("install", named) == {
        "index-url": "xdg", "cert": "named", "proxy": "xdg", "retries": "1",
    }  # fmt: skip
    none = Machine("linux", {"PIP_CONFIG_FILE": os.devnull}, home)
    assert pip_settings.read("install", none) == {"retries": "2"}


@pytest.mark.parametrize(
    ("system", "place"),
    [
        ("win32", "home/AppData/Roaming/pip/pip.ini"),
        ("win32", "programs/pip/pip.ini"),
        ("darwin", "home/.config/pip/pip.conf"),
        ("darwin", "home/Library/Application Support/pip/pip.conf"),
    ],
)
def test_the_configuration_files_of_other_systems(tmp_path, system, place):
    (tmp_path / place).parent.mkdir(parents=True)
    (tmp_path / place).write_text("[global]\nproxy = here")
    machine = Machine(system, {"PROGRAMDATA": str(tmp_path / "programs")}, tmp_path / "home")
    assert pip_settings.read("install", machine)["proxy"] == "here"


def test_invalid_settings_are_reported(clean, capsys):
    put_settings(clean, "global", {})
    (clean / "home/.config/pip/pip.conf").write_text("index-url = before any section\n")
    with pytest.raises(SetupProblem, match=r"pip\.conf: File contains no section headers\. Correct"):
        fetch(clean)


def test_the_password_of_the_users_index_is_in_no_message(clean, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "http://user:secret@127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    with pytest.raises(SetupProblem) as caught:
        fetch(clean)
    assert caught.value.what == "Couldn't download the packages: 127.0.0.1:9 does not respond (Connection refused)."
    assert "secret" not in str(caught.value) and caught.value.hint.startswith("Check the network")


class Index(http.server.BaseHTTPRequestHandler):
    """A package index with some pages that records its requests."""

    def do_GET(self):  # noqa: N802
        self.server.requests.append((self.path, self.headers.get("Authorization")))
        content = self.server.pages.get(self.path)
        self.send_response(200 if content is not None else self.server.missing)
        self.end_headers()
        self.wfile.write(content or b"")

    do_CONNECT = do_GET  # noqa: N815

    def log_message(self, *_):
        pass


@pytest.fixture
def index():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Index)
    server.requests, server.pages, server.missing = [], {}, 404
    server.address = f"127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


WHEEL = b"not really a wheel"
LINK = f'<a href="../../files/{pip_wheel.NAME}#sha256=0">{pip_wheel.NAME}</a>'.encode()


@pytest.fixture
def pinned(monkeypatch):
    monkeypatch.setattr(pip_wheel, "SHA256", hashlib.sha256(WHEEL).hexdigest())


@pytest.mark.usefixtures("pinned")
def test_the_wheel_comes_from_the_users_index_with_its_password(clean, index, monkeypatch):
    index.pages = {"/simple/pip/": LINK, f"/files/{pip_wheel.NAME}": WHEEL}
    monkeypatch.setenv("PIP_INDEX_URL", f"http://user:p%40ss@{index.address}/simple")
    assert pip_wheel.fetch(clean).read_bytes() == WHEEL
    password = "Basic " + base64.b64encode(b"user:p@ss").decode()
    assert index.requests == [("/simple/pip/", password), (f"/files/{pip_wheel.NAME}", password)]


@pytest.mark.usefixtures("pinned")
@pytest.mark.parametrize("kind", ["path", "file", "index"])
def test_the_wheel_comes_from_a_folder(clean, monkeypatch, kind):
    folder = clean / "own"
    place = folder / "pip" if kind == "index" else folder
    place.mkdir(parents=True)
    (place / pip_wheel.NAME).write_bytes(WHEEL)
    if kind == "index":
        monkeypatch.setenv("PIP_INDEX_URL", folder.as_uri())
    else:
        monkeypatch.setenv("PIP_FIND_LINKS", folder.as_uri() if kind == "file" else str(folder))
        monkeypatch.setenv("PIP_NO_INDEX", "1")
    assert pip_wheel.fetch(clean).read_bytes() == WHEEL


@pytest.mark.usefixtures("pinned")
def test_the_next_index_is_used_if_one_lacks_the_wheel(clean, index, monkeypatch):
    index.pages = {"/more/pip/": LINK.replace(b"../../", b"/"), f"/files/{pip_wheel.NAME}": WHEEL}
    monkeypatch.setenv("PIP_INDEX_URL", f"http://{index.address}/simple")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", f"http://{index.address}/more/")
    assert pip_wheel.fetch(clean).read_bytes() == WHEEL


def problem_without_pip(clean, monkeypatch):
    monkeypatch.setattr(pip.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(pip, "WHEELS", clean / "nowhere")
    with pytest.raises(SetupProblem) as caught:
        packages.fetch(clean / "new/vendor", pythons.running())
    assert list((clean / "new").iterdir()) == []
    return caught.value.what, caught.value.hint


def test_a_wheel_with_a_wrong_checksum_is_not_run(clean, index, monkeypatch):
    index.pages = {"/simple/pip/": LINK, f"/files/{pip_wheel.NAME}": b"something else"}
    monkeypatch.setenv("PIP_INDEX_URL", f"http://{index.address}/simple")
    what, _ = problem_without_pip(clean, monkeypatch)
    assert what == (
        f"Couldn't download pip, which this Python does not have: {index.address}: "
        f"its {pip_wheel.NAME} is not the expected file."
    )


@pytest.mark.parametrize(
    ("missing", "cause"), [(403, "answers 403 Forbidden"), (503, "answers 503 Service Unavailable")]
)
def test_an_index_that_refuses(clean, index, monkeypatch, missing, cause):
    index.missing = missing
    monkeypatch.setenv("PIP_INDEX_URL", f"http://{index.address}/simple")
    what, hint = problem_without_pip(clean, monkeypatch)
    assert what == f"Couldn't download pip, which this Python does not have: {index.address} {cause}."
    assert hint.startswith("Check the package index")


def test_an_index_that_has_no_pip(clean, index, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", f"http://{index.address}/simple")
    what, _ = problem_without_pip(clean, monkeypatch)
    assert f"the package index has no pip=={pip_wheel.VERSION} for this Python" in what


@pytest.mark.parametrize("variable", ["PIP_PROXY", "http_proxy"])
def test_an_unreachable_proxy_for_the_wheel(clean, monkeypatch, variable):
    monkeypatch.setenv(variable, "http://user:secret@127.0.0.1:9")
    monkeypatch.setenv("PIP_INDEX_URL", "http://index.invalid/simple")
    what, hint = problem_without_pip(clean, monkeypatch)
    assert what.endswith("does not have: the proxy 127.0.0.1:9 does not respond (Connection refused).")
    assert hint.startswith("Correct the proxy")


def test_a_missing_certificate_file(clean, monkeypatch):
    monkeypatch.setenv("PIP_CERT", "/nowhere/ca.pem")
    monkeypatch.setenv("PIP_INDEX_URL", "https://127.0.0.1:9/simple")
    what, hint = problem_without_pip(clean, monkeypatch)
    assert "the certificate file /nowhere/ca.pem does not exist" in what and "PIP_CERT" in hint


def test_a_pip_that_does_not_start_is_replaced(clean, index, monkeypatch):
    """For example, a pip that is half removed, or for another Python."""
    monkeypatch.setattr(
        pip.sys, "executable", str(put_program(clean / "python", "echo 'No module named x' >&2; exit 1"))
    )
    monkeypatch.setattr(pip, "WHEELS", clean / "nowhere")
    monkeypatch.setenv("PIP_INDEX_URL", f"http://{index.address}/simple")
    with pytest.raises(SetupProblem, match="Couldn't download pip, which does not work in this Python: "):
        packages.fetch(clean / "new/vendor", pythons.running())
    index.pages = {"/simple/pip/": LINK, f"/files/{pip_wheel.NAME}": WHEEL}
    monkeypatch.setattr(pip_wheel, "SHA256", hashlib.sha256(WHEEL).hexdigest())
    with pytest.raises(SetupProblem, match="Couldn't download the packages: No module named x"):
        packages.fetch(clean / "new/vendor", pythons.running())


@pytest.mark.parametrize("proxied", [False, True])
def test_an_unreachable_index_and_an_unreachable_proxy(clean, monkeypatch, proxied):
    """With the real pip, which says of both only that it found no version."""
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_INDEX_URL", "https://index.invalid/simple" if proxied else "https://127.0.0.1:9/simple")
    if proxied:
        monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    with pytest.raises(SetupProblem) as caught:
        packages.fetch(clean / "new/vendor", pythons.running())
    host = "the proxy 127.0.0.1:9" if proxied else "127.0.0.1:9"
    assert caught.value.what == f"Couldn't download the packages: {host} does not respond (Connection refused)."
    assert list((clean / "new").iterdir()) == []


def test_an_index_that_lacks_a_package(clean, index, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", f"http://{index.address}/simple")
    with pytest.raises(SetupProblem, match=r"the package index has no made==1\.0 for this Python \(3"):
        packages.fetch(clean / "new/vendor", pythons.running())


NONE = "ERROR: No matching distribution found for requests==2.34.2"
RETRYING = "WARNING: Retrying (Retry(total=0)) after connection broken by"


@pytest.mark.parametrize(
    ("output", "cause"),
    [
        # From pip 23.0 and pip 26.3, on the terminal and in the log.
        (f"{RETRYING} 'NewConnectionError('<HTTPSConnection object at 0x7f>: Failed to establish a new connection: "
         "[Errno -2] Name or service not known')': /simple/requests/\nCould not fetch URL https://a.example/simple/"
         f"requests/: connection error: HTTPSConnectionPool(host='a.example', port=443): Max retries\n{NONE}",
         "the host a.example was not found"),
        ("Could not fetch URL https://a.example/simple/: connection error: Failed to resolve IP address for "
         "'a.example' ([Errno -3] Temporary failure in name resolution) - skipping",
         "the host a.example was not found"),
        ("Could not fetch URL https://a.example/simple/: connection error: Failed to connect to a.example on port 443: "
         f"[Errno 111] Connection refused - skipping\n{NONE}",
         "a.example does not respond (Connection refused)."),
        ("OSError: HTTPSConnectionPool(host='files.example', port=443): Max retries exceeded with url: /a.whl (Caused "
         "by NewConnectionError('<x>: Failed to establish a new connection: [Errno 101] Network is unreachable'))",
         "files.example:443 does not respond (Network is unreachable)"),
        ("Could not fetch URL http://127.0.0.1:1/simple/: 127.0.0.1 didn't respond within 2.0 seconds - skipping",
         "127.0.0.1:1 does not respond in time"),
        ("ReadTimeoutError: HTTPSConnectionPool(host='files.example', port=443): Read timed out.",
         "files.example:443 does not respond in time"),
        ("Could not fetch URL https://a.example/simple/: There was a problem confirming the ssl certificate: [SSL: "
         "CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate (_ssl.c:992) - skipping",
         "the certificate of a.example is not trusted (self-signed certificate)"),
        ("Could not fetch URL http://a.example/simple/: 401 Client Error: Unauthorized for url: http://a.example/ - x",
         "a.example answers 401 Unauthorized"),
        ("Could not fetch URL http://a.example/simple/: HTTPConnectionPool(host='a.example', port=80): Max retries "
         "exceeded with url: / (Caused by ResponseError('too many 503 error responses')) - skipping",
         "a.example answers 503"),
        ("ERROR: HTTP error 404 while getting https://files.example/a.whl", "files.example answers 404"),
        ("Could not fetch URL https://a.example/: proxy connection error: ('Unable to connect to proxy', "
         "OSError('Tunnel connection failed: 407 Proxy Authentication Required')) - skipping",
         "the proxy of this system answers 407 Proxy Authentication Required"),
        ("ERROR: Could not install packages due to an OSError: Missing dependencies for SOCKS support.",
         "pip does not support SOCKS proxies"),
        ("WARNING: pip is configured with locations that require TLS/SSL, however the ssl module in Python is not "
         "available.\nCould not fetch URL https://a.example/: There was a problem confirming the ssl certificate: "
         f"\"Can't connect to HTTPS URL because the SSL module is not available.\"\n{NONE}",
         "this Python has no ssl module"),
        (f"WARNING: The repository located at a.example is not a trusted or secure host and is being ignored.\n{NONE}",
         "a.example does not use https"),
        (NONE, "the package index has no requests==2.34.2 for this Python"),
        ("ERROR: numpy-1-cp31-win.whl is not a supported wheel on this platform.",
         "the package index has no numpy-1-cp31-win.whl for this Python"),
        ("ERROR: Exception:\nTraceback …\nPermissionError: [Errno 13] Permission denied: '/x'",
         "PermissionError: [Errno 13] Permission denied: '/x'"),
        ("pip crashed with signal 9", "pip crashed with signal 9"),
        ("", "pip failed"),
    ],
)  # fmt: skip
def test_the_cause_of_a_failure(clean, output, cause):
    problem = Failure(output).problem()
    assert problem.what.startswith(f"Couldn't download the packages: {cause}")
    assert problem.what.endswith(".") and problem.hint.endswith(".")
    assert "Traceback" not in problem.what and "\n" not in problem.what


def test_a_pip_that_crashes(clean, monkeypatch):
    monkeypatch.setattr(pip, "_command", lambda *_: ["/bin/sh", "-c", "kill -9 $$"])
    with pytest.raises(SetupProblem, match="Couldn't download the packages: pip crashed with signal 9"):
        packages.fetch(clean / "new/vendor", pythons.running())


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "made is missing"),
        ("import ctypes.no_such_library", "made: ModuleNotFoundError: No module named 'ctypes.no_such_library'"),
        ("try:\n  open('/nowhere')\nexcept OSError as e:\n  raise ImportError('PLEASE READ THIS') from e",
         "made: FileNotFoundError: [Errno 2] No such file or directory: '/nowhere'"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGILL)", "made crashed with signal 4"),
    ],
)  # fmt: skip
def test_packages_that_cannot_be_imported_are_refused(clean, monkeypatch, content, reason):
    """A package of that name elsewhere on this Python's path is refused too."""
    vendor, elsewhere = clean / "new/vendor", clean / "elsewhere"
    for folder in (vendor, elsewhere):
        folder.mkdir()
        (folder / "other.py").write_text("")
    (elsewhere / "made.py").write_text("")
    if content is not None:
        (vendor / "made.py").write_text(content)
    code = packages.import_all(pythons.running())
    monkeypatch.setattr(packages, "import_all", lambda python: f"sys.path.append({str(elsewhere)!r})\n{code}")
    with pytest.raises(SetupProblem) as caught:
        packages.check(clean / "new", pythons.running())
    assert caught.value.what == f"The packages were downloaded, but {sys.executable} can't import them: {reason}."


def test_a_missing_python_is_reported(clean):
    with pytest.raises(SetupProblem, match="/nowhere/python3 can't import them: .*No such file"):
        packages.check(clean, Python("/nowhere/python3", "3.11", "linux-x86_64"))


def test_pip_ignores_modules_in_the_current_folder(clean, monkeypatch):
    (clean / "json.py").write_text("raise SystemExit('not json')")
    monkeypatch.chdir(clean)
    monkeypatch.setenv("PIP_FIND_LINKS", str(clean / "index"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    fetch(clean)


def test_only_the_last_cause_matches_anything():
    """A cause after one that always matches would never be used."""
    assert pip_failure._CAUSES[-1]("anything") is not None
    assert all(cause("anything") is None for cause in pip_failure._CAUSES[:-1])


def test_pip_can_install_for_another_python(clean, monkeypatch):
    calls = []
    monkeypatch.setattr(pip, "_command", lambda *_: ["pip"])
    monkeypatch.setattr(
        pip.subprocess, "run", lambda command, **_: calls.append(command) or subprocess.CompletedProcess([], 0, "", "")
    )
    pip.run(["install", "made"], clean / "new", "/venv/bin/python")
    assert calls[0][:5] == ["pip", "--python", "/venv/bin/python", "install", "made"]
    assert Path(calls[0][calls[0].index("--log") + 1]).parent.parent == clean / "new"
