"""The endpoint as a service: health, logs, a key from a file, and an end that finishes the running edits."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from lib.endpoint import Endpoint, edits
from lib.installer import command
from tests.endpoint.support import encoded, hole, mask, photo

ROOT = Path(__file__).parents[2]
CONTAINERFILE = (ROOT / "lib/endpoint/Containerfile").read_text(encoding="utf-8")
SECONDS = 60  # a limit for a process that hangs
KEY = "sk-from-a-file"


def post(url: str, key: str) -> requests.Response:
    files = {
        "image": ("a.png", encoded(photo(64, 64)), "image/png"),
        "mask": ("m.png", encoded(mask(hole(64, 64))), "image/png"),
    }
    return requests.post(f"{url}/images/edits", headers={"Authorization": f"Bearer {key}"}, data={"prompt": "remove"},
                         files=files, timeout=SECONDS)  # fmt: skip


def test_health_needs_no_key_and_says_when_the_server_stops() -> None:
    with Endpoint.start() as endpoint:
        health = endpoint.base_url.removesuffix("/v1") + "/health"
        answer = requests.get(health, timeout=SECONDS)
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
        assert endpoint.drain(0)
        answer = requests.get(health, timeout=SECONDS)
        assert (answer.status_code, answer.json()) == (503, {"status": "stopping"})
        refused = post(endpoint.base_url, endpoint.key)
        assert refused.status_code == 503 and refused.json()["error"]["code"] == "server_stopping"


def test_an_accepted_edit_is_answered_before_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    running, go_on = threading.Event(), threading.Event()
    answer = edits.Edit.answer

    def slow(self: edits.Edit, *arguments: object) -> object:
        running.set()
        go_on.wait(SECONDS)
        return answer(self, *arguments)

    monkeypatch.setattr(edits.Edit, "answer", slow)
    with Endpoint.start() as endpoint:
        statuses: list[int] = []
        client = threading.Thread(target=lambda: statuses.append(post(endpoint.base_url, endpoint.key).status_code))
        client.start()
        assert running.wait(SECONDS) and not endpoint.drain(0.05), "it is still running"
        go_on.set()
        assert endpoint.drain(SECONDS)
        client.join(SECONDS)
        assert statuses == [200]


@contextmanager
def service(arguments: list[str], folder: Path, cwd: Path = ROOT) -> Iterator["subprocess.Popen[str]"]:
    log = (folder / "log").open("w")
    process = subprocess.Popen([sys.executable, *arguments], cwd=cwd, env={**os.environ, "TMPDIR": str(folder)},
                               stdout=subprocess.PIPE, stderr=log, text=True)  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=SECONDS)
        log.close()


def address(process: "subprocess.Popen[str]") -> str:
    assert process.stdout
    return process.stdout.readline().strip().removeprefix("OPENAI_BASE_URL=")


@pytest.mark.posix
def test_the_key_of_a_file_is_printed_and_logged_nowhere(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text(f"{KEY}\n", encoding="utf-8-sig")  # with a byte order mark, as PowerShell writes it
    with service(["install.py", "serve", "--key-file", str(key), "--log-requests"], tmp_path) as process:
        url = address(process)
        assert post(url, KEY).status_code == 200 and post(url, "wrong").status_code == 401
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) == 0
        assert process.stdout and process.stdout.read() == ""
    lines = (tmp_path / "log").read_text().splitlines()
    assert [re.sub(r"^\S+ \S+ ", "", line).split(" ")[:3] for line in lines] == [
        ["POST", "/v1/images/edits", "200"], ["POST", "/v1/images/edits", "401"],
    ]  # fmt: skip
    assert KEY not in "".join(lines) and "remove" not in "".join(lines)


@pytest.mark.parametrize(
    ("content", "message"),
    [("", "The key is empty."), (None, "Couldn't read the key in "), ("one\ntwo", "The key must be one line of ASCII"),
     ("schl\u00fcssel", "The key must be one line of ASCII")],
)  # fmt: skip
def test_a_key_file_that_cannot_be_used(tmp_path: Path, content: str | None, message: str) -> None:
    if content is not None:
        (tmp_path / "key").write_text(content, encoding="utf-8")
    command_line = [sys.executable, "-m", "lib.endpoint", "--key-file", str(tmp_path / "key")]
    done = subprocess.run(command_line, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 2 and done.stderr.startswith(message)


def test_a_callers_line_feed_forges_no_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"), Endpoint.start() as endpoint:
        requests.get(f"{endpoint.base_url}/a%0AGET%20/v1/models%20200", timeout=SECONDS)
    (record,) = (record for record in caplog.records if record.name == "lib.endpoint.requests")
    assert "\n" not in record.getMessage() and r"/v1/a\nGET" in record.getMessage()


@pytest.mark.posix
def test_the_systemd_unit_runs_this_install_py(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "my 100%"
    folder.mkdir()
    monkeypatch.chdir(folder)
    arguments = ["--host", "127.0.0.1", "--key-file", "/etc/my keys/100%", "--stop-seconds", "300"]
    assert command.run(["serve", "--print-systemd-unit", *arguments]) == 0
    unit = capsys.readouterr().out
    line = next(line for line in unit.splitlines() if line.startswith("ExecStart="))
    words = shlex.split(line.removeprefix("ExecStart=").replace("%%", "%"))
    assert words == [sys.executable, str(ROOT / "install.py"), "serve", "--log-requests", *arguments]
    assert f"WorkingDirectory={tmp_path}/my 100%%" in unit.splitlines(), "the key's path may be relative to it"
    assert "TimeoutStopSec=330" in unit.splitlines(), "systemd leaves the running edits their time"
    if shutil.which("systemd-analyze"):
        (tmp_path / "generative-edit.service").write_text(unit)
        checked = subprocess.run(["systemd-analyze", "verify", "--user", str(tmp_path / "generative-edit.service")],
                                 capture_output=True, text=True, timeout=SECONDS)  # fmt: skip
        assert "generative-edit.service:" not in checked.stderr, checked.stderr


def instructions(name: str) -> list[str]:
    return [line.removeprefix(f"{name} ") for line in CONTAINERFILE.splitlines() if line.startswith(f"{name} ")]


@pytest.mark.posix
def test_the_containers_commands(tmp_path: Path) -> None:
    """In a folder with nothing but what it copies, without a container."""
    image = tmp_path / "image"
    image.mkdir()
    for copied in instructions("COPY"):
        *sources, target = copied.split()
        for source in sources:
            place = image / target if target != "./" else image / source
            place.parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, place, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / source, place)
    assert instructions("RUN")[0].endswith("--requirement lib/requirements.txt")
    (tmp_path / "key").write_text(KEY)
    (entry,), (health,) = map(instructions, ("ENTRYPOINT", "HEALTHCHECK"))
    python, *words = eval(entry)
    assert python == "python3" and "0.0.0.0" in words and words[words.index("--port") + 1] == "8000"
    words = ["127.0.0.1" if word == "0.0.0.0" else "0" if word == "8000" else word for word in words]
    words[words.index("/run/secrets/generative-edit-key")] = str(tmp_path / "key")
    with service(words, tmp_path, cwd=image) as process:
        url = address(process)
        check = [word.replace("http://127.0.0.1:8000", url.removesuffix("/v1")) for word in eval(health[len("CMD ") :])]
        assert subprocess.run([sys.executable, *check[1:]], timeout=SECONDS).returncode == 0
        assert post(url, KEY).status_code == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) == 0
    assert subprocess.run([sys.executable, *check[1:]], stderr=subprocess.DEVNULL, timeout=SECONDS).returncode != 0
