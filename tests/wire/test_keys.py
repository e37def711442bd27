"""API keys: where they are searched for, in which order, whom they belong to, and who can read them."""

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
    """A system key store in memory; `__module__` is that of the keyring backend that it stands for."""

    def __init__(self) -> None:
        self.passwords: dict[tuple[str, str], str] = {}
        self.hold: threading.Event | None = None

    def get_password(self, service: str, account: str) -> str | None:
        if self.hold is not None:
            self.hold.wait(10)
        return self.passwords.get((service, account))

    def set_password(self, service: str, account: str, value: str) -> None:
        self.passwords[service, account] = value

    def delete_password(self, service: str, account: str) -> None:
        if (service, account) not in self.passwords:
            raise PasswordDeleteError("There is no such password.")
        del self.passwords[service, account]


def install_store(monkeypatch: pytest.MonkeyPatch, module: str) -> FakeStore:
    fake = type("Keyring", (FakeStore,), {"__module__": module})()
    monkeypatch.setattr(keyring, "get_keyring", lambda: fake)
    return fake


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> FakeStore:
    return install_store(monkeypatch, "keyring.backends.Windows")


@pytest.fixture
def no_store(monkeypatch: pytest.MonkeyPatch) -> None:
    install_store(monkeypatch, "keyring.backends.fail")


def test_search_order_is_environment_store_file(
    store: FakeStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "keys.json"
    install_store(monkeypatch, "keyring.backends.fail")
    assert keys.store("openai", "sk-file", file=file) == "the key file"
    monkeypatch.setattr(keyring, "get_keyring", lambda: store)
    assert keys.find("openai", file=file) == Key("sk-file", "the key file", OPENAI)
    store.set_password("generative-edit", f"openai {OPENAI}", "sk-store")
    assert keys.find("openai", file=file) == Key("sk-store", "the key store", OPENAI)
    environment = {"OPENAI_API_KEY": " sk-env\n"}
    assert keys.find("openai", file=file, environment=environment) == Key(
        "sk-env", "the environment variable OPENAI_API_KEY", OPENAI
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
def test_key_in_a_variable_belongs_to_one_host(
    provider: str, base_url: str | None, environment: dict[str, str], host: str | None
) -> None:
    key = keys.find(provider, base_url, environment=environment)
    assert (key.host if key else None) == host


def test_stored_key_belongs_to_its_provider_and_host(store: FakeStore) -> None:
    assert keys.store("custom", " sk-1\n", LOCAL) == "the key store"
    assert keys.find("custom", LOCAL) == Key("sk-1", "the key store", "127.0.0.1:8000")
    assert keys.find("custom", "http://127.0.0.1:8001/v1") is None
    assert keys.find("openai", LOCAL) is None
    keys.forget("custom", LOCAL)
    assert keys.find("custom", LOCAL) is None
    assert "sk-1" not in store.passwords.values()


def test_forget_all_deletes_keys_in_store_and_file(store: FakeStore, tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    keys.forget_all(file=file)  # does nothing without keys
    file.write_text("{}")
    keys.store("custom", "sk-1", LOCAL)
    keys.store("openai", "sk-2")
    assert {"sk-1", "sk-2"} <= set(store.passwords.values())
    keys.forget_all(file=file)
    assert store.passwords == {}
    assert not file.exists()


def test_missing_entry_does_not_stop_forget_all(store: FakeStore) -> None:
    keys.store("custom", "sk-1", LOCAL)
    keys.store("openai", "sk-2")
    keys.store("custom", "sk-3", "http://127.0.0.1:9000/v1")
    # As if the user had deleted it with the system's own program.
    del store.passwords["generative-edit", "custom 127.0.0.1:8000"]
    assert keys.forget_all() is True and store.passwords == {}
    keys.store("openai", "sk-2")
    del store.passwords["generative-edit", f"openai {OPENAI}"]
    keys.forget("openai")
    assert json.loads(store.passwords["generative-edit", "accounts"]) == []


def test_forget_all_is_false_when_an_entry_remains(store: FakeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    keys.store("custom", "sk-1", LOCAL)
    keys.store("openai", "sk-2")
    delete = store.delete_password

    def refuse(service: str, account: str) -> None:
        if account.startswith("custom"):
            raise PasswordDeleteError("The item is locked.")
        delete(service, account)

    monkeypatch.setattr(store, "delete_password", refuse)
    assert keys.forget_all() is False
    assert set(store.passwords.values()) == {"sk-1", json.dumps(["custom 127.0.0.1:8000"])}


def test_no_key_is_stored_without_its_entry_in_the_index(store: FakeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deleting relies on the index, so no key is stored when the index can't be written."""
    write = store.set_password

    def fail(service: str, account: str, value: str) -> None:
        if account == "accounts":
            raise RuntimeError("the disk is full")
        write(service, account, value)

    monkeypatch.setattr(store, "set_password", fail)
    with pytest.raises(AuthenticationError):
        keys.store("openai", "sk-1")
    assert store.passwords == {}


@pytest.mark.usefixtures("no_store")
def test_forget_all_is_none_without_a_store() -> None:
    assert keys.forget_all() is None


@pytest.mark.usefixtures("no_store")
def test_key_file_is_readable_by_the_user_only(tmp_path: Path) -> None:
    file = tmp_path / "new" / "keys.json"
    keys.store("openai", "sk-1", file=file)
    keys.store("openai", "sk-2", file=file)
    keys.store("custom", "sk-3", LOCAL, file=file)
    assert is_private(file) and is_private(file.parent)
    assert sorted(path.name for path in file.parent.iterdir()) == [".keys.json.lock", "keys.json"]
    key = keys.find("openai", file=file)
    assert key is not None and key.value == "sk-2"
    keys.forget("openai", file=file)
    assert keys.find("openai", file=file) is None
    assert keys.find("custom", LOCAL, file=file) is not None


@pytest.mark.usefixtures("no_store")
def test_leftover_of_an_interrupted_write_is_ignored(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    leftover = tmp_path / ".keys.json.part"
    leftover.write_text("half")
    leftover.chmod(0o644)
    keys.store("openai", "sk-1", file=file)
    assert keys.find("openai", file=file) is not None
    assert is_private(file)


DAMAGED = ["", "{", "[]", "\udcff", '{"openai api.openai.com": "sk-old"', "[" * 100_000]


@pytest.mark.usefixtures("no_store")
@pytest.mark.parametrize("content", DAMAGED)
def test_damaged_file_is_set_aside_when_a_key_is_stored(tmp_path: Path, content: str) -> None:
    file = tmp_path / "keys.json"
    file.write_bytes(content.encode(errors="surrogateescape"))
    assert keys.find("openai", file=file) is None
    assert "keys.json.broken-1" in key_file.problem(file)
    keys.store("openai", "sk-new", file=file)
    assert (tmp_path / "keys.json.broken-1").read_bytes() == content.encode(errors="surrogateescape")
    key = keys.find("openai", file=file)
    assert key is not None and key.value == "sk-new"
    assert key_file.problem(file) == "", "acknowledged by storing a key"
    keys.forget_all(file=file)
    assert [path.name for path in tmp_path.iterdir()] == [".keys.json.lock"]


@pytest.mark.posix
@pytest.mark.usefixtures("no_store")
def test_unreadable_file_is_not_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    keys.store("openai", "sk-1", file=file)
    file.chmod(0)
    with permissions_count(), pytest.raises(AuthenticationError, match="Couldn't write"):
        keys.store("custom", "sk-2", LOCAL, file=file)
    file.chmod(0o600)
    key = keys.find("openai", file=file)
    assert key is not None and key.value == "sk-1"


@pytest.mark.usefixtures("no_store")
def test_key_is_stored_on_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(file_lock, "_lock", unsupported)
    file = tmp_path / "keys.json"
    assert keys.store("openai", "sk-1", file=file) == "the key file"
    assert is_private(file)
    keys.forget("openai", file=file)
    assert keys.find("openai", file=file) is None
    keys.forget_all(file=file)
    assert not file.exists()


@pytest.mark.usefixtures("no_store")
def test_file_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    file.write_text(json.dumps({f"openai {OPENAI}": "sk-1"}))
    keys.store("custom", "sk-2", LOCAL, file=file)
    assert json.loads(file.read_text()) == {
        f"openai {OPENAI}": "sk-1", "custom 127.0.0.1:8000": "sk-2", "version": 1
    }  # fmt: skip


@pytest.mark.posix
@pytest.mark.usefixtures("no_store")
def test_forget_all_deletes_a_link_and_its_target(tmp_path: Path) -> None:
    file, target = tmp_path / "keys.json", tmp_path / "elsewhere.json"
    file.symlink_to(target)
    keys.store("openai", "sk-1", file=file)
    assert file.is_symlink() and "sk-1" in target.read_text()
    keys.forget_all(file=file)
    assert not file.is_symlink() and not target.exists()


@pytest.mark.parametrize("index", ["{", '{"a": 1}', "[" * 100_000])
def test_store_with_a_damaged_index_is_usable(store: FakeStore, index: str) -> None:
    store.passwords["generative-edit", "accounts"] = index
    assert keys.store("openai", "sk-1") == "the key store"
    assert keys.forget_all() is True and store.passwords == {}


@pytest.mark.usefixtures("no_store")
def test_storing_without_store_and_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(AuthenticationError, match="No key store"):
        keys.store("openai", "sk-canary")
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    with pytest.raises(AuthenticationError, match="Couldn't write") as caught:
        keys.store("openai", "sk-canary", file=in_the_way / "keys.json")
    assert "canary" not in str(caught.value)
    with pytest.raises(AuthenticationError, match="custom has no address yet"):
        keys.store("custom", "sk-1")


def test_key_in_the_store_is_removed_from_the_file(
    store: FakeStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "keys.json"
    install_store(monkeypatch, "keyring.backends.fail")
    keys.store("openai", "sk-old", file=file)
    monkeypatch.setattr(keyring, "get_keyring", lambda: store)
    keys.store("openai", "sk-new", file=file)
    assert "sk-old" not in file.read_text()


@pytest.mark.parametrize("module", ["keyring.backends.fail", "keyrings.alt.file", "keyring.backends.kwallet"])
def test_stores_that_prompt_on_the_terminal_are_not_used(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = install_store(monkeypatch, module)
    fake.set_password("generative-edit", f"openai {OPENAI}", "sk-1")
    assert keys.find("openai", environment={}, interactive=True) is None


def test_system_store_is_found_in_a_chain(store: FakeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    other = type("Other", (FakeStore,), {"__module__": "keyrings.alt.file"})()
    monkeypatch.setattr(keyring, "get_keyring", lambda: SimpleNamespace(backends=[other, store]))
    keys.store("openai", "sk-1")
    assert "sk-1" in store.passwords.values()
    assert other.passwords == {}


def test_unresponsive_store_is_skipped(store: FakeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_store, "_TIMEOUT", 0.05)
    store.set_password("generative-edit", f"openai {OPENAI}", "sk-1")
    store.hold = threading.Event()
    assert keys.find("openai", environment={}) is None
    store.hold.set()


def test_failing_store_counts_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> Any:
        raise RuntimeError("no session bus")

    monkeypatch.setattr(keyring, "get_keyring", fail)
    assert keys.find("openai", environment={}) is None


@pytest.mark.parametrize(("locked", "interactive", "expected"), [
    (False, False, True), (False, True, True), (True, False, False), (True, True, True)])  # fmt: skip
def test_locked_store_is_only_used_interactively(
    locked: bool, interactive: bool, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = install_store(monkeypatch, "keyring.backends.SecretService")
    fake.set_password("generative-edit", f"openai {OPENAI}", "sk-1")
    closed: list[bool] = []
    secretstorage = SimpleNamespace(
        dbus_init=lambda: SimpleNamespace(close=lambda: closed.append(True)),
        get_default_collection=lambda bus: SimpleNamespace(is_locked=lambda: locked),
    )
    monkeypatch.setitem(sys.modules, "secretstorage", secretstorage)
    assert (keys.find("openai", environment={}, interactive=interactive) is not None) is expected
    assert closed == [True]


def test_password_prompt_has_more_than_two_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_store, "_TIMEOUT", 0.05)
    fake = install_store(monkeypatch, "keyring.backends.SecretService")
    fake.set_password("generative-edit", f"openai {OPENAI}", "sk-1")
    monkeypatch.setattr(key_store, "_secret_service_locked", lambda: True)
    fake.hold = threading.Event()
    threading.Timer(0.2, fake.hold.set).start()
    assert keys.find("openai", environment={}, interactive=True) is not None


def test_key_is_sent_in_the_providers_header_to_its_host_only() -> None:
    key = Key("sk-1", "a test", "a.example")
    openai, azure, sd_cpp = (providers.get(name) for name in ("openai", "azure", "sd-cpp"))
    assert headers_with_key(key, openai, "https://a.example/v1") == {"Authorization": "Bearer sk-1"}
    assert headers_with_key(key, azure, "https://a.example/v1") == {"api-key": "sk-1"}
    assert headers_with_key(key, sd_cpp, "https://a.example/v1") == {}
    assert headers_with_key(None, openai, "https://a.example/v1") == {}
    assert headers_with_key(" ", openai, "https://a.example/v1") == {}
    with pytest.raises(AuthenticationError, match=r"belongs to a.example and was not sent to b.example"):
        headers_with_key(key, openai, "https://b.example/v1")


@pytest.mark.parametrize("value", ["sk-canary\r\nX: y", "sk-canary-é", "sk canary\x00"])
def test_key_with_invalid_characters_is_refused_without_showing_it(value: str) -> None:
    with pytest.raises(AuthenticationError) as caught:
        ImagesClient("https://a.example/v1", value)
    assert "canary" not in repr(caught.value)


def test_key_is_not_in_its_repr() -> None:
    key = Key("sk-canary", "a test", "a.example")
    assert "canary" not in repr(key) + str(key)
    assert str(key) == "a key for a.example, from a test"
