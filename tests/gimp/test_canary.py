"""A key that was stored is in the key file and nowhere else: no other file, process, log or error text has it."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from werkzeug.wrappers import Response

from tests.gimp.conftest import in_turns
from tests.gimp.endpoint import TestEndpoint
from tests.gimp.harness import CHECKOUT
from tests.waiting import wait_until

CANARY = "sk-canary-3d1f77a0c2"
NO_KEY_STORE = {"PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}


class EchoingEndpoint(TestEndpoint):
    """Repeats the key that it was sent in what it refuses with."""

    def _denies(self, received):
        message = f"Incorrect API key provided: {received.headers['Authorization']}"
        error = {"message": message, "type": "invalid_request_error", "param": None, "code": "invalid_api_key"}
        return Response(json.dumps({"error": error}), 401, content_type="application/json")

    def _garbles(self, received):
        return Response(f"<h1>{received.headers['Authorization']}</h1>", 200, content_type="text/html")

    def _breaks(self, received):
        return Response(f"<h1>{received.headers['Authorization']}</h1>", 500, content_type="text/html")


@pytest.fixture(scope="module")
def endpoint():
    server = EchoingEndpoint()
    yield server
    server.close()


@pytest.fixture(scope="module")
def canary(installed, endpoint, tmp_path_factory):
    """A GIMP whose user has stored the key, through the worker's pipe."""
    work = tmp_path_factory.mktemp(f"canary-{installed.minor}")
    environment = {"OPENAI_BASE_URL": endpoint.url, **NO_KEY_STORE}
    store(work, environment)
    with installed.start(work, environment=environment) as running:
        yield running


def store(work, environment):
    message = {"do": "store-key", "id": 1, "provider": "custom", "key": CANARY}
    done = subprocess.run(
        [sys.executable, "-s", "-E", "-m", "lib.worker", work / "store.log"],
        cwd=CHECKOUT,
        env={**os.environ, **environment, "XDG_DATA_HOME": str(work / "data")},
        input=json.dumps(message).encode() + b"\n",
        capture_output=True,
        check=True,
    )
    assert json.loads(done.stdout)["kind"] == "file" and CANARY.encode() not in done.stdout + done.stderr


def edit(running, **more):
    return running.call("edits.edit_case", case="corner", out=str(running.work), prompt="x", provider="custom", **more)


def with_the_key(*folders):
    """Files in these folders that hold the key; the packages beside the plug-in are as they were fetched."""
    files = [path for folder in folders for path in Path(folder).rglob("*") if "vendor" not in path.parts]
    return [path for path in files if path.is_file() and not path.is_symlink() and CANARY.encode() in path.read_bytes()]


def leaks(running):
    """Processes of this GIMP that show the key to others, in their words or in their environment."""
    places = []
    for process in running.processes():
        for name in ("cmdline", "environ"):
            if CANARY.encode() in Path(f"/proc/{process}/{name}").read_bytes():
                places.append((process, name))
    return places


def test_no_process_shows_the_key_while_the_request_is_out(canary, endpoint):
    endpoint.behave("echo", seconds=1.5)
    canary.begin("edits.edit_case", case="corner", out=str(canary.work), prompt="x", provider="custom")
    wait_until(lambda: endpoint.received)
    assert endpoint.received[0].headers["Authorization"] == f"Bearer {CANARY}", "it was there to be leaked"
    assert canary.processes("lib.worker") and not leaks(canary)
    assert canary.result()["status"] == "success"


@pytest.mark.parametrize("behaviour", in_turns(["denies", "breaks", "die", "garbage", "garbles"]))
def test_no_error_text_has_the_key(canary, endpoint, behaviour):
    endpoint.behave(behaviour)
    done = edit(canary)
    assert done["status"] == "execution-error" and done["error"] and CANARY not in json.dumps(done)
    assert len(endpoint.received) == 1


def test_no_file_has_the_key_but_the_key_file(canary, endpoint):
    endpoint.behave("invert")
    done = edit(canary, stream=True, partial_images=1)
    assert done["status"] == "success" and CANARY not in json.dumps(done)
    arguments = {"case": "corner", "path": str(canary.work / "x.xcf"), "prompt": "x", "provider": "custom"}
    assert CANARY not in json.dumps(canary.call("history.make_edited", **arguments))
    spare = Path(tempfile.gettempdir()).glob("generative-edit-*")
    places = with_the_key(canary.work, canary.config, *spare)
    assert places == [canary.data / "keys.json"] and places[0].stat().st_mode & 0o777 == 0o600
