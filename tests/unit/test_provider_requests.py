"""What the worker answers about providers and keys: a verdict in words, and never the key."""

import datetime
import json
import re
import socket
import ssl
import subprocess
import threading

import keyring
import pytest

from lib.api import key_store, keys
from lib.settings import settings
from lib.worker import job_request
from lib.worker.requests import answer
from tests.gimp.endpoint import TestEndpoint
from tests.systems import DATA_HOME, is_private

KEY = "sk-canary-0123456789"


class Keeper:
    """A key store of the system in a dictionary."""

    __module__ = "keyring.backends.Windows"

    def __init__(self):
        self.kept = {}

    def get_password(self, service, account):
        return self.kept.get((service, account))

    def set_password(self, service, account, value):
        self.kept[service, account] = value

    def delete_password(self, service, account):
        del self.kept[service, account]


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    monkeypatch.setenv(DATA_HOME, str(tmp_path))
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "AZURE_OPENAI_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(keyring, "get_keyring", lambda: None)
    return settings.data_folder()


@pytest.fixture
def endpoint():
    server = TestEndpoint()
    server.key = KEY
    yield server
    server.close()


@pytest.fixture
def mine(endpoint):
    """An own provider like OpenAI, with the right key kept in the file."""
    keep("mine", endpoint.url)
    ask("store-key", key=KEY)
    return endpoint


def keep(name, url, like="openai", model=""):
    settings.keep_provider(name, {"title": "Mine", "like": like, "base_url": url, "model": model})


def ask(do, provider="mine", **more):
    told = answer({"do": do, "id": 1, "provider": provider, **more})
    assert "canary" not in json.dumps(told), "no answer holds a key"
    return told


def verdict(**more):
    return ask("test-connection", **more)


def test_the_right_key_is_good_and_nothing_billed_was_sent(mine):
    told = verdict()
    assert (told["verdict"], told["code"]) == ("good", "ok")
    assert "accepts the key" in told["message"] and "gpt-image-2" in told["message"]
    assert mine.looked_up == [("/v1/models", KEY)] and mine.received == []


def test_a_wrong_key_is_said_without_showing_any_part_of_it(mine):
    told = verdict(key="sk-wrong-key")
    assert (told["verdict"], told["code"]) == ("bad", "key")
    assert "does not accept the key" in told["message"] and "sk-" not in told["message"] + told["hint"]
    assert mine.looked_up[-1] == ("/v1/models", "sk-wrong-key"), "a key that is not kept yet can be tested"


def test_no_key_is_said_before_anything_is_sent(endpoint):
    keep("mine", endpoint.url)
    told = verdict()
    assert (told["verdict"], told["code"]) == ("bad", "no-key") and endpoint.looked_up == []


def test_what_is_not_kept_yet_can_be_tested(endpoint):
    entry = {"title": "New", "like": "custom", "base_url": endpoint.url}
    assert verdict(provider="new", entry=entry, key=KEY)["verdict"] == "good"
    assert verdict(provider="new", entry={**entry, "base_url": "nothing"})["code"] == "entry"
    assert settings.load().providers == {}


@pytest.mark.parametrize(("listing", "expected", "code"), [
    ("unverified", "bad", "organisation"), ("absent", "doubtful", "address"), ("garbage", "doubtful", "address"),
])  # fmt: skip
def test_what_else_the_endpoint_can_say(mine, listing, expected, code):
    mine.listing = listing
    told = verdict()
    assert (told["verdict"], told["code"]) == (expected, code) and told["hint"]


def test_a_model_that_is_not_there_is_said_with_those_that_are(mine):
    told = verdict(model="gpt-image-77")
    assert (told["verdict"], told["code"]) == ("bad", "model")
    assert "gpt-image-77" in told["message"] and "such as gpt-image-2." in told["hint"]
    mine.models = []
    assert "load one" in verdict()["hint"]


def test_a_model_that_ends_is_said_with_its_day(mine):
    soon = datetime.date.today() + datetime.timedelta(days=10)
    mine.models = [{"id": "gpt-image-2", "shutdown_date": soon.isoformat()}]
    told = verdict()
    assert (told["verdict"], told["code"]) == ("doubtful", "ending") and soon.isoformat() in told["hint"]
    mine.models = ["gpt-image-1"]
    told = verdict(model="gpt-image-1")
    assert told["verdict"] == "doubtful" and "2026-10-23" in told["hint"], "what we know ourselves"


def test_an_unknown_host_a_closed_port_and_a_silent_server_are_told_apart(monkeypatch):
    keep("mine", "http://no-such-host.invalid/v1", "vllm-omni")
    assert verdict()["code"] == "host"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    keep("mine", f"http://127.0.0.1:{port}/v1", "vllm-omni")
    told = verdict()
    assert told["code"] == "refused" and "Start the server" in told["hint"]


def test_a_certificate_that_proves_nothing_is_said(tmp_path, monkeypatch):
    listener = socket.create_server(("127.0.0.1", 0))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed(tmp_path))

    def serve():
        connection, _address = listener.accept()
        with connection, pytest.raises(ssl.SSLError):
            context.wrap_socket(connection, server_side=True)

    threading.Thread(target=serve, daemon=True).start()
    keep("mine", f"https://127.0.0.1:{listener.getsockname()[1]}/v1", "vllm-omni")
    told = verdict()
    listener.close()
    assert (told["verdict"], told["code"]) == ("bad", "tls") and "The certificate of" in told["message"]


def self_signed(folder):
    path = folder / "self-signed.pem"
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1", "-days", "2"]
    subprocess.run([*words, "-keyout", str(path), "-out", str(folder / "cert")], check=True, capture_output=True)
    path.write_text(path.read_text() + (folder / "cert").read_text())
    return path


def test_a_key_is_not_sent_in_the_open(endpoint):
    entry = {"title": "New", "like": "custom", "base_url": "http://192.0.2.1/v1"}
    told = verdict(provider="new", entry=entry, key=KEY)
    assert told["verdict"] == "bad" and "https" in told["message"]


def test_the_built_in_engine_and_a_provider_without_an_address():
    assert verdict(provider="local")["verdict"] == "good"
    assert verdict(provider="azure")["code"] == "address" and ask("key-state", "azure")["kind"] == "nowhere"
    assert verdict(provider="nobody")["code"] == "entry"
    assert "nobody" in ask("models", "nobody")["error"]["message"]


def test_models_are_listed_with_those_for_pictures_first(mine):
    mine.models = ["a-text", "my-image-model", {"id": "gpt-image-2", "shutdown_date": "2031-01-01"}]
    assert ask("models")["models"] == [
        {"name": "gpt-image-2", "ends": "2031-01-01"},
        {"name": "my-image-model", "ends": None},
        {"name": "a-text", "ends": None},
    ]
    assert ask("models", "local") == {"models": [{"name": "built-in", "ends": None}]}
    mine.key = "another"
    assert "does not accept" in ask("models")["error"]["message"]


def test_without_a_key_store_the_key_is_in_a_file_and_that_is_said(data):
    keep("mine", "https://mine.example/v1")
    assert ask("key-state")["kind"] == "none"
    told = ask("store-key", key=f" {KEY}\n")
    assert told["kind"] == "file" and "not encrypted" in told["words"] and str(data / "keys.json") in told["words"]
    assert is_private(data / "keys.json")
    assert keys.find(settings.provider("mine"), file=settings.key_file()).value == KEY
    assert ask("forget-key")["kind"] == "none" and KEY not in (data / "keys.json").read_text()


def test_a_damaged_key_file_is_said_where_a_key_is_missing(data):
    keep("mine", "https://mine.example/v1")
    (data / "keys.json").write_text("{")
    state = ask("key-state")
    assert state["kind"] == "none" and "no key for mine.example" in state["words"]
    assert "keys.json could not be read. It was set aside as keys.json.broken-1" in state["words"]


def test_with_a_key_store_its_name_is_said_and_no_file_is_made(data, monkeypatch):
    keeper = Keeper()
    monkeypatch.setattr(keyring, "get_keyring", lambda: keeper)
    keep("mine", "https://mine.example/v1")
    told = ask("store-key", key=KEY)
    assert told["kind"] == "store" and "Windows Credential Manager" in told["words"]
    assert KEY in keeper.kept.values() and not (data / "keys.json").exists()
    assert ask("forget-key")["kind"] == "none" and KEY not in keeper.kept.values()


def test_an_address_of_the_environment_that_cannot_be_one_is_said_where_its_key_would_be(monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:99999/v1")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    for state in (ask("key-state", "openai")["words"], ask("test-connection", "openai")["message"]):
        assert state.startswith("OPENAI_BASE_URL http://127.0.0.1:99999/v1: the port must be a number from 1 to 65535.")
    assert "the port must be" in ask("store-key", "openai", key=KEY)["error"]["message"]


def test_a_locked_key_store_is_said(monkeypatch):
    locked = type("Keyring", (), {"__module__": "keyring.backends.SecretService"})()
    monkeypatch.setattr(key_store, "_usable_store", lambda: (locked, True))
    keep("mine", "https://mine.example/v1")
    told = ask("key-state")
    assert told["kind"] == "locked" and "Secret Service" in told["words"]


@pytest.mark.parametrize("somebody", [False, True])
def test_a_locked_key_store_asks_only_where_somebody_can_answer(monkeypatch, somebody):
    asked = []
    monkeypatch.setattr(keys, "find", lambda *_names, interactive, **_more: asked.append(interactive))
    keep("mine", "https://mine.example/v1")
    job_request.resolve_endpoint(settings.provider("mine"), somebody)
    assert asked == [somebody]


def test_a_key_of_the_environment_goes_first_and_that_is_said(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    told = ask("key-state", "openai")
    assert told["kind"] == "environment" and "OPENAI_API_KEY" in told["words"]
    told = ask("store-key", "openai", key="sk-canary-other")
    assert re.match(r"The key was stored in the key file\..*OPENAI_API_KEY", told["words"])
    keep("mine", "https://mine.example/v1")
    assert ask("key-state")["kind"] == "none", "never for an own provider"


@pytest.mark.parametrize("key", ["", "  ", "sk canary\nx", "sk-canary-é"])
def test_what_is_no_key_is_not_stored(data, key):
    keep("mine", "https://mine.example/v1")
    assert ask("store-key", key=key)["error"]["message"]
    assert not (data / "keys.json").exists()


def test_a_disk_that_refuses_is_a_sentence(data, monkeypatch):
    keep("mine", "https://mine.example/v1")
    (data / "keys.json").mkdir()
    assert "Couldn't write" in ask("store-key", key=KEY)["error"]["message"]
