"""Keys: where they are found, in which order, whose they are, and that nobody else reads them."""

from __future__ import annotations

import errno
import json
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keyring
import pytest
from keyring.errors import PasswordDeleteError

from lib.api import key_file, key_store, keys, providers
from lib.api.client import ImagesClient
from lib.api.errors import AuthenticationError
from lib.api.keys import Key, headers_with_key
from lib.storage import file_lock
from tests.systems import is_private
from tests.unit.permissions import permissions_count

OPENAI = "api.openai.com"
LOCAL = "http://127.0.0.1:8000/v1"


class FakeStore:
    """A key store of the system, in a dictionary; `__module__` says which one it plays."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}
        self.hold: threading.Event | None = None

    def get_password(self, service: str, account: str) -> str | None:
        if self.hold is not None:
            self.hold.wait(10)
        return self.kept.get((service, account))

    def set_password(self, service: str, account: str, value: str) -> None:
        self.kept[service, account] = value

    def delete_password(self, service: str, account: str) -> None:
        if (service, account) not in self.kept:
            raise PasswordDeleteError("There is no such password.")
        del self.kept[service, account]


def play(monkeypatch: pytest.MonkeyPatch, module: str, store: FakeStore | None = None) -> FakeStore:
    kind = type("Keyring", (FakeStore,), {"__module__": module})
    chosen = kind()
    if store is not None:
        chosen.kept = store.kept
    monkeypatch.setattr(keyring, "get_keyring", lambda: chosen)
    return chosen


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> FakeStore:
    return play(monkeypatch, "keyring.backends.Windows")


@pytest.fixture
def no_store(monkeypatch: pytest.MonkeyPatch) -> None:
    play(monkeypatch, "keyring.backends.fail")


def test_the_order_is_environment_store_file(store: FakeStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "keys.json"
    play(monkeypatch, "keyring.backends.fail")
    assert keys.store("openai", "sk-file", file=file) == "the key file"
    monkeypatch.setattr(keyring, "get_keyring", lambda: store)
    assert keys.find("openai", file=file) == Key("sk-file", "the key file", OPENAI)
    store.set_password("generative-edit", f"openai {OPENAI}", "sk-store")
    assert keys.find("openai", file=file) == Key("sk-store", "the key store", OPENAI)
    environment = {"OPENAI_API_KEY": " sk-env\n"}
    assert keys.find("openai", file=file, environment=environment) == Key(
        "sk-env", "the environment's OPENAI_API_KEY", OPENAI
    )


@pytest.mark.usefixtures("no_store")
@pytest.mark.parametrize(
    ("provider", "base_url", "environment", "host"),
    [
        ("openai", None, {"OPENAI_API_KEY": "k"}, OPENAI),
        ("openai", None, {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": LOCAL}, "127.0.0.1:8000"),
        ("custom", LOCAL, {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": LOCAL}, "127.0.0.1:8000"),
        ("openai", LOCAL, {"OPENAI_API_KEY": "k"}, None),
        ("custom", LOCAL, {"OPENAI_API_KEY": "k"}, None),
        ("custom", "https://evil.example/v1", {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": LOCAL}, None),
        ("custom", "https://api.openai.com/v1", {"OPENAI_API_KEY": "k"}, OPENAI),
        ("custom", None, {"OPENAI_API_KEY": "k"}, None),
        ("litellm", None, {"LITELLM_API_KEY": "k"}, "127.0.0.1:4000"),
        ("litellm", "https://proxy.example/v1", {"LITELLM_API_KEY": "k"}, None),
        ("azure", None, {"AZURE_OPENAI_API_KEY": "k", "AZURE_OPENAI_ENDPOINT": "https://a.example"}, "a.example"),
        ("azure", "https://b.example", {"AZURE_OPENAI_API_KEY": "k", "AZURE_OPENAI_ENDPOINT": "https://a.co"}, None),
        ("sd-cpp", None, {"OPENAI_API_KEY": "k"}, None),
        ("openai", None, {"OPENAI_API_KEY": " "}, None),
    ],
)  # fmt: skip
def test_a_variables_key_belongs_to_one_host(
    provider: str, base_url: str | None, environment: dict[str, str], host: str | None
) -> None:
    found = keys.find(provider, base_url, environment=environment)
    assert (found.host if found else None) == host


def test_a_kept_key_belongs_to_its_provider_and_host(store: FakeStore) -> None:
    assert keys.store("custom", " sk-1\n", LOCAL) == "the key store"
    assert keys.find("custom", LOCAL) == Key("sk-1", "the key store", "127.0.0.1:8000")
    assert keys.find("custom", "http://127.0.0.1:8001/v1") is None
    assert keys.find("openai", LOCAL) is None
    keys.forget("custom", LOCAL)
    assert keys.find("custom", LOCAL) is None
    assert "sk-1" not in store.kept.values()


def test_all_keys_can_be_forgotten_at_once(store: FakeStore, tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    keys.forget_all(file=file)  # with nothing kept there is nothing to do
    file.write_text("{}")
    keys.store("custom", "sk-1", LOCAL)
    keys.store("openai", "sk-2")
    assert {"sk-1", "sk-2"} <= set(store.kept.values())
    keys.forget_all(file=file)
    assert store.kept == {}
    assert not file.exists()


def test_a_missing_entry_does_not_stop_the_others(store: FakeStore) -> None:
    keys.store("custom", "sk-1", LOCAL)
    keys.store("openai", "sk-2")
    keys.store("custom", "sk-3", "http://127.0.0.1:9000/v1")
    # As where somebody deleted it with the system's own program.
    del store.kept["generative-edit", "custom 127.0.0.1:8000"]
    assert keys.forget_all() is True and store.kept == {}
    keys.store("openai", "sk-2")
    del store.kept["generative-edit", f"openai {OPENAI}"]
    keys.forget("openai")
    assert json.loads(store.kept["generative-edit", "accounts"]) == []


def test_a_store_that_keeps_an_entry_is_told(store: FakeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    keys.store("custom", "sk-1", LOCAL)
    keys.store("openai", "sk-2")
    delete = store.delete_password

    def refuse(service: str, account: str) -> None:
        if account.startswith("custom"):
            raise PasswordDeleteError("The item is locked.")
        delete(service, account)

    monkeypatch.setattr(store, "delete_password", refuse)
    assert keys.forget_all() is False
    assert set(store.kept.values()) == {"sk-1", json.dumps(["custom 127.0.0.1:8000"])}


def test_a_key_never_lacks_its_name_in_the_list(store: FakeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The list is what forgetting goes by: where it cannot be written, no key is."""
    write = store.set_password

    def fail(service: str, account: str, value: str) -> None:
        if account == "accounts":
            raise RuntimeError("the disk is full")
        write(service, account, value)

    monkeypatch.setattr(store, "set_password", fail)
    with pytest.raises(AuthenticationError):
        keys.store("openai", "sk-1")
    assert store.kept == {}


@pytest.mark.usefixtures("no_store")
def test_without_a_store_there_is_none_to_forget() -> None:
    assert keys.forget_all() is None


@pytest.mark.usefixtures("no_store")
def test_the_file_is_the_users_alone(tmp_path: Path) -> None:
    file = tmp_path / "new" / "keys.json"
    keys.store("openai", "sk-1", file=file)
    keys.store("openai", "sk-2", file=file)
    keys.store("custom", "sk-3", LOCAL, file=file)
    assert is_private(file) and is_private(file.parent)
    assert sorted(path.name for path in file.parent.iterdir()) == [".keys.json.lock", "keys.json"]
    found = keys.find("openai", file=file)
    assert found is not None and found.value == "sk-2"
    keys.forget("openai", file=file)
    assert keys.find("openai", file=file) is None
    assert keys.find("custom", LOCAL, file=file) is not None


@pytest.mark.usefixtures("no_store")
def test_a_left_over_of_an_interrupted_write_does_not_matter(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    left = tmp_path / ".keys.json.part"
    left.write_text("half")
    left.chmod(0o644)
    keys.store("openai", "sk-1", file=file)
    assert keys.find("openai", file=file) is not None
    assert is_private(file)


DAMAGED = ["", "{", "[]", "\udcff", '{"openai api.openai.com": "sk-old"', "[" * 100_000]


@pytest.mark.usefixtures("no_store")
@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_file_holds_no_key_and_is_set_aside_before_one_is_stored(tmp_path: Path, content: str) -> None:
    file = tmp_path / "keys.json"
    file.write_bytes(content.encode(errors="surrogateescape"))
    assert keys.find("openai", file=file) is None
    assert "keys.json.broken-1" in key_file.problem(file)
    keys.store("openai", "sk-new", file=file)
    assert (tmp_path / "keys.json.broken-1").read_bytes() == content.encode(errors="surrogateescape")
    found = keys.find("openai", file=file)
    assert found is not None and found.value == "sk-new"
    assert key_file.problem(file) == "", "known once a key was stored"
    keys.forget_all(file=file)
    assert [path.name for path in tmp_path.iterdir()] == [".keys.json.lock"]


@pytest.mark.posix
@pytest.mark.usefixtures("no_store")
def test_a_file_that_cannot_be_read_is_not_written_over(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    keys.store("openai", "sk-1", file=file)
    file.chmod(0)
    with permissions_count(), pytest.raises(AuthenticationError, match="can't be written"):
        keys.store("custom", "sk-2", LOCAL, file=file)
    file.chmod(0o600)
    found = keys.find("openai", file=file)
    assert found is not None and found.value == "sk-1"


@pytest.mark.usefixtures("no_store")
def test_a_key_is_stored_on_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(file_lock, "_take", unsupported)
    file = tmp_path / "keys.json"
    assert keys.store("openai", "sk-1", file=file) == "the key file"
    assert is_private(file)
    keys.forget("openai", file=file)
    assert keys.find("openai", file=file) is None
    keys.forget_all(file=file)
    assert not file.exists()


@pytest.mark.usefixtures("no_store")
def test_the_file_of_an_earlier_version_is_read_and_keeps_its_keys(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    file.write_text(json.dumps({f"openai {OPENAI}": "sk-1"}))
    keys.store("custom", "sk-2", LOCAL, file=file)
    assert json.loads(file.read_text()) == {
        f"openai {OPENAI}": "sk-1", "custom 127.0.0.1:8000": "sk-2", "version": 1
    }  # fmt: skip


@pytest.mark.posix
@pytest.mark.usefixtures("no_store")
def test_all_keys_are_forgotten_where_a_link_leads(tmp_path: Path) -> None:
    file, target = tmp_path / "keys.json", tmp_path / "elsewhere.json"
    file.symlink_to(target)
    keys.store("openai", "sk-1", file=file)
    assert file.is_symlink() and "sk-1" in target.read_text()
    keys.forget_all(file=file)
    assert not file.is_symlink() and not target.exists()


@pytest.mark.parametrize("index", ["{", '{"a": 1}', "[" * 100_000])
def test_a_damaged_list_in_the_store_does_not_keep_it_from_being_used(store: FakeStore, index: str) -> None:
    store.kept["generative-edit", "accounts"] = index
    assert keys.store("openai", "sk-1") == "the key store"
    assert keys.forget_all() is True and store.kept == {}


@pytest.mark.usefixtures("no_store")
def test_where_nothing_can_be_kept_the_user_is_told(tmp_path: Path) -> None:
    with pytest.raises(AuthenticationError, match="no key store"):
        keys.store("openai", "sk-canary")
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    with pytest.raises(AuthenticationError, match="can't be written") as caught:
        keys.store("openai", "sk-canary", file=in_the_way / "keys.json")
    assert "canary" not in str(caught.value)
    with pytest.raises(AuthenticationError, match="custom needs an address before a key"):
        keys.store("custom", "sk-1")


def test_a_stored_key_is_taken_out_of_the_file(
    store: FakeStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "keys.json"
    play(monkeypatch, "keyring.backends.fail")
    keys.store("openai", "sk-old", file=file)
    monkeypatch.setattr(keyring, "get_keyring", lambda: store)
    keys.store("openai", "sk-new", file=file)
    assert "sk-old" not in file.read_text()


@pytest.mark.parametrize("module", ["keyring.backends.fail", "keyrings.alt.file", "keyring.backends.kwallet"])
def test_stores_that_could_ask_on_the_terminal_are_not_used(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = play(monkeypatch, module)
    kept.set_password("generative-edit", f"openai {OPENAI}", "sk-1")
    assert keys.find("openai", environment={}, interactive=True) is None


def test_the_systems_store_is_found_inside_a_chain(store: FakeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    other = type("Other", (FakeStore,), {"__module__": "keyrings.alt.file"})()
    monkeypatch.setattr(keyring, "get_keyring", lambda: SimpleNamespace(backends=[other, store]))
    keys.store("openai", "sk-1")
    assert "sk-1" in store.kept.values()
    assert other.kept == {}


def test_a_store_that_does_not_answer_is_left_alone(store: FakeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_store, "_STORE_SECONDS", 0.05)
    store.set_password("generative-edit", f"openai {OPENAI}", "sk-1")
    store.hold = threading.Event()
    assert keys.find("openai", environment={}) is None
    store.hold.set()


def test_a_store_that_fails_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> Any:
        raise RuntimeError("no session bus")

    monkeypatch.setattr(keyring, "get_keyring", fail)
    assert keys.find("openai", environment={}) is None


@pytest.mark.parametrize(("locked", "interactive", "found"), [
    (False, False, True), (False, True, True), (True, False, False), (True, True, True)])  # fmt: skip
def test_a_locked_store_is_asked_only_when_somebody_can_answer(
    locked: bool, interactive: bool, found: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = play(monkeypatch, "keyring.backends.SecretService")
    kept.set_password("generative-edit", f"openai {OPENAI}", "sk-1")
    closed: list[bool] = []
    fake = SimpleNamespace(
        dbus_init=lambda: SimpleNamespace(close=lambda: closed.append(True)),
        get_default_collection=lambda bus: SimpleNamespace(is_locked=lambda: locked),
    )
    monkeypatch.setitem(sys.modules, "secretstorage", fake)
    assert (keys.find("openai", environment={}, interactive=interactive) is not None) is found
    assert closed == [True]


def test_somebody_who_types_a_password_gets_more_than_two_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_store, "_STORE_SECONDS", 0.05)
    kept = play(monkeypatch, "keyring.backends.SecretService")
    kept.set_password("generative-edit", f"openai {OPENAI}", "sk-1")
    monkeypatch.setattr(key_store, "_secret_service_locked", lambda: True)
    kept.hold = threading.Event()
    threading.Timer(0.2, kept.hold.set).start()
    assert keys.find("openai", environment={}, interactive=True) is not None


def test_a_key_goes_in_its_providers_header_and_to_its_host_only() -> None:
    key = Key("sk-1", "a test", "a.example")
    openai, azure, sd_cpp = (providers.get(name) for name in ("openai", "azure", "sd-cpp"))
    assert headers_with_key(key, openai, "https://a.example/v1") == {"Authorization": "Bearer sk-1"}
    assert headers_with_key(key, azure, "https://a.example/v1") == {"api-key": "sk-1"}
    assert headers_with_key(key, sd_cpp, "https://a.example/v1") == {}
    assert headers_with_key(None, openai, "https://a.example/v1") == {}
    assert headers_with_key(" ", openai, "https://a.example/v1") == {}
    with pytest.raises(AuthenticationError, match=r"belongs to a.example and is not sent to b.example"):
        headers_with_key(key, openai, "https://b.example/v1")


@pytest.mark.parametrize("value", ["sk-canary\r\nX: y", "sk-canary-é", "sk canary\x00"])
def test_a_key_that_cannot_stand_in_a_header_is_refused_without_showing_it(value: str) -> None:
    with pytest.raises(AuthenticationError) as caught:
        ImagesClient("https://a.example/v1", value)
    assert "canary" not in repr(caught.value)


def test_a_key_never_shows_itself() -> None:
    key = Key("sk-canary", "a test", "a.example")
    assert "canary" not in repr(key) + str(key)
    assert str(key) == "a key for a.example, from a test"
