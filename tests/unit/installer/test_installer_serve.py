"""install.py serve: it downloads missing packages, and its server ends with it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from lib.endpoint import __main__ as endpoint
from lib.installer import packages, private_gimp, serve
from tests.unit.installer.made_machine import fake_fetch, put_gimp, run

CHECKOUT = Path(__file__).absolute().parents[3]
SECONDS = 60  # a limit for a server that hangs


@pytest.fixture
def bare(machine, monkeypatch):
    """A machine without GIMP and a Python without the packages; return the list of the endpoint's starts."""
    monkeypatch.setattr(serve.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("PYTHONPATH", "")
    started = []
    monkeypatch.setattr(endpoint, "main", lambda arguments: started.append((arguments, sys.path[0])) or 0)
    return started


def test_without_gimp_the_packages_are_downloaded_once_into_the_cache(bare, capsys, monkeypatch):
    downloads = []

    def fetch(vendor, python):
        print("Downloading the packages")
        downloads.append(vendor)
        fake_fetch(vendor, python)

    monkeypatch.setattr(packages, "fetch", fetch)
    for _ in range(2):
        code, captured = run(capsys, "serve", "--port", "0", "--no-system-packages")
        assert code == 0 and captured.out == "", "stdout is for the address and the key"
    assert len(downloads) == 1 and [arguments for arguments, _path in bare] == [["--port", "0"]] * 2
    for _arguments, path in bare:
        assert (
            Path(path).is_relative_to(private_gimp.cache_folder() / "serve") and (Path(path) / "requests.py").exists()
        )
        assert os.environ["PYTHONPATH"] == path


def test_the_packages_of_an_installation_are_used(bare, machine, capsys):
    put_gimp(machine, "gimp", "3.0.4")
    run(capsys)
    assert run(capsys, "serve")[0] == 0 and not (private_gimp.cache_folder() / "serve").exists()
    assert bare == [([], str(machine / "home/.config/GIMP/3.0/plug-ins/generative-edit/vendor"))]


def test_a_python_with_the_packages_downloads_nothing(bare, capsys, monkeypatch):
    monkeypatch.setattr(serve.importlib.util, "find_spec", lambda name: True)
    path = list(sys.path)
    assert run(capsys, "serve", "--port", "8000")[0] == 0
    assert bare == [(["--port", "8000"], path[0])] and sys.path == path


def test_an_interrupted_download_is_repeated(bare, capsys, monkeypatch):
    def fail(vendor, python):
        vendor.mkdir()
        (vendor / "half").touch()
        raise KeyboardInterrupt

    monkeypatch.setattr(packages, "fetch", fail)
    assert run(capsys, "serve")[0] == 1 and not bare
    monkeypatch.setattr(packages, "fetch", fake_fetch)
    assert run(capsys, "serve")[0] == 0
    ((_arguments, path),) = bare
    assert (Path(path) / "requests.py").exists() and not (Path(path) / "half").exists()


@pytest.mark.posix
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGKILL"])
def test_its_server_ends_with_it(name, tmp_path):
    command = [sys.executable, CHECKOUT / "install.py", "serve"]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as process:
        url = process.stdout.readline().strip().removeprefix("OPENAI_BASE_URL=")
        assert requests.get(f"{url}/models", timeout=SECONDS).status_code == 401
        process.send_signal(getattr(signal, name))
        process.wait(SECONDS)
        with pytest.raises(requests.ConnectionError):
            requests.get(f"{url}/models", timeout=SECONDS)
    if name != "SIGKILL":
        assert process.returncode == 0 and not list(tmp_path.iterdir())
