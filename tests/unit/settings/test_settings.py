"""Settings: changed one at a time, validated, and robust against any content of the file."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lib.api import models
from lib.settings import custom_providers, settings
from lib.settings.settings import Settings
from tests.systems import DATA_HOME, is_private

CHECKOUT = Path(__file__).absolute().parents[3]
MINE = {"title": "Mine", "like": "vllm-omni", "base_url": "https://mine.example/v1", "model": "flux"}


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    monkeypatch.setenv(DATA_HOME, str(tmp_path))
    return settings.data_folder()


def write(data, content):
    data.mkdir(exist_ok=True)
    (data / "settings.json").write_text(content if isinstance(content, str) else json.dumps(content))


def stored(data):
    return json.loads((data / "settings.json").read_text())


def test_the_defaults_are_loaded_without_writing_a_file(data):
    assert settings.load() == Settings() and settings.problem() == ""
    assert (settings.load().confirm_above, settings.load().log_prompts) == (0.25, False)
    assert not (data / "settings.json").exists()


def test_a_change_stores_only_that_setting(data):
    settings.change(provider="openai", confirm_above=1)
    assert settings.change(feather=2.5) == Settings(provider="openai", confirm_above=1.0, feather=2.5)
    assert stored(data) == {"version": 1, "provider": "openai", "confirm_above": 1.0, "feather": 2.5}
    assert is_private(data / "settings.json") and is_private(data)


BAD = {
    "provider": [1, None, "a\nb", "x" * 201], "model": [{}], "confirm_above": [-1, "0.25", True, 1e300, float("nan")],
    "context": ["wide", "-3", "1234567", 5], "feather": [-0.1, None, 501], "grow": [1.5, -1, float("inf"), 501],
    "history_days": [-1, "30", 10**400], "history_megabytes": [None, False], "log_prompts": [1, "true"],
    "provenance": [0, "mark"],
    "confirmed": ["openai", [1]], "monthly_limit": [-1, "5", None],
}  # fmt: skip
BAD_VALUES = [(name, value) for name, values in BAD.items() for value in values]


@pytest.mark.parametrize(("name", "value"), BAD_VALUES)
def test_an_invalid_value_is_rejected_and_replaced_by_the_default_when_read(data, name, value):
    with pytest.raises(ValueError, match=name):
        settings.change(**{name: value})
    write(data, {"version": 1, "provider": "openai", "grow": 3, name: value})
    expected = {"provider": "openai", "grow": 3, name: getattr(Settings(), name)}
    assert settings.load() == Settings(**expected)
    assert name in settings.problem()


def test_every_setting_is_validated():
    assert set(BAD) | {"providers"} == set(Settings.__dataclass_fields__)
    with pytest.raises(ValueError, match="colour"):
        settings.change(colour="red")


def test_a_damaged_file_is_reported_and_renamed(data):
    write(data, '{"provider": "openai", ')
    assert settings.load() == Settings()
    assert "settings.json.broken-1" in settings.problem()
    assert (data / "settings.json.broken-1").read_text() == '{"provider": "openai", '
    settings.acknowledge()
    assert settings.problem() == ""


def test_unknown_fields_of_a_newer_version_are_preserved(data):
    write(data, {"version": 7, "model": "m", "theme": {"dark": True}, "providers": {"Odd Name": 1, "mine": MINE}})
    settings.change(model="n")
    settings.save_provider("other", {**MINE, "base_url": "https://other.example/v1"})
    now = stored(data)
    assert now["version"] == 7 and now["theme"] == {"dark": True} and now["model"] == "n"
    assert set(now["providers"]) == {"Odd Name", "mine", "other"} and now["providers"]["mine"] == MINE


def test_an_older_file_without_a_version_is_upgraded(data):
    write(data, {"provider": "openai", "confirm-above": 2, "history-days": 9})
    assert settings.load() == Settings(provider="openai", confirm_above=2.0, history_days=9)
    settings.change(grow=1)
    assert stored(data) == {"version": 1, "provider": "openai", "confirm_above": 2, "history_days": 9, "grow": 1}


def test_two_processes_can_change_different_settings_at_once():
    program = (
        "import sys; from lib.settings import settings\n"
        "for number in range(60): settings.change(**{sys.argv[1]: number}); settings.confirm(f'{sys.argv[1]}-{number}')"
    )
    commands = [[sys.executable, "-c", program, name] for name in ("grow", "history_days")]
    started = [subprocess.Popen(command, cwd=CHECKOUT) for command in commands]
    assert [process.wait(60) for process in started] == [0, 0]
    now = settings.load()
    assert (now.grow, now.history_days, len(now.confirmed)) == (59, 59, 120)


def test_without_a_settings_folder_the_defaults_are_used(tmp_path, monkeypatch):
    file = tmp_path / "file"
    file.write_text("")
    monkeypatch.setenv(DATA_HOME, str(file))
    assert settings.load() == Settings() and "Couldn't create" in settings.problem()
    assert settings.provider("openai").title == "OpenAI"
    with pytest.raises(OSError, match="Not a directory"):
        settings.change(grow=1)


def test_a_custom_provider_has_its_own_address_and_a_built_in_dialect(monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "https://elsewhere.example/v1")
    settings.save_provider("mine", {**MINE, "like": "openai"})
    provider = settings.provider("mine")
    assert (provider.name, provider.title, provider.default_model, provider.needs_key) == ("mine", "Mine", "flux", True)
    assert provider.resolve_url(None, os.environ) == "https://mine.example/v1", "the environment's is not used"
    assert provider.key_variables == () and settings.provider("openai").default_model == models.recommended()
    assert settings.provider_names()[-1] == "mine"


@pytest.mark.parametrize(
    ("address", "like", "documented"),
    [
        ("https://mine.example/v1", "openai", False),
        ("https://api.openai.com./v1", "openai", True),
        ("https://eu.api.openai.com/v1", "openai", True),
        ("https://api.openai.com/v1", "custom", False),
    ],
)
def test_a_custom_provider_gets_safety_identifier_only_at_openai_itself(address, like, documented):
    settings.save_provider("mine", {**MINE, "like": like, "base_url": address})
    assert settings.provider("mine").safety_identifier is documented


def test_an_api_version_overrides_the_built_in_one(monkeypatch):
    entry = {"title": "", "like": "azure", "base_url": "https://a.example/openai/v1", "api_version": "2026-01-01"}
    settings.save_provider("work", entry)
    assert set(settings.provider("work").api_versions.values()) == {"2026-01-01"}
    assert settings.provider("work").title == "work"
    settings.save_provider("work", {**entry, "api_version": ""})
    assert settings.provider("work").api_versions == settings.provider("azure").api_versions


@pytest.mark.parametrize(("name", "changes", "message"), [
    ("openai", {}, "built in"), ("My Server", {}, "named"), ("", {}, "named"), (None, {}, "named"),
    ("../x", {}, "named"), ("x", {"like": "local"}, "like one of"), ("x", {"like": "nobody"}, "like one of"),
    ("x", {"base_url": "ftp://a"}, "http"), ("x", {"base_url": ""}, "base URL"), ("x", {"base_url": 3}, "base_url"),
    ("x", {"base_url": "https://me:secret@a.example/v1"}, "password"), ("x", {"base_url": "http://a:port"}, "port"),
    ("x", {"base_url": "http://[a/v1"}, "brackets"), ("x", {"base_url": "http://a b/v1"}, "spaces"),
    ("x", {"title": "a\nb"}, "title"),
    ("x", {"model": "m" * 300}, "model"), ("x", {"api_version": "1&key=x"}, "API version"),
])  # fmt: skip
def test_an_invalid_custom_provider_is_rejected_and_ignored_when_read(data, name, changes, message):
    with pytest.raises(ValueError, match=message):
        settings.save_provider(name, MINE | changes)
    write(data, {"version": 1, "providers": {str(name): MINE | changes, "good": MINE}})
    if isinstance(name, str):
        assert list(settings.load().providers) == ["good"] and message in settings.problem()


def test_an_unknown_provider_raises_an_error_with_the_valid_names():
    settings.save_provider("mine", MINE)
    with pytest.raises(ValueError, match=r"“nobody”.*openai.*mine"):
        settings.provider("nobody")


def test_a_built_in_provider_cannot_be_replaced(data):
    write(data, {"version": 1, "providers": {"openai": MINE}})
    assert settings.provider("openai").base_url == "https://api.openai.com/v1"


def test_a_provider_of_ones_own_keeps_its_name_when_a_built_in_one_gets_it(data):
    write(data, {"version": 1, "providers": {"openrouter": MINE}, "confirmed": ["openrouter"]})
    assert settings.provider("openrouter").base_url == MINE["base_url"] and settings.problem() == ""
    assert settings.provider_names().count("openrouter") == 1
    settings.save_provider("openrouter", {**MINE, "model": "other"})
    assert settings.provider("openrouter").default_model == "other"
    with pytest.raises(ValueError, match="built in"):
        settings.save_provider("xai", MINE)
    assert settings.remove_provider("openrouter").confirmed == ()
    assert settings.provider("openrouter").base_url == "https://openrouter.ai/api/v1"


def test_a_moved_or_removed_provider_has_to_be_confirmed_again():
    settings.save_provider("mine", MINE)
    settings.change(provider="mine", model="flux")
    assert settings.confirm("mine").confirmed == ("mine",)
    assert settings.save_provider("mine", {**MINE, "title": "New"}).confirmed == ("mine",)
    assert settings.save_provider("mine", {**MINE, "base_url": "https://moved.example/v1"}).confirmed == ()
    settings.confirm("mine")
    now = settings.remove_provider("mine")
    assert (now.confirmed, now.providers, now.provider, now.model) == ((), {}, "", "")


def test_a_new_name_is_made_from_the_title_and_unused():
    assert custom_providers.new_name("My Server!", {}) == "my-server"
    assert custom_providers.new_name("My Server", {"my-server": 1}) == "my-server-2"
    assert custom_providers.new_name("OpenAI", {}) == "openai-2"
    assert custom_providers.new_name("服务器", {}) == "provider"
