"""tests/run.py: what a machine lacks is two sentences, exit code 1, and nothing that is half made counts afterwards."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lib.installer import features, pip, private_gimp, system_packages
from lib.installer.pip_failure import Failure
from tests import runner
from tests.systems import skip_reason

CHECKOUT = Path(__file__).absolute().parents[2]
WORDS = ["-c", "print('it runs')"]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache folder of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return private_gimp.cache_folder() / "tests"


def fails(capsys, words=("--python", *WORDS)):
    code, lines = runner.run(list(words)), capsys.readouterr().err.splitlines()
    assert code == 1 and len(lines) == 2 and all(line.endswith((".", "proot")) for line in lines), lines
    return lines


@pytest.mark.posix
def test_a_dead_index_is_named_and_a_later_run_begins_anew(cache, capsys, monkeypatch):
    """The real pip; the environment that it could not fill is made again."""
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    what, hint = fails(capsys)
    assert what == "Couldn't download the packages: 127.0.0.1:9 does not respond (Connection refused)."
    assert hint.startswith("Check the network") and not list(cache.glob("*/whole"))
    (half,) = cache.glob("requirements-*-*")
    (half / "left").touch()
    monkeypatch.setattr(pip, "run", lambda *_arguments: None)
    monkeypatch.setattr(features, "fetch", lambda *_arguments: {})
    assert runner.run(["--python", *WORDS]) == 0
    assert (half / "whole").exists() and not (half / "left").exists()


@pytest.mark.parametrize(
    ("failure", "sentence"),
    [
        (Failure("No space left on device"), "The disk is full."),
        (OSError(28, "No space left on device", "/x"), "Couldn't write /x: No space left on device."),
    ],
)
def test_a_full_disk_is_named(capsys, monkeypatch, failure, sentence):
    def fail(*_arguments):
        raise failure

    monkeypatch.setattr(runner, "make", fail)
    assert fails(capsys)[0] == sentence


def test_system_packages_can_be_forbidden_for_all_that_the_tests_start(capsys, monkeypatch):
    monkeypatch.setenv(system_packages.FORBIDDEN, "")
    monkeypatch.setattr(system_packages, "is_root", lambda: True)
    monkeypatch.setattr(runner, "environment", lambda: system_packages.install(["proot"]))
    what, hint = fails(capsys, ("--no-system-packages", "--lint"))
    assert "--no-system-packages forbids" in what and hint.startswith("Run: apt-get update && apt-get install")
    # The GIMPs are fetched by processes of pytest's.
    monkeypatch.setattr(runner, "environment", lambda: sys.executable)
    monkeypatch.delenv(system_packages.FORBIDDEN)
    test = f"import os; raise SystemExit(os.environ.get({system_packages.FORBIDDEN!r}) != '1')"
    assert runner.run(["--python", "-c", test]) == 1
    assert runner.run(["--no-system-packages", "--python", "-c", test]) == 0


def test_an_old_python_gets_a_sentence(tmp_path):
    """In whatever Python these tests run: one older than that is asked for."""
    text = (CHECKOUT / "install.py").read_text()
    (tmp_path / "install.py").write_text(text.replace("OLDEST_PYTHON = (3, 11)", "OLDEST_PYTHON = (9, 0)"))
    (tmp_path / "tests").mkdir()
    shutil.copy(CHECKOUT / "tests/run.py", tmp_path / "tests")
    done = subprocess.run([sys.executable, tmp_path / "tests/run.py", "--lint"], capture_output=True, text=True)
    first, second = done.stderr.splitlines()
    assert done.returncode == 1 and first.startswith("Generative Edit needs Python 3.11 or later; this is")
    assert second.endswith(" tests/run.py --lint")


def test_what_a_system_cannot_run_is_left_out_there_and_nowhere_else():
    assert not any(skip_reason({name, "one_gimp"}, "linux") for name in ("posix", "linux"))
    assert "/proc" in skip_reason({"linux"}, "darwin") and not skip_reason({"posix"}, "darwin")
    assert "/proc" in skip_reason({"linux"}, "win32") and "signals" in skip_reason({"posix"}, "win32")
    assert not skip_reason({"one_gimp"}, "win32")


@pytest.mark.parametrize(("words", "last"), [(["tests/unit", "-k", "x"], "x"), ([], "--brief")])
def test_the_chosen_tests_run_with_text_in_utf_8(monkeypatch, words, last):
    calls = []
    monkeypatch.setattr(runner, "environment", lambda: "python")
    monkeypatch.setattr(runner.subprocess, "call", lambda command, **given: calls.append((command, given["env"])))
    runner.run(words)
    ((command, variables),) = calls
    assert command[:3] == ["python", "-m", "pytest"] and command[-1] == last and set(words) < set(command)
    assert variables["PYTHONUTF8"] == "1" and ("--numprocesses=5" in command) is (not words)
