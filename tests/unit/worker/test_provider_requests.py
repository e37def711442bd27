"""The answers about providers and keys: a verdict with a message, and never the key."""

import datetime
import json
import re
import socket
import ssl
import subprocess
import threading

import keyring
import pytest

from lib.api import key_store, keys, models, providers
from lib.api.cost import ReportedOutput
from lib.api.request import EditRequest
from lib.jobs.job import Job
from lib.settings import settings, spending
from lib.worker import job_checks
from lib.worker.requests import answer, capabilities
from tests.gimp.endpoint import TestEndpoint
from tests.systems import DATA_HOME, is_private

KEY = "sk-canary-0123456789"


class FakeKeyStore:
    """A system key store in a dictionary."""

    __module__ = "keyring.backends.Windows"

    def __init__(self):
        self.keys = {}

    def get_password(self, service, account):
        return self.keys.get((service, account))

    def set_password(self, service, account, value):
        self.keys[service, account] = value

    def delete_password(self, service, account):
        del self.keys[service, account]


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
    """A custom provider like OpenAI, with a valid key in the file."""
    add_provider("mine", endpoint.url, model="gpt-image-2")
    ask("store-key", key=KEY)
    return endpoint


def add_provider(name, url, like="openai", model=""):
    settings.save_provider(name, {"title": "Mine", "like": like, "base_url": url, "model": model})


def ask(do, provider="mine", **more):
    response = answer({"do": do, "id": 1, "provider": provider, **more})
    assert "canary" not in json.dumps(response), "no answer contains a key"
    return response


def verdict(**more):
    return ask("test-connection", **more)


def test_a_valid_key_is_accepted_without_a_billed_request(mine):
    response = verdict()
    assert (response["verdict"], response["code"]) == ("good", "ok")
    assert "accepts the key" in response["message"] and "gpt-image-2" in response["message"]
    assert mine.looked_up == [("/v1/models", KEY)] and mine.received == []


def test_a_wrong_key_is_reported_without_any_part_of_it(mine):
    response = verdict(key="sk-wrong-key")
    assert (response["verdict"], response["code"]) == ("bad", "key")
    assert "doesn't accept the key" in response["message"] and "sk-" not in response["message"] + response["hint"]
    assert mine.looked_up[-1] == ("/v1/models", "sk-wrong-key"), "a key that is not stored can be tested"


def test_a_missing_key_is_reported_before_anything_is_sent(endpoint):
    add_provider("mine", endpoint.url)
    response = verdict()
    assert (response["verdict"], response["code"]) == ("bad", "no-key") and endpoint.looked_up == []


def test_a_provider_that_is_not_stored_can_be_tested(endpoint):
    entry = {"title": "New", "like": "custom", "base_url": endpoint.url}
    assert verdict(provider="new", entry=entry, key=KEY)["verdict"] == "good"
    assert verdict(provider="new", entry={**entry, "base_url": "nothing"})["code"] == "entry"
    assert settings.load().providers == {}


@pytest.mark.parametrize(("listing", "expected", "code"), [
    ("unverified", "bad", "organisation"), ("absent", "doubtful", "address"), ("garbage", "doubtful", "address"),
    ("key", "bad", "key"), ("project", "bad", "key"),
])  # fmt: skip
def test_other_answers_of_the_endpoint_have_a_hint(mine, listing, expected, code):
    mine.listing = listing
    response = verdict()
    assert (response["verdict"], response["code"]) == (expected, code) and response["hint"]
    assert "***" not in response["message"], "no part of the key is quoted"
    assert ("key's project" in response["hint"]) is (listing == "project")
    assert ask("provider-state")["test"]["message"] == response["message"]


def test_a_missing_model_is_reported_with_suggestions(mine):
    response = verdict(model="gpt-image-77")
    assert (response["verdict"], response["code"]) == ("bad", "model")
    assert "gpt-image-77" in response["message"] and "such as gpt-image-2." in response["hint"]
    mine.models = []
    assert "Load a model" in verdict()["hint"]


def test_a_model_that_ends_is_reported_with_the_date(mine):
    soon = datetime.date.today() + datetime.timedelta(days=10)
    mine.models = [{"id": "gpt-image-2", "shutdown_date": soon.isoformat()}]
    response = verdict()
    assert (response["verdict"], response["code"]) == ("doubtful", "ending") and soon.isoformat() in response["hint"]
    mine.models = ["gpt-image-1"]
    response = verdict(model="gpt-image-1")
    assert response["verdict"] == "doubtful" and "2026-10-23" in response["hint"], "by our own data"


def test_an_unknown_host_and_a_closed_port_have_their_own_codes(monkeypatch):
    add_provider("mine", "http://no-such-host.invalid/v1", "vllm-omni")
    assert verdict()["code"] == "host"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    add_provider("mine", f"http://127.0.0.1:{port}/v1", "vllm-omni")
    response = verdict()
    assert response["code"] == "refused" and "Start the server" in response["hint"]


def test_an_invalid_certificate_is_reported(tmp_path, monkeypatch):
    listener = socket.create_server(("127.0.0.1", 0))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed(tmp_path))

    def serve():
        connection, _address = listener.accept()
        with connection, pytest.raises(ssl.SSLError):
            context.wrap_socket(connection, server_side=True)

    threading.Thread(target=serve, daemon=True).start()
    add_provider("mine", f"https://127.0.0.1:{listener.getsockname()[1]}/v1", "vllm-omni")
    response = verdict()
    listener.close()
    assert (response["verdict"], response["code"]) == ("bad", "tls") and "The certificate of" in response["message"]


def self_signed(folder):
    path = folder / "self-signed.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1", "-days", "2"]
    subprocess.run([*command, "-keyout", str(path), "-out", str(folder / "cert")], check=True, capture_output=True)
    path.write_text(path.read_text() + (folder / "cert").read_text())
    return path


def test_a_key_is_not_sent_without_encryption(endpoint):
    entry = {"title": "New", "like": "custom", "base_url": "http://192.0.2.1/v1"}
    response = verdict(provider="new", entry=entry, key=KEY)
    assert response["verdict"] == "bad" and "https" in response["message"]


def test_the_built_in_engine_and_a_provider_without_an_address():
    assert verdict(provider="local")["verdict"] == "good"
    assert verdict(provider="azure")["code"] == "address" and ask("provider-state", "azure")["kind"] == "nowhere"
    assert verdict(provider="nobody")["code"] == "entry"
    assert "nobody" in ask("models", "nobody")["error"]["message"]


def test_models_are_listed_with_image_models_first(mine):
    mine.models = ["a-text", "my-image-model", {"id": "gpt-image-2", "shutdown_date": "2031-01-01"}]
    assert ask("models")["models"] == [
        {"name": "gpt-image-2", "ends": "2031-01-01"},
        {"name": "my-image-model", "ends": None},
        {"name": "a-text", "ends": None},
    ]
    assert ask("models", "local") == {"models": [{"name": "built-in", "ends": None}]}
    mine.key = "another"
    assert "doesn't accept" in ask("models")["error"]["message"]


def test_without_a_key_store_the_key_is_stored_in_a_file(data):
    add_provider("mine", "https://mine.example/v1")
    assert ask("provider-state")["kind"] == "none"
    response = ask("store-key", key=f" {KEY}\n")
    assert response["kind"] == "file" and "unencrypted" in response["words"]
    assert str(data / "keys.json") in response["words"]
    assert is_private(data / "keys.json")
    assert keys.find(settings.provider("mine"), file=settings.key_file()).value == KEY
    assert ask("forget-key")["kind"] == "none" and KEY not in (data / "keys.json").read_text()


def test_a_damaged_key_file_is_reported_with_a_missing_key(data):
    add_provider("mine", "https://mine.example/v1")
    (data / "keys.json").write_text("{")
    state = ask("provider-state")
    assert state["kind"] == "none" and "no key for mine.example" in state["words"]
    assert "keys.json was damaged. It was renamed to keys.json.broken-1" in state["words"]


def test_with_a_key_store_no_file_is_written(data, monkeypatch):
    store = FakeKeyStore()
    monkeypatch.setattr(keyring, "get_keyring", lambda: store)
    add_provider("mine", "https://mine.example/v1")
    response = ask("store-key", key=KEY)
    assert response["kind"] == "store" and "Windows Credential Manager" in response["words"]
    assert KEY in store.keys.values() and not (data / "keys.json").exists()
    assert ask("forget-key")["kind"] == "none" and KEY not in store.keys.values()


def test_an_invalid_address_in_the_environment_is_reported(monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:99999/v1")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    for state in (ask("provider-state", "openai")["words"], ask("test-connection", "openai")["message"]):
        assert state.startswith("OPENAI_BASE_URL http://127.0.0.1:99999/v1: the port must be a number from 1 to 65535.")
    assert "the port must be" in ask("store-key", "openai", key=KEY)["error"]["message"]


def test_a_locked_key_store_is_reported(monkeypatch):
    locked = type("Keyring", (), {"__module__": "keyring.backends.SecretService"})()
    monkeypatch.setattr(key_store, "_usable_store", lambda: (locked, True))
    add_provider("mine", "https://mine.example/v1")
    response = ask("provider-state")
    assert response["kind"] == "locked" and "Secret Service" in response["words"]


@pytest.mark.parametrize("interactive", [False, True])
def test_a_locked_key_store_asks_only_interactively(monkeypatch, interactive):
    calls = []
    monkeypatch.setattr(keys, "find", lambda *_names, interactive, **_more: calls.append(interactive))
    add_provider("mine", "https://mine.example/v1")
    job_checks.resolve_endpoint(settings.provider("mine"), interactive)
    assert calls == [interactive]


def test_a_key_in_the_environment_takes_precedence(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    response = ask("provider-state", "openai")
    assert response["kind"] == "environment" and "OPENAI_API_KEY" in response["words"]
    response = ask("store-key", "openai", key="sk-canary-other")
    assert re.match(r"The key was stored in the key file\..*OPENAI_API_KEY", response["words"])
    add_provider("mine", "https://mine.example/v1")
    assert ask("provider-state")["kind"] == "none", "never for a custom provider"


@pytest.mark.parametrize("key", ["", "  ", "sk canary\nx", "sk-canary-é"])
def test_an_invalid_key_is_not_stored(data, key):
    add_provider("mine", "https://mine.example/v1")
    assert ask("store-key", key=key)["error"]["message"]
    assert not (data / "keys.json").exists()


def test_a_disk_error_is_reported(data, monkeypatch):
    add_provider("mine", "https://mine.example/v1")
    (data / "keys.json").mkdir()
    assert "Couldn't write" in ask("store-key", key=KEY)["error"]["message"]


def test_the_last_test_and_the_models_stay_until_the_key_or_the_address_changes(mine):
    mine.models = ["a-text", *(f"image-{number}" for number in range(9)), "gpt-image-2"]
    verdict()
    state = ask("provider-state")
    today = datetime.date.today().isoformat()
    assert state["test"]["date"] == today and state["test"]["verdict"] == "good"
    assert "“gpt-image-2” is among them" in state["test"]["message"]
    names = ", ".join(["gpt-image-2", *(f"image-{number}" for number in range(7))])
    assert f"Its models on {today}: {names} and 3 more." in state["abilities"]
    mine.models = ["gpt-image-2"]
    verdict(key="sk-canary-typed")
    assert ask("provider-state")["test"]["date"], "a key that is not stored says nothing on the stored one"
    mine.key = "another"
    assert verdict()["code"] == "key"
    assert ask("provider-state")["test"]["verdict"] == "bad"
    ask("store-key", key=KEY)
    state = ask("provider-state")
    assert state["test"] is None and f"Its models on {today}: " in state["abilities"]
    add_provider("mine", mine.url + "/elsewhere")
    assert "Its models" not in ask("provider-state")["abilities"]


def write_report(name, seconds):
    job = Job.new()
    job.write_json("job.json", {"version": 1, "provider": name, "request": {"prompt": "p"}, "created": 1.0})
    job.write_json("report.json", {"seconds": {"request": seconds}})


def test_a_good_connection_says_what_an_edit_costs_and_what_the_model_can_do(mine):
    for name, seconds in (("mine", 10.0), ("mine", 14.0), ("mine", 30.0), ("other", 1.0), ("mine", "damaged")):
        write_report(name, seconds)
    abilities = verdict()["abilities"]
    assert abilities.startswith("A typical edit (1024×1024, medium quality) costs about $0.0")
    assert "It takes masks. It takes up to 16 images. It sends previews." in abilities
    assert "The last 3 edits took 14 s (median). Its models on " in abilities
    assert "abilities" not in verdict(model="gpt-image-77")


def test_the_cost_of_an_edit_is_what_earlier_answers_reported():
    model = models.get("gpt-image-2.6-flare")
    request = EditRequest([b""], "p", model=model.name, quality="medium", size="1024x1024")
    before = capabilities.describe(providers.get("custom"), model.name)
    spending.add_report("custom", request, model, ReportedOutput((1024, 1024), 2000))
    after = capabilities.describe(providers.get("custom"), model.name)
    assert "costs about $0.022 to $0.030." in before and "costs about $0.068 to $0.077." in after


@pytest.mark.parametrize(("like", "expected"), [
    ("deepinfra", "The cost of an edit is unknown. It ignores masks. It takes a single image, so no references. "
                  "It sends no previews. It ignores or refuses: background, complexity, moderation, output_format, "
                  "output_compression, quality, input_fidelity, markup, size=auto."),
    ("openrouter", "The cost of an edit is unknown. It ignores masks. It takes up to 16 images. It sends no previews. "
                   "It ignores or refuses: size=auto, complexity, input_fidelity, moderation, user."),
    ("custom", "The cost of an edit is unknown. It takes masks. It takes several images. It sends previews."),
])  # fmt: skip
def test_what_a_provider_cannot_do_is_said(endpoint, like, expected):
    assert capabilities.describe(providers.get(like), "a-model-of-my-own") == expected


def test_the_providers_with_a_key_are_listed(mine, monkeypatch):
    add_provider("other", mine.url)
    monkeypatch.setenv("XAI_API_KEY", KEY)
    response = answer({"do": "providers-with-keys", "id": 1})
    assert response == {"names": ["xai", "mine"]}


def test_the_state_of_a_provider_says_what_it_can_do(mine):
    assert "It takes masks." in ask("provider-state")["abilities"]
    assert "abilities" not in ask("provider-state", "local")
