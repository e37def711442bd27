"""Steady, the server that OpenAI's own clients are tested with, has no objection to any request of this client."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lib.api import models
from lib.api.client import ImagesClient
from lib.api.errors import ApiError
from lib.api.request import EditRequest, FileId
from tests import suites
from tests.wire.pictures import picture

pytestmark = [pytest.mark.whole_run, pytest.mark.posix, pytest.mark.timeout(900)]

IMAGE = picture()
START_SECONDS = 60
FORMS: list[dict[str, Any]] = [
    {},
    {"mask": IMAGE},
    {"images": [IMAGE] * 3, "mask": IMAGE},
    {"images": [IMAGE, FileId("file-1")], "mask": IMAGE},
    {"n": 4, "size": "1024x1536"},
    {"prompt": 'hé, "a"\r\nb 舟'},
    {"stream": True, "partial_images": 2},
    {"output_format": "webp", "output_compression": 0},
    {"user": "me"},
]


@dataclass
class Steady:
    url: str
    log: Path

    def judged(self) -> list[dict[str, Any]]:
        """Return what it says of each request so far."""
        events = [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines() if line[:1] == "{"]
        return [event for event in events if event["type"] == "request"]


@pytest.fixture(scope="module")
def steady(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Steady]:
    program = suites.node_packages() / "node_modules" / ".bin" / "steady"
    log = tmp_path_factory.mktemp("steady") / "log"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = ["--host", "127.0.0.1", "--port", str(port), "--log-format", "json"]
    with log.open("wb") as file:
        command = [program, *options, "--validator-form-array-format=brackets", suites.SPECIFICATION]
        process = subprocess.Popen(command, stdout=file, stderr=file)
    try:
        end = time.monotonic() + START_SECONDS
        while '"type":"startup"' not in log.read_text(encoding="utf-8"):
            assert process.poll() is None and time.monotonic() < end, log.read_text(encoding="utf-8")
            time.sleep(0.05)
        yield Steady(f"http://127.0.0.1:{port}", log)
    finally:
        process.kill()
        process.wait()


def requests_for(name: str) -> list[EditRequest]:
    """Return a request for each form, and for each value of each option of a model."""
    model = models.get(name)
    options = {
        "quality": model.qualities,
        "background": model.backgrounds,
        "input_fidelity": model.input_fidelities,
        "output_format": model.output_formats,
        "complexity": model.complexities,
        "moderation": ("auto", "low") if model.moderation else (),
        "markup": (IMAGE,) if model.markup else (),
    }
    values = [{option: value} for option, choices in options.items() for value in choices or ()]
    return [EditRequest(**{"images": [IMAGE], "prompt": "p", "model": name} | form) for form in [*FORMS, *values]]


def diagnostics(steady: Steady, request: EditRequest) -> list[str]:
    """Send a request; return the objections. Steady's own answers have no picture, so the client raises an error."""
    count = len(steady.judged())
    with ImagesClient(steady.url, "sk-1", max_retries=0) as client, pytest.raises(ApiError):
        client.edit(request)
    end = time.monotonic() + START_SECONDS
    while len(steady.judged()) == count:
        assert time.monotonic() < end, "Steady has judged the request"
        time.sleep(0.01)
    return [diagnostic["message"] for event in steady.judged()[count:] for diagnostic in event["diagnostics"]]


@pytest.mark.parametrize("name", ["gpt-image-1.5", "gpt-image-2", "gpt-image-2.5-flare", "gpt-image-2.6-sunburst"])
def test_no_request_has_a_diagnostic(steady: Steady, name: str) -> None:
    requests = requests_for(name)
    assert [diagnostics(steady, request) for request in requests] == [[]] * len(requests)
    print(f"{name}: {len(requests)} requests without a diagnostic")


def test_a_field_that_is_not_documented_has_one(steady: Steady) -> None:
    request = EditRequest([IMAGE], "p", model="gpt-image-2", extra={"seed": 1})
    assert diagnostics(steady, request) == ["Unknown property: seed"]
