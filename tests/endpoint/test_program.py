"""The endpoint as a program and as a thread: its start, its output, its end."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from lib.endpoint import Endpoint
from lib.endpoint.__main__ import main
from tests.endpoint.support import encoded, hole, mask, photo

ROOT = Path(__file__).parents[2]
SECONDS = 30  # a limit for a process that hangs


@contextmanager
def program(*arguments: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Run the program with its temporary files in `folder`."""
    process = subprocess.Popen(
        [sys.executable, "-m", "lib.endpoint", *arguments],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(folder)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=SECONDS)


def read_address(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Return the address and the key that the program prints at its start."""
    url = process.stdout.readline().strip().removeprefix("OPENAI_BASE_URL=")
    key = process.stdout.readline().strip().removeprefix("OPENAI_API_KEY=")
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/v1", url) and len(key) >= 32
    return url, key


@pytest.mark.posix
@pytest.mark.parametrize("end", ["SIGINT", "SIGTERM", "stdin"])
def test_it_prints_its_address_and_key_and_leaves_no_files(tmp_path: Path, end: str) -> None:
    arguments = ["--until-stdin-closes"] if end == "stdin" else []
    with program(*arguments, folder=tmp_path) as process:
        url, key = read_address(process)
        headers = {"Authorization": f"Bearer {key}"}
        assert requests.get(f"{url}/models", headers=headers, timeout=SECONDS).status_code == 200
        upload = requests.post(
            f"{url}/files",
            headers=headers,
            data={"purpose": "vision"},
            files={"file": ("a.png", bytes(600_000), "image/png")},
            timeout=SECONDS,
        )
        assert upload.status_code == 200
        assert list(tmp_path.rglob("file-*.bin"))
        if end == "stdin":
            process.stdin.close()
            process.stdin = None
        else:
            process.send_signal(getattr(signal, end))
        assert process.wait(SECONDS) == 0
        assert process.stdout.read() == "" and process.stderr.read() == ""
    assert list(tmp_path.iterdir()) == []


def test_a_given_folder_for_files_is_not_removed(tmp_path: Path) -> None:
    with Endpoint.start(files=tmp_path / "files") as endpoint:
        requests.post(
            f"{endpoint.base_url}/files",
            headers={"Authorization": f"Bearer {endpoint.key}"},
            data={"purpose": "vision"},
            files={"file": ("a.png", b"abc", "image/png")},
            timeout=SECONDS,
        ).raise_for_status()
    assert len(list((tmp_path / "files").iterdir())) == 2


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "example.com", "192.168.1.4"])
def test_other_hosts_need_an_explicit_key(
    host: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GENERATIVE_EDIT_ENDPOINT_KEY", raising=False)
    assert main(["--host", host]) == 2
    assert "--key" in capsys.readouterr().err


def test_invalid_options_are_reported(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--key", ""]) == 2
    assert capsys.readouterr().err == "The key is empty.\n"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert main(["--port", str(taken.getsockname()[1])]) == 2
    assert "Couldn't listen" in capsys.readouterr().err
    assert main(["--port", "99999"]) == 2
    assert "Couldn't listen" in capsys.readouterr().err


def test_after_an_endpoint_is_closed_another_can_use_its_port() -> None:
    endpoint = Endpoint.start(key="k")
    port = int(endpoint.base_url.split(":")[2].split("/")[0])
    endpoint.close()
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{endpoint.base_url}/models", timeout=SECONDS)
    with Endpoint.start(port=port, key="k") as second:
        assert second.base_url == endpoint.base_url and second.key == "k"
    with pytest.raises(ValueError, match="key"):
        Endpoint.start(key="")


def test_each_key_is_random() -> None:
    with Endpoint.start() as one, Endpoint.start() as two:
        assert one.key != two.key and len(one.key) >= 32


def test_it_logs_no_request(endpoint: Endpoint, capfd: pytest.CaptureFixture[str]) -> None:
    requests.get(f"{endpoint.base_url}/models", headers={"Authorization": "Bearer wrong"}, timeout=SECONDS)
    requests.get(f"{endpoint.base_url}/models", headers={"Authorization": f"Bearer {endpoint.key}"}, timeout=SECONDS)
    with socket.create_connection(("127.0.0.1", int(endpoint.base_url.split(":")[2].split("/")[0]))) as raw:
        raw.sendall(b"NONSENSE\r\n\r\n")
        raw.recv(1000)
    out, err = capfd.readouterr()
    assert out == "" and err == ""


def test_a_client_that_disconnects_affects_no_other(endpoint: Endpoint, capfd: pytest.CaptureFixture[str]) -> None:
    address = ("127.0.0.1", int(endpoint.base_url.split(":")[2].split("/")[0]))
    head = f"POST /v1/images/edits HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {endpoint.key}\r\n"
    for rest in (
        "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 9999\r\n\r\n--b\r\nContent-",
        "Content-Type: application/json\r\nContent-Length: 9999\r\n\r\n{",
        "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "Content-Type: application/json\r\nContent-Length: -5\r\n\r\n{}",
        "Content-Type: application/json\r\nContent-Length: 99999999999999\r\n\r\n{}",
    ):
        with socket.create_connection(address, SECONDS) as raw:
            raw.sendall((head + rest).encode())
            raw.shutdown(socket.SHUT_WR)
            answer = raw.recv(1 << 16)
            assert answer == b"" or answer.startswith((b"HTTP/1.1 4",)), answer
    assert requests.get(
        f"{endpoint.base_url}/models", headers={"Authorization": f"Bearer {endpoint.key}"}, timeout=SECONDS
    ).ok
    assert capfd.readouterr().err == ""


def test_temporary_files_are_removed_and_threads_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = threading.active_count()
    noise = encoded(photo(600, 600))
    assert len(noise) > 500_000
    with Endpoint.start() as endpoint:
        for stream in ("false", "true"):
            for prompt in ("sepia", "nonsense"):
                requests.post(
                    f"{endpoint.base_url}/images/edits",
                    headers={"Authorization": f"Bearer {endpoint.key}"},
                    data={"prompt": prompt, "stream": stream, "size": "16x16"},
                    files={
                        "image": ("a.png", noise, "image/png"),
                        "mask": ("m.png", encoded(mask(hole(600, 600))), "image/png"),
                    },
                    timeout=SECONDS,
                )
    end = time.monotonic() + SECONDS
    while threading.active_count() > before and time.monotonic() < end:
        time.sleep(0.01)
    assert threading.active_count() <= before
    assert list(tmp_path.iterdir()) == []


def test_a_client_that_stops_sending_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lib.endpoint.connection.GRACE_SECONDS", 0.2)
    with Endpoint.start(key="k") as endpoint:
        address = ("127.0.0.1", int(endpoint.base_url.split(":")[2].split("/")[0]))
        with socket.create_connection(address, SECONDS) as raw:
            raw.sendall(
                b"POST /v1/images/edits HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer k\r\n"
                b"Content-Type: application/json\r\nContent-Length: 9999\r\n\r\n{"
            )
            assert raw.recv(1 << 16).startswith(b"HTTP/1.1 400 ")
